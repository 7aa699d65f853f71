# SPDX-License-Identifier: Apache-2.0
"""How the samples of a channel are written: as they are, as ranks of their levels, as 16-bit words.

Each is tried where it looks useful, and what costs fewer bits is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from . import distinct, levels, words
from .estimate import Judge
from .recipe import Word


@dataclass(frozen=True)
class Samples:
    """Samples of a channel, to be looked at.

    Parameters
    ----------
    excerpt : (bands, rows, cols) integers
    parts : callable () -> iterator of (frames, rows, cols) integers
        All samples, part after part.
    n_samples : int
        How many they are.
    """

    excerpt: np.ndarray
    parts: Callable[[], Iterator[np.ndarray]]
    n_samples: int

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Samples:
        """Each sample changed."""
        return Samples(change(self.excerpt), lambda: map(change, self.parts()), self.n_samples)


def choose_words(samples: Samples, highest: int, judge: Judge) -> tuple[Word, ...]:
    """The words that samples from 0 to `highest` are written as, most significant first."""
    if highest < 1 << 16:
        return (_choose_word(samples, highest, judge),)
    table = distinct.merged(samples.parts(), levels.MAX_LEVELS)
    n_words = (highest.bit_length() + 15) // 16
    if table is not None:
        bits = _packed_bits(samples, table, judge)
        split_up = words.split_words(samples.excerpt, n_words)
        if bits < judge.bits(split_up, samples.n_samples):
            return (Word(table.size - 1, table),)
    digits = [samples.map(_digit(i, n_words)) for i in range(n_words)]
    tops = [max(int(part.max()) for part in one.parts()) for one in digits]
    return tuple(_choose_word(one, top, judge) for one, top in zip(digits, tops, strict=True))


def _digit(number: int, n_words: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda rest: words.split_words(rest, n_words)[number]


def _choose_word(samples: Samples, max_sample: int, judge: Judge) -> Word:
    """Pack the levels of a plane if that is cheaper."""
    most = levels.most_worth_trying(max_sample)
    if max_sample < 2 or distinct.distinct(samples.excerpt, most) is None:
        return Word(max_sample)
    table = distinct.merged(samples.parts(), most)
    if table is None or table.size < 2:
        return Word(max_sample)
    plain_bits = judge.bits([samples.excerpt], samples.n_samples)
    if _packed_bits(samples, table, judge, plain_bits) >= plain_bits:
        return Word(max_sample)
    return Word(table.size - 1, table)


def _packed_bits(samples: Samples, table: np.ndarray, judge: Judge, limit: float = np.inf) -> float:
    """Estimate the bits of ranks and table; of ranks alone where they are `limit` or more."""
    ranked = distinct.ranks(samples.excerpt, table)
    bits = judge.bits([ranked], samples.n_samples)
    return bits if bits >= limit else bits + 8 * len(levels.pack_table(table))
