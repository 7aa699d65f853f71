# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs share, their checks, and the parser class behind them all."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, NoReturn

from medlossless.cli.batch import FAILURE
from medlossless.errors import InvalidInput

EXIT_STATUS = """\
exit status:
  0  success
  1  failure: a file could not be read, coded or written, no name was that of a file to work on,
     or the call was wrong
  2  no failure, but some files were skipped (directories; targets that exist, be it all of them)
     or warned about
  3  verification failed: what decodes is not what was encoded
  130  interrupted; no half-written file is left behind
"""


class VerbParser(argparse.ArgumentParser):
    """An argument parser in which files and options may stand in any order.

    A wrong call ends with status 1, because 2 means "some files were skipped".
    """

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self._intermixed = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # Without this `compress a.dcm -e 3 b.dcm` would be refused: argparse gives FILE... only
        # the first run of words. Its intermixed parser calls back here, hence the flag.
        if self._intermixed or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        # It also loses a first `--` on some Pythons, so what follows one is kept apart.
        words = list(sys.argv[1:] if args is None else args)
        n_words = words.index("--") if "--" in words else len(words)
        self._intermixed = True
        try:
            found, unknown = self.parse_known_intermixed_args(words[:n_words], namespace)
        finally:
            self._intermixed = False
        names = words[n_words + 1 :]
        if "files" not in found:
            return found, unknown + names
        found.files = [*found.files, *names]
        return found, unknown

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(FAILURE, f"medlossless: {message} (try '{self.prog} --help')\n")


def add_verb(verbs: Any, name: str, *, summary: str, description: str, epilog: str) -> VerbParser:
    """Add the parser of one verb, with the exit status table at the end of its help."""
    parser: VerbParser = verbs.add_parser(
        name, help=summary, description=description, epilog=f"{EXIT_STATUS}\n{epilog}"
    )
    return parser


def add_inputs(parser: VerbParser, what: str) -> None:
    """Add FILE... and --filelist."""
    parser.add_argument("files", nargs="*", metavar="FILE", help=what)
    parser.add_argument(
        "--filelist",
        metavar="LIST",
        help="read more file names from LIST, one a line ('-' is stdin); empty lines are ignored",
    )


def add_output(parser: VerbParser, default: str) -> None:
    """Add where the output goes and what may happen to files on the way."""
    group = parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"write to the file OUT, into the directory OUT if it is one (it must be one when "
        f"there are several files), or to stdout if OUT is '-'; by default {default}",
    )
    group.add_argument(
        "-c", "--stdout", action="store_true", help="write to stdout; the same as -o -"
    )
    group.add_argument(
        "-f",
        "--force",
        action="store_true",
        help="overwrite files that exist, and write binary data even to a terminal",
    )
    group.add_argument(
        "--rm",
        action="store_true",
        help="remove each input once its output is written and verified to restore every byte; "
        "the input is kept in any other case",
    )


def add_threads(parser: VerbParser) -> None:
    """Add -T, which does not change a byte of the output."""
    parser.add_argument(
        "-T",
        "--threads",
        type=read_threads,
        default=1,
        metavar="N",
        help="use N threads, 0 for all cores (default 1); the output does not depend on it",
    )


def add_messages(parser: VerbParser) -> None:
    """Add how much is said, and in which form."""
    group = parser.add_argument_group("messages")
    group.add_argument(
        "-q", "--quiet", action="store_true", help="say nothing but errors and warnings"
    )
    group.add_argument(
        "-v", "--verbose", action="store_true", help="say more: sha256, time, reasons"
    )
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object a line on stdout and nothing else there",
    )


def read_threads(text: str) -> int:
    """Turn the word after -T into a number of threads; 0, as in the api, is every core."""
    try:
        n_threads = int(text)
    except ValueError:
        n_threads = -1
    if n_threads < 0:
        raise argparse.ArgumentTypeError(f"expected 0 or a number of threads, found {text!r}")
    return n_threads


def read_effort(text: str) -> int:
    """Turn the word after -e into an effort of 1 to 9."""
    if text in set("123456789"):
        return int(text)
    raise argparse.ArgumentTypeError(f"expected an effort of 1 to 9, found {text!r}")


def list_files(args: argparse.Namespace) -> list[str]:
    """Return the names on the command line, then those in --filelist.

    Raises
    ------
    InvalidInput
        If there is no name at all, or stdin is asked for twice.
    OSError
        If the list cannot be read.
    """
    names = list(args.files)
    if args.filelist is not None:
        if args.filelist == "-":
            if "-" in names:
                raise InvalidInput("stdin cannot be both an input and the file list")
            data = sys.stdin.buffer.read()
        else:
            with open(args.filelist, "rb") as stream:
                data = stream.read()
        # Names are bytes to the system: decoded as Python decodes the words of the command line.
        names += [os.fsdecode(line) for line in data.splitlines() if line]
    if not names:
        raise InvalidInput("no input: name at least one FILE, or '-' for stdin")
    if names.count("-") > 1:
        raise InvalidInput("stdin ('-') is named more than once")
    return names
