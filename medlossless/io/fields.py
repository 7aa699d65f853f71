# SPDX-License-Identifier: Apache-2.0
"""Small shells: a run of byte strings and lists of integers, each with its length.

Layout of `pack_fields`: for every field its length as a varint, then its bytes. Of
`pack_integers`: one varint an integer, to the end. A shell is untrusted when it is unpacked.
"""

from __future__ import annotations

from collections.abc import Iterable

from .._fields import Fields, varint

Buffer = bytes | bytearray | memoryview


def pack_integers(values: Iterable[int]) -> bytes:
    """Non-negative integers below 2**63 as varints, one after the other."""
    return b"".join(map(varint, values))


def unpack_integers(field: Buffer) -> list[int]:
    """The inverse of `pack_integers`.

    Raises
    ------
    CorruptStream
        The last number is cut off, or one is 2**63 or more.
    """
    fields = Fields(field, "shell numbers")
    values = []
    while fields.left:
        values.append(fields.varint("a number"))
    return values


def pack_fields(*fields: Buffer) -> bytes:
    """Join byte strings so that `unpack_fields` can part them."""
    return b"".join(part for field in fields for part in (varint(len(field)), field))


def unpack_fields(shell: Buffer, count: int) -> list[bytes]:
    """Exactly `count` byte strings that fill `shell` to its last byte.

    Raises
    ------
    CorruptStream
        A field ends past the shell, or bytes are left over.
    """
    fields = Fields(shell, "shell")
    found = [
        bytes(fields.take(fields.varint(f"length of field {number}"), f"field {number}"))
        for number in range(count)
    ]
    fields.end()
    return found
