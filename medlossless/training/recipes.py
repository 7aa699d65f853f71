# SPDX-License-Identifier: Apache-2.0
"""How each shipped net is trained."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Recipe:
    """Neighbourhood, hidden widths (None: the MED baseline, tables only) and the amount of work.

    varied : whether samples are drawn from variants of the series (`variants.py`)
    """

    neighbourhood: str
    widths: tuple[int, ...] | None
    steps: int = 40_000
    batch: int = 8192
    samples: int = 5_000_000
    table_samples: int = 2_500_000
    seed: int = 1
    varied: bool = False


varied = partial(Recipe, steps=24_000, batch=4096, samples=10_000_000, varied=True)

RECIPES = {
    "med": Recipe("none", None),
    "tiny2d": varied("tiny2d", (8,)),
    "tiny3d": varied("tiny3d", (8,)),
    "narrow2d": Recipe("narrow2d", (16, 16)),
    "narrow3d": varied("narrow3d", (16, 16)),
    "mid2d": Recipe("mid2d", (24, 24)),
    "mid3d": Recipe("mid3d", (24, 24)),
    "wide2d": Recipe("wide2d", (32, 32)),
    "wide3d": Recipe("wide3d", (32, 32)),
    "large2d": varied("wide2d", (64, 64), steps=12_000),
    "large3d": varied("wide3d", (64, 64), steps=12_000),
}
