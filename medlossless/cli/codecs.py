# SPDX-License-Identifier: Apache-2.0
"""``medlossless codecs``: list what this installation can write and read."""

from __future__ import annotations

import argparse
import json
from typing import Any

from medlossless import api
from medlossless.cli import arguments
from medlossless.cli.console import print_table

COLUMNS = ("name", "number", "kind", "guarantee", "source")


def add_parser(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = arguments.add_verb(
        verbs,
        "codecs",
        summary="list the codecs of this installation",
        description="List the codecs of this installation: name, number in the stream, kind, what "
        "is promised,\nand the part of the program it comes from.",
        epilog="examples:\n  medlossless codecs --json\n",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object a codec and nothing else"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List the codecs and return 0."""
    entries = api.codecs()
    if args.json:
        for entry in entries:
            print(json.dumps(entry))
    else:
        print_table("", COLUMNS, [[entry[name] for name in COLUMNS] for entry in entries])
    return 0
