# SPDX-License-Identifier: Apache-2.0
"""Varints in rows, as NumPy reads and writes them, and signed numbers as unsigned ones.

Signed numbers are mapped first by `zigzag`: 0, -1, 1, -2, 2 ... -> 0, 1, 2, 3, 4 ...
"""

from __future__ import annotations

import numpy as np

from .._fields import MAX_VARINT_BYTES, Fields
from ..errors import Truncated


def zigzag(value: int) -> int:
    """Map a signed integer to an unsigned one, small to small."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(value: int) -> int:
    """Inverse of `zigzag`."""
    return -(value >> 1) - 1 if value & 1 else value >> 1


def varints(values: np.ndarray) -> bytes:
    """Spell a row of uint64."""
    n_bytes = np.ones(values.shape, np.intp)
    longest = max(1, -(-int(values.max(initial=0)).bit_length() // 7))
    if longest == 1:
        return values.astype(np.uint8).tobytes()
    for i in range(1, longest):
        n_bytes += values >> np.uint64(7 * i) > 0
    start = np.cumsum(n_bytes) - n_bytes
    spelled = np.empty(int(n_bytes.sum()), np.uint8)
    for i in range(longest):
        here = n_bytes > i
        byte = (values[here] >> np.uint64(7 * i)) & np.uint64(0x7F)
        more = (n_bytes[here] > i + 1).astype(np.uint8) << np.uint8(7)
        spelled[start[here] + i] = byte.astype(np.uint8) | more
    return spelled.tobytes()


class Reader(Fields):
    """A cursor that also reads rows of varints."""

    def varints(self, what: str, n: int) -> np.ndarray:
        """Read `n` integers below 2^64.

        Returns
        -------
        (n,) uint64
        """
        window = np.frombuffer(self.data, np.uint8)[self.at :][: n * MAX_VARINT_BYTES]
        ends = np.flatnonzero(window < 0x80)[:n]
        if ends.size < n:
            raise Truncated(f"{self.name}: {ends.size} {what} left, expected {n}")
        if n == 0:
            return np.zeros(0, np.uint64)
        starts = np.concatenate(([0], ends[:-1] + 1))
        lengths = ends - starts + 1
        last = window[ends]
        if lengths.max() > MAX_VARINT_BYTES or np.any((lengths > 1) & (last == 0)):
            raise self.corrupt(f"{what} spelled in more bytes than they need")
        if np.any((lengths == MAX_VARINT_BYTES) & (last > 1)):
            raise self.corrupt(f"{what} above 64 bits")
        spelled = window[: ends[-1] + 1]
        place = np.arange(spelled.size) - np.repeat(starts, lengths)
        bits = (spelled & np.uint8(0x7F)).astype(np.uint64) << (7 * place).astype(np.uint64)
        self.at += spelled.size
        return np.bitwise_or.reduceat(bits, starts)
