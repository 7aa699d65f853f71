# SPDX-License-Identifier: Apache-2.0
"""``medlossless inspect``: say what a stream holds without decoding it."""

from __future__ import annotations

import argparse
import math
from typing import Any

from medlossless import api
from medlossless.cli import arguments
from medlossless.cli.batch import Batch, Report, open_source
from medlossless.cli.console import print_fields, print_table

DESCRIPTION = """\
Print what streams say about themselves: what they hold and promise, how the samples were coded,
and how many bytes each section takes. Nothing is decoded; 'verify' does that.
"""

EPILOG = """\
examples:
  medlossless inspect scan.dcm.mls
  medlossless inspect --json *.mls | jq .guarantee
"""


def add_parser(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = arguments.add_verb(
        verbs,
        "inspect",
        summary="say what streams hold and promise",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    arguments.add_inputs(parser, "a stream, or '-' for stdin")
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a stream and nothing else"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Inspect what the command line names and return the exit status."""

    def inspect_file(source: str) -> Report:
        info = api.inspect(open_source(source))
        if not args.json:
            print_info(source, info)
        return Report(line="", record=info.to_dict())

    return Batch(json=args.json).run(arguments.list_files(args), inspect_file)


def print_info(source: str, info: api.Info) -> None:
    """Print one stream's facts for people."""
    print_fields(source, list_fields(info))
    if info.planes:
        columns = list(info.planes[0])
        rows = [[plane.get(name, "") for name in columns] for plane in info.planes]
        print_table("planes", columns, rows)
    print_table(
        "sections", ("name", "bytes"), [(part["name"], part["bytes"]) for part in info.sections]
    )


def list_fields(info: api.Info) -> list[tuple[str, Any]]:
    """Return (name, value) for the facts that fit on a line; None for those that are absent."""
    n_samples = math.prod(info.shape) if info.shape else 0
    bpp = 8 * info.stream_bytes / n_samples if n_samples else None
    samples = f"{' x '.join(map(str, info.shape))} {info.dtype}, axes {info.axes}"
    return [
        ("holds", f"{info.kind} {info.name}" if info.name else info.kind),
        ("format", info.format),
        ("guarantee", info.guarantee),
        ("note", info.note or None),
        ("samples", samples if info.shape else None),
        ("bits stored", info.bits),
        ("original", f"{info.original_bytes} bytes"),
        ("stream", f"{info.stream_bytes} bytes"),
        ("bits per sample", None if bpp is None else f"{bpp:.3f}"),
        ("sha256", info.sha256),
        ("codec", f"{info.codec}, container version {info.version}"),
        ("coder", info.coder or None),
        ("effort", info.effort),
        ("tiles", info.tiles),
        ("nets", ", ".join(info.nets) or None),
    ]
