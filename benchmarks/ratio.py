# SPDX-License-Identifier: Apache-2.0
"""``ratio``: how small every codec makes every series."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.cache import SizeCache
from benchmarks.measure import JXL_BEST, Measurement, jxl_best
from benchmarks.results import read_results
from benchmarks.run import add_arguments, conclude, measure_all
from benchmarks.summary import Sizes, ratio_table, reference_codecs, series_table
from benchmarks.tables import show
from benchmarks.timing import ONCE
from benchmarks.verdicts import goal_table, series_goal_table, untuned_table

SUMMARY = "sizes in bits per sample, and ratios between codecs; every stream is verified"
SPEED = Path(__file__).resolve().parent / "results" / "speed.csv"


def configure(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "--cache",
        type=Path,
        metavar="FILE",
        help="keep verified sizes of rivals here and reuse them (not for committed results)",
    )


def run(args: argparse.Namespace) -> int:
    """Measure, print the tables, write the CSV; 1 if any stream did not decode exactly."""
    cache = SizeCache(args.cache) if args.cache else None
    measurements = measure_all(args, ONCE, cache)
    measurements += jxl_best(measurements)
    sizes = Sizes(measurements)
    tables = [series_table(sizes)]
    tables += [ratio_table(sizes, rival) for rival in reference_codecs(sizes)]
    tables += filter(None, (untuned_table(sizes), series_goal_table(sizes)))
    timed, source = _timed(measurements)
    tables += filter(None, [goal_table(sizes, timed)])
    for table in tables:
        show(table, markdown=args.markdown)
    print(f"speeds of the last table: {source}")
    if cache:
        print(f"sizes of rivals may come from {args.cache}: verified when made, not in this run")
    else:
        print("every stream was decoded and compared bit for bit in this run")
    return conclude(args, measurements)


def _timed(measurements: list[Measurement]) -> tuple[list[Measurement], str]:
    """Where speeds come from: this run, or the committed ones where a cache spared the rivals."""
    spared = any(one.sizes and one.decode_s is None for one in measurements if not _derived(one))
    if spared and SPEED.exists():
        results = read_results(SPEED)
        return results.measurements, f"{SPEED.name} of {results.run['date']}"
    return measurements, "this run, in which each call was timed once"


def _derived(one: Measurement) -> bool:
    return one.codec == JXL_BEST
