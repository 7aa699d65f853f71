# SPDX-License-Identifier: Apache-2.0
"""Many files, one exit code: a file that fails is named and does not stop the others."""

from __future__ import annotations

import enum
import json
import os
import stat
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from medlossless.errors import CorruptStream, MedlosslessError, VerificationFailed

SCRATCH_PREFIX = ".medlossless-"  # of the temporary files that the api writes
SUCCESS, FAILURE, INCOMPLETE, UNVERIFIED, INTERRUPTED = 0, 1, 2, 3, 130


class Outcome(enum.Enum):
    """How one file ended; the value is the word used in JSON."""

    DONE = "ok"
    WARNED = "warned"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNVERIFIED = "verification failed"


class Skipped(Exception):
    """Raised by a verb for a file it leaves alone on purpose; the text says why."""


class TargetExists(Skipped):
    """The output is there already: work done before, not a failure even if all files end so."""


@dataclass(frozen=True)
class Report:
    """What a verb says about one file.

    Parameters
    ----------
    line : str
        For people, on stderr; empty when the verb has printed for itself.
    record : dict
        For programs, with --json on stdout; `source` and `status` are added.
    notes : tuple of str
        What the user should know but need not act upon; said unless --quiet.
    warning : str
        What the user should act upon; makes the exit status 2.
    """

    line: str
    record: dict[str, Any]
    notes: tuple[str, ...] = ()
    warning: str = ""


@dataclass
class Batch:
    """Runs a verb over files, prints what happened, remembers how each one ended."""

    quiet: bool = False
    verbose: bool = False
    json: bool = False
    corrupt_is_unverified: bool = False
    outcomes: list[Outcome] = field(default_factory=list)
    n_existing: int = 0

    def run(self, sources: Iterable[str], verb: Callable[[str], Report]) -> int:
        """Call `verb` with each source and return the exit status of them all."""
        for source in sources:
            try:
                report = verb(source)
            except (KeyboardInterrupt, BrokenPipeError):
                raise
            except Exception as error:
                self.outcomes.append(self._report_error(source, error))
            else:
                self.outcomes.append(self._report_result(source, report))
        return self.status

    @property
    def status(self) -> int:
        """The exit status for the outcomes so far."""
        found = set(self.outcomes)
        if Outcome.UNVERIFIED in found:
            return UNVERIFIED
        if Outcome.FAILED in found or (found == {Outcome.SKIPPED} and not self.n_existing):
            return FAILURE
        return INCOMPLETE if found & {Outcome.SKIPPED, Outcome.WARNED} else SUCCESS

    def _report_result(self, source: str, report: Report) -> Outcome:
        outcome = Outcome.WARNED if report.warning else Outcome.DONE
        if self.json:
            self._print_record(source, outcome, report.record)
        elif report.line and not self.quiet:
            print(report.line, file=sys.stderr)
        if not self.quiet:
            for note in report.notes:
                print_message(source, note)
        if report.warning:
            print_message(source, f"warning: {report.warning}")
        return outcome

    def _report_error(self, source: str, error: Exception) -> Outcome:
        outcome = self._classify(error)
        self.n_existing += isinstance(error, TargetExists)
        text = describe(source, error)
        print_message(source, f"{text} (skipped)" if outcome is Outcome.SKIPPED else text)
        if self.verbose and is_internal(error):
            traceback.print_exception(error)
        if self.json:
            record = {"error": type(error).__name__, "message": text}
            self._print_record(source, outcome, record)
        return outcome

    def _classify(self, error: Exception) -> Outcome:
        if isinstance(error, Skipped):
            return Outcome.SKIPPED
        if isinstance(error, VerificationFailed):
            return Outcome.UNVERIFIED
        if self.corrupt_is_unverified and isinstance(error, CorruptStream):
            return Outcome.UNVERIFIED
        return Outcome.FAILED

    def _print_record(self, source: str, outcome: Outcome, record: dict[str, Any]) -> None:
        print(json.dumps({"source": source, "status": outcome.value, **record}), flush=True)


def is_internal(error: Exception) -> bool:
    """True for an exception that nobody raised on purpose."""
    return not isinstance(error, (Skipped, MedlosslessError, OSError, MemoryError))


def describe(source: str, error: Exception) -> str:
    """Say in one line what went wrong, without repeating the name of the source."""
    if isinstance(error, OSError) and error.strerror:
        place = None if error.filename is None else name_place(error.filename)
        return error.strerror if place in (None, source) else f"{place}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "not enough memory"
    text = str(error) or type(error).__name__
    return f"internal error: {type(error).__name__}: {text}" if is_internal(error) else text


def name_place(filename: Any) -> str:
    """The file of an OSError, or the directory of one whose name nobody gave."""
    folder, name = os.path.split(os.fsdecode(filename))
    scratch = name.startswith(SCRATCH_PREFIX)
    return f"directory {folder or os.curdir}" if scratch else os.fsdecode(filename)


def print_message(source: str, text: str) -> None:
    """Print ``medlossless: SOURCE: TEXT`` on stderr."""
    print(f"medlossless: {source}: {text}", file=sys.stderr)


def print_error(error: Exception) -> int:
    """Print a failure that belongs to no file and return its exit status."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    print(f"medlossless: {text}", file=sys.stderr)
    return FAILURE


def require_regular_file(source: str) -> os.stat_result:
    """Return the status of an input file.

    Raises
    ------
    Skipped
        If it is a directory, a pipe or a device.
    OSError
        If it is not there.
    """
    status = os.stat(source)
    if stat.S_ISDIR(status.st_mode):
        raise Skipped("is a directory: name the files in it, or give a list with --filelist")
    if not stat.S_ISREG(status.st_mode):
        raise Skipped("is not a regular file; name it '-' and redirect stdin to it")
    return status


def open_source(source: str) -> Any:
    """Return what the api is given for a name: the name, or stdin's binary stream for ``-``.

    Raises
    ------
    Skipped
        As `require_regular_file` does; also if stdin is a terminal.
    """
    if source != "-":
        require_regular_file(source)
        return source
    if sys.stdin.isatty():
        raise Skipped("stdin is a terminal")
    return sys.stdin.buffer
