# SPDX-License-Identifier: Apache-2.0
"""Nets tuned to a plane at encode: drawing samples, tuning, pricing, and how they are written.

A tuned net is sent as differences from a shipped net (`predict/delta.py`), entropy coded with the
tables of that shipped net. It is used only when it saves more bits than it costs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from .. import entropy
from .._fields import Fields, varint
from ..errors import CorruptStream, InvalidWeights
from ..image import Plane
from ..predict import DIGEST_BYTES, Net, delta, name_of, net_named, reference, tune
from ..predict._kernel import KernelNet
from ..predict._tune import draw
from . import gain
from .mask import Mask, covered

POOL_SAMPLES = 1 << 19
PRICE_SAMPLES = 1 << 14
BITS_A_STEP = 0.03  # of what moves, see `tune.Price`; more keeps back what would pay
STEP_LOG2, STEP_LOG2_LIMITS = 4, (1, 7)  # where the search for the step of the weights begins
OUTPUT_FINER_LOG2 = 2  # the outputs feel rounding most


@dataclass(frozen=True)
class TunedNet:
    """A net as the stream sends it: differences from the shipped net `base`."""

    base: str
    steps_log2: tuple[int, ...]
    deltas: tuple[np.ndarray, ...]

    def build(self) -> Net:
        """The net, its accumulators proved.

        Raises
        ------
        InvalidWeights
        """
        return delta.apply(net_named(self.base), list(self.deltas), self.steps_log2)

    def to_bytes(self) -> bytes:
        """Digest of the base, then of each layer its step, largest symbol, scale and payload."""
        out = net_named(self.base).digest
        for step_log2, values in zip(self.steps_log2, self.deltas, strict=True):
            symbols = np.where(values < 0, -2 * values - 1, 2 * values).astype(np.int64)
            top = int(symbols.max())
            if top > 65535:
                raise InvalidWeights(f"net: a weight changed by {top >> 1} steps, too far")
            coded = min(
                (_encode(symbols, scale, top, self.base) for scale in _scales_near(values)),
                key=len,
            )
            out += bytes([step_log2]) + varint(top) + coded
        return out


def _scales_near(values: np.ndarray) -> range:
    """Scales worth trying for values of this mean magnitude."""
    magnitude = max(0.02, float(np.abs(values).mean()))
    last = reference.N_SIGNED_SCALES - 1
    centre = min(last, max(0, round(16 + 4 * np.log2(magnitude))))
    return range(max(0, centre - 3), min(last, centre + 2) + 1)


@cache
def prior_of(base: str) -> entropy.Prior:
    """Where the tables start with a shipped net, or one tuned from it."""
    net = net_named(base)
    return entropy.Prior(net.shifts, net.freqs)


@cache
def _prior_at(base: str, scale: int) -> entropy.Prior:
    """Where the table of the weights of a scale starts."""
    return prior_of(base).alone(reference.N_FRACTIONS * scale)


def _encode(symbols: np.ndarray, scale: int, top: int, base: str) -> bytes:
    tile = np.ascontiguousarray(symbols.astype(np.uint16)[None])
    contexts = np.zeros(tile.shape, np.uint8)
    prior = _prior_at(base, scale)
    payload = entropy.encode_tile(tile, contexts, max_sample=top, prior=prior)
    return bytes([scale]) + varint(len(payload)) + payload


def read_tuned(fields: Fields) -> TunedNet:
    """One tuned net of the PLANES section.

    Raises
    ------
    CorruptStream, WeightsMissing
    """
    base = name_of(bytes(fields.take(DIGEST_BYTES, "digest of the base net")))
    steps, deltas = [], []
    for layer in tune.layers_of(net_named(base)):
        steps.append(fields.number(1, "step of the weights"))
        if steps[-1] > delta.STEP_LOG2_MAX:
            raise CorruptStream(f"{fields.name}: step {steps[-1]}, at most {delta.STEP_LOG2_MAX}")
        top = fields.varint("largest symbol", 65535)
        scale = fields.number(1, "scale")
        if scale >= reference.N_SIGNED_SCALES:
            raise CorruptStream(f"{fields.name}: scale {scale} of weight differences")
        payload = bytes(fields.take(fields.varint("payload bytes", 1 << 20), "payload"))
        shape = (1, layer.weights.shape[0], layer.weights.shape[1] + 1)
        contexts, prior = np.zeros(shape, np.uint8), _prior_at(base, scale)
        symbols = entropy.decode_tile(payload, contexts, max_sample=top, prior=prior)
        wide = symbols[0].astype(np.int32)
        deltas.append(np.where(wide & 1, -((wide + 1) >> 1), wide >> 1))
    return TunedNet(base, tuple(steps), tuple(deltas))


@cache
def _kernel(name: str) -> KernelNet:
    return KernelNet(net_named(name))


@dataclass(frozen=True)
class Sight:
    """What predictors see of a plane's frames: the value above the first row, the mask, gains.

    That value is not scaled here, where hardly any sample sees it.
    """

    edge: int
    mask: Mask | None = None
    gains: np.ndarray | None = None

    def earlier(self, plane: Plane, number: int, back: int) -> np.ndarray:
        """The frame so many before a frame, the first if there is none, at the scale of that."""
        start = max(0, number - back)
        frame = self.frame(plane, start)
        if self.gains is not None:
            for one in self.gains[start + 1 : number + 1]:
                frame = gain.scale(frame, one, plane.max_sample)
        return frame

    def frame(self, plane: Plane, number: int) -> np.ndarray:
        """A frame with the mask's fill for padding."""
        frame = plane.samples[number]
        if self.mask is None:
            return frame
        return self.mask.fill_in(frame[None], self.mask.find(frame[None]))[0]

    def pick(self, plane: Plane, number: int, n: int, rng: np.random.Generator) -> np.ndarray:
        """Indices of n random samples of a frame that are coded; of any where none is."""
        frame = plane.samples[number]
        size = frame.size
        if self.mask is not None:
            coded = np.flatnonzero(~covered(self.mask.find(frame[None]), frame.shape[1]))
            size = coded.size or size
        again = size < n or size > 2 * n  # some may come twice: they must, or are few
        picked = rng.integers(0, size, n) if again else rng.permutation(size)[:n]
        return coded[picked] if size < frame.size else picked


def draw_pool(
    plane: Plane, base: str, frames: np.ndarray, see: Sight, rng: np.random.Generator, most: int
) -> tune.Pool:
    """Random samples of some frames of a plane with their features, blocks of all frames mixed.

    Padding is not among them.
    """
    kernel = _kernel(base)
    n_frame = plane.samples[0].size
    chosen = rng.permutation(frames)[: max(1, most // 4096)]
    per_frame = min(n_frame, -(-most // len(chosen)))
    blocks = rng.permutation(len(chosen) * -(-per_frame // tune.LANES)).astype(np.int32)
    blocks = blocks.reshape(len(chosen), -1)
    inputs = np.empty((blocks.size, net_named(base).n_inputs, tune.LANES), np.int16)
    targets = np.empty((blocks.size, tune.TARGETS, tune.LANES), np.float32)
    for frame, where in zip(chosen, blocks, strict=True):
        earlier = [see.earlier(plane, int(frame), back) for back in range(kernel.n_frames)]
        picked = see.pick(plane, int(frame), per_frame, rng)
        draw(kernel, earlier, see.edge, picked, where, inputs, targets)
    return tune.Pool(inputs, targets)


def _steps(net: Net, step_log2: int) -> tuple[int, ...]:
    """Steps of the layers' weights."""
    return (step_log2,) * len(net.hidden) + (max(0, step_log2 - OUTPUT_FINER_LOG2),)


def tune_net(
    base: str,
    pool: tune.Pool,
    n_samples: int,
    plan: tune.Plan,
    *,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> TunedNet | None:
    """Tune a shipped net on a pool that stands for `n_samples`; None when it does not pay."""
    net = net_named(base)
    price_pool = pool.part(0, PRICE_SAMPLES // 16)
    before = tune.mean_bits(tune.FloatNet.of(net), price_pool) * n_samples
    tuned = tune.FloatNet.of(net)
    steps = _steps(net, STEP_LOG2)
    price = tune.Price(delta.finenesses(net, steps), BITS_A_STEP, n_samples)
    tune.tune(tuned, pool, plan, price, threads=threads, progress=progress)

    @cache
    def priced(step_log2: int) -> tuple[float, TunedNet | None]:
        """Bits of all samples and of the net, and the net, with the weights' step."""
        if not STEP_LOG2_LIMITS[0] <= step_log2 <= STEP_LOG2_LIMITS[1]:
            return float("inf"), None
        steps = _steps(net, step_log2)
        candidate = TunedNet(base, steps, tuple(delta.quantise(net, tuned, steps)))
        try:
            built, sent = candidate.build(), 8 * len(candidate.to_bytes())
        except InvalidWeights:
            return float("inf"), None  # tuned out of the integers' range: it cannot be sent
        return tune.mean_bits(tune.FloatNet.of(built), price_pool) * n_samples + sent, candidate

    at = STEP_LOG2
    for by in (-1, 1):
        while priced(at + by)[0] < priced(at)[0]:
            at += by
    bits, best = priced(at)
    return best if bits < before else None
