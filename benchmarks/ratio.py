# SPDX-License-Identifier: Apache-2.0
"""``ratio``: how small every codec makes every series."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.cache import SizeCache
from benchmarks.measure import jxl_best
from benchmarks.run import add_arguments, conclude, measure_all
from benchmarks.summary import (
    Sizes,
    goal_table,
    ratio_table,
    reference_codecs,
    series_table,
    untuned_table,
)
from benchmarks.tables import show
from benchmarks.timing import ONCE

SUMMARY = "sizes in bits per sample, and ratios between codecs; every stream is verified"


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
    tables += filter(None, (untuned_table(sizes), goal_table(sizes)))
    for table in tables:
        show(table, markdown=args.markdown)
    if cache:
        print(f"sizes of rivals may come from {args.cache}: verified when made, not in this run")
    else:
        print("every stream was decoded and compared bit for bit in this run")
    return conclude(args, measurements)
