# SPDX-License-Identifier: Apache-2.0
"""A shell as format modules pack it: a layout record with a version, and parts of the file.

Layout: the fields of `fields`; the first holds the layout record, a list of integers whose first
is the version of the record; the others are the parts of the file that are not samples.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import CorruptStream, FormatVersion
from .fields import pack_fields, pack_integers, unpack_fields, unpack_integers

Buffer = bytes | bytearray | memoryview


def pack(version: int, numbers: Sequence[int], parts: Sequence[Buffer]) -> bytes:
    """Pack a layout record and parts of a file.

    Parameters
    ----------
    version : int
    numbers : sequence of int, each 0 .. 2**63 - 1
    parts : sequence of bytes-like

    Returns
    -------
    bytes
    """
    return pack_fields(pack_integers((version, *numbers)), *parts)


def unpack(
    shell: Buffer, *, version: int, n_numbers: int, n_parts: int
) -> tuple[list[int], list[bytes]]:
    """Take apart what `pack` made, trusting nothing in it.

    Parameters
    ----------
    shell : bytes-like
    version : int
        The only version the caller reads.
    n_numbers, n_parts : int
        How many of each that version has.

    Returns
    -------
    numbers : list of int
        Without the version.
    parts : list of bytes

    Raises
    ------
    FormatVersion
        The record has another version.
    CorruptStream
        A count or length contradicts the bytes that are there.
    """
    record, *parts = unpack_fields(shell, 1 + n_parts)
    numbers = unpack_integers(record)
    if not numbers:
        raise CorruptStream("shell: empty layout record")
    if numbers[0] != version:
        raise FormatVersion(f"shell: record version {numbers[0]}, this release reads {version}")
    if len(numbers) != 1 + n_numbers:
        raise CorruptStream(f"shell: {len(numbers) - 1} numbers, expected {n_numbers}")
    return numbers[1:], parts
