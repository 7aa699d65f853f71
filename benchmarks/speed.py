# SPDX-License-Identifier: Apache-2.0
"""``speed``: million samples per CPU second of one thread."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from benchmarks.forced import kernel_in_use, measure_forced
from benchmarks.measure import Measurement
from benchmarks.rates import DIRECTIONS, Rate, by_codec, number, rate_ratio
from benchmarks.run import add_arguments, conclude, measure_all, words
from benchmarks.tables import Table, show
from benchmarks.threads import measure_threads, threads_table
from benchmarks.timing import BEST_OF_THREE
from benchmarks.verdicts import speed_goal_table

SUMMARY = "encode and decode speed in million samples (MP) per CPU second of one thread"
REFERENCES = ("jpegls", "jpegls-p16", "jxl-e7", "tomoz")


def configure(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)
    parser.add_argument(
        "--kernels",
        type=words,
        metavar="NAME,NAME",
        help="kernels to force one after the other (default: all of this processor; '' for none)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=2,
        metavar="N",
        help="compare one thread with so many, by the clock on the wall; 1 does not"
        " (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """Measure with repetitions, print the tables, write the CSV; 1 on any wrong decode."""
    measurements = measure_all(args, BEST_OF_THREE)
    if any(one.streams for one in measurements):
        measurements += measure_forced(measurements, _kernels(args.kernels), BEST_OF_THREE)
        print(f"where no kernel is named medlossless ran {kernel_in_use()}")
    threaded = measure_threads(measurements, args.threads, BEST_OF_THREE)
    tables = [speed_table(measurements), speed_goal_table(measurements), threads_table(threaded)]
    for table in filter(None, tables):
        show(table, markdown=args.markdown)
    return conclude(args, measurements + threaded)


def _kernels(asked: list[str] | None) -> Iterable[str]:
    if asked is not None:
        return asked
    from medlossless.predict._kernel import available_kernels

    return available_kernels()


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
