# SPDX-License-Identifier: Apache-2.0
"""``medlossless verify``: decode everything, compare, write nothing."""

from __future__ import annotations

import argparse
from typing import Any

from medlossless import api
from medlossless.cli import arguments
from medlossless.cli.batch import Batch, Report, open_source, require_regular_file
from medlossless.cli.transfer import describe_sha256, record_result
from medlossless.errors import InvalidInput

DESCRIPTION = """\
Decode streams completely and check every checksum and the sha256 of the original that each stream
carries. Nothing is written. With --against the restored bytes are compared with a file, too.
"""

EPILOG = """\
A stream that is damaged ends with status 3; one that cannot be judged (unreadable, or made by a
newer version) with status 1.

examples:
  medlossless verify archive/*.mls
  medlossless verify scan.dcm.mls --against scan.dcm
"""


def add_parser(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = arguments.add_verb(
        verbs,
        "verify",
        summary="check that streams restore what they promise",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    arguments.add_inputs(parser, "a stream to check, or '-' for stdin")
    parser.add_argument(
        "--against",
        metavar="ORIGINAL",
        help="compare what the stream (one only) restores with this file, byte for byte",
    )
    arguments.add_threads(parser)
    arguments.add_messages(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify what the command line names and return the exit status."""
    files = arguments.list_files(args)
    if args.against is not None and len(files) != 1:
        raise InvalidInput(f"--against goes with one stream, found {len(files)}")

    def verify_file(source: str) -> Report:
        if args.against is not None:
            require_regular_file(args.against)
        result = api.verify(open_source(source), args.against, threads=args.threads)
        notes = [result.note] if result.note and args.verbose else []
        if args.verbose:
            notes.append(describe_sha256(result))
        return Report(
            line=describe(source, result, args.against),
            record=record_result(result, None),
            notes=tuple(notes),
        )

    batch = Batch(
        quiet=args.quiet, verbose=args.verbose, json=args.json, corrupt_is_unverified=True
    )
    return batch.run(files, verify_file)


def describe(source: str, result: api.Result, against: str | None) -> str:
    """Say in one line that a stream is good."""
    equal = f", equal to {against}" if against is not None else ""
    whose = "" if result.guarantee == "file-exact" else " in the original"
    size = f"{result.original_bytes} bytes{whose}"
    return f"{source} : ok ({size}, {result.format}, {result.guarantee}{equal})"
