# SPDX-License-Identifier: Apache-2.0
"""The entropy coder, defined, part 1: folding, tokens, bands and the adaptive tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..errors import CorruptStream
from .prior import N_LINEAR, SCALE, Prior

BAND_ROWS = 32
DUE_SHARE = 8
CODE_BITS = 15
RUN_FREQ_MIN = 12288
RUN_PARTS_LOG2 = 3
RUN_CLASSES = 4
RUN_LOG2_MAX = 12


def fold(sample: int, prediction: int, max_sample: int, flip: bool) -> int:
    """Symbol of a sample: a bijection of 0..max_sample onto itself for each prediction.

    Residuals that both signs can have alternate (0, -1, 1, -2, 2, ...); beyond theta only one sign
    is possible and every symbol stands for the next magnitude.

    Source: CCSDS 121.0-B, prediction error mapper (with the sign of the alternation chosen freely).
    """
    residual = prediction - sample if flip else sample - prediction
    theta = min(prediction, max_sample - prediction)
    if abs(residual) > theta:
        return theta + abs(residual)
    return 2 * residual if residual >= 0 else -2 * residual - 1


def unfold(symbol: int, prediction: int, max_sample: int, flip: bool) -> int:
    """Sample of a symbol; CorruptStream if the symbol is above max_sample."""
    if symbol > max_sample:
        raise CorruptStream(f"symbol {symbol} above max_sample {max_sample}")
    theta = min(prediction, max_sample - prediction)
    if symbol > 2 * theta:
        magnitude = symbol - theta
        below = prediction > max_sample - prediction
    else:
        magnitude = (symbol + 1) >> 1
        below = (symbol & 1 == 1) != flip
    return prediction - magnitude if below else prediction + magnitude


def token_of(value: int) -> int:
    """Token of a symbol already shifted: 32 single values, then two tokens an octave."""
    if value < N_LINEAR:
        return value
    n = value.bit_length() - 1
    return N_LINEAR + 2 * (n - 5) + ((value >> (n - 1)) & 1)


def extra_bits(token: int) -> int:
    """Raw bits of a token besides its context's shift."""
    return 0 if token < N_LINEAR else 4 + ((token - N_LINEAR) >> 1)


def split(symbol: int, shift: int) -> tuple[int, int, int]:
    """(token, raw, n_raw) of a symbol: raw is its n_raw lowest bits."""
    token = token_of(symbol >> shift)
    n_raw = extra_bits(token) + shift
    return token, symbol & ((1 << n_raw) - 1), n_raw


def join(token: int, raw: int, shift: int) -> int:
    """Symbol of a token and its raw bits."""
    extra = extra_bits(token)
    base = token if token < N_LINEAR else (2 + (token & 1)) << extra
    return (base << shift) + raw


def bands(frames: int, rows: int, band_rows: int = BAND_ROWS) -> Iterator[tuple[int, int, int]]:
    """(frame, first row, number of rows) of each band: 1, 1, 2, 4, 8, 16, 32, 32 ... rows in the
    first frame and 32 in the others, or less than 32 all over; the last of a frame may be short.
    """
    for frame in range(frames):
        row = 0
        while row < rows:
            height = max(1, row) if frame == 0 and row < band_rows else band_rows
            height = min(height, rows - row)
            yield frame, row, height
            row += height


class Model:
    """The adaptive tables of all contexts.

    Parameters
    ----------
    prior : Prior
    max_sample : int, 0..65535
        Sets the alphabet of each context: the tokens of 0..max_sample >> shift.
    increment : int, 0..2^16
        Weight of one coded token.
    limit : int, 2^15..2^31
        Where the weights of a context sum to more, they are halved.
    """

    def __init__(self, prior: Prior, max_sample: int, increment: int, limit: int) -> None:
        self.shift = np.where(prior.is_free, 0, prior.shift).tolist()
        self.max_sample = max_sample
        self.increment = increment
        self.limit = limit
        sizes = [
            1 if free else token_of(max_sample >> shift) + 1
            for shift, free in zip(self.shift, prior.is_free, strict=True)
        ]
        self.weight = [f[:n] for f, n in zip(prior.freq.tolist(), sizes, strict=True)]
        self.count = [[0] * n for n in sizes]
        self.tables = [Table(frequencies(weight)) for weight in self.weight]
        self.code_tables = list(self.tables)
        self.learned = [0] * len(sizes)

    def end_band(self) -> None:
        """Learn what the band has counted.

        rANS uses the new tables at once. Huffman codes follow a table only when their context is
        due: when an eighth of its weight was added since it was last due.
        """
        for context, count in enumerate(self.count):
            if not any(count):
                continue
            pairs = zip(self.weight[context], count, strict=True)
            weight = [w + self.increment * n for w, n in pairs]
            while sum(weight) > self.limit:
                weight = [(w + 1) >> 1 for w in weight]
            self.weight[context] = weight
            self.learned[context] += self.increment * sum(count)
            self.count[context] = [0] * len(count)
            self.tables[context] = Table(frequencies(weight))
            if DUE_SHARE * self.learned[context] >= sum(weight):
                self.code_tables[context] = self.tables[context]
                self.learned[context] = 0


def frequencies(weight: list[int]) -> list[int]:
    """Scale weights (>= 1) to frequencies >= 1 of sum 32768."""
    q = ((SCALE - len(weight)) << 32) // sum(weight)
    freq = [1 + ((w * q) >> 32) for w in weight]
    freq[weight.index(max(weight))] += SCALE - sum(freq)
    return freq


@dataclass(frozen=True)
class Table:
    """The frozen table of one context: frequencies, and what both coders derive from them."""

    freq: list[int]

    @cached_property
    def cum(self) -> list[int]:
        return [sum(self.freq[:token]) for token in range(len(self.freq))]

    def find(self, slot: int) -> int:
        """Token whose range of slots holds this one."""
        return max(token for token, cum in enumerate(self.cum) if cum <= slot)

    @cached_property
    def run_log2(self) -> int:
        """0: tokens are coded one by one. 3..12: words are, and a full run is 2^run_log2 zeros,
        the longest that is at most twice the mean run.
        """
        if len(self.freq) == 1 or self.freq[0] < RUN_FREQ_MIN:
            return 0
        log2 = RUN_PARTS_LOG2
        while log2 < RUN_LOG2_MAX and (SCALE - self.freq[0]) << (log2 + 1) <= 2 * SCALE:
            log2 += 1
        return log2

    @cached_property
    def codes(self) -> dict[int, tuple[int, int]]:
        """(code, length) of each token, or of each word where run_log2 > 0."""
        return canonical(word_weights(self.freq, self.run_log2) if self.run_log2 else self.freq)

    @cached_property
    def escape_codes(self) -> dict[int, tuple[int, int]]:
        """(code, length) of each token from 4 up, for the ends of runs."""
        codes = canonical(self.freq[RUN_CLASSES:])
        return {token + RUN_CLASSES: code for token, code in codes.items()}


def word_weights(freq: list[int], run_log2: int) -> list[int]:
    """Weights of the words of a context: what a source without memory makes of them.

    A full run has 8 parts of 2^(run_log2 - 3) zeros. Word 0 is a full run. Word 1 + 8 * c + q is a
    run that ends in part q, with a sample of class c: token 1, 2, 3 or any from 4 up.
    """
    step = freq[0] << 15  # in units of 2^-30: a part of zeros alone
    for _ in range(run_log2 - RUN_PARTS_LOG2):
        step = step * step >> 30
    survive, ended = 1 << 30, []  # runs not yet ended; runs that end in each part
    for _ in range(1 << RUN_PARTS_LOG2):
        ended.append(survive - (survive * step >> 30))
        survive -= ended[-1]
    classes = freq[1:RUN_CLASSES]
    if len(freq) > RUN_CLASSES:
        classes.append(sum(freq[RUN_CLASSES:]))
    weights = [1 + (survive >> 15)]
    for of_class in classes:
        share = (of_class << 16) // (SCALE - freq[0])
        weights += [1 + (part * share >> 31) for part in ended]
    return weights


def canonical(freq: list[int]) -> dict[int, tuple[int, int]]:
    """(code, length) of each token: sorted by length, then by token, the first code is 0 and each
    next one is the one before plus 1, shifted up where the length grows.
    """
    if not freq:
        return {}
    ordered = sorted((length, token) for token, length in enumerate(huffman_lengths(freq)))
    codes, code, previous = {}, 0, ordered[0][0]
    for length, token in ordered:
        code <<= length - previous
        codes[token] = (code, length)
        code, previous = code + 1, length
    return codes


def huffman_lengths(freq: list[int]) -> list[int]:
    """Code lengths of tokens (or words) 0..n-1, at most 15, by this rule and no other:

    1. One token alone has length 0.
    2. Replace each frequency f by (f + 1) >> 1.
    3. Put the tokens into a queue of leaves, by rising frequency; of equal frequencies the higher
       token goes first. Start an empty queue of inner nodes.
    4. Until one node is left: take two nodes off the heads of the queues, each time the one of
       lower weight, and the leaf where both weigh the same; append an inner node of their summed
       weight to the queue of inner nodes.
    5. The length of a token is the number of inner nodes above it. If any length exceeds 15,
       go back to 2 with the frequencies as they now are.

    A length of 16 needs frequencies that sum to at least 2584 (a Fibonacci number); step 2 gets
    below that after a few rounds, so the rule ends.
    """
    while True:
        freq = [(f + 1) >> 1 for f in freq]
        lengths = unlimited_lengths(freq)
        if max(lengths) <= CODE_BITS:
            return lengths


def unlimited_lengths(freq: list[int]) -> list[int]:
    """Steps 3 to 5 of `huffman_lengths`."""
    n = len(freq)
    leaves = sorted(range(n), key=lambda token: (freq[token], -token))
    weight = dict(enumerate(freq))
    inner: list[int] = []
    parent = {}
    for node in range(n, 2 * n - 1):
        for _ in range(2):
            from_leaves = leaves and (not inner or weight[leaves[0]] <= weight[inner[0]])
            child = leaves.pop(0) if from_leaves else inner.pop(0)
            parent[child] = node
            weight[node] = weight.get(node, 0) + weight[child]
        inner.append(node)
    depth = {2 * n - 2: 0}
    for node in range(2 * n - 3, -1, -1):
        depth[node] = depth[parent[node]] + 1
    return [depth[token] for token in range(n)]
