# SPDX-License-Identifier: Apache-2.0
"""The command line: flags become calls of `medlossless.api`, exceptions become exit codes.

One module a verb (``compress``, ``decompress``, ``verify``, ``inspect``, ``codecs``); each has
``add_parser(verbs)`` and ``run(args)``. What the verbs share stands in ``arguments`` (options),
``batch`` (many files, one exit code), ``transfer`` (where the output goes) and ``console``
(what is drawn; the only module that imports rich, and only when it draws).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

from medlossless.cli import codecs, compress, decompress, inspect, verify
from medlossless.cli.arguments import EXIT_STATUS, VerbParser
from medlossless.cli.batch import FAILURE, INTERRUPTED, print_error
from medlossless.errors import MedlosslessError

DESCRIPTION = """\
Lossless compression of medical images. Every file comes back byte for byte: DICOM, NIfTI, NPY,
PNG and TIFF through a neural predictor and an entropy coder, anything else as opaque bytes.
"""

EPILOG = f"""\
{EXIT_STATUS}
examples:
  medlossless compress scan.dcm             write scan.dcm.mls, keep scan.dcm
  medlossless decompress scan.dcm.mls       give scan.dcm back, byte for byte
  medlossless compress -T0 -o out *.dcm     a series, on all cores, into the directory out
  medlossless verify out/*.mls              decode everything, write nothing
  medlossless inspect scan.dcm.mls          say what a stream holds
  curl URL | medlossless compress - > a.mls

'medlossless VERB --help' describes one verb.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The words after the program's name; by default those of this process.

    Returns
    -------
    int
        The exit status: 0 success, 1 failure (or a wrong call), 2 some files were skipped or
        warned about, 3 verification failed, 130 interrupted.
    """
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as end:  # argparse leaves this way after --help and after a wrong call
        return end.code if isinstance(end.code, int) else FAILURE
    try:
        status: int = args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("medlossless: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_stdout()
        return FAILURE
    except (MedlosslessError, OSError) as error:  # of the call; those of one file end in Batch
        if isinstance(error, OSError):
            _abandon_stdout()
        return print_error(error)
    return status


def _abandon_stdout() -> None:
    """Drop what stdout would not take: Python flushes it once more on exit, and must not fail."""
    with contextlib.suppress(OSError, ValueError):  # a stdout without a file behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def build_parser() -> VerbParser:
    """Return the parser of the whole command line; `args.run` is the verb's function."""
    from medlossless import __version__

    parser = VerbParser(prog="medlossless", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"medlossless {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    for module in (compress, decompress, verify, inspect, codecs):
        module.add_parser(verbs)
    return parser
