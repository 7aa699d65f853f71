# SPDX-License-Identifier: Apache-2.0
"""``python -m medlossless.training lossless NAME --data FOLDER``: train and export a net."""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch

from .data import draw, read_folder
from .export import export
from .fit import Plan, fit
from .model import FloatNet
from .recipes import RECIPES
from .variants import variant


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, train, export; exit code 0 when the plan is finished, else 2."""
    parser = argparse.ArgumentParser(prog="python -m medlossless.training")
    kinds = parser.add_subparsers(dest="kind", required=True)
    lossless = kinds.add_parser("lossless", help="a net of the lossless codec")
    lossless.add_argument("name", choices=sorted(RECIPES))
    lossless.add_argument("--data", type=Path, required=True, help="folder of <MODALITY>/ folders")
    lossless.add_argument("--out", type=Path, help="the .mlw file (default: the shipped one)")
    lossless.add_argument("--checkpoint", type=Path, help="resume from and save to this file")
    lossless.add_argument("--seconds", type=float, default=math.inf, help="stop after so long")
    lossless.add_argument("--steps", type=int, help="instead of the recipe's")
    lossless.add_argument("--samples", type=int, help="instead of the recipe's")
    lossless.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    return _lossless(args)


def _lossless(args: argparse.Namespace) -> int:
    recipe = RECIPES[args.name]
    started = time.monotonic()
    series = read_folder(args.data)
    rng = np.random.default_rng(recipe.seed)
    drawn = recipe.neighbourhood if recipe.widths is not None else "narrow2d"
    vary = variant if recipe.varied else None
    samples = draw(series, drawn, args.samples or recipe.samples, rng, vary)
    print(f"{len(series)} series, {len(samples.values)} samples", flush=True)
    model = None
    if recipe.widths is None:  # the baseline has no weights, only tables
        samples = samples.activity_only()
    else:
        torch.manual_seed(recipe.seed)
        model = FloatNet(samples.inputs.shape[1], recipe.widths)
        plan = Plan(args.steps or recipe.steps, recipe.batch, seed=recipe.seed)
        model, finished = fit(model, samples, plan, args.checkpoint, args.seconds)
        if not finished:
            print("unfinished: run again with the same --checkpoint", file=sys.stderr)
            return 2
    target = args.out or Path(__file__).parents[1] / "weights" / f"{args.name}.mlw"
    net = export(model, recipe.neighbourhood, samples, target, recipe.table_samples)
    seconds = time.monotonic() - started
    print(f"{target.name}: digest {net.digest.hex()}, {seconds:.0f} s, seed {recipe.seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
