# SPDX-License-Identifier: Apache-2.0
"""Level packing: integers that leave gaps <-> ranks without gaps, and the table between them.

A *level table* lists the values that occur, ascending, the first one 0. Its bytes::

    table = coding body                     coding is one byte: form + 8 if the body is packed
    body  = plain body, or varint(length) and a zstd frame of that many bytes which holds it

    form 0, stride    varint(k - 1): level i is i * k
    form 1, runs      pairs varint(d - 1) varint(r - 1): the next r levels are d above their
                      predecessor each; pairs follow until all levels are there
    form 2, deltas    a varint(d - 1) for each level but the first
    form 3, bends     as deltas, but each d is replaced by zigzag(d - its predecessor), both
                      modulo 2^64 as signed 64-bit numbers, the predecessor of the first d being 0
    form 4, map       varint(highest level), then bits, least significant of a byte first, for
                      the values 1, 2 ... highest - 1: 1 where the value is a level; padded with
                      zero bits to a byte. Only for a highest level below 2^20.

The number of levels is known beforehand; all levels are below 2^64.
"""

from __future__ import annotations

import numpy as np

from .. import _zstd
from .._fields import MAX_VARINT_BYTES, varint
from .varint import Reader, varints

MAX_LEVELS = 1 << 16
STRIDE, RUNS, DELTAS, BENDS, MAP = range(5)
PACKED = 8
HIGHEST_MAPPED = (1 << 20) - 1
# The plain body is never longer than 64 K levels of two varints each.
MAX_BODY_BYTES = 2 * MAX_VARINT_BYTES * MAX_LEVELS
QUICK_LEVEL, ZSTD_LEVEL = 3, 19


def most_worth_trying(highest: int) -> int:
    """How many levels up to `highest` leave enough gaps (a quarter) to be estimated at all."""
    return 3 * (highest + 1) // 4


def pack_table(levels: np.ndarray) -> bytes:
    """Spell a level table in the shortest of the forms.

    Parameters
    ----------
    levels : (n,) uint64, strictly ascending, ``levels[0] == 0``, 1 < n <= 65536
    """
    deltas = np.diff(levels)
    stride = int(deltas[0])
    if np.all(deltas == deltas[0]):
        return bytes([STRIDE]) + varint(stride - 1)
    bodies = {
        RUNS: _runs(deltas),
        DELTAS: varints(deltas - np.uint64(1)),
        BENDS: varints(_bends(deltas)),
    }
    if int(levels[-1]) <= HIGHEST_MAPPED:
        bodies[MAP] = varint(int(levels[-1])) + _map(levels)
    tables = [bytes([form]) + body for form, body in bodies.items()]
    # The best form is found with a quick zstd: a thorough one takes milliseconds.
    form = min(bodies, key=lambda form: len(_zstd.compress(bodies[form], level=QUICK_LEVEL)))
    packed = _zstd.compress(bodies[form], level=ZSTD_LEVEL)
    tables.append(bytes([form + PACKED]) + varint(len(packed)) + packed)
    return min(tables, key=len)


def _runs(deltas: np.ndarray) -> bytes:
    starts = np.flatnonzero(np.concatenate(([True], deltas[1:] != deltas[:-1])))
    lengths = np.diff(np.append(starts, deltas.size)).astype(np.uint64)
    pairs = np.stack([deltas[starts], lengths], axis=1) - np.uint64(1)
    return varints(pairs.reshape(-1))


def _bends(deltas: np.ndarray) -> np.ndarray:
    bends = np.diff(deltas, prepend=np.uint64(0)).view(np.int64)
    return ((bends << 1) ^ (bends >> 63)).view(np.uint64)  # zigzag in two's complement


def _map(levels: np.ndarray) -> bytes:
    present = np.zeros(int(levels[-1]) - 1, np.bool_)
    present[levels[1:-1].astype(np.intp) - 1] = True
    return np.packbits(present, bitorder="little").tobytes()


def unpack_table(reader: Reader, n_levels: int, highest: int) -> np.ndarray:
    """Read the table of `n_levels` levels.

    Parameters
    ----------
    reader : Reader
    n_levels : int
        2 to 65536.
    highest : int
        No level may be above this, < 2^64.

    Returns
    -------
    (n_levels,) uint64, strictly ascending, the first one 0

    Raises
    ------
    CorruptStream
    """
    coding = reader.varint("coding of a level table", PACKED + MAP)
    form, packed = coding % PACKED, coding >= PACKED
    if form > MAP:
        raise reader.corrupt(f"form {form} of a level table, expected 0 to {MAP}")
    body = _unpack_body(reader) if packed else reader
    levels = _read_levels(body, form, n_levels)
    if packed:
        body.end()
    # An overflow of 64 bits and padding bits of a map, too, show as a level out of order.
    if np.any(levels[1:] <= levels[:-1]) or int(levels[-1]) > highest:
        raise reader.corrupt(f"level table: not ascending from 0 to {highest} at most")
    return levels


def _unpack_body(reader: Reader) -> Reader:
    size = reader.varint("length of a packed table", reader.left)
    frame = reader.take(size, "packed level table")
    name = f"{reader.name}: packed level table"
    return Reader(_zstd.decompress(frame, MAX_BODY_BYTES, what=name), name)


def _read_levels(body: Reader, form: int, n_levels: int) -> np.ndarray:
    if form == MAP:
        return _read_map(body, n_levels)
    if form == STRIDE:
        stride = body.varint("stride", (1 << 64) - 2) + 1
        return np.arange(n_levels, dtype=np.uint64) * np.uint64(stride)
    if form == RUNS:
        deltas = _read_runs(body, n_levels - 1)
    elif form == DELTAS:
        deltas = body.varints("deltas", n_levels - 1) + np.uint64(1)
    else:
        bends = body.varints("bends", n_levels - 1)
        deltas = np.cumsum((bends >> np.uint64(1)) ^ (np.uint64(0) - (bends & np.uint64(1))))
    return np.concatenate((np.zeros(1, np.uint64), np.cumsum(deltas)))


def _read_runs(body: Reader, n_deltas: int) -> np.ndarray:
    deltas, lengths, n_missing = [], [], n_deltas
    while n_missing:
        deltas.append(body.varint("delta", (1 << 64) - 2) + 1)
        lengths.append(body.varint("run of levels", n_missing - 1) + 1)
        n_missing -= lengths[-1]
    return np.repeat(np.array(deltas, np.uint64), lengths)


def _read_map(body: Reader, n_levels: int) -> np.ndarray:
    highest = body.varint("highest level", HIGHEST_MAPPED, 1)
    packed = np.frombuffer(body.take((highest - 1 + 7) // 8, "level map"), np.uint8)
    inner = np.flatnonzero(np.unpackbits(packed, bitorder="little")) + 1
    if inner.size != n_levels - 2:
        raise body.corrupt(f"level map: {inner.size + 2} levels, expected {n_levels}")
    return np.concatenate(([0], inner, [highest])).astype(np.uint64)
