# SPDX-License-Identifier: Apache-2.0
"""``medlossless decompress``: streams back to the files they were made of."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from medlossless import api
from medlossless.cli import arguments, transfer
from medlossless.cli.compress import SUFFIX
from medlossless.cli.console import progress_bar
from medlossless.errors import InvalidInput

DESCRIPTION = """\
Restore files from streams. FILE.mls becomes FILE and is kept. What is restored has the sha256 of
the original, or is an error and is not written: a truncated or altered stream never gives wrong
samples. Only a stream that inspect calls 'pixel-exact' (made with --pixels) gives an equal image in
another file, of another sha256. Output is written to a temporary file and renamed; it gets the
modification time and the permissions of its input.
"""

EPILOG = """\
--rm keeps a pixel-exact stream. --json tells the size and sha256 of what was written as
output_bytes and output_sha256; original_bytes and sha256 are those of the original file.

examples:
  medlossless decompress scan.dcm.mls
  medlossless decompress -T0 -o restored *.mls
  medlossless decompress -c scan.dcm.mls | sha256sum
"""


def add_parser(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = arguments.add_verb(
        verbs,
        "decompress",
        summary="restore files from streams",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    arguments.add_inputs(parser, "a stream to restore, or '-' for stdin (then to stdout)")
    arguments.add_threads(parser)
    arguments.add_output(parser, "FILE without .mls next to FILE.mls, and stdout for stdin")
    arguments.add_messages(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Decompress what the command line names and return the exit status."""
    job = transfer.Transfer(
        output=transfer.select_output(args),
        force=args.force,
        remove=args.rm,
        verbose=args.verbose,
        verifies=False,
        rename=strip_suffix,
        call=partial(decompress_file, args),
        describe=describe,
    )
    return transfer.run_transfer(args, arguments.list_files(args), job)


def strip_suffix(name: str) -> str:
    """Name the file that a stream restores."""
    if not name.endswith(SUFFIX) or len(name) == len(SUFFIX):
        raise InvalidInput(f"the name does not end in {SUFFIX}: name the output with -o")
    return name.removesuffix(SUFFIX)


def decompress_file(args: argparse.Namespace, source: Any, target: Any) -> api.Result:
    """Call the api with the options of the command line."""
    label = source if isinstance(source, str) else "stdin"
    with progress_bar(label, quiet=args.quiet) as progress:
        return api.decompress(
            source, target, threads=args.threads, overwrite=args.force, progress=progress
        )


def describe(source: str, result: api.Result, target: str) -> str:
    """Say in one line what became of a stream."""
    return (
        f"{source} : {result.output_bytes} bytes ({result.format}, {result.guarantee}) -> {target}"
    )
