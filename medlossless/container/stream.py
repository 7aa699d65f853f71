# SPDX-License-Identifier: Apache-2.0
"""Sections in, stream out, and back; see FORMAT.md, "Stream"."""

from __future__ import annotations

import enum
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .._bytes import PIECE_BYTES, Data, view_of
from .._fields import Fields, varint
from ..errors import (
    ChecksumMismatch,
    CorruptStream,
    FormatVersion,
    NotAStream,
    Truncated,
)
from .header import Header

MAGIC = b"\x89MLS\r\n\x1a\n"
VERSION = 0
PROLOGUE = MAGIC + bytes([VERSION, 0])
PROLOGUE_BYTES = len(PROLOGUE)
END_MAGIC = b"SLM\n"
FOOTER_BYTES = 12
MAX_SECTIONS = 64

Piece = bytes | bytearray | memoryview


class Section(enum.IntEnum):
    """What a section holds; numbers never change meaning."""

    HEADER = 1
    SHELL = 2
    RECIPE = 3
    PLANES = 4
    PAYLOAD = 5
    ORIGINAL = 6
    STORED = 7


SECTION_NAMES = {section.value: section.name.lower() for section in Section}


@dataclass(frozen=True)
class _Entry:
    start: int
    size: int
    crc: int


def is_stream(data: bytes | memoryview) -> bool:
    """Whether the bytes begin like a stream."""
    return bytes(data[: len(MAGIC)]) == MAGIC


def entry_bytes(size: int) -> int:
    """Bytes of the table for a section of `size` bytes."""
    return 1 + len(varint(size)) + 4


class Writer:
    """Sections into a stream, one after another; their table follows them.

    Parameters
    ----------
    file : binary file object
        Empty, seekable and open for writing.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.rewind()

    def rewind(self) -> None:
        """Begin anew: no section has been added."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(PROLOGUE)
        self._table: list[bytes] = []
        self._n_bytes = len(PROLOGUE)

    @property
    def n_bytes(self) -> int:
        """Bytes of a stream that ends with these sections."""
        return self._n_bytes + sum(map(len, self._table)) + 1 + FOOTER_BYTES

    def add(self, section: Section, content: Piece | Iterable[Piece]) -> None:
        """Write a section, the pieces of its content as they come."""
        parts = [content] if isinstance(content, bytes | bytearray | memoryview) else content
        size, crc = 0, 0
        for part in parts:
            self._file.write(part)
            size, crc = size + len(part), zlib.crc32(part, crc)
        self._n_bytes += size
        self._table.append(bytes([section]) + varint(size) + crc.to_bytes(4, "little"))

    def finish(self) -> None:
        """Write the table."""
        table = varint(len(self._table)) + b"".join(self._table)
        crc = zlib.crc32(table, zlib.crc32(PROLOGUE))
        footer = len(table).to_bytes(4, "little") + crc.to_bytes(4, "little") + END_MAGIC
        self._file.write(table + footer)
        self._file.flush()


def join(sections: Iterable[tuple[Section, Piece | Iterable[Piece]]]) -> bytes:
    """Put sections into a stream.

    Parameters
    ----------
    sections : (Section, bytes or iterable of bytes) pairs, in the order they shall stand
        The pieces of one are used up before the next is asked for.

    Returns
    -------
    bytes
    """
    file = io.BytesIO()
    writer = Writer(file)
    for section, content in sections:
        writer.add(section, content)
    writer.finish()
    return file.getvalue()


class Stream:
    """A stream opened for reading: the table is checked at once, a section when it is asked for.

    Parameters
    ----------
    data : bytes-like or FileBytes
        The whole stream; of a file only what is asked for is read.

    Raises
    ------
    NotAStream, FormatVersion, Truncated, ChecksumMismatch, CorruptStream
    """

    def __init__(self, data: Data) -> None:
        self.data = view_of(data)
        self._check_prologue()
        self._entries = self._read_table()

    def _check_prologue(self) -> None:
        head = bytes(self.data[:PROLOGUE_BYTES])
        if not head:
            raise NotAStream("not a medlossless stream: is empty")
        if head[: len(MAGIC)] != MAGIC[: len(head)]:
            found = head[: len(MAGIC)].hex(" ")
            raise NotAStream(
                f"not a medlossless stream: begins with {found}, expected {MAGIC.hex(' ')}"
            )
        if len(self.data) < PROLOGUE_BYTES + FOOTER_BYTES:
            raise Truncated(f"stream: {len(self.data)} bytes, the shortest has 24")
        if head[8] != VERSION:
            raise FormatVersion(f"stream: format version {head[8]}, this release reads {VERSION}")
        if head[9] != 0:
            raise FormatVersion(f"stream: flags {head[9]:#04x}, this release knows none")

    def _read_table(self) -> dict[Section, _Entry]:
        footer = self.data[-FOOTER_BYTES:]
        if bytes(footer[8:]) != END_MAGIC:
            raise Truncated("stream: the last 12 bytes are no footer: cut off, or bytes appended")
        size = int.from_bytes(footer[:4], "little")
        room = len(self.data) - PROLOGUE_BYTES - FOOTER_BYTES
        if size > room:
            raise CorruptStream(f"stream: the table has {size} bytes, {room} are there")
        end = PROLOGUE_BYTES + room
        table = self.data[end - size : end]
        crc = zlib.crc32(table, zlib.crc32(self.data[:PROLOGUE_BYTES]))
        if crc != int.from_bytes(footer[4:8], "little"):
            raise ChecksumMismatch("stream: the section table differs from its checksum")
        return self._parse(Fields(table, "section table"), end - size)

    def _parse(self, fields: Fields, end: int) -> dict[Section, _Entry]:
        entries: dict[Section, _Entry] = {}
        at = PROLOGUE_BYTES
        for number in range(fields.varint("section count", MAX_SECTIONS)):
            kind = fields.number(1, f"kind of section {number}")
            size = fields.varint(f"size of section {number}", end - at)
            crc = fields.number(4, f"checksum of section {number}")
            if kind not in SECTION_NAMES or kind in entries:
                raise CorruptStream(f"section table: section {number} has kind {kind}, unexpected")
            entries[Section(kind)] = _Entry(at, size, crc)
            at += size
        fields.end()
        if at != end:
            raise CorruptStream(f"section table: the sections end at {at}, it starts at {end}")
        return entries

    def __contains__(self, section: Section) -> bool:
        return section in self._entries

    def sizes(self) -> list[tuple[str, int]]:
        """Name and bytes of each section, in stream order."""
        return [(SECTION_NAMES[kind], entry.size) for kind, entry in self._entries.items()]

    def size(self, section: Section) -> int:
        """Bytes of a section.

        Raises
        ------
        CorruptStream
            When there is none.
        """
        return self._entry(section).size

    def _entry(self, section: Section) -> _Entry:
        if section not in self._entries:
            raise CorruptStream(f"stream: there is no section {section.name.lower()!r}")
        return self._entries[section]

    def unchecked(self, section: Section, start: int = 0, size: int | None = None) -> memoryview:
        """A section whose parts carry their own checksums, or one of these parts."""
        entry = self._entry(section)
        end = entry.size if size is None else start + size
        return self.data[entry.start + start : entry.start + end]

    def pieces(self, section: Section) -> Iterator[memoryview]:
        """A section piece after piece; its checksum is compared after the last one.

        Raises
        ------
        CorruptStream
            When there is none.
        ChecksumMismatch
        """
        entry, crc = self._entry(section), 0
        for start in range(0, entry.size, PIECE_BYTES):
            piece = self.unchecked(section, start, min(PIECE_BYTES, entry.size - start))
            crc = zlib.crc32(piece, crc)
            yield piece
        self._compare(section, crc)

    def section(self, section: Section) -> memoryview:
        """A section, its checksum compared.

        Raises
        ------
        CorruptStream
            When there is none.
        ChecksumMismatch
        """
        content = self.unchecked(section)
        self._compare(section, zlib.crc32(content))
        return content

    def _compare(self, section: Section, found: int) -> None:
        expected = self._entries[section].crc
        if found != expected:
            raise ChecksumMismatch(
                f"section {section.name.lower()!r}: CRC-32 {found:08x}, table says {expected:08x}"
            )

    def header(self) -> Header:
        """The header, its checksum compared.

        Raises
        ------
        CorruptStream
        """
        return Header.from_bytes(self.section(Section.HEADER))

    def check(self) -> None:
        """Compare the checksum of every section."""
        for section in self._entries:
            for _ in self.pieces(section):
                pass
