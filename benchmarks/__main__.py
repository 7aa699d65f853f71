# SPDX-License-Identifier: Apache-2.0
"""``python -m benchmarks VERB ...``; one module a verb."""

from __future__ import annotations

import argparse
import shlex
import sys

from benchmarks import (
    ablation,
    cross,
    entropy,
    kernels,
    memory,
    ratio,
    readme,
    roundtrip,
    speed,
)
from benchmarks.roster import NoSuchCodec

VERBS = {
    "ratio": ratio,
    "speed": speed,
    "roundtrip": roundtrip,
    "entropy": entropy,
    "kernels": kernels,
    "cross": cross,
    "ablation": ablation,
    "memory": memory,
    "readme": readme,
}


def main(argv: list[str] | None = None) -> int:
    """Run one verb; 0 if everything that was checked held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, module in VERBS.items():
        module.configure(verbs.add_parser(name, help=module.SUMMARY, description=module.SUMMARY))
    argv = sys.argv[1:] if argv is None else argv
    args = parser.parse_args(argv)
    args.command = shlex.join(["python", "-m", "benchmarks", *argv])
    try:
        return VERBS[args.verb].run(args)
    except (FileNotFoundError, NoSuchCodec, ImportError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
