# SPDX-License-Identifier: Apache-2.0
"""Hit mode, defined: flags before the symbol of a sample say whether it repeats a neighbour.

The candidates of a sample are W, N, NE, NW in this order, as many as the plane says; one that
equals an earlier one is passed over. For each in turn a flag is coded, until one is 1. The
sample is then that candidate and nothing else is coded. After the last 0 its symbol is coded in
its usual context, renumbered without the symbols of the candidates; or, where the plane has
abundances, its value (reference_abundance).

The probability of a flag comes from three cells of counts, one of each set; what a cell has
counted is known as its level, and the three levels together name the joint, whose weights give the
frequency. Levels and frequencies are frozen within a band. Each candidate has tables of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .prior import SCALE, SCALE_BITS, Prior
from .reference_model import extra_bits, fold, token_of
from .reference_streams import RansDecoder

CANDIDATES = ("W", "N", "NE", "NW")
NEIGHBOURS = {  # (rows, columns) from the sample
    "W": (0, -1), "N": (-1, 0), "NE": (-1, 1), "NW": (-1, -1), "WW": (0, -2), "NN": (-2, 0),
    "NNE": (-2, 1), "NEE": (-1, 2), "NWW": (-1, -2),
}  # fmt: skip

# Set 0 asks whether these are equal, the first pair being the highest bit; set 1 the first four.
PAIRS = (
    ("N", "W"), ("NW", "W"), ("N", "NW"), ("N", "NE"), ("W", "WW"), ("N", "NN"), ("NNE", "NE"),
    ("NE", "NEE"), ("NW", "NWW"), ("W", "NE"),
)  # fmt: skip
N_NEAR = 4
# Set 2 takes these differences, clipped to +-2, as digits to base 5, the first the highest.
DIFFERENCES = (("N", "NW"), ("NE", "N"), ("W", "NW"), ("W", "WW"), ("N", "NN"))
SCALE_GROUPS = (30, 54, 72)  # contexts from which on the next group begins
QUARTERS = (32768, 27554, 23170, 19484)  # SCALE over powers of 2^(1/4)
RAREST = 50
CLOSENESS = (2, 4, 6, 10, 13, 18, 26)  # quarter octaves below certain

MIDDLE = 6  # level of a cell that knows nothing; levels are 0..12
ODDS_X2 = (3, 8, 22, 64, 200, 600)
SEEN_LIMIT = 255

JOINT_PRIOR = 4096
JOINT_INCREMENT = 64
JOINT_LIMIT = 32768
# Hits expected of JOINT_PRIOR by how far the levels sum to above the middle:
# 4096 / (1 + exp(-3/8 * sum)), rounded to nearest.
HITS_EXPECTED = (
    2048, 2428, 2782, 3092, 3349, 3551, 3705, 3819, 3902, 3960, 4002, 4031, 4051, 4065, 4075,
    4081, 4086, 4089, 4091,
)  # fmt: skip


@dataclass
class Cell:
    """How often a candidate was missed and hit where a set sees the same; sum at most 255."""

    seen: list[int] = field(default_factory=lambda: [0, 0])
    count: list[int] = field(default_factory=lambda: [0, 0])

    def level(self) -> int:
        """Steps from the middle by the odds of the more frequent outcome."""
        fewer, more = sorted(self.seen)
        steps = sum(2 * (5 * more + 2) >= odds * (5 * fewer + 2) for odds in ODDS_X2)
        return MIDDLE + steps if self.seen[1] > self.seen[0] else MIDDLE - steps

    def end_band(self) -> None:
        seen = [s + c for s, c in zip(self.seen, self.count, strict=True)]
        while sum(seen) > SEEN_LIMIT:
            seen = [s >> 1 for s in seen]
        self.seen, self.count = seen, [0, 0]


class Joint:
    """The learned frequency of a hit where the levels are the same."""

    def __init__(self, levels: tuple[int, int, int]) -> None:
        above = sum(levels) - 3 * MIDDLE
        more = HITS_EXPECTED[abs(above)]
        self.weight = [JOINT_PRIOR - more, more] if above >= 0 else [more, JOINT_PRIOR - more]
        self.count = [0, 0]

    def freq(self) -> int:
        """Of SCALE, 1..SCALE - 1."""
        return min(SCALE - 1, max(1, (self.weight[1] << SCALE_BITS) // sum(self.weight)))

    def end_band(self) -> None:
        pairs = zip(self.weight, self.count, strict=True)
        weight = [w + JOINT_INCREMENT * c for w, c in pairs]
        while sum(weight) > JOINT_LIMIT:
            weight = [(w + 1) >> 1 for w in weight]
        self.weight, self.count = weight, [0, 0]


@dataclass(frozen=True)
class Place:
    """What the neighbours of a sample say: candidates, their symbols, a cell of each set."""

    values: tuple[int, ...]
    symbols: tuple[int, ...]
    cells: tuple[int, int, int]

    def coded(self) -> list[int]:
        """Numbers of the candidates that differ from all earlier ones."""
        return [i for i, value in enumerate(self.values) if value not in self.values[:i]]

    def reduce(self, symbol: int) -> int:
        """The symbol of a sample that is no candidate, renumbered without theirs."""
        return symbol - sum(taken < symbol for taken in set(self.symbols))

    def restore(self, symbol: int) -> int:
        """Undo `reduce`; too large where the symbol was."""
        for taken in sorted(set(self.symbols)):
            symbol += taken <= symbol
        return symbol


class Hits:
    """The tables of hit mode for one tile.

    Parameters
    ----------
    n_candidates : int, 1..4
    prior : Prior
        The tables the contexts start from; these, not what they learn, say what the net thinks of
        a candidate.
    max_sample : int
    quarters : list of int, optional
        The abundance of each value in quarter octaves (`reference_abundance`).
    """

    def __init__(
        self, n_candidates: int, prior: Prior, max_sample: int, quarters: list[int] | None = None
    ) -> None:
        self.n_candidates = n_candidates
        self.max_sample = max_sample
        self.quarters = quarters or [0] * (max_sample + 1)
        self.shift = prior.shift.tolist()
        self.rarity = [
            [rarity(freq, extra_bits(token) + shift) for token, freq in enumerate(row)]
            for shift, row in zip(self.shift, prior.freq.tolist(), strict=True)
        ]
        self.cells: dict[tuple[int, int, int], Cell] = {}
        self.levels: dict[tuple[int, int, int], int] = {}
        self.joints: dict[tuple[int, ...], Joint] = {}
        self.freqs: dict[tuple[int, ...], int] = {}

    def look(self, at: dict[str, int], prediction: int, context: int, flip: bool) -> Place:
        """Place of a sample whose NEIGHBOURS have these values, 0..max_sample."""
        values = tuple(at[name] for name in CANDIDATES)
        symbols = [fold(value, prediction, self.max_sample, flip) for value in values]
        equal = digits([at[a] == at[b] for a, b in PAIRS], 2)
        near = equal >> (len(PAIRS) - N_NEAR)
        group = sum(context >= first for first in SCALE_GROUPS)
        shift = self.shift[context]
        w, n, ne = (
            closeness(self.rarity[context][token_of(symbol >> shift)] - self.quarters[value])
            for symbol, value in zip(symbols[:3], values[:3], strict=True)
        )
        texture = digits([2 + max(-2, min(2, at[a] - at[b])) for a, b in DIFFERENCES], 5)
        close = ((near * 8 + w) * 8 + n) * 3 + (ne >= 3) + (ne >= 5)
        count = self.n_candidates
        return Place(values[:count], tuple(symbols[:count]), (4 * equal + group, close, texture))

    def freq(self, candidate: int, place: Place) -> int:
        """Frequency of a flag 1, of SCALE."""
        joint = self._joint(candidate, place)
        return self.freqs.get(joint) or Joint(joint[1:]).freq()

    def _joint(self, candidate: int, place: Place) -> tuple[int, int, int, int]:
        cells = [(candidate, set_, cell) for set_, cell in enumerate(place.cells)]
        a, b, c = (self.levels.get(cell, MIDDLE) for cell in cells)
        return candidate, a, b, c

    def count(self, candidate: int, place: Place, flag: int) -> None:
        for set_, cell in enumerate(place.cells):
            self.cells.setdefault((candidate, set_, cell), Cell()).count[flag] += 1
        joint = self._joint(candidate, place)
        self.joints.setdefault(joint, Joint(joint[1:])).count[flag] += 1

    def end_band(self) -> None:
        """Learn what the band has counted."""
        for cell in self.cells.values():
            cell.end_band()
        for joint in self.joints.values():
            joint.end_band()
        self.levels = {key: cell.level() for key, cell in self.cells.items()}
        self.freqs = {key: joint.freq() for key, joint in self.joints.items()}

    def flags(self, place: Place, sample: int) -> list[tuple[int, int, int]]:
        """(candidate, freq, flag) of the flags of a known sample, counted."""
        found = []
        for candidate in place.coded():
            flag = int(sample == place.values[candidate])
            found.append((candidate, self.freq(candidate, place), flag))
            self.count(candidate, place, flag)
            if flag:
                break
        return found

    def decode(self, stream: RansDecoder, place: Place) -> int | None:
        """Read the flags of a sample: its value, or None if it is no candidate."""
        for candidate in place.coded():
            flag = stream.decode_flag(self.freq(candidate, place))
            self.count(candidate, place, flag)
            if flag:
                return place.values[candidate]
        return None


def rarity(freq: int, n_raw: int) -> int:
    """Quarter octaves by which a token, its raw bits shared out, is less likely than certain."""
    return sum(freq < (QUARTERS[i % 4] << n_raw) >> (i // 4) for i in range(1, RAREST + 1))


def closeness(rare: int) -> int:
    """0 for a value that the prior expects, 7 for one it hardly thinks possible."""
    return sum(rare >= steps for steps in CLOSENESS)


def digits(values: list[int] | list[bool], base: int) -> int:
    """The number with these digits, the first the highest."""
    number = 0
    for value in values:
        number = number * base + value
    return number
