# SPDX-License-Identifier: Apache-2.0
"""Where the tables of every context start: the Prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import CorruptStream, InvalidInput, Truncated

N_TOKENS = 54
N_LINEAR = 32
SCALE_BITS = 15
SCALE = 1 << SCALE_BITS
MAX_CONTEXTS = 256
SHIFT_MAX = 15


@dataclass(frozen=True)
class Prior:
    """First tables of all contexts.

    Parameters
    ----------
    shift : (n_contexts,) uint8, 0..15
        How many low bits of a symbol are stored raw in each context.
    freq : (n_contexts, 54) uint16, each >= 1, each row sums to 32768

    Raises
    ------
    InvalidInput
        A shape, a type or a value breaks these rules.
    """

    shift: np.ndarray
    freq: np.ndarray

    def __post_init__(self) -> None:
        shift = _frozen(self.shift, np.uint8, "shift")
        freq = _frozen(self.freq, np.uint16, "freq")
        n_contexts = len(shift) if shift.ndim == 1 else 0
        if not 1 <= n_contexts <= MAX_CONTEXTS or freq.shape != (n_contexts, N_TOKENS):
            raise InvalidInput(
                f"prior: shapes {shift.shape} and {freq.shape}, expected (n,) and (n, {N_TOKENS}) "
                f"with n in 1..{MAX_CONTEXTS}"
            )
        if shift.max() > SHIFT_MAX:
            raise InvalidInput(f"prior: shift {shift.max()}, expected 0..{SHIFT_MAX}")
        if freq.min() < 1 or np.any(freq.sum(axis=1, dtype=np.int64) != SCALE):
            raise InvalidInput(f"prior: each freq must be >= 1 and each row must sum to {SCALE}")
        object.__setattr__(self, "shift", shift)
        object.__setattr__(self, "freq", freq)

    @property
    def n_contexts(self) -> int:
        return len(self.shift)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Prior):
            return NotImplemented
        return np.array_equal(self.shift, other.shift) and np.array_equal(self.freq, other.freq)

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Pack into bytes: n_contexts - 1, then for each context its shift, the number n of its
        first tokens that are written, and freq - 1 of those as LEB128; all later tokens have
        freq 1.
        """
        out = bytearray([self.n_contexts - 1])
        for shift, freq in zip(self.shift.tolist(), self.freq.tolist(), strict=True):
            n = max(token for token in range(N_TOKENS) if freq[token] > 1) + 1
            out += bytes([shift, n])
            for value in freq[:n]:
                out += leb128(value - 1)
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Prior:
        """Unpack what `to_bytes` packed.

        Raises
        ------
        Truncated, CorruptStream
            The bytes end early, go on, or hold tables that break the rules of a Prior.
        """
        cursor = _Cursor(bytes(data))
        n_contexts = cursor.byte() + 1
        shift = np.zeros(n_contexts, np.uint8)
        freq = np.ones((n_contexts, N_TOKENS), np.uint16)
        for context in range(n_contexts):
            shift[context] = cursor.byte()
            n = cursor.byte()
            if n > N_TOKENS:
                raise CorruptStream(f"prior: {n} tokens in context {context}, at most {N_TOKENS}")
            freq[context, :n] = [cursor.leb128() + 1 for _ in range(n)]
        if cursor.at != len(cursor.data):
            raise CorruptStream(f"prior: {len(cursor.data)} bytes, its tables end at {cursor.at}")
        try:
            return cls(shift, freq)
        except InvalidInput as error:
            raise CorruptStream(str(error)) from None


def _frozen(array: np.ndarray, dtype: type, name: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise InvalidInput(f"prior: {name} must be an array of {np.dtype(dtype).name}")
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy


def leb128(value: int) -> bytes:
    """Little-endian base 128: seven bits a byte, the high bit set on all but the last."""
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        if self.at == len(self.data):
            raise Truncated(f"prior: ends after {self.at} bytes, inside a table")
        self.at += 1
        return self.data[self.at - 1]

    def leb128(self) -> int:
        """A freq - 1, so below 32768 - 53 and at most three bytes."""
        value = 0
        for shift in (0, 7, 14):
            byte = self.byte()
            value |= (byte & 127) << shift
            if byte < 128:
                if value >= SCALE:
                    break
                return value
        raise CorruptStream(f"prior: freq before byte {self.at} is above {SCALE}")


def freq_from_counts(counts: np.ndarray) -> np.ndarray:
    """Scale counts to the frequencies of a Prior.

    Parameters
    ----------
    counts : (n_contexts, 54) real, >= 0
        Any unit; a row of zeros becomes a flat table.

    Returns
    -------
    freq : (n_contexts, 54) uint16
        Each >= 1, rows sum to 32768; what rounding leaves over goes to the largest.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum(axis=1, keepdims=True)
    flat = np.full_like(counts, 1 / N_TOKENS)
    share = np.divide(counts, total, out=flat, where=total > 0)
    freq = 1 + np.floor(share * (SCALE - N_TOKENS)).astype(np.int64)
    largest = freq.argmax(axis=1)
    freq[np.arange(len(freq)), largest] += SCALE - freq.sum(axis=1)
    return freq.astype(np.uint16)


def shift_for_scale(scale: float) -> int:
    """The shift that lets the 32 single-value tokens reach past 5 scales on both sides."""
    shift = 0
    while N_LINEAR << shift < 10 * scale and shift < SHIFT_MAX:
        shift += 1
    return shift


def logistic_prior(scales: Sequence[float], shifts: Sequence[int] | None = None) -> Prior:
    """Tables for residuals that follow a discretised logistic distribution about 0.

    Parameters
    ----------
    scales : sequence of float, > 0
        Scale of the logistic of each context, in sample units: standard deviation / 1.814.
    shifts : sequence of int, optional
        Shift of each context; by default `shift_for_scale`.

    Returns
    -------
    Prior

    Exact
    -----
    Computed in float64: not the same on every machine in the last unit. Ship the bytes of a
    prior; never recompute one to decode.
    """
    scale = np.asarray(scales, np.float64)
    if scale.ndim != 1 or not scale.size or not np.all(np.isfinite(scale) & (scale > 0)):
        raise InvalidInput("prior: scales must be a sequence of positive finite numbers")
    shift = np.array([shift_for_scale(s) for s in scale] if shifts is None else shifts, np.uint8)
    if shift.shape != scale.shape:
        raise InvalidInput(f"prior: {len(scale)} scales and {shift.size} shifts")
    counts = [_logistic_counts(*pair) for pair in zip(scale, shift.tolist(), strict=True)]
    return Prior(shift, freq_from_counts(np.array(counts)))


def _logistic_counts(scale: float, shift: int) -> np.ndarray:
    """Probability of each token: symbols 2e and -2e-1 stand for residuals e on the two sides."""
    first = np.array([_first_symbol(token) << shift for token in range(N_TOKENS + 1)], np.float64)
    # Residuals below symbol u are -floor(u / 2) .. ceil(u / 2) - 1.
    below = _logistic_cdf((np.ceil(first / 2) - 0.5) / scale)
    below -= _logistic_cdf((-np.floor(first / 2) - 0.5) / scale)
    return np.maximum(np.diff(below), 0)


def _logistic_cdf(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


def _first_symbol(token: int) -> int:
    """Smallest symbol of a token at shift 0; for token 54 the end of all symbols."""
    if token < N_LINEAR:
        return token
    return (2 + (token & 1)) << (4 + ((token - N_LINEAR) >> 1))
