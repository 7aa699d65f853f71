# SPDX-License-Identifier: Apache-2.0
"""Sections in, stream out, and back; see FORMAT.md, "Stream"."""

from __future__ import annotations

import enum
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
PROLOGUE_BYTES = len(MAGIC) + 2
END_MAGIC = b"SLM\n"
FOOTER_BYTES = 12
MAX_SECTIONS = 64
ENTRY_BYTES = 5  # of a section in the table, besides its size: kind and checksum

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


def join(sections: Sequence[tuple[Section, Piece | Iterable[Piece]]]) -> list[Piece]:
    """Put sections into a stream.

    Parameters
    ----------
    sections : (Section, bytes or iterable of bytes) pairs, in the order they shall stand

    Returns
    -------
    list of bytes-like
        The stream, piece by piece.
    """
    prologue = MAGIC + bytes([VERSION, 0])
    pieces: list[Piece] = [prologue]
    table = bytearray(varint(len(sections)))
    for section, content in sections:
        parts = [content] if isinstance(content, bytes | bytearray | memoryview) else list(content)
        size, crc = 0, 0
        for part in parts:
            size, crc = size + len(part), zlib.crc32(part, crc)
        pieces += parts
        table += bytes([section]) + varint(size) + crc.to_bytes(4, "little")
    footer = len(table).to_bytes(4, "little")
    footer += zlib.crc32(table, zlib.crc32(prologue)).to_bytes(4, "little") + END_MAGIC
    return [*pieces, bytes(table), footer]


class Stream:
    """A stream opened for reading: the table is checked at once, a section when it is asked for.

    Parameters
    ----------
    data : bytes-like
        The whole stream.

    Raises
    ------
    NotAStream, FormatVersion, Truncated, ChecksumMismatch, CorruptStream
    """

    def __init__(self, data: Piece) -> None:
        self.data = memoryview(data).cast("B")
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
            if kind not in SECTION_NAMES or Section(kind) in entries:
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

    def unchecked(self, section: Section) -> memoryview:
        """A section whose parts carry their own checksums."""
        if section not in self._entries:
            raise CorruptStream(f"stream: there is no section {section.name.lower()!r}")
        entry = self._entries[section]
        return self.data[entry.start : entry.start + entry.size]

    def section(self, section: Section) -> memoryview:
        """A section, its checksum compared.

        Raises
        ------
        CorruptStream
            When there is none.
        ChecksumMismatch
        """
        content = self.unchecked(section)
        entry = self._entries[section]
        found = zlib.crc32(content)
        if found != entry.crc:
            raise ChecksumMismatch(
                f"section {section.name.lower()!r}: CRC-32 {found:08x}, table says {entry.crc:08x}"
            )
        return content

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
            self.section(section)
