# SPDX-License-Identifier: Apache-2.0
"""A second decoder, part 3: chapters 13.3 and 13.4 of FORMAT.md.

Written from the text and from nothing else, plain and slow, to prove that the text is enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from decoder_from_format_nets import NE, NEE, NN, NNE, NW, NWW, WW, N, Net, W, clip

CANDIDATES = [W, N, NE, NW]
EQUAL = [(N, W), (NW, W), (N, NW), (N, NE), (W, WW), (N, NN), (NNE, NE), (NE, NEE), (NW, NWW)]
EQUAL.append((W, NE))
DIFFERENCES = [(N, NW), (NE, N), (W, NW), (W, WW), (N, NN)]
EXPECTED = [2048, 2428, 2782, 3092, 3349, 3551, 3705, 3819, 3902, 3960]
EXPECTED += [4002, 4031, 4051, 4065, 4075, 4081, 4086, 4089, 4091]
QUARTERS = [32768, 27554, 23170, 19484]


def fold(sample: int, prediction: int, max_sample: int, flip: bool) -> int:
    """Chapter 11."""
    room = min(prediction, max_sample - prediction)
    distance = abs(sample - prediction)
    if distance > room:
        return room + distance
    return 2 * distance - (distance > 0 and (sample < prediction) != flip)


def token_and_extra(value: int) -> tuple[int, int]:
    """Chapter 11: token of a shifted symbol and its extra bits."""
    if value < 32:
        return value, 0
    extra = value.bit_length() - 2
    return 24 + 2 * extra + (value >> extra) % 2, extra


@dataclass
class Cell:
    """Misses and hits."""

    seen: list[int] = field(default_factory=lambda: [0, 0])
    count: list[int] = field(default_factory=lambda: [0, 0])
    level: int = 6

    def end_band(self) -> None:
        self.seen = [s + n for s, n in zip(self.seen, self.count, strict=True)]
        self.count = [0, 0]
        while sum(self.seen) > 255:
            self.seen = [s >> 1 for s in self.seen]
        odds = 5 * max(self.seen) + 2, 5 * min(self.seen) + 2
        steps = sum(2 * odds[0] >= d * odds[1] for d in (3, 8, 22, 64, 200, 600))
        self.level = 6 + (steps if self.seen[1] > self.seen[0] else -steps)


class Joint:
    """What three levels together have learned: misses and hits."""

    def __init__(self, levels: tuple[int, ...]) -> None:
        above = sum(levels) - 18
        more = EXPECTED[abs(above)]
        self.weight = [4096 - more, more] if above >= 0 else [more, 4096 - more]
        self.count = [0, 0]
        self.make_freq()

    def make_freq(self) -> None:
        self.freq = clip((self.weight[1] << 15) // sum(self.weight), 1, 32767)

    def end_band(self) -> None:
        self.weight = [w + 64 * n for w, n in zip(self.weight, self.count, strict=True)]
        self.count = [0, 0]
        while sum(self.weight) > 32768:
            self.weight = [(w + 1) >> 1 for w in self.weight]
        self.make_freq()


@dataclass
class Place:
    """Candidates of a sample, their symbols, and its cells."""

    values: tuple[int, ...]
    symbols: tuple[int, ...]
    cells: tuple[int, int, int]


class Hits:
    """The tables of a tile."""

    def __init__(self, net: Net, max_sample: int, coding: dict) -> None:
        self.net, self.max_sample, self.n_candidates = net, max_sample, coding["hits"]
        self.quarters = coding.get("quarters")
        self.cells: dict[tuple[int, int, int], Cell] = {}
        self.joints: dict[tuple[int, ...], Joint] = {}

    def closeness(self, value: int, symbol: int, context: int) -> int:
        shift = self.net.shifts[context]
        token, extra = token_and_extra(symbol >> shift)
        freq, n_raw = self.net.freqs[context][token], extra + shift
        limits = [(QUARTERS[i % 4] << n_raw) >> (i // 4) for i in range(1, 51)]
        rarity = sum(freq < limit for limit in limits)
        rarity -= self.quarters[value] if self.quarters else 0
        return sum(rarity >= least for least in (2, 4, 6, 10, 13, 18, 26))

    def place(self, look, predicted: tuple[int, int, bool]) -> Place:
        prediction, context, flip = predicted
        values = [look(0, *candidate) for candidate in CANDIDATES]
        symbols = [fold(value, prediction, self.max_sample, flip) for value in values]
        equal = texture = 0
        for a, b in EQUAL:
            equal = 2 * equal + (look(0, *a) == look(0, *b))
        for a, b in DIFFERENCES:
            texture = 5 * texture + clip(look(0, *a) - look(0, *b), -2, 2) + 2
        group = sum(first <= context for first in (30, 54, 72))
        pairs = zip(values[:3], symbols[:3], strict=True)
        w, n, ne = (self.closeness(value, symbol, context) for value, symbol in pairs)
        likely = (((equal >> 6) * 8 + w) * 8 + n) * 3 + (ne >= 3) + (ne >= 5)
        cells = 4 * equal + group, likely, texture
        return Place(tuple(values[: self.n_candidates]), tuple(symbols[: self.n_candidates]), cells)

    def read(self, flag: Callable[[int], bool], place: Place) -> int | None:
        """Read flags up to the first that is 1: the sample, or None."""
        for number, value in enumerate(place.values):
            if value in place.values[:number]:
                continue
            keys = [(number, of_set, cell) for of_set, cell in enumerate(place.cells)]
            cells = [self.cells.setdefault(key, Cell()) for key in keys]
            levels = tuple(cell.level for cell in cells)
            joint = self.joints.setdefault((number, *levels), Joint(levels))
            hit = flag(joint.freq)
            for counter in (*cells, joint):
                counter.count[hit] += 1
            if hit:
                return value
        return None

    def end_band(self) -> None:
        for counter in (*self.cells.values(), *self.joints.values()):
            counter.end_band()


def value_shares(place: Place, predicted: tuple, context, quarters: list[int]) -> list[int]:
    """Chapter 13.4: the share of each value."""
    prediction, _, flip = predicted
    shares = []
    for value, quarter in enumerate(quarters):
        token, n_raw = token_and_extra(value_symbol(value, prediction, flip) >> context.shift)
        octave, rest = divmod(quarter, 4)
        times = (256, 304, 362, 431)[rest]
        times = times >> -octave if octave < 0 else times << octave
        density = max(1, (context.freq[token] << 2) >> (n_raw + context.shift))
        shares.append(0 if value in place.values else density * times)
    return shares


def value_symbol(value: int, prediction: int, flip: bool) -> int:
    e = prediction - value if flip else value - prediction
    return 2 * e if e >= 0 else -2 * e - 1


def share_freqs(shares: list[int]) -> list[int]:
    q = ((32768 - len(shares)) << 32) // max(1, sum(shares))
    freqs = [1 + (share * q >> 32) for share in shares[:-1]]
    return [*freqs, 32768 - sum(freqs)]


def read_value(one_of: Callable[[list[int]], int], shares: list[int]) -> int:
    """Group and value."""
    groups = [shares[at : at + 16] for at in range(0, len(shares), 16)]
    group = one_of(share_freqs([sum(part) for part in groups]))
    return 16 * group + one_of(share_freqs(groups[group]))
