# SPDX-License-Identifier: Apache-2.0
"""Headers come back, and one that no encoder writes is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless._fields import text, varint
from medlossless.container import MAX_BITS, MAX_DIMENSIONS, MAX_SAMPLES, NO_ARRAY, Header
from medlossless.errors import CorruptStream, MedlosslessError, Truncated
from medlossless.planes import measure

IMAGE = Header(1, 5, "dicom", "file-exact", "a note", "<i2", (3, 40, 50), "ZYX", 12)
FILE = Header(0, 9, "opaque", "file-exact", "PNG: interlaced")
DTYPES = ["|b1", "|u1", "|i1"]
DTYPES += [f"{order}{kind}{size}" for order in "<>" for kind in "uif" for size in (2, 4, 8)]


def prefix(dtype: str) -> bytes:
    """A header up to its dtype."""
    return b"\1\5\0" + text("array") + text("") + text(dtype)


@pytest.mark.parametrize("header", [IMAGE, FILE, replace(FILE, guarantee="pixel-exact")])
def test_header_comes_back(header):
    assert Header.from_bytes(header.to_bytes()) == header


@given(
    st.lists(st.integers(0, 2**16), max_size=3),
    st.sampled_from(DTYPES),
    st.text(max_size=20),
    st.integers(1, 9),
    st.integers(0, 255),
    st.none() | st.integers(1, MAX_BITS),
)
def test_any_header_comes_back(shape, dtype, note, effort, codec, bits):
    axes = "TZYX"[4 - len(shape) :] if shape else ""
    header = Header(codec, effort, "array", note=note, dtype=dtype, shape=tuple(shape))
    header = replace(header, axes=axes, bits=bits)
    again = Header.from_bytes(memoryview(header.to_bytes()))
    assert again == header
    assert again.samples == np.prod(shape, dtype=int)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_that_numpy_spells_is_read(dtype):
    assert np.dtype(dtype).str in (dtype, dtype.replace("<", "="))
    header = replace(IMAGE, dtype=dtype)
    assert Header.from_bytes(header.to_bytes()).dtype == dtype


@pytest.mark.parametrize("dtype", ["f1", "b8", "<c8", "|S3", "O", "u2", "=u2", "<u1", "<f16"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(CorruptStream, match="is not one that can be coded"):
        Header.from_bytes(replace(IMAGE, dtype=dtype).to_bytes())


@pytest.mark.parametrize(
    ("axes", "shape", "frames"),
    [
        ("YX", (4, 5), (1, (4, 5))),
        ("ZYX", (3, 4, 5), (3, (4, 5))),
        ("TZYXS", (2, 3, 4, 5, 6), (6, (4, 5, 6))),
        ("YXS", (4, 5, 3), (1, (4, 5, 3))),
        ("X", (5,), (1, (5,))),
        ("XS", (5, 3), (1, (5, 3))),
        ("", (), (1, ())),
        ("ZYX", (3, 0, 5), (3, (0, 5))),
    ],
)
def test_frames_are_the_leading_axes(axes, shape, frames):
    header = Header(1, 5, "array", dtype="<i2", shape=shape, axes=axes)
    assert header.frames == frames
    assert Header.from_bytes(header.to_bytes()) == header
    assert measure(shape, axes).frames == frames[0]


@pytest.mark.parametrize("axes", ["XY", "YZX", "YS", "S", "Y", "yx", "ÿX", "SYX", "YXSS", "Z"])
def test_axes_that_mean_nothing_are_refused(axes):
    header = Header(1, 5, "array", dtype="<i2", shape=(2,) * len(axes), axes=axes)
    with pytest.raises(CorruptStream, match="axes"):
        Header.from_bytes(header.to_bytes())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\1\0\0" + IMAGE.to_bytes()[3:], "effort 0"),
        (b"\1\x0a\0" + IMAGE.to_bytes()[3:], "effort 10"),
        (b"\1\5\2" + IMAGE.to_bytes()[3:], "guarantee 2"),
        (IMAGE.to_bytes() + b"\0", "1 bytes left"),
        (prefix("<i2") + varint(MAX_DIMENSIONS + 1), "number of axes is 33"),
        (prefix("<i2") + varint(2) + varint(4) + varint(5) + text("X") + b"\0", "for 2 dimensions"),
        (prefix("<i2") + varint(1) + varint(MAX_SAMPLES + 1), "extent of axis 0"),
        (prefix("<i2") + b"\3" + 3 * varint(2**17) + text("ZYX") + b"\0", "samples declared"),
        (
            prefix("<i2") + b"\2\0" + varint(2**49) + text("YX") + b"\0",
            "extent of axis 1",
        ),
        (prefix("<i2") + b"\1\4" + text("X") + varint(MAX_BITS + 1), "bits is 65"),
    ],
)
def test_a_header_out_of_range_is_refused(data, message):
    with pytest.raises(CorruptStream, match=message):
        Header.from_bytes(data)


@pytest.mark.parametrize("header", [IMAGE, FILE])
def test_every_prefix_of_a_header_is_truncated(header):
    data = header.to_bytes()
    for size in range(len(data)):
        with pytest.raises(Truncated):
            Header.from_bytes(data[:size])


def test_every_changed_byte_is_refused_or_read_as_another_header():
    """Nothing but a MedlosslessError leaves, whatever the bytes are."""
    data = IMAGE.to_bytes()
    for at in range(len(data)):
        for value in range(256):
            changed = data[:at] + bytes([value]) + data[at + 1 :]
            try:
                header = Header.from_bytes(changed)
            except MedlosslessError:
                continue
            assert (header == IMAGE) == (changed == data)
            assert header.dtype == NO_ARRAY or np.dtype(header.dtype)
