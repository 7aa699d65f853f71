# SPDX-License-Identifier: Apache-2.0
"""``memory``: files larger than the memory allowed, through the command line, with peak memory.

The peak is the resident set that the system reports of the child process when it has ended
(getrusage), pages of mapped files included.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bulk import FORMATS, write_bulk
from benchmarks.results import RUN, about_run, write_rows
from benchmarks.run import words
from benchmarks.tables import Table, show

SUMMARY = "peak memory of compress and decompress on files of gigabytes"
MIB = 1 << 20
PIECE_BYTES = 1 << 22
FIRST_MIB, OTHERS_MIB = 2048, 512  # sizes by default: of the first format, of the others
# A process begins with the peak of the one that starts it, so that must be a small one.
LAUNCHER = """
import resource, subprocess, sys
status = subprocess.run([sys.executable, *sys.argv[1:]], stdout=sys.stderr).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
COLUMNS = (
    *RUN,
    "format",
    "effort",
    "threads",
    "verb",
    "bytes_in",
    "bytes_out",
    "seconds",
    "peak_mib",
    "limit_mib",
    "remark",
)


@dataclass(frozen=True)
class Stage:
    """One verb on one file; `failure` is empty if all is well."""

    format: str
    verb: str
    bytes_in: int
    bytes_out: int
    seconds: float
    peak_bytes: int
    failure: str


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--formats",
        type=words,
        default=list(FORMATS),
        metavar="NAME,NAME",
        help=f"default: {','.join(FORMATS)}",
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="MIB",
        help=f"of each file; default: {FIRST_MIB} for the first, {OTHERS_MIB} for the others",
    )
    parser.add_argument("--effort", type=int, default=1, metavar="1..9")
    parser.add_argument("--threads", type=int, default=1, metavar="N")
    parser.add_argument("--limit", type=int, default=1024, metavar="MIB", help="default: 1024")
    parser.add_argument("--folder", type=Path, help="for the files, removed afterwards")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a verb and file")


def run(args: argparse.Namespace) -> int:
    """Print a table; 1 if a file did not come back or took more memory than the limit."""
    unknown = set(args.formats) - set(FORMATS)
    if unknown or not args.formats:
        raise FileNotFoundError(f"formats {args.formats}: expected some of {', '.join(FORMATS)}")
    stages: list[Stage] = []
    for number, name in enumerate(args.formats):
        mib = args.size or (OTHERS_MIB if number else FIRST_MIB)
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            path = Path(folder, f"bulk.{name}")
            write_bulk(path, name, mib * MIB)
            for stage in measure(path, name, args):
                stages.append(stage)
                print(_line(stage), flush=True)
    if args.csv:
        run_of = about_run(args.command)
        write_rows(args.csv, COLUMNS, (run_of | _row(stage, args) for stage in stages))
        print(f"wrote {args.csv}")
    show(_table(stages, args))
    failures = [stage for stage in stages if stage.failure]
    for stage in failures:
        print(f"NOT OK: {stage.verb} {stage.format}: {stage.failure}")
    print(f"{len(stages)} runs, {len(failures)} failures")
    return 1 if failures else 0


def measure(path: Path, name: str, args: argparse.Namespace) -> Iterator[Stage]:
    """Compress a file, which verifies it, then decompress it elsewhere and compare the bytes."""
    stream, back = path.with_suffix(".mls"), path.with_name("back")
    coding = ["-e", str(args.effort)]
    for verb, source, target, options in (
        ("compress", path, stream, coding),
        ("decompress", stream, back, []),
    ):
        started = time.monotonic()
        command = [verb, "-q", "-T", str(args.threads), *options]
        status, peak_bytes = run_child([*command, str(source), "-o", str(target)])
        seconds = time.monotonic() - started
        if status:
            yield Stage(name, verb, source.stat().st_size, 0, seconds, peak_bytes, f"exit {status}")
            return
        failure = ""
        if peak_bytes > args.limit * MIB:
            failure = f"{peak_bytes / MIB:.0f} MiB, the limit is {args.limit}"
        if target == back and not is_equal(path, back):
            failure = "the restored bytes differ"
        size = source.stat().st_size, target.stat().st_size
        yield Stage(name, verb, *size, seconds, peak_bytes, failure)


def run_child(arguments: list[str]) -> tuple[int, int]:
    """Run the command line in a process of its own; its exit status and peak memory [bytes]."""
    import medlossless

    folder = str(Path(medlossless.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-S", "-c", LAUNCHER, "-m", "medlossless", *arguments],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    status, peak = map(int, done.stdout.split())
    return status, peak * (1 if sys.platform == "darwin" else 1024)


def is_equal(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes; neither is held in memory."""
    with one.open("rb") as a, other.open("rb") as b:
        while True:
            piece = a.read(PIECE_BYTES)
            if piece != b.read(PIECE_BYTES):
                return False
            if not piece:
                return True


def _line(stage: Stage) -> str:
    peak, size = stage.peak_bytes / MIB, stage.bytes_in / MIB
    return f"{stage.verb} {stage.format}: {size:.0f} MiB, {stage.seconds:.1f} s, peak {peak:.0f}"


def _table(stages: list[Stage], args: argparse.Namespace) -> Table:
    rows = [
        [
            f"{stage.verb} {stage.format}",
            f"{stage.bytes_in / MIB:.1f}",
            f"{stage.bytes_out / MIB:.1f}",
            f"{stage.seconds:.1f}",
            f"{stage.peak_bytes / MIB:.0f}",
            stage.failure or ("bytes are equal" if stage.verb == "decompress" else "verified"),
        ]
        for stage in stages
    ]
    title = f"Memory, effort {args.effort}, threads {args.threads}, limit {args.limit} MiB"
    return Table(title, ["", "MiB in", "MiB out", "seconds", "peak MiB", "outcome"], rows)


def _row(stage: Stage, args: argparse.Namespace) -> dict:
    return {
        "format": stage.format,
        "effort": args.effort,
        "threads": args.threads,
        "verb": stage.verb,
        "bytes_in": stage.bytes_in,
        "bytes_out": stage.bytes_out,
        "seconds": f"{stage.seconds:.2f}",
        "peak_mib": f"{stage.peak_bytes / MIB:.1f}",
        "limit_mib": args.limit,
        "remark": f"FAILED: {stage.failure}" if stage.failure else "",
    }
