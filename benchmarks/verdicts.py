# SPDX-License-Identifier: Apache-2.0
"""What was measured beside what is wanted (`goals`)."""

from __future__ import annotations

import math

from benchmarks.goals import (
    GOALS,
    GROUPS,
    SERIES_SLICES,
    SMALLER_EVERYWHERE,
    SPEED_GOALS,
    UNTUNED_BARS,
    SpeedGoal,
    group_of,
)
from benchmarks.measure import Measurement
from benchmarks.rates import (
    DIRECTIONS,
    Found,
    Rate,
    by_codec,
    mean_rate_ratio,
    number,
    rate_ratio,
)
from benchmarks.summary import Sizes, geometric_mean
from benchmarks.tables import Table


def goal_table(sizes: Sizes, timed: list[Measurement]) -> Table | None:
    """Sizes and speeds of each effort beside the goals; None if no effort with a goal was measured.

    Parameters
    ----------
    sizes : Sizes
    timed : list of Measurement
        Where speeds come from; a speed is left out where a rival has no times.
    """
    rows, coded = [], by_codec(timed)
    for effort, (rival, goals) in GOALS.items():
        codec = f"medlossless-e{effort}"
        if codec not in sizes.codecs or rival not in sizes.codecs:
            continue
        cells = []
        for group, goal in zip(GROUPS, goals, strict=False):
            members = [one for one in sizes.series if group_of(one) == group]
            cells.append(_beside(sizes.ratios(codec, rival, members), goal))
        speeds = [_speed_cell(codec, direction, coded) for direction in DIRECTIONS]
        rows.append([codec, rival, *cells, *speeds])
    if not rows:
        return None
    notes = [
        "geometric means over the series; speed as a multiple of another codec's CPU speed, or MP/s"
    ]
    columns = ["codec", "size over", *GROUPS[:4], *DIRECTIONS]
    return Table("Measured / goal", columns, rows, notes)


def _speed_cell(codec: str, direction: str, coded: dict[str, Found]) -> str:
    """``0.21 x jpegls / 1.20 MISSED``, for every goal of a codec and direction."""
    cells = []
    for goal in SPEED_GOALS:
        if (goal.codec, goal.direction) == (codec, direction) and codec in coded:
            value = _measured(goal, coded)
            if not math.isnan(value):
                over = f" x {goal.rival}" if goal.rival else " MP/s"
                cells.append(f"{value:.2f}{over} / {goal.least:.2f} {_verdict(value, goal)}")
    return "; ".join(cells) or "-"


def series_goal_table(sizes: Sizes) -> Table | None:
    """Whether an effort is smaller than others on every single series; None if not measured."""
    rows = []
    for codec, rival in SMALLER_EVERYWHERE:
        ratios = {one.name: sizes.ratios(codec, rival, [one]) for one in sizes.series}
        known = {name: found[0] for name, found in ratios.items() if found}
        if known:
            worst = max(known, key=lambda name: known[name])
            n_larger = sum(ratio > 1 for ratio in known.values())
            verdict = f"MISSED on {n_larger}" if n_larger else "ok"
            rows.append([codec, rival, str(len(known)), verdict, f"{known[worst]:.4f}", worst])
    columns = ["codec", "never larger than", "series", "", "largest ratio", "where"]
    return Table("On every series", columns, rows) if rows else None


def untuned_table(sizes: Sizes) -> Table | None:
    """Ratios of the shipped nets without tuning beside their bars; None if none was measured."""
    codecs = [codec for codec in sizes.codecs if codec.endswith("-untuned")]
    rows = []
    for modality, bars in UNTUNED_BARS.items():
        members = [one for one in sizes.series if one.modality == modality]
        longer = [one for one in members if len(one.array) >= SERIES_SLICES]
        for label, chosen in (("all", members), (f"{SERIES_SLICES} or more slices", longer)):
            for codec in codecs if chosen else []:
                cells = [
                    _beside(sizes.ratios(codec, rival, chosen), bar) for rival, bar in bars.items()
                ]
                rows.append([f"{modality}, {label}", str(len(chosen)), codec, *cells])
    if not rows:
        return None
    columns = ["geometric mean over series", "n", "codec", *next(iter(UNTUNED_BARS.values()))]
    return Table("Shipped nets without tuning, measured / bar", columns, rows)


def _beside(values: list[float], bar: float) -> str:
    """The geometric mean of some ratios, its bar, and whether it is kept."""
    if not values:
        return "-"
    verdict = "ok" if geometric_mean(values) <= bar else "MISSED"
    return f"{geometric_mean(values):.3f} / {bar:.2f} {verdict}"


def speed_goal_table(measurements: list[Measurement]) -> Table | None:
    """What was measured beside what is wanted; None if no codec with a goal was."""
    coded = by_codec(measurements)
    rows = [_goal_row(goal, coded) for goal in SPEED_GOALS if goal.codec in coded]
    columns = ["codec", "what", "over", "measured", "goal", "", "over all samples"]
    notes = ["measured: geometric mean over the series; the last column weighs them by samples"]
    return Table("Speed, measured / goal", columns, rows, notes) if rows else None


def _goal_row(goal: SpeedGoal, coded: dict[str, Found]) -> list[str]:
    found, value = coded[goal.codec], _measured(goal, coded)
    if goal.rival:
        overall = rate_ratio(found, coded.get(goal.rival, {}), goal.direction)
    else:
        overall = Rate.of(list(found.values())).mp_s(goal.direction)
    row = [goal.codec, goal.direction, goal.rival or "MP/s", number(value)]
    return [*row, f"{goal.least:.2f}", _verdict(value, goal), number(overall)]


def _measured(goal: SpeedGoal, coded: dict[str, Found]) -> float:
    """Geometric mean over the series of the ratio to the rival, or of MP/s; nan if unknown."""
    found = coded[goal.codec]
    if goal.rival:
        return mean_rate_ratio(found, coded.get(goal.rival, {}), goal.direction)
    return geometric_mean([Rate.of([one]).mp_s(goal.direction) for one in found.values()])


def _verdict(value: float, goal: SpeedGoal) -> str:
    return "-" if math.isnan(value) else "ok" if value >= goal.least else "MISSED"
