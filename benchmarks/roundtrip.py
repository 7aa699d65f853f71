# SPDX-License-Identifier: Apache-2.0
"""``roundtrip``: every file through ``compress`` and ``decompress``, compared byte for byte."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus import find_files
from benchmarks.tables import Table, show

SUMMARY = "restore every file byte for byte through the public functions"


@dataclass(frozen=True)
class Trip:
    """What happened to one file; `failure` is empty if it came back."""

    path: Path
    format: str
    original_bytes: int
    stream_bytes: int
    note: str = ""
    failure: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or: pydicom")
    parser.add_argument("--effort", type=int, default=1, metavar="1..9")
    parser.add_argument("--coder", choices=("ans", "huffman"), default="ans")
    parser.add_argument("--notes", action="store_true", help="print what compress had to say")


def run(args: argparse.Namespace) -> int:
    """Print ``restored N of N``; 1 if any file did not come back."""
    from medlossless import compress, decompress

    trips = []
    for _, path in find_files(args.paths):
        trips.append(round_trip(path, compress, decompress, effort=args.effort, coder=args.coder))
        if trips[-1].failure:
            print(f"NOT OK: {path}: {trips[-1].failure}")
        elif args.notes and trips[-1].note:
            print(f"{path.name}: {trips[-1].note}")
        sys.stdout.flush()
    if not trips:
        print("no files")
        return 1
    return report(trips)


def round_trip(path: Path, compress: Callable, decompress: Callable, **settings) -> Trip:
    """Compress one file, decompress the stream elsewhere, compare with the original's bytes.

    Parameters
    ----------
    path : Path
    compress, decompress : the public functions of medlossless
    settings : passed to ``compress``

    Returns
    -------
    Trip
        Never raises for what the codec does: its exceptions end in ``failure``.
    """
    original = path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        stream, back = Path(folder, "stream.mls"), Path(folder, "back")
        try:
            # The comparison below is the verification; compress need not decode as well.
            result = compress(path, stream, verify=False, **settings)
            decompress(stream, back)
        except Exception as error:
            return Trip(path, "?", len(original), 0, failure=f"{type(error).__name__}: {error}")
        failure = "" if back.read_bytes() == original else "restored bytes differ"
        n_bytes = stream.stat().st_size
        return Trip(path, result.format, len(original), n_bytes, result.note, failure)


def report(trips: list[Trip]) -> int:
    """Totals by format and the line that counts; the exit code."""
    rows = []
    for name, count in sorted(Counter(trip.format for trip in trips).items()):
        members = [trip for trip in trips if trip.format == name]
        before = sum(trip.original_bytes for trip in members)
        after = sum(trip.stream_bytes for trip in members)
        ratio = f"{after / before:.3f}" if before else "-"
        rows.append([name, str(count), str(before), str(after), ratio])
    show(Table("Files by format", ["format", "files", "bytes in", "bytes out", "out/in"], rows))
    restored = sum(not trip.failure for trip in trips)
    n_in = sum(trip.original_bytes for trip in trips)
    n_out = sum(trip.stream_bytes for trip in trips)
    n_opaque = sum(trip.format == "opaque" for trip in trips)
    print(f"bytes in {n_in}, out {n_out}; opaque files {n_opaque}")
    print(f"restored {restored} of {len(trips)}")
    return 0 if restored == len(trips) else 1
