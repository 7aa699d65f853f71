# SPDX-License-Identifier: Apache-2.0
"""Where the tables of every context start: the Prior."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidInput

N_TOKENS = 54
N_LINEAR = 32
SCALE_BITS = 15
SCALE = 1 << SCALE_BITS
MAX_CONTEXTS = 256
SHIFT_MAX = 15
FREE = 16  # shift of a context whose only symbol is 0: it costs nothing


@dataclass(frozen=True, eq=False)
class Prior:
    """First tables of all contexts.

    Parameters
    ----------
    shift : (n_contexts,) uint8, 0..15
        How many low bits of a symbol are stored raw in each context; FREE of one in which all
        symbols are 0, which costs nothing.
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
        if shift.max() > FREE:
            raise InvalidInput(f"prior: shift {shift.max()}, expected 0..{FREE}")
        if freq.min() < 1 or np.any(freq.sum(axis=1, dtype=np.int64) != SCALE):
            raise InvalidInput(f"prior: each freq must be >= 1 and each row must sum to {SCALE}")
        object.__setattr__(self, "shift", shift)
        object.__setattr__(self, "freq", freq)

    @property
    def n_contexts(self) -> int:
        return len(self.shift)

    @property
    def is_free(self) -> np.ndarray:
        """Which contexts cost nothing, (n_contexts,) bool."""
        return self.shift == FREE

    def with_free_context(self) -> Prior:
        """The same and one more context, which is free."""
        return Prior(np.append(self.shift, np.uint8(FREE)), np.vstack([self.freq, self.freq[:1]]))

    def alone(self, context: int) -> Prior:
        """The tables of one context, which is 0 there: others cost time to set up."""
        return Prior(self.shift[context : context + 1], self.freq[context : context + 1])


def _frozen(array: np.ndarray, dtype: type, name: str) -> np.ndarray:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise InvalidInput(f"prior: {name} must be an array of {np.dtype(dtype).name}")
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy


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
