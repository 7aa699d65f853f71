# SPDX-License-Identifier: Apache-2.0
"""``speed``: million samples per CPU second of one thread."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.forced import kernel_in_use, measure_forced
from benchmarks.goals import SPEED_GOALS, SpeedGoal
from benchmarks.measure import Measurement
from benchmarks.run import add_arguments, conclude, measure_all, words
from benchmarks.tables import Table, show
from benchmarks.timing import BEST_OF_THREE

SUMMARY = "encode and decode speed in million samples (MP) per CPU second of one thread"
REFERENCES = ("jpegls", "jpegls-p16", "jxl-e7", "tomoz")
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


def configure(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "--kernels",
        type=words,
        metavar="NAME,NAME",
        help="kernels to force one after the other (default: all of this processor; '' for none)",
    )


def run(args: argparse.Namespace) -> int:
    """Measure with repetitions, print the tables, write the CSV; 1 on any wrong decode."""
    measurements = measure_all(args, BEST_OF_THREE)
    if any(one.streams for one in measurements):
        measurements += measure_forced(measurements, _kernels(args.kernels), BEST_OF_THREE)
        print(f"where no kernel is named medlossless ran {kernel_in_use()}")
    tables = [speed_table(measurements), speed_goal_table(measurements)]
    for table in filter(None, tables):
        show(table, markdown=args.markdown)
    return conclude(args, measurements)


def _kernels(asked: list[str] | None) -> Iterable[str]:
    if asked is not None:
        return asked
    from medlossless.predict._kernel import available_kernels

    return available_kernels()


def by_codec(measurements: list[Measurement]) -> dict[str, Found]:
    """The valid measurements with times, by codec and series."""
    coded: dict[str, Found] = {}
    for one in measurements:
        if one.sizes and not one.failure and one.decode_s is not None:
            coded.setdefault(one.codec, {})[one.series.name] = one
    return coded


def speed_table(measurements: list[Measurement]) -> Table:
    """One row a codec: MP/s over all its series, and ratios to the references.

    A ratio is formed over the series that both codecs coded, so that a codec that refuses a
    slow series gains nothing by it.
    """
    coded = by_codec(measurements)
    references = [name for name in REFERENCES if name in coded]
    rows = []
    for codec, found in coded.items():
        rate = Rate.of(list(found.values()))
        n_bytes = sum(one.n_bytes for one in found.values())
        row = [codec, str(len(found)), f"{8 * n_bytes / rate.n_samples:.3f}"]
        row += [number(rate.mp_s(direction)) for direction in DIRECTIONS]
        for name in references:
            row += [number(rate_ratio(found, coded[name], direction)) for direction in DIRECTIONS]
        rows.append(row)
    columns = ["codec", "series", "bpp", "encode MP/s", "decode MP/s"]
    for name in references:
        columns += [f"enc / {name}", f"dec / {name}"]
    notes = ["CPU time of the process, one thread, the fastest of 3 or more runs (1 if over 8 s)"]
    if any(row[3] == "-" for row in rows):
        notes.append("'-': tuning, which runs on no kernel, is not repeated under forced kernels")
    return Table("Speed", columns, rows, notes)


def rate_ratio(ours: Found, theirs: Found, direction: str) -> float:
    """MP/s over a rival's, over the series that both coded; nan if there are none."""
    common = [name for name in ours if name in theirs]
    if not common:
        return math.nan
    our_rate = Rate.of([ours[name] for name in common])
    their_rate = Rate.of([theirs[name] for name in common])
    return our_rate.mp_s(direction) / their_rate.mp_s(direction)


def number(value: float) -> str:
    """Two decimals, or a dash for nan."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def speed_goal_table(measurements: list[Measurement]) -> Table | None:
    """What was measured beside what is wanted; None if no codec with a goal was."""
    coded = by_codec(measurements)
    rows = [_goal_row(goal, coded) for goal in SPEED_GOALS if goal.codec in coded]
    columns = ["codec", "what", "over", "measured", "goal", ""]
    return Table("Speed, measured / goal", columns, rows) if rows else None


def _goal_row(goal: SpeedGoal, coded: dict[str, Found]) -> list[str]:
    found = coded[goal.codec]
    if goal.rival:
        value = rate_ratio(found, coded.get(goal.rival, {}), goal.direction)
    else:
        value = Rate.of(list(found.values())).mp_s(goal.direction)
    verdict = "-" if math.isnan(value) else "ok" if value >= goal.least else "MISSED"
    row = [goal.codec, goal.direction, goal.rival or "MP/s", number(value)]
    return [*row, f"{goal.least:.2f}", verdict]
