# SPDX-License-Identifier: Apache-2.0
"""The definition of tuning, in NumPy: Adam on the code length of a discretised logistic."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .tune import (
    DECAYS,
    HIDDEN_CLIP,
    LN2,
    LOG2_SCALES,
    MEAN_CLIP,
    NEAR_CLIP,
    SCALE_CLIP,
    Batch,
    FloatNet,
    Plan,
    Pool,
    Price,
)


def code_length(outputs: np.ndarray, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Bits of each sample under a discretised logistic, and their gradient by the outputs.

    The bits of samples beyond `NEAR_CLIP` scales stay what they are there, with a mean that does
    not matter: what is so far off is no reason to move.

    Parameters
    ----------
    outputs : (n, 2) float32
    batch : Batch

    Returns
    -------
    bits : (n,) float32
    gradient : (n, 2) float32
    """
    mean = np.clip(outputs[:, 0], -MEAN_CLIP, MEAN_CLIP) * batch.unit
    log2_scale = batch.log2_scale + np.clip(outputs[:, 1], -SCALE_CLIP, SCALE_CLIP)
    inverse = np.exp2(-np.clip(log2_scale, *LOG2_SCALES))
    residual = batch.difference - mean
    near = np.minimum((np.abs(residual) - 0.5) * inverse, NEAR_CLIP)
    e_near, e_inverse = np.exp(near), np.exp(inverse)
    tail_near, tail_far = 1 / (1 + e_near), 1 / (1 + e_near * e_inverse)
    mass = e_near * (e_inverse - 1) * tail_near * tail_far  # tail_near - tail_far
    slope = 1 - tail_near - tail_far
    gradient = np.empty_like(outputs)
    inside = (np.abs(outputs[:, 0]) < MEAN_CLIP) & (near < NEAR_CLIP)
    gradient[:, 0] = -np.sign(residual) * slope * inverse * batch.unit / LN2 * inside
    inside = np.abs(outputs[:, 1]) < SCALE_CLIP
    inside &= (log2_scale > LOG2_SCALES[0]) & (log2_scale < LOG2_SCALES[1])
    by_scale = inverse * e_inverse / (e_inverse - 1) * (1 + e_near) * tail_far
    gradient[:, 1] = (by_scale - near * slope * (near < NEAR_CLIP)) * inside
    return -np.log2(mass), gradient


class Tuner:
    """The reference: Adam on a `FloatNet`, batch after batch."""

    def __init__(self, net: FloatNet, price: Price | None = None) -> None:
        self.net, self.price = net, price
        self.starts = [p.copy() for p in net.parameters]
        self.first = [np.zeros_like(p) for p in net.parameters]
        self.second = [np.zeros_like(p) for p in net.parameters]

    def step(self, batch: Batch, rate: np.ndarray) -> None:
        """One step on a batch with the rates of `Plan.rates`."""
        gradients = self.gradients(batch)
        norm = max(1.0, math.sqrt(sum(float(np.vdot(g, g)) for g in gradients)))
        self.adam(
            [g / np.float32(norm) + p for g, p in zip(gradients, self.prices(), strict=True)], rate
        )

    def prices(self) -> Iterator[np.ndarray]:
        """Gradients of what moving parameters costs a sample."""
        for k, (p, start) in enumerate(zip(self.net.parameters, self.starts, strict=True)):
            if self.price is None:
                yield np.zeros_like(p)
                continue
            fine = self.price.finenesses[k].astype(np.float32)
            moved = (p - start) * fine
            yield fine * np.float32(self.price.a_sample) * moved / np.sqrt(moved * moved + 0.25)

    def gradients(self, batch: Batch) -> list[np.ndarray]:
        """Of the mean weighted bits, by weights, then by biases, layer by layer."""
        weights = self.net.weights
        hidden, outputs = self.net.forward(batch.inputs)
        back = code_length(outputs, batch)[1]
        back *= (batch.weight / np.float32(len(batch)))[:, None]
        joined = [hidden[-1], hidden[0]] if len(weights) > 1 else [hidden[0]]
        by_weights = [np.concatenate([back.T @ part for part in joined], axis=1)]
        by_biases = [back.sum(axis=0)]
        back = back @ weights[-1][:, : hidden[-1].shape[1]]
        for k in range(len(weights) - 2, -1, -1):
            back *= (hidden[k + 1] > 0) & (hidden[k + 1] < HIDDEN_CLIP)
            by_weights.insert(0, back.T @ hidden[k])
            by_biases.insert(0, back.sum(axis=0))
            if k:
                back = back @ weights[k]
        return by_weights + by_biases

    def adam(self, gradients: list[np.ndarray], rate: np.ndarray) -> None:
        """D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1."""
        b1, b2 = map(np.float32, DECAYS)
        for p, g, m, v in zip(self.net.parameters, gradients, self.first, self.second, strict=True):
            m[...] = m * b1 + g * (1 - b1)
            v[...] = v * b2 + g * g * (1 - b2)
            p -= m * rate[0] / (np.sqrt(v * rate[1]) + np.float32(1e-8))


def tune(net: FloatNet, pool: Pool, plan: Plan, price: Price | None = None) -> None:
    """What `tune.tune` does, but for the order of sums."""
    tuner, size = Tuner(net, price), plan.blocks(pool)
    for step, rate in enumerate(plan.rates()):
        start = step * size % (len(pool) - size + 1)
        tuner.step(pool.part(start, start + size).batch(), rate)


def mean_bits(net: FloatNet, pool: Pool) -> float:
    """What `tune.mean_bits` gives, but for the order of sums."""
    batch = pool.batch()
    bits = code_length(net.forward(batch.inputs)[1], batch)[0] * batch.weight
    return float(bits.sum(dtype=np.float64)) / pool.weight
