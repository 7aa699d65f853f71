# SPDX-License-Identifier: Apache-2.0
"""Words: values of any dtype to ordered integers and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless.errors import CorruptStream, InvalidInput
from medlossless.planes import words

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def bit_patterns(dtype: np.dtype, seed: int = 0) -> np.ndarray:
    """Return random bit patterns of a dtype, with the special ones of floats among them."""
    bits = np.random.default_rng(seed).integers(0, 256, 999 * dtype.itemsize, np.uint8)
    array = (bits & 1 if dtype.kind == "b" else bits).view(dtype)
    if dtype.kind == "f":
        array[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan]
    return array


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", DTYPES)
def test_from_integers_inverts_to_integers_bit_for_bit(code, order):
    dtype = np.dtype(code).newbyteorder(order)
    array = bit_patterns(dtype)
    before = array.tobytes()
    integers = words.to_integers(array)
    restored = words.from_integers(integers.copy(), dtype)
    assert integers.dtype.isnative
    assert integers.dtype.kind in "iu"
    assert restored.dtype == dtype
    assert restored.tobytes() == array.tobytes() == before


@pytest.mark.parametrize("code", DTYPES)
def test_to_integers_keeps_the_order(code):
    dtype = np.dtype(code)
    array = bit_patterns(dtype)
    if dtype.kind == "f":
        array = array[~np.isnan(array)]
    ordered = array[np.argsort(words.to_integers(array), kind="stable")]
    assert np.all(ordered[1:] >= ordered[:-1])


def test_to_integers_puts_the_zeros_side_by_side():
    assert words.to_integers(np.array([0.0, -0.0])).tolist() == [0, -1]


def test_to_integers_reads_an_odd_bool_as_true():
    odd = np.array([0, 1, 2, 255], np.uint8).view(np.bool_)
    assert words.to_integers(odd).tolist() == [0, 1, 1, 1]


@pytest.mark.parametrize("dtype", ["c8", "O", "U3", "M8[s]", "V4", "g"])
def test_integer_type_refuses_other_dtypes(dtype):
    if np.dtype(dtype).kind == "f" and np.dtype(dtype).itemsize == 8:
        pytest.skip("long double is float64 here")
    with pytest.raises(InvalidInput, match="dtype"):
        words.integer_type(np.dtype(dtype))


@given(st.sampled_from(DTYPES[1:9]), st.data())
def test_add_inverts_subtract(code, data):
    dtype = np.dtype(code)
    limits = words.bounds(dtype)
    values = data.draw(st.lists(st.integers(*limits), min_size=1, max_size=9))
    array = np.array(values, dtype)
    rest = words.subtract(array, min(values), max(values))
    assert rest.tolist() == [value - min(values) for value in values]
    assert rest.dtype in (np.uint16, np.uint32, np.uint64)
    restored = words.add(rest, min(values), dtype, limits)
    assert restored.dtype == dtype
    assert restored.tolist() == values


@pytest.mark.parametrize("minimum", [-129, 120, 1 << 70])
def test_add_refuses_values_outside_the_dtype(minimum):
    with pytest.raises(CorruptStream, match="values from"):
        words.add(np.array([0, 9], np.uint16), minimum, np.dtype("i1"), (-128, 127))


@given(st.lists(st.integers(1 << 16, (1 << 64) - 1), min_size=1, max_size=9))
def test_join_words_inverts_split_words(values):
    rest = np.array(values, np.uint64)
    parts = words.split_words(rest, (max(values).bit_length() + 15) // 16)
    assert 2 <= len(parts) <= 4
    assert all(part.dtype == np.uint16 for part in parts)
    assert parts[0].any()
    assert words.join_words(parts).tolist() == values
