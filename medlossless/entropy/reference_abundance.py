# SPDX-License-Identifier: Apache-2.0
"""Abundances, defined: a sample of hit mode that is no candidate is coded by its value.

Each value of the plane has an abundance: how much more often it is seen than a smooth density
says, as display curves make it. The share of a value is the density at its residual times its
abundance, and 0 for the candidates that had a flag. The densities come from the adaptive tables
of the contexts, with residuals numbered 0, -1, 1, -2, 2 ... whatever the range of the samples.

Values are coded in two steps, the group of 16 and the value in it, with frequencies in proportion
to the shares.
"""

from __future__ import annotations

from .prior import SCALE, Prior
from .reference_hits import Place
from .reference_model import Model, split, token_of
from .reference_streams import RansDecoder

MAX_SAMPLE = 1023
GROUP = 16
OCTAVE = (256, 304, 362, 431)  # 256 times powers of 2^(1/4)
DENSITY_BITS = 2  # kept below a frequency


def times(quarters: int) -> int:
    """An abundance of so many quarter octaves, -32..24, as a factor: 256 is 1."""
    octave, quarter = divmod(quarters, 4)
    return OCTAVE[quarter] << octave if octave >= 0 else OCTAVE[quarter] >> -octave


def freqs(shares: list[int]) -> list[int]:
    """Frequencies of sum SCALE, each at least 1; the last one takes what is left."""
    scale = ((SCALE - len(shares)) << 32) // max(1, sum(shares))
    found = [1 + (share * scale >> 32) for share in shares[:-1]]
    return [*found, SCALE - sum(found)]


def symbol_of(value: int, prediction: int, flip: bool) -> int:
    """Number of a residual: both signs go on without end."""
    residual = prediction - value if flip else value - prediction
    return -2 * residual - 1 if residual < 0 else 2 * residual


class Abundance:
    """The tables of one tile.

    Parameters
    ----------
    prior : Prior
    quarters : list of int
        The abundance of each value 0..max_sample in quarter octaves, -32..24.
    increment, limit : int
    """

    def __init__(self, prior: Prior, quarters: list[int], increment: int, limit: int) -> None:
        self.times = [times(quarter) for quarter in quarters]
        self.model = Model(prior, 2 * (len(quarters) - 1), increment, limit)

    def shares(self, place: Place, prediction: int, context: int, flip: bool) -> list[int]:
        """The share of each value where none of the place's candidates is right."""
        table, shift = self.model.tables[context], self.model.shift[context]
        found = []
        for value, factor in enumerate(self.times):
            token, _, n_raw = split(symbol_of(value, prediction, flip), shift)
            density = max(1, (table.freq[token] << DENSITY_BITS) >> n_raw)
            found.append(0 if value in place.values else density * factor)
        return found

    def steps(self, shares: list[int], value: int) -> list[tuple[int, int]]:
        """(freq, cum) of the two steps of a value."""
        group = value // GROUP
        groups = freqs([sum(part) for part in cut(shares)])
        inside = freqs(cut(shares)[group])
        at = value % GROUP
        return [(groups[group], sum(groups[:group])), (inside[at], sum(inside[:at]))]

    def decode(self, stream: RansDecoder, shares: list[int]) -> int:
        """Read a value."""
        group = stream.decode_one_of(freqs([sum(part) for part in cut(shares)]))
        return GROUP * group + stream.decode_one_of(freqs(cut(shares)[group]))

    def count(self, value: int, prediction: int, context: int, flip: bool) -> None:
        symbol = symbol_of(value, prediction, flip)
        self.model.count[context][token_of(symbol >> self.model.shift[context])] += 1

    def end_band(self) -> None:
        """Learn what the band has counted."""
        self.model.end_band()


def cut(shares: list[int]) -> list[list[int]]:
    """Groups of 16 values, the last one perhaps smaller."""
    return [shares[at : at + GROUP] for at in range(0, len(shares), GROUP)]
