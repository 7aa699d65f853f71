# SPDX-License-Identifier: Apache-2.0
"""Palettes: found, ordered grey first and by luma, packed and read back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless._fields import varint
from medlossless.errors import CorruptStream
from medlossless.planes import distinct, palette, words
from medlossless.planes.varint import Reader


def few_colours(dtype: str, n: int, samples: int = 3, seed: int = 0) -> np.ndarray:
    """Return a (2, 20, 30, samples) stack of about n colours from the whole range."""
    rng = np.random.default_rng(seed)
    low, high = words.bounds(np.dtype(dtype))
    table = rng.integers(low, high, (n, samples), endpoint=True).astype(dtype)
    return table[rng.integers(0, n, (2, 20, 30))]


def restore(table: palette.Palette, ranks: np.ndarray, dtype: str) -> np.ndarray:
    indices = distinct.values(ranks, table.indices())
    native = np.dtype(dtype)
    return np.stack(palette.inverse(indices, table, native, words.bounds(native)), axis=-1)


def unpack(data: bytes, n_samples: int, n_colours: int) -> palette.Palette:
    reader = Reader(data, "test")
    table = palette.unpack(reader, n_samples, n_colours)
    reader.end()
    return table


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_inverse_restores_the_stack(dtype, samples, n):
    stack = few_colours(dtype, n, samples)
    table = palette.find(stack)
    ranks = palette.ranks(stack, table)
    assert table.keys.size == np.unique(stack.reshape(-1, samples), axis=0).shape[0]
    for order in table.orders():
        read = unpack(palette.pack(order), samples, table.keys.size)
        assert np.array_equal(restore(read, ranks, dtype), stack)


def test_find_gives_up_above_its_limit():
    line = np.arange(palette.MAX_COLOURS + 1, dtype=np.uint16)
    stack = np.stack([line, line[::-1], line], axis=-1)[None, None]
    assert palette.find(stack) is None
    table = palette.find(stack[:, :, 1:])
    assert table.keys.size == palette.MAX_COLOURS


def test_order_puts_grey_first_and_then_luma():
    stack = np.array([[255, 0, 0], [9, 9, 9], [200, 203, 201], [0, 0, 90], [4, 4, 4]], np.uint8)
    table = palette.find(stack[None, None])
    in_order = replace(table, tolerance=3).colours().tolist()
    assert in_order == [[4, 4, 4], [9, 9, 9], [200, 203, 201], [0, 0, 90], [255, 0, 0]]
    by_luma = replace(table, tolerance=palette.MAX_TOLERANCE).colours()
    assert np.all(np.diff(by_luma.astype(int) @ [1, 2, 1]) >= 0)
    assert not np.array_equal(by_luma, in_order)


def test_indices_number_the_colours():
    table = palette.find(few_colours("u1", 40))
    for order in table.orders():
        keys_in_order = np.argsort(order.indices())
        assert np.array_equal(order._values()[keys_in_order], order.colours())


@given(st.integers(1, 200), st.integers(0, 99), st.sampled_from([3, 4]))
def test_unpack_inverts_pack(n, seed, samples):
    table = palette.find(few_colours("u2", n, samples, seed))
    read = unpack(palette.pack(table), samples, table.keys.size)
    assert (read.least, read.bits, read.tolerance) == (table.least, table.bits, table.tolerance)
    assert np.array_equal(read.keys, table.keys)


def test_a_table_takes_little_more_than_its_colours_must():
    table = palette.find(few_colours("u1", 256))
    least_bytes = 256 * (24 - 8 + 1.44) / 8  # log2 of the number of sets
    assert len(palette.pack(table)) < 1.3 * least_bytes + 16


def test_inverse_refuses_colours_outside_the_dtype():
    stack = few_colours("u2", 40)
    table = palette.find(stack)
    ranks = palette.ranks(stack, table)
    with pytest.raises(CorruptStream, match="outside 0 to 255"):
        palette.inverse(ranks, table, np.dtype("u1"), (0, 255))
    stack = np.array([[[[-1, 5, 5], [7, 7, 7]]]], np.int16)
    table = palette.find(stack)
    ranks = palette.ranks(stack, table)
    with pytest.raises(CorruptStream, match="outside 0 to 255"):
        palette.inverse(ranks, table, np.dtype("u1"), (0, 255))


def test_every_prefix_is_corrupt():
    table = palette.find(few_colours("u1", 12))
    packed = palette.pack(table)
    for end in range(len(packed)):
        with pytest.raises(CorruptStream):
            unpack(packed[:end], 3, table.keys.size)


def test_keys_above_their_bits_are_corrupt():
    table = palette.find(few_colours("u1", 12))
    narrow = palette.pack(replace(table, bits=(8, 8, 3)))
    with pytest.raises(CorruptStream):
        unpack(narrow, 3, table.keys.size)


def test_keys_above_their_bits_are_corrupt_behind_a_large_least_key():
    sorts = varint(0) + varint(8) + varint(0) + varint(8) + varint(0) + varint(8)
    for step, good in ((5, True), (6, False)):
        packed = sorts + varint(0) + varint((1 << 24) - 6) + bytes([0]) + varint(step - 1)
        if good:
            assert unpack(packed, 3, 2).keys.tolist() == [(1 << 24) - 6, (1 << 24) - 1]
        else:
            with pytest.raises(CorruptStream):
                unpack(packed, 3, 2)
