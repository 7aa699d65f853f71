# SPDX-License-Identifier: Apache-2.0
"""Which predictor a plane is coded with: dimensions by cost, nets tuned, hit mode by cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..image import Plane
from ..predict import tune
from . import gain, hit_mode, tuned
from .efforts import EFFORTS
from .mask import choose_mask
from .predictors import (
    Predictor,
    ReadyNet,
    TileInput,
    frame_bits,
    predictor_named,
    tuned_net,
)
from .tiling import choose_tiling
from .tuned import Sight

Progress = Callable[[int, int], None]

EXCERPTS, EXCERPT_ROWS = 3, 96
HASTY_EXCERPTS, HASTY_EXCERPT_ROWS = 2, 32  # without tuning
# Tuning gains a little more in three dimensions: most series that cost up to 1 % more untuned cost
# less tuned.
VOLUMETRIC_FAVOUR = 0.99
GAINS_DISFAVOUR = 1.01  # tuning learns a little of what untuned nets need gains for
SEED = 1


def plane_cost(effort: int):
    """A function Plane -> estimated bits, with the two-dimensional predictor of an effort."""
    predictor = predictor_named(EFFORTS[effort].plane_net)

    def cost(plane: Plane) -> float:
        return float(frame_bits(predictor, plane.samples[:], plane.max_sample).sum())

    return cost


def predictor_for(
    plane: Plane,
    effort: int,
    tune_nets: bool = True,
    coder: str = "ans",
    threads: int = 1,
    progress: Progress | None = None,
) -> Predictor:
    """The predictor an effort codes a plane with: chosen by cost, then tuned, hit mode by cost.

    `threads` and `progress` are for the tuning, whose result depends on neither. Huffman codes
    spend a bit or more on every flag, so hit mode is for ``ans`` only.
    """
    chosen = choose(plane, effort)
    chosen = replace(chosen, mask=choose_mask(plane.samples, chosen.prior))
    starts = _starts(chosen, EFFORTS[effort].larger)
    calls = _shares(progress, len(starts))
    pairs = [
        (start, tune_to(plane, start, effort, threads, call) if tune_nets else start)
        for start, call in zip(starts, calls, strict=True)
    ]
    chosen, tuned_to_plane = pairs[0]
    if len(pairs) > 1:
        bits = hit_mode.cost_of(plane, EFFORTS[effort].hits, starts[0].volumetric)
        chosen, tuned_to_plane = min(pairs, key=lambda pair: bits(pair[1]))
    if coder != "ans" or not hit_mode.is_promising(plane, EFFORTS[effort].hits):
        return tuned_to_plane
    return hit_mode.best_of(plane, chosen, tuned_to_plane, EFFORTS[effort].hits)


def _starts(chosen: Predictor, larger: tuple[str, str] | None) -> list[Predictor]:
    """What is tuned: the predictor chosen, and one of as many dimensions with larger nets."""
    if larger is None:
        return [chosen]
    plane_net, volume_net = larger
    large = predictor_named(plane_net, volume_net if chosen.volumetric else None)
    return [chosen, replace(large, mask=chosen.mask, gains=chosen.gains)]


def _shares(progress: Progress | None, count: int) -> list[Progress | None]:
    """A progress for each of `count` jobs of equally many steps, done one after another."""
    if progress is None:
        return [None] * count

    def share(number: int) -> Progress:
        return lambda done, total: progress(number * total + done, count * total)

    return [share(number) for number in range(count)]


def choose(plane: Plane, effort: int) -> Predictor:
    """Two or three dimensions, with or without gains: what codes excerpts of a plane in fewest
    bits."""
    chosen = EFFORTS[effort]
    flat = predictor_named(chosen.plane_net)
    if chosen.volume_net is None or plane.samples.shape[0] == 1:
        return flat
    deep = predictor_named(chosen.plane_net, chosen.volume_net)
    size = (EXCERPTS, EXCERPT_ROWS) if chosen.tuning else (HASTY_EXCERPTS, HASTY_EXCERPT_ROWS)
    bits = _excerpt_bits(plane, deep, *size)
    gains = gain.fit(plane.samples)
    if gains is not None:
        scaled = replace(deep, gains=gains)
        scaled_bits = _excerpt_bits(plane, scaled, *size)
        if GAINS_DISFAVOUR * scaled_bits < bits:
            deep, bits = scaled, scaled_bits
    return deep if VOLUMETRIC_FAVOUR * bits < _excerpt_bits(plane, flat, *size) else flat


def _excerpt_bits(plane: Plane, predictor: Predictor, n_excerpts: int, n_rows: int) -> float:
    """Bits of some rows of a few frames (each with the two before it, which do not count)."""
    n_frames, rows, _ = plane.samples.shape
    total = 0.0
    row0 = max(0, (rows - n_rows) // 2)
    for frame in np.unique(np.linspace(1, n_frames - 1, n_excerpts).astype(int)):
        start = max(0, frame - 2) if predictor.volumetric else frame
        box = plane.samples[start : frame + 1, row0 : row0 + n_rows]
        total += float(frame_bits(predictor, box, plane.max_sample, start)[-1])
    return total


def tune_to(
    plane: Plane,
    predictor: Predictor,
    effort: int,
    threads: int = 1,
    progress: Progress | None = None,
) -> Predictor:
    """The predictor with its nets tuned to a plane, as far as that pays.

    `progress` counts the steps of all its nets together.
    """
    frames = np.arange(plane.samples.shape[0])
    tasks = [(predictor.first, frames)]
    if predictor.volumetric:
        tiling = choose_tiling(plane.samples.shape, predictor.volumetric)
        starts = frames[:: tiling.slab_frames]
        tasks = [(predictor.first, starts), (predictor.later, np.setdiff1d(frames, starts))]
    edge = TileInput.of(predictor, plane.samples[:1]).edge
    see = Sight(edge, predictor.mask, predictor.gains)
    plans = [_plan_of(plane, base, len(some), effort) for base, some in tasks]
    counted = _Count(sum(plan.steps for plan in plans if plan), progress)
    nets = [
        base if plan is None else _tune_net(plane, see, base, some, plan, threads, counted.more)
        for (base, some), plan in zip(tasks, plans, strict=True)
    ]
    return replace(predictor, first=nets[0], later=nets[-1])


@dataclass
class _Count:
    """Steps done of `total`, told as they come."""

    total: int
    progress: Progress | None
    done: int = 0

    def more(self, steps: int) -> None:
        self.done += steps
        if self.progress is not None:
            self.progress(self.done, self.total)


def _plan_of(plane: Plane, base: ReadyNet, n_frames: int, effort: int) -> tune.Plan | None:
    """How a net is tuned to some frames of a plane; None where there is too little to gain."""
    n_samples = n_frames * plane.samples[0].size
    work = EFFORTS[effort].tuning
    if work is None or not base.net.hidden or n_samples < work.min_samples:
        return None
    steps = n_samples // work.samples_a_step
    return tune.Plan(min(work.most_steps, max(work.least_steps, steps)))


def _tune_net(
    plane: Plane,
    see: Sight,
    base: ReadyNet,
    frames: np.ndarray,
    plan: tune.Plan,
    threads: int,
    progress: Callable[[int], None],
) -> ReadyNet:
    """One net tuned to some frames of a plane; itself where that does not pay."""
    rng = np.random.default_rng(SEED)
    wanted = min(tuned.POOL_SAMPLES, max(tuned.PRICE_SAMPLES, plan.steps * plan.batch // 2))
    pool = tuned.draw_pool(plane, base.name, frames, see, rng, wanted)
    n_samples = len(frames) * plane.samples[0].size
    sent = tuned.tune_net(base.name, pool, n_samples, plan, threads=threads, progress=progress)
    return base if sent is None else tuned_net(sent)
