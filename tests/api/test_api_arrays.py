# SPDX-License-Identifier: Apache-2.0
"""Arrays through the api: what it takes, what it refuses, what it says."""

from __future__ import annotations

import numpy as np
import pytest

from medlossless import api
from medlossless.container import MAX_DIMENSIONS
from medlossless.errors import InvalidInput, LimitExceeded

IMAGE = np.arange(60, dtype=np.int16).reshape(3, 4, 5)


def test_lists_and_numbers_are_arrays_too():
    assert np.array_equal(api.decode_array(api.encode_array([[1, 2], [3, 4]])), [[1, 2], [3, 4]])
    found = api.decode_array(api.encode_array(np.float32(1.5)))
    assert (found.shape, found.dtype, found[()]) == ((), np.float32, 1.5)
    assert isinstance(found, np.ndarray)


def test_subclasses_come_back_as_arrays():
    class Labelled(np.ndarray):
        pass

    found = api.decode_array(api.encode_array(IMAGE[0].view(Labelled)))
    assert type(found) is np.ndarray
    assert np.array_equal(found, IMAGE[0])


def test_what_comes_back_may_be_written_to():
    for array in (IMAGE, np.zeros((3, 4)), np.random.default_rng(0).bytes(64)):
        array = np.frombuffer(array, np.uint8) if isinstance(array, bytes) else array
        found = api.decode_array(api.encode_array(array))
        assert found.flags.writeable
        assert found.flags.c_contiguous
        found[:] = 1


@pytest.mark.parametrize("dtype", ["c8", "S3", "U2", "O", "M8[s]", "m8[s]", "g", [("a", "i2")]])
@pytest.mark.parametrize("shape", [(3, 4), (0, 4)])
def test_other_dtypes_are_refused(dtype, shape):
    with pytest.raises(InvalidInput, match="dtype"):
        api.encode_array(np.zeros(shape, dtype))


def test_a_masked_array_is_refused():
    with pytest.raises(InvalidInput, match="masked"):
        api.encode_array(np.ma.masked_equal(IMAGE, 3))


@pytest.mark.parametrize("axes", ["", "YX", "XYZ", "ZYXS", "YYX", "zyx", "ZYS", "ÄYX"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 0, 5)])
def test_axes_that_do_not_describe_the_array_are_refused(axes, shape):
    with pytest.raises(InvalidInput, match="axes"):
        api.encode_array(np.zeros(shape, np.int16), axes=axes)


@pytest.mark.parametrize("axes", ["ZYX", "YXS", "TYX", None])
def test_axes_are_kept(axes):
    info = api.inspect(api.encode_array(IMAGE, axes=axes))
    assert info.axes == axes or axes is None
    assert info.shape == (3, 4, 5)


@pytest.mark.parametrize("bits", [None, 1, 12, 64])
def test_bits_are_kept(bits):
    assert api.inspect(api.encode_array(IMAGE, bits=bits)).bits == bits


@pytest.mark.parametrize("bits", [0, -1, 65])
def test_bits_out_of_range_are_refused(bits):
    with pytest.raises(InvalidInput, match=f"bits {bits}: expected 1 to 64"):
        api.encode_array(IMAGE, bits=bits)


def test_more_axes_than_a_header_holds_are_refused(monkeypatch):
    assert MAX_DIMENSIONS == 32
    monkeypatch.setattr("medlossless.codecs.MAX_DIMENSIONS", 3)
    with pytest.raises(LimitExceeded, match="4 axes, at most 3"):
        api.encode_array(IMAGE[None])


def test_as_many_axes_as_a_header_holds_come_back():
    array = np.arange(6).reshape((1,) * 29 + (1, 2, 3))
    found = api.decode_array(api.encode_array(array))
    assert found.shape == array.shape
    assert np.array_equal(found, array)


def test_info_of_an_array():
    info = api.inspect(api.encode_array(IMAGE.astype(">i2"), effort=3))
    assert (info.kind, info.format, info.name, info.sha256) == ("array", "array", None, None)
    assert (info.dtype, info.original_bytes, info.effort) == (">i2", 120, 3)
    assert info.note == ""


def test_codecs_are_listed():
    found = api.codecs()
    assert [codec["name"] for codec in found] == ["stored", "lossless"]
    assert all(set(codec) == {"name", "number", "kind", "guarantee", "source"} for codec in found)
