# SPDX-License-Identifier: Apache-2.0
"""Streams: sections in, sections out, and every contradiction has its error."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless._fields import varint
from medlossless.container import (
    MAGIC,
    SECTION_NAMES,
    VERSION,
    Header,
    Section,
    Stream,
    is_stream,
    join,
)
from medlossless.container.stream import END_MAGIC, FOOTER_BYTES, MAX_SECTIONS, PROLOGUE_BYTES
from medlossless.errors import (
    ChecksumMismatch,
    CorruptStream,
    FormatVersion,
    MedlosslessError,
    NotAStream,
    Truncated,
)

SECTIONS = [
    (Section.HEADER, b"head"),
    (Section.PAYLOAD, [b"pay", bytearray(b"lo"), memoryview(b"ad")]),
    (Section.SHELL, b""),
]


def make_stream(sections=SECTIONS) -> bytes:
    return join(sections)


def sign(prologue: bytes, body: bytes, table: bytes) -> bytes:
    """A stream whose footer is right, whatever the table says."""
    crc = zlib.crc32(table, zlib.crc32(prologue))
    footer = len(table).to_bytes(4, "little") + crc.to_bytes(4, "little") + END_MAGIC
    return prologue + body + table + footer


def entry(kind: int, content: bytes, size: int | None = None) -> bytes:
    size = len(content) if size is None else size
    return bytes([kind]) + varint(size) + zlib.crc32(content).to_bytes(4, "little")


PROLOGUE = MAGIC + bytes([VERSION, 0])


def test_sections_come_back_in_order():
    opened = Stream(make_stream())
    assert opened.sizes() == [("header", 4), ("payload", 7), ("shell", 0)]
    assert bytes(opened.section(Section.PAYLOAD)) == b"payload"
    assert bytes(opened.unchecked(Section.HEADER)) == b"head"
    assert bytes(opened.section(Section.SHELL)) == b""
    assert Section.SHELL in opened
    assert Section.RECIPE not in opened
    opened.check()


@given(st.dictionaries(st.sampled_from(Section), st.binary(max_size=300)))
def test_any_sections_come_back(sections):
    stream = make_stream(list(sections.items()))
    assert is_stream(stream)
    for data in (stream, bytearray(stream), memoryview(stream)):
        opened = Stream(data)
        assert {section: bytes(opened.section(section)) for section in sections} == sections
        assert [size for _, size in opened.sizes()] == [len(c) for c in sections.values()]


def test_a_stream_is_laid_out_as_written():
    stream = make_stream([(Section.HEADER, b"head")])
    table = varint(1) + entry(1, b"head")
    assert stream == sign(PROLOGUE, b"head", table)
    assert len(PROLOGUE) == PROLOGUE_BYTES
    assert len(stream) == PROLOGUE_BYTES + 4 + len(table) + FOOTER_BYTES


def test_numbers_of_sections_never_change():
    assert {kind: name for kind, name in SECTION_NAMES.items() if kind <= 7} == {
        1: "header",
        2: "shell",
        3: "recipe",
        4: "planes",
        5: "payload",
        6: "original",
        7: "stored",
    }


def test_every_prefix_is_an_error():
    stream = make_stream()
    for size in range(len(stream)):
        with pytest.raises(NotAStream if size == 0 else Truncated):
            Stream(stream[:size])


def test_every_changed_byte_is_an_error():
    stream = make_stream()
    for at in range(len(stream)):
        for mask in (1, 32, 255):
            changed = bytearray(stream)
            changed[at] ^= mask
            with pytest.raises(MedlosslessError):
                Stream(changed).check()


def test_a_changed_section_is_named():
    stream = bytearray(make_stream())
    stream[PROLOGUE_BYTES + 5] ^= 1
    opened = Stream(stream)
    assert bytes(opened.section(Section.HEADER)) == b"head"
    for read in (lambda: opened.section(Section.PAYLOAD), opened.check):
        with pytest.raises(ChecksumMismatch, match=r"section 'payload': CRC-32 .{8}, table says"):
            read()


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n" + bytes(90), bytes(99), b"MLS"])
def test_other_bytes_are_not_a_stream(data):
    assert not is_stream(data)
    with pytest.raises(NotAStream, match=r"^not a medlossless stream: (is empty|.* 89 4d 4c 53)"):
        Stream(data)


def test_appended_bytes_are_refused():
    with pytest.raises(Truncated, match="no footer: cut off, or bytes appended"):
        Stream(make_stream() + b"\0")


def test_newer_versions_and_unknown_flags_are_refused():
    for prologue, text in (
        (MAGIC + b"\1\0", "version 1, this release reads 0"),
        (MAGIC + b"\0\4", "flags 0x04"),
    ):
        with pytest.raises(FormatVersion, match=text):
            Stream(sign(prologue, b"", varint(0)))


TABLES = {
    "the table has 5000 bytes": None,
    "the sections end at 13, it starts at 14": varint(1) + entry(1, b"head", 3),
    "size of section 0 is 5": varint(1) + entry(1, b"head", 5),
    "section 0 has kind 0": varint(1) + entry(0, b"head"),
    "section 0 has kind 200": varint(1) + entry(200, b"head"),
    "section 1 has kind 1": varint(2) + entry(1, b"hea") + entry(1, b"d"),
    f"section count is {MAX_SECTIONS + 1}": varint(MAX_SECTIONS + 1) + entry(1, b"head"),
    "checksum of section 0 needs 4 bytes, 3 left": (varint(1) + entry(1, b"head"))[:-1],
    "kind of section 1 needs 1 bytes": varint(2) + entry(1, b"head"),
    "1 bytes left": varint(1) + entry(1, b"head") + b"\0",
    "size of section 0 is not in its shortest form": varint(1) + b"\1\x84\0" + bytes(4),
    "section count needs 1 bytes": b"",
}


@pytest.mark.parametrize("text", TABLES)
def test_a_table_that_contradicts_itself_is_refused(text):
    table = TABLES[text]
    if table is None:
        stream = bytearray(make_stream())
        stream[-FOOTER_BYTES : -FOOTER_BYTES + 4] = (5000).to_bytes(4, "little")
    else:
        stream = sign(PROLOGUE, b"head", table)
    with pytest.raises(CorruptStream, match=text):
        Stream(stream)


def test_a_footer_that_differs_is_refused():
    stream = bytearray(make_stream())
    stream[-6] ^= 1
    with pytest.raises(ChecksumMismatch, match="section table differs"):
        Stream(stream)


def test_a_section_that_is_not_there_is_named():
    with pytest.raises(CorruptStream, match="there is no section 'recipe'"):
        Stream(make_stream()).section(Section.RECIPE)


def test_the_header_is_read_with_its_checksum():
    header = Header(1, 5, "array", dtype="<i2", shape=(3, 4), axes="YX")
    stream = bytearray(make_stream([(Section.HEADER, header.to_bytes())]))
    assert Stream(stream).header() == header
    stream[PROLOGUE_BYTES + 1] ^= 1
    with pytest.raises(ChecksumMismatch):
        Stream(stream).header()
