# SPDX-License-Identifier: Apache-2.0
"""The small fields that every section is made of, and the zstd frames inside some."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless import _zstd
from medlossless._fields import MAX_TEXT_BYTES, Fields, text, varint
from medlossless.errors import CorruptStream, InvalidInput, InvalidWeights, Truncated


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**63 - 1, "ff" * 8 + "7f")],
)
def test_varint_is_leb128(value, spelled):
    assert varint(value).hex() == spelled
    assert Fields(varint(value), "test").varint("value") == value


@given(st.lists(st.integers(0, 2**63 - 1) | st.text(max_size=9) | st.binary(max_size=9)))
def test_fields_come_back_in_order(values):
    written = b""
    for value in values:
        if isinstance(value, int):
            written += varint(value)
        else:
            written += text(value) if isinstance(value, str) else varint(len(value)) + value
    fields = Fields(written, "test")
    for value in values:
        if isinstance(value, int):
            assert fields.varint("value") == value
        elif isinstance(value, str):
            assert fields.text("value") == value
        else:
            assert fields.take(fields.varint("length"), "value") == value
    assert fields.left == 0
    fields.end()


def test_numbers_are_little_endian_and_rest_is_the_rest():
    fields = Fields(bytearray(b"\x01\x02\x03\x04abc"), "test")
    assert fields.number(1, "a") == 1
    assert fields.number(3, "b") == 0x040302
    assert fields.rest() == b"abc"
    assert fields.rest() == b""


@pytest.mark.parametrize("spelled", ["8000", "ff00", "808000"])
def test_a_varint_has_one_spelling(spelled):
    with pytest.raises(CorruptStream, match=r"test, before byte .*: size is not in its shortest"):
        Fields(bytes.fromhex(spelled), "test").varint("size")


def test_a_varint_without_end_is_refused():
    with pytest.raises(CorruptStream, match="longer than 10 bytes"):
        Fields(b"\xff" * 11, "test").varint("size")


@pytest.mark.parametrize("value", [2, 6, 2**63, 2**69])
def test_a_varint_out_of_range_is_refused(value):
    with pytest.raises(CorruptStream, match=f"size is {value}, expected 3 to 5"):
        Fields(varint(value), "test").varint("size", 5, 3)
    if value >= 2**63:
        with pytest.raises(CorruptStream, match="expected 0 to"):
            Fields(varint(value), "test").varint("size")


def test_every_cut_says_where_and_what():
    written = varint(300) + b"abc"
    for size in range(len(written)):
        fields = Fields(written[:size], "section 'x'")
        with pytest.raises(Truncated, match=r"section 'x', byte [012]: (size|name) needs . bytes"):
            fields.varint("size")
            fields.take(3, "name")


def test_no_size_is_believed():
    with pytest.raises(Truncated, match="1152921504606846976 bytes, 2 left"):
        Fields(b"ab", "test").take(2**60, "payload")


def test_bytes_left_over_are_refused():
    with pytest.raises(CorruptStream, match="2 bytes left"):
        Fields(b"ab", "test").end()


def test_text_is_utf8_and_bounded():
    with pytest.raises(CorruptStream, match="note is not UTF-8"):
        Fields(varint(2) + b"\xff\xfe", "test").text("note")
    with pytest.raises(CorruptStream, match="expected 0 to 3"):
        Fields(text("four"), "test").text("note", 3)
    assert Fields(text("x" * MAX_TEXT_BYTES), "test").text("note") == "x" * MAX_TEXT_BYTES
    with pytest.raises(InvalidInput, match="65537 bytes"):
        text("x" * (MAX_TEXT_BYTES + 1))


ZEROS = bytes((1 << _zstd.WINDOW_LOG2) + 1000)  # more than a window


@pytest.mark.parametrize("level", [1, 9, _zstd.HIGHEST_LEVEL])
def test_every_level_is_read_back(level):
    frame = _zstd.compress(ZEROS, level)
    assert len(frame) < 2000
    assert _zstd.decompress(frame, len(ZEROS)) == ZEROS
    assert _zstd.decompress(memoryview(_zstd.compress(b"", level)), 0) == b""


def test_a_level_that_is_not_read_back_is_not_written():
    with pytest.raises(ValueError, match="at most 19"):
        _zstd.compress(b"", 20)


def test_a_frame_with_a_larger_window_is_refused():
    parameter = _zstd._zstd.CompressionParameter
    options = {parameter.window_log: _zstd.WINDOW_LOG2 + 1, parameter.compression_level: 3}
    frame = _zstd._zstd.compress(ZEROS * 2, options=options)
    with pytest.raises(CorruptStream, match="not a valid zstd frame"):
        _zstd.decompress(frame, 2 * len(ZEROS))


def test_a_frame_is_bounded_by_what_is_expected():
    frame = _zstd.compress(ZEROS, 1)
    with pytest.raises(CorruptStream, match="shell: inflates to more than the 9 bytes"):
        _zstd.decompress(frame, 9, what="shell")


def test_damaged_frames_are_named():
    data = bytes(range(256)) * 4
    frame = _zstd.compress(data, 3)
    for size in range(len(frame)):
        with pytest.raises(CorruptStream):
            _zstd.decompress(frame[:size], len(data))
    with pytest.raises(CorruptStream, match="1 bytes after"):
        _zstd.decompress(frame + b"\0", len(data))
    with pytest.raises(InvalidWeights):
        _zstd.decompress(b"no frame", len(data), InvalidWeights)


def test_a_checksum_finds_every_changed_byte():
    data = bytes(range(256)) * 4
    frame = _zstd.compress(data, 3, checksum=True)
    assert len(frame) == len(_zstd.compress(data, 3)) + 4
    for at in range(len(frame)):
        for mask in (1, 128):
            changed = bytearray(frame)
            changed[at] ^= mask
            try:
                assert _zstd.decompress(changed, len(data)) == data, at
            except CorruptStream:
                continue
