# SPDX-License-Identifier: Apache-2.0
"""How fast codecs are: samples a second, and ratios over common series."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchmarks.measure import Measurement
from benchmarks.summary import geometric_mean

_CLOCK_TICK_S = 1e-9  # a call may be over before the clock moves

DIRECTIONS = ("encode", "decode")
Found = dict[str, Measurement]  # by name of the series


@dataclass(frozen=True)
class Rate:
    """Samples coded and the CPU seconds spent on them; None where they were not measured."""

    n_samples: int
    encode_s: float | None
    decode_s: float | None

    @classmethod
    def of(cls, measurements: list[Measurement]) -> Rate:
        return cls(
            sum(one.series.array.size for one in measurements),
            _total([one.encode_s for one in measurements]),
            _total([one.decode_s for one in measurements]),
        )

    def mp_s(self, direction: str) -> float:
        """Million samples a second; nan where it was not measured."""
        seconds = self.encode_s if direction == "encode" else self.decode_s
        if seconds is None:
            return math.nan
        return self.n_samples / max(seconds, _CLOCK_TICK_S) / 1e6


def _total(seconds: list[float | None]) -> float | None:
    known = [one for one in seconds if one is not None]
    return sum(known) if len(known) == len(seconds) else None


def by_codec(measurements: list[Measurement]) -> dict[str, Found]:
    """The valid measurements with CPU times, by codec and series."""
    coded: dict[str, Found] = {}
    for one in measurements:
        if one.sizes and not one.failure and one.decode_s is not None and one.clock == "cpu":
            coded.setdefault(one.codec, {})[one.series.name] = one
    return coded


def rate_ratio(ours: Found, theirs: Found, direction: str) -> float:
    """MP/s over a rival's, over the series that both coded; nan if there are none."""
    common = [name for name in ours if name in theirs]
    if not common:
        return math.nan
    our_rate = Rate.of([ours[name] for name in common])
    their_rate = Rate.of([theirs[name] for name in common])
    return our_rate.mp_s(direction) / their_rate.mp_s(direction)


def mean_rate_ratio(ours: Found, theirs: Found, direction: str) -> float:
    """Geometric mean of the ratio over the series that both coded; nan if there are none."""
    return geometric_mean(
        [
            rate_ratio({name: one}, {name: theirs[name]}, direction)
            for name, one in ours.items()
            if name in theirs
        ]
    )


def number(value: float) -> str:
    """Two decimals, or a dash for nan."""
    return "-" if math.isnan(value) else f"{value:.2f}"
