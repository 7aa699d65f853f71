# SPDX-License-Identifier: Apache-2.0
"""What ``compress`` and ``decompress`` share: input to output, and removing the input after."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from medlossless.cli.batch import Batch, Report, TargetExists, open_source, require_regular_file
from medlossless.errors import InvalidInput

STDIN = STDOUT = "-"

Rename = Callable[[str], str]
Call = Callable[[Any, Any], Any]
"""(source, target) as the api takes them -> the api's Result."""


@dataclass
class Transfer:
    """One run of ``compress`` or ``decompress`` over its files.

    Parameters
    ----------
    output : str or None
        What -o named: a file, a directory or ``-``; None is "next to each input".
    verifies : bool
        Whether a corrupt stream can only be one that was just made and is being verified.
    rename : callable
        Input name -> output name; raises InvalidInput when the name does not say.
    call : callable
        The api function with every option but source and target filled in.
    describe : callable
        (source, result, target name) -> the line for people.
    """

    output: str | None
    force: bool
    remove: bool
    verbose: bool
    verifies: bool
    rename: Rename
    call: Call
    describe: Callable[[str, Any, str], str]
    written: dict[str, str] = field(default_factory=dict)
    results: list[Any] = field(default_factory=list)

    def __call__(self, source: str) -> Report:
        """Transfer one file."""
        opened = open_source(source)
        name = self._name_target(source)
        before = None if source == STDIN else os.stat(source)
        if name == STDOUT:
            result = self.call(opened, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            self._check_target(source, name)
            result = self.call(opened, name)
            self.written[os.path.realpath(name)] = source
        self.results.append(result)
        notes = [result.note] if result.note else []
        if self.verbose:
            notes.append(describe_sha256(result))
        return Report(
            line=self.describe(source, result, "stdout" if name == STDOUT else name),
            record=record_result(result, None if name == STDOUT else name),
            notes=tuple(notes),
            warning=self._remove(source, before, result) if self.remove else "",
        )

    def _name_target(self, source: str) -> str:
        if self.output is None:
            return STDOUT if source == STDIN else self.rename(source)
        if not os.path.isdir(self.output):
            return self.output
        if source == STDIN:
            raise InvalidInput(f"stdin has no name to be given in the directory {self.output}")
        return os.path.join(self.output, self.rename(os.path.basename(source)))

    def _check_target(self, source: str, name: str) -> None:
        first = self.written.get(os.path.realpath(name))
        if first is not None:
            raise InvalidInput(f"would overwrite {name}, just written from {first}")
        folder = os.path.dirname(name) or os.curdir
        if not os.path.isdir(folder):
            problem = "not a directory" if os.path.lexists(folder) else "no such directory"
            raise InvalidInput(f"{folder}: {problem}")
        if not os.path.lexists(name) or is_special(name):
            return
        if source != STDIN and os.path.exists(name) and os.path.samefile(source, name):
            raise InvalidInput(f"input and output are the same file: {name}")
        if not self.force:
            raise TargetExists(f"{name} exists, -f overwrites it")

    def _remove(self, source: str, before: os.stat_result | None, result: Any) -> str:
        """Remove a source that can be restored; otherwise return why it was kept."""
        if result.guarantee != "file-exact":
            return f"kept: the stream is {result.guarantee}, it would not restore this very file"
        if not result.verified:
            return "kept: the output was not verified"
        if before is None or not is_unchanged(before, require_regular_file(source)):
            return "kept: it changed while it was being read"
        try:
            os.remove(source)
        except OSError as error:
            return f"kept: {error.strerror}"
        return ""


def run_transfer(args: argparse.Namespace, files: list[str], transfer: Transfer) -> int:
    """Check what the options ask for together, then transfer every file.

    Raises
    ------
    InvalidInput
        If the options contradict each other or the files; nothing has been touched then.
    """
    n_files = len(files)
    to_stdout = transfer.output == STDOUT or (transfer.output is None and STDIN in files)
    into_directory = transfer.output is not None and os.path.isdir(transfer.output)
    if n_files > 1 and transfer.output not in (None, STDOUT) and not into_directory:
        raise InvalidInput(f"-o {transfer.output}: {n_files} inputs need a directory that exists")
    if to_stdout and args.json:
        raise InvalidInput("--json and the output cannot both go to stdout")
    if args.rm and (to_stdout or STDIN in files):
        raise InvalidInput("--rm needs files: it removes neither stdin nor what went to stdout")
    if to_stdout and sys.stdout.isatty() and not args.force:
        raise InvalidInput("stdout is a terminal: no binary data is written to it without -f")
    batch = Batch(
        quiet=args.quiet,
        verbose=args.verbose,
        json=args.json,
        corrupt_is_unverified=transfer.verifies,
    )
    return batch.run(files, transfer)


def select_output(args: argparse.Namespace) -> str | None:
    """Merge -c into -o.

    Raises
    ------
    InvalidInput
        If both are given and differ.
    """
    if args.stdout and args.output not in (None, STDOUT):
        raise InvalidInput("-c and -o name two outputs")
    return STDOUT if args.stdout else args.output


def record_result(result: Any, target: str | None) -> dict[str, Any]:
    """Return the fields of an api Result that belong in JSON."""
    return {
        "target": target,
        "original_bytes": result.original_bytes,
        "stream_bytes": result.stream_bytes,
        "ratio": ratio(result.original_bytes, result.stream_bytes),
        "format": result.format,
        "codec": result.codec,
        "guarantee": result.guarantee,
        "note": result.note,
        "verified": result.verified,
        "seconds": result.seconds,
        "sha256": result.sha256,
        "output_bytes": result.output_bytes,
        "output_sha256": result.output_sha256,
    }


def describe_sha256(result: Any) -> str:
    """Say which file has the sha256 that a stream carries, and how long the work took."""
    whose = "" if result.guarantee == "file-exact" else " of the original file"
    return f"sha256{whose} {result.sha256}, {result.seconds:.2f} s"


def is_special(name: str) -> bool:
    """True for a device or a pipe: it is written to and never replaced."""
    return os.path.exists(name) and not os.path.isfile(name) and not os.path.isdir(name)


def ratio(original_bytes: int, stream_bytes: int) -> float:
    """Original size over stream size; 1.0 for nothing made of nothing."""
    return round(original_bytes / stream_bytes, 4) if stream_bytes else 1.0


def describe_sizes(original_bytes: int, stream_bytes: int) -> str:
    """``41.2 % (1234567 -> 508234 bytes, 2.41x``, to be continued and closed by the caller."""
    share = f"{100 * stream_bytes / original_bytes:.1f} %" if original_bytes else "empty"
    times = f"{ratio(original_bytes, stream_bytes):.2f}x"
    return f"{share} ({original_bytes} -> {stream_bytes} bytes, {times}"


def is_unchanged(before: os.stat_result, after: os.stat_result) -> bool:
    """True if a file is still the one, with the content, that was there before."""
    return all(
        getattr(before, name) == getattr(after, name)
        for name in ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    )
