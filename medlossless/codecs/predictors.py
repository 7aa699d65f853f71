# SPDX-License-Identifier: Apache-2.0
"""Nets made ready to code with, and the choice among them by cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from .. import entropy
from .._fields import Fields
from ..errors import CorruptStream, InvalidWeights
from ..image import Plane
from ..predict import DIGEST_BYTES, Net, name_of, net_named, tune
from ..predict._kernel import KernelNet
from . import tuned
from ._scan import fold_tile
from .tiling import choose_tiling

EXCERPTS = 3
EXCERPT_ROWS = 96
SEED = 1
SHIPPED, TUNED = 0, 1  # how a net is written

# Samples for which one step of tuning is taken, least and most steps, by effort.
TUNING = {
    3: (20_000, 60, 2_000),
    4: (8_000, 60, 3_000),
    5: (3_000, 80, 3_000),
    6: (1_000, 150, 6_000),
    7: (300, 300, 12_000),
    8: (100, 600, 20_000),
    9: (50, 1_500, 40_000),
}


@dataclass(frozen=True)
class ReadyNet:
    """A net made ready: for the kernels, and as the stream writes it."""

    name: str
    net: Net
    kernel: KernelNet
    written: bytes


@dataclass(frozen=True)
class Predictor:
    """The nets of a plane: `first` for the first frame of a slab, `later` for the others."""

    first: ReadyNet
    later: ReadyNet

    @property
    def volumetric(self) -> bool:
        """Whether frames are predicted from earlier ones."""
        return self.later is not self.first

    @property
    def kernels(self) -> tuple[KernelNet, KernelNet]:
        """Both nets as the fused loops take them."""
        return self.first.kernel, self.later.kernel

    @cached_property
    def prior(self) -> entropy.Prior:
        """Where the tables of every tile start."""
        return entropy.Prior(self.later.net.shifts, self.later.net.freqs)


@cache
def shipped_net(name: str) -> ReadyNet:
    """A shipped net, named in streams by its digest."""
    net = net_named(name)
    return ReadyNet(name, net, KernelNet(net), bytes([SHIPPED]) + net.digest)


def tuned_net(sent: tuned.TunedNet) -> ReadyNet:
    """A net that is sent in the stream."""
    net = sent.build()
    return ReadyNet(f"{sent.base}, tuned", net, KernelNet(net), bytes([TUNED]) + sent.to_bytes())


def read_net(fields: Fields) -> ReadyNet:
    """A net as a stream writes it.

    Raises
    ------
    CorruptStream, WeightsMissing
    """
    kind = fields.number(1, "kind of net")
    if kind == SHIPPED:
        return shipped_net(name_of(bytes(fields.take(DIGEST_BYTES, "digest of a net"))))
    if kind != TUNED:
        raise CorruptStream(f"{fields.name}: net of kind {kind}, expected 0 or 1")
    try:
        return tuned_net(tuned.read_tuned(fields))
    except InvalidWeights as error:
        raise CorruptStream(f"{fields.name}: {error}") from error


@cache
def predictor_named(first: str, later: str | None = None) -> Predictor:
    """A predictor of shipped nets; without `later` every frame is predicted alone."""
    return Predictor(shipped_net(first), shipped_net(later or first))


def candidates(effort: int) -> list[tuple[str, str | None]]:
    """Names of the predictors that an effort may choose from; the first is two-dimensional."""
    if effort <= 2:
        return [("med", None)]
    if effort <= 4:
        return [("narrow2d", None)]
    return [("wide2d", None), ("wide2d", "wide3d")]


def tile_edge(samples: np.ndarray) -> int:
    """The value taken to stand above a tile: the median of its first row."""
    row = samples[0, 0]
    return int(np.partition(row, row.size // 2)[row.size // 2])


def fold(predictor: Predictor, samples: np.ndarray, max_sample: int, edge: int):
    """Symbols uint16 and contexts uint8 of a box of samples (frames, rows, cols)."""
    return fold_tile(np.ascontiguousarray(samples), *predictor.kernels, max_sample, edge)


def tile_bits(predictor: Predictor, samples: np.ndarray, max_sample: int) -> np.ndarray:
    """Ideal code length of each sample of a tile, (frames, rows, cols) float32."""
    symbols, contexts = fold(predictor, samples, max_sample, tile_edge(samples))
    return entropy.sample_bits(symbols, contexts, max_sample=max_sample, prior=predictor.prior)


def plane_cost(effort: int):
    """A function Plane -> estimated bits, with the two-dimensional predictor of an effort."""
    predictor = predictor_named(*candidates(effort)[0])

    def cost(plane: Plane) -> float:
        return float(tile_bits(predictor, plane.samples, plane.max_sample).sum(dtype=float))

    return cost


def predictor_for(plane: Plane, effort: int) -> Predictor:
    """The predictor an effort codes a plane with: chosen by cost, then tuned."""
    return tune_to(plane, choose(plane, effort), effort)


def choose(plane: Plane, effort: int) -> Predictor:
    """The candidate that codes excerpts of a plane in the fewest bits."""
    found = [predictor_named(*names) for names in candidates(effort)]
    if plane.samples.shape[0] == 1:
        found = [p for p in found if not p.volumetric]
    if len(found) == 1:
        return found[0]
    return min(found, key=lambda predictor: _excerpt_bits(plane, predictor))


def _excerpt_bits(plane: Plane, predictor: Predictor) -> float:
    """Bits of a few frames (each with the two before it, which do not count)."""
    n_frames, rows, _ = plane.samples.shape
    total = 0.0
    row0 = max(0, (rows - EXCERPT_ROWS) // 2)
    for frame in np.unique(np.linspace(1, n_frames - 1, EXCERPTS).astype(int)):
        start = max(0, frame - 2) if predictor.volumetric else frame
        box = plane.samples[start : frame + 1, row0 : row0 + EXCERPT_ROWS]
        total += float(tile_bits(predictor, box, plane.max_sample)[-1].sum(dtype=float))
    return total


def tune_to(plane: Plane, predictor: Predictor, effort: int) -> Predictor:
    """The predictor with its nets tuned to a plane, as far as that pays."""
    n_frames = plane.samples.shape[0]
    tiling = choose_tiling(plane.samples.shape, predictor.volumetric)
    starts = np.arange(0, n_frames, tiling.slab_frames)
    if not predictor.volumetric:
        net = _tune_net(plane, predictor.first, np.arange(n_frames), effort)
        return Predictor(net, net)
    later = np.setdiff1d(np.arange(n_frames), starts)
    return Predictor(
        _tune_net(plane, predictor.first, starts, effort),
        _tune_net(plane, predictor.later, later, effort),
    )


def _tune_net(plane: Plane, base: ReadyNet, frames: np.ndarray, effort: int) -> ReadyNet:
    """One net tuned to some frames of a plane; itself where there is too little to gain."""
    n_samples = len(frames) * plane.samples[0].size
    if effort not in TUNING or not base.net.hidden or n_samples < tuned.MIN_SAMPLES:
        return base
    samples_a_step, least, most = TUNING[effort]
    plan = tune.Plan(min(most, max(least, n_samples // samples_a_step)))
    rng = np.random.default_rng(SEED)
    wanted = min(tuned.POOL_SAMPLES, plan.steps * plan.batch)
    with tuned.one_blas_thread():
        pool = tuned.draw_pool(plane, base.name, frames, tile_edge(plane.samples), rng, wanted)
        sent = tuned.tune_net(base.name, pool, n_samples, plan)
    return base if sent is None else tuned_net(sent)
