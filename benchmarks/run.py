# SPDX-License-Identifier: Apache-2.0
"""What ``ratio`` and ``speed`` share: read, measure everything, report what went wrong."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks.cache import SizeCache
from benchmarks.corpus import Series, read_corpus
from benchmarks.measure import Measurement, measure
from benchmarks.results import write_results
from benchmarks.rivals import Rival
from benchmarks.roster import select
from benchmarks.tables import skipped_lines
from benchmarks.timing import Patience


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verbs that measure codecs."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or: pydicom")
    parser.add_argument(
        "--efforts", type=numbers, default=[1, 3, 5, 7, 9], metavar="N,N", help="of medlossless"
    )
    parser.add_argument(
        "--untuned",
        type=numbers,
        default=[5, 9],
        metavar="N,N",
        help="efforts of medlossless with the shipped nets as they are (default: %(default)s)",
    )
    parser.add_argument(
        "--codecs", type=words, default=[], metavar="NAME,NAME", help="default: every codec"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a measurement")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")


def numbers(text: str) -> list[int]:
    """``1,5`` as [1, 5]; nothing as []."""
    return [int(word) for word in words(text)]


def words(text: str) -> list[str]:
    """``a,b`` as ['a', 'b']."""
    return [word.strip() for word in text.split(",") if word.strip()]


def measure_all(
    args: argparse.Namespace, patience: Patience, cache: SizeCache | None = None
) -> list[Measurement]:
    """Measure every codec asked for on every series found.

    Parameters
    ----------
    args : Namespace
        As filled by `add_arguments`.
    patience : Patience
    cache : SizeCache or None

    Returns
    -------
    list of Measurement

    Raises
    ------
    SystemExit
        If nothing can be compared, or a codec asked for by name is missing.
    """
    rivals, missing = select(args.codecs, args.efforts, args.untuned)
    for name, reason in missing.items():
        print(f"not installed: {name} ({reason})")
    if missing and args.codecs:
        raise SystemExit(2)
    series, skipped = read_corpus(args.paths)
    for line in skipped_lines(skipped):
        print(line)
    if not series or not rivals:
        raise SystemExit("nothing to compare")
    pairs = [(rival, one) for one in series for rival in rivals]
    return [measure(rival, one, patience=patience, cache=cache) for rival, one in _progress(pairs)]


def _progress(pairs: list[tuple[Rival, Series]]) -> Iterable[tuple[Rival, Series]]:
    """The pairs, with a bar on the terminal while they are used up."""
    if not sys.stderr.isatty():
        yield from pairs
        return
    import rich.console
    import rich.progress

    with rich.progress.Progress(console=rich.console.Console(stderr=True)) as bar:
        task = bar.add_task("", total=len(pairs))
        for rival, one in pairs:
            bar.update(task, description=f"{rival.name} {one.modality}")
            yield rival, one
            bar.advance(task)


def conclude(args: argparse.Namespace, measurements: list[Measurement]) -> int:
    """Write the CSV, name every failure; the exit code."""
    if args.csv:
        write_results(args.csv, measurements, args.command)
        print(f"wrote {args.csv}")
    failures = [one for one in measurements if one.failure]
    for one in failures:
        print(f"NOT OK: {one.codec} on {one.series.name}: {one.failure}")
    n_coded = sum(bool(one.sizes) and not one.failure for one in measurements)
    print(f"{n_coded} measurements, {len(failures)} failures")
    return 1 if failures else 0
