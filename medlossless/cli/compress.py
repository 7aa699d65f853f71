# SPDX-License-Identifier: Apache-2.0
"""``medlossless compress``: files to streams."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Any

from medlossless import api
from medlossless.cli import arguments, transfer
from medlossless.cli.batch import Skipped
from medlossless.cli.console import progress_bar
from medlossless.errors import InvalidInput

SUFFIX = ".mls"

DESCRIPTION = """\
Compress files so that each comes back byte for byte. FILE becomes FILE.mls and is kept. The
stream is decoded again and compared with the original before success is reported. Output is
written to a temporary file and renamed, so a file named .mls is always whole; it gets the
modification time and the permissions of its input.

Samples of DICOM, NIfTI, NPY, PNG and TIFF files are predicted and coded; other files, and images
whose samples are compressed already in a way that cannot be reproduced, are kept as opaque bytes
(with a note) and are restored just as exactly.
"""

EPILOG = """\
A result is told on stderr as
  scan.dcm : 41.2 % (1234567 -> 508234 bytes, 2.41x, dicom, file-exact) -> scan.dcm.mls
where 'file-exact' promises every byte of the file and 'pixel-exact' (only with --pixels) every
sample and its meaning, but not the packaging around them.

examples:
  medlossless compress scan.dcm
  medlossless compress -e 9 --rm -T0 series/*.dcm
  find . -name '*.dcm' | medlossless compress --filelist - -o /archive
  medlossless compress -c scan.dcm | ssh host 'cat > scan.dcm.mls'
"""


def add_parser(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = arguments.add_verb(
        verbs,
        "compress",
        summary="compress files; each comes back byte for byte",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    arguments.add_inputs(parser, "a file to compress, or '-' for stdin (then to stdout)")
    add_coding(parser)
    arguments.add_threads(parser)
    arguments.add_output(parser, "FILE.mls next to FILE, and stdout for stdin")
    arguments.add_messages(parser)
    parser.set_defaults(run=run)


def add_coding(parser: arguments.VerbParser) -> None:
    """Add what steers the encoder and its proof."""
    coding = parser.add_argument_group("coding")
    coding.add_argument(
        "-e",
        "--effort",
        type=arguments.read_effort,
        default=5,
        metavar="1..9",
        help="how hard to try: 1 is fastest, 9 smallest (default 5)",
    )
    coding.add_argument(
        "--coder",
        choices=("ans", "huffman"),
        default="ans",
        help="entropy coder: ans is smaller, huffman simpler (default ans)",
    )
    coding.add_argument(
        "--pixels",
        action="store_true",
        help="where the packaging of an image (deflate of PNG and .nii.gz) cannot be reproduced, "
        "keep the image and let the packaging go; decompressing gives an equal image in another "
        "file. 'inspect' then says pixel-exact",
    )
    coding.add_argument(
        "--no-verify",
        dest="verify",
        action="store_false",
        help="do not decode and compare the result; faster, and not allowed with --rm",
    )


def run(args: argparse.Namespace) -> int:
    """Compress what the command line names and return the exit status."""
    if args.rm and not args.verify:
        raise InvalidInput("--rm needs verification: it cannot be used with --no-verify")
    files = arguments.list_files(args)
    output = transfer.select_output(args)
    if output == transfer.STDOUT and len(files) > 1:
        raise InvalidInput(f"{len(files)} streams cannot share stdout: a stream stands alone")
    job = transfer.Transfer(
        output=output,
        force=args.force,
        remove=args.rm,
        verbose=args.verbose,
        verifies=True,
        rename=partial(add_suffix, force=args.force),
        call=partial(compress_file, args),
        describe=describe,
    )
    status = transfer.run_transfer(args, files, job)
    if len(job.results) > 1 and not args.quiet and not args.json:
        print(describe_total(job.results), file=sys.stderr)
    return status


def add_suffix(name: str, *, force: bool) -> str:
    """Name the stream of a file; refuse a name that says it is a stream already, unless forced."""
    if name.endswith(SUFFIX) and not force:
        raise Skipped(f"has the suffix {SUFFIX} already, -f compresses it once more")
    return name + SUFFIX


def compress_file(args: argparse.Namespace, source: Any, target: Any) -> api.Result:
    """Call the api with the options of the command line."""
    label = source if isinstance(source, str) else "stdin"
    with progress_bar(label, quiet=args.quiet) as progress:
        return api.compress(
            source,
            target,
            effort=args.effort,
            coder=args.coder,
            threads=args.threads,
            verify=args.verify,
            pixels=args.pixels,
            overwrite=args.force,
            progress=progress,
        )


def describe(source: str, result: api.Result, target: str) -> str:
    """Say in one line what became of a file."""
    sizes = transfer.describe_sizes(result.original_bytes, result.stream_bytes)
    doubt = "" if result.verified else ", not verified"
    return f"{source} : {sizes}, {result.format}, {result.guarantee}{doubt}) -> {target}"


def describe_total(results: list[api.Result]) -> str:
    """Say in one line what became of all files together."""
    original_bytes = sum(result.original_bytes for result in results)
    stream_bytes = sum(result.stream_bytes for result in results)
    return f"{len(results)} files : {transfer.describe_sizes(original_bytes, stream_bytes)})"
