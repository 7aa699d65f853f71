# SPDX-License-Identifier: Apache-2.0
"""Varints: one spelling for each number, and a reader that refuses any other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless._fields import varint
from medlossless.errors import CorruptStream, Truncated
from medlossless.planes.varint import Reader, unzigzag, varints, zigzag

uint64s = st.integers(0, (1 << 64) - 1) | st.integers(0, 300)


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16383, "ff7f"), ((1 << 64) - 1, "ff" * 9 + "01")],
)
def test_varint_is_leb128(value, spelled):
    assert varint(value).hex() == spelled


@given(st.integers(0, (1 << 70) - 1))
def test_reader_reads_what_varint_spells(value):
    reader = Reader(varint(value), "test")
    assert reader.varint("value", (1 << 70) - 1) == value
    reader.end()


@given(st.integers(-(1 << 66), 1 << 66))
def test_unzigzag_inverts_zigzag(value):
    assert zigzag(value) >= 0
    assert unzigzag(zigzag(value)) == value


def test_zigzag_alternates():
    assert [zigzag(value) for value in (0, -1, 1, -2, 2)] == [0, 1, 2, 3, 4]


@given(st.lists(uint64s, max_size=40))
def test_varints_spells_each_as_varint_does(values):
    spelled = varints(np.array(values, np.uint64))
    assert spelled == b"".join(varint(value) for value in values)
    reader = Reader(spelled + b"\x05", "test")
    assert reader.varints("values", len(values)).tolist() == values
    assert reader.left == 1


@pytest.mark.parametrize("spelled", ["8000", "ff" * 10 + "01", "ffff00"])
def test_reader_refuses_other_spellings(spelled):
    data = bytes.fromhex(spelled)
    with pytest.raises(CorruptStream):
        Reader(data, "test").varint("value", 1 << 80)
    with pytest.raises(CorruptStream):
        Reader(data, "test").varints("values", 1)


def test_reader_refuses_more_than_64_bits_in_a_row():
    with pytest.raises(CorruptStream, match="above 64 bits"):
        Reader(varint(1 << 64), "test").varints("values", 1)


@given(st.lists(uint64s, min_size=1, max_size=9), st.data())
def test_reader_reports_every_prefix_as_truncated(values, data):
    spelled = varints(np.array(values, np.uint64))
    prefix = spelled[: data.draw(st.integers(0, len(spelled) - 1))]
    with pytest.raises(Truncated):
        Reader(prefix, "test").varints("values", len(values))


def test_reader_refuses_values_out_of_range():
    for value in (2, 6):
        with pytest.raises(CorruptStream, match="expected 3 to 5"):
            Reader(varint(value), "test").varint("value", 5, 3)


def test_reader_refuses_bytes_left_over():
    with pytest.raises(CorruptStream, match="1 bytes left"):
        Reader(b"\0", "test").end()


def test_reader_does_not_allocate_what_a_count_claims():
    with pytest.raises(Truncated):
        Reader(b"\1\2\3", "test").varints("values", 1 << 50)
    with pytest.raises(Truncated):
        Reader(b"\1\2\3", "test").take(1 << 50, "bytes")
