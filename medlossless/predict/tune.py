# SPDX-License-Identifier: Apache-2.0
"""Tune a net to an image: Adam on the exact code length, in NumPy, at encode only.

The float twin of the integer net (`training/model.py` is the same in torch) starts at the integer
weights. Nothing here is needed to decode, so floats are allowed; what is sent are integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import reference
from .net import Net

INPUT_UNIT = 64.0
HIDDEN_UNIT = 256.0
OUTPUT_UNITS = np.array([256.0, 32.0])
FLOOR_LOSS = 0.5 / HIDDEN_UNIT  # what flooring takes from an activation on average
HIDDEN_CLIP = reference.HIDDEN_LIMIT / HIDDEN_UNIT
MEAN_CLIP = reference.MEAN_LIMIT / OUTPUT_UNITS[0]
SCALE_CLIP = reference.SCALE_LIMIT / OUTPUT_UNITS[1]
LN2 = math.log(2.0)


@dataclass(frozen=True)
class Batch:
    """Samples with their features, all float32.

    inputs : (n, n_inputs) in units (64 = 1); difference : (n,) sample - baseline;
    exponent, mantissa : (n,) of the activity.
    """

    inputs: np.ndarray
    difference: np.ndarray
    exponent: np.ndarray
    mantissa: np.ndarray

    def __len__(self) -> int:
        return len(self.difference)

    def part(self, start: int, stop: int) -> Batch:
        """A contiguous part."""
        return Batch(
            self.inputs[start:stop],
            self.difference[start:stop],
            self.exponent[start:stop],
            self.mantissa[start:stop],
        )


@dataclass(frozen=True)
class Plan:
    """How long to tune: `steps` of `batch` samples, step size `peak_rate` falling by a cosine."""

    steps: int
    batch: int = 1024
    peak_rate: float = 0.011

    def rate(self, step: int) -> float:
        """Step size: twenty steps of warm-up, then half a cosine down to a fiftieth."""
        share = 0.02 + 0.49 * (1 + math.cos(math.pi * step / self.steps))
        return self.peak_rate * share * min(1.0, (step + 1) / 20)


class FloatNet:
    """The float twin of a `Net`: weights (units, inputs) and biases (units,) of each layer."""

    def __init__(self, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
        self.weights = [w.astype(np.float32) for w in weights]
        self.biases = [b.astype(np.float32) for b in biases]

    @classmethod
    def of(cls, net: Net) -> FloatNet:
        """The float net that an integer net stands for."""
        weights, biases = [], []
        for layer, (per_input, per_output) in zip(layers_of(net), units_of(net), strict=True):
            scale = 2.0**layer.shift
            weights.append(layer.weights / scale * per_input / per_output[:, None])
            half = (1 << layer.shift) >> 1 if layer is net.output else 0
            biases.append((layer.biases - half) / scale / per_output)
        return cls(weights, biases)

    def forward(self, inputs: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Activations of the hidden layers, (n, units) each, and the outputs (n, 2)."""
        hidden = [inputs]
        for weights, biases in zip(self.weights[:-1], self.biases[:-1], strict=True):
            sums = hidden[-1] @ weights.T
            sums += biases - FLOOR_LOSS
            hidden.append(np.clip(sums, 0.0, HIDDEN_CLIP, out=sums))
        last, n_hidden = self.weights[-1], self.weights[-1].shape[1] - inputs.shape[1]
        outputs = inputs @ last[:, n_hidden:].T + self.biases[-1]
        if n_hidden:
            outputs += hidden[-1] @ last[:, :n_hidden].T
        return hidden, outputs


def layers_of(net: Net) -> tuple:
    """Hidden layers and output layer of a net."""
    return (*net.hidden, net.output)


def units_of(net: Net) -> list[tuple[np.ndarray, np.ndarray]]:
    """What the integer 1 of each layer's inputs and outputs is a fraction of."""
    inputs = np.full(net.n_inputs, INPUT_UNIT)
    per_input, units = inputs, []
    for layer in net.hidden:
        per_output = np.full(layer.weights.shape[0], HIDDEN_UNIT)
        units.append((per_input, per_output))
        per_input = per_output
    joined = np.concatenate([per_input, inputs]) if net.hidden else inputs
    return [*units, (joined, OUTPUT_UNITS)]


def code_length(outputs: np.ndarray, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Bits of each sample under a discretised logistic, and their gradient by the outputs.

    Parameters
    ----------
    outputs : (n, 2) float32
    batch : Batch

    Returns
    -------
    bits : (n,) float32
    gradient : (n, 2) float32
    """
    e, f = batch.exponent, batch.mantissa
    unit = (17 + 2 * f) * np.exp2(e - 8)
    mean = np.clip(outputs[:, 0], -MEAN_CLIP, MEAN_CLIP) * unit
    log2_scale = e + f / 8 - 4 + np.clip(outputs[:, 1], -SCALE_CLIP, SCALE_CLIP)
    inverse = np.exp2(-np.clip(log2_scale, -4.0, 12.0))
    residual = batch.difference - mean
    near = np.minimum((np.abs(residual) - 0.5) * inverse, 30.0)
    far = near + inverse
    tail_near, tail_far = 1 / (1 + np.exp(near)), 1 / (1 + np.exp(far))
    mass = tail_near - tail_far + 1e-12
    slope_near, slope_far = tail_near * (1 - tail_near), tail_far * (1 - tail_far)
    gradient = np.empty_like(outputs)
    by_distance = (slope_near - slope_far) / (LN2 * mass)
    inside = np.abs(outputs[:, 0]) < MEAN_CLIP
    gradient[:, 0] = -np.sign(residual) * by_distance * inverse * unit * inside
    inside = (np.abs(outputs[:, 1]) < SCALE_CLIP) & (np.abs(log2_scale - 4) < 8)
    gradient[:, 1] = (slope_far * far - slope_near * near) / mass * inside
    return -np.log2(mass), gradient


class Tuner:
    """Adam on a `FloatNet`; deterministic given the batches and one BLAS thread."""

    DECAYS = 0.9, 0.99

    def __init__(self, net: FloatNet) -> None:
        self.net = net
        self.first = [np.zeros_like(p) for p in self._parameters()]
        self.second = [np.zeros_like(p) for p in self._parameters()]
        self.steps = 0

    def _parameters(self) -> list[np.ndarray]:
        return [*self.net.weights, *self.net.biases]

    def step(self, batch: Batch, rate: float) -> float:
        """One step on a batch; its mean bits before the step."""
        hidden, outputs = self.net.forward(batch.inputs)
        bits, back = code_length(outputs, batch)
        gradients = self._gradients(hidden, back / np.float32(len(batch)))
        norm = math.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
        self._adam(gradients, rate, min(1.0, 1.0 / max(norm, 1e-12)))
        return float(bits.mean())

    def _gradients(self, hidden: list[np.ndarray], back: np.ndarray) -> list[np.ndarray]:
        """Of weights, then of biases, layer by layer."""
        weights = self.net.weights
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

    def _adam(self, gradients: list[np.ndarray], rate: float, scale: float) -> None:
        """D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1."""
        self.steps += 1
        b1, b2 = self.DECAYS
        unbias1, unbias2 = 1 - b1**self.steps, 1 - b2**self.steps
        for p, g, m, v in zip(self._parameters(), gradients, self.first, self.second, strict=True):
            g = g * np.float32(scale)
            m *= b1
            m += (1 - b1) * g
            v *= b2
            v += (1 - b2) * g * g
            p -= np.float32(rate / unbias1) * m / (np.sqrt(v / unbias2) + 1e-8)


def tune(net: FloatNet, pool: Batch, plan: Plan) -> None:
    """Tune a float net in place on a shuffled pool of samples, batch after batch."""
    tuner = Tuner(net)
    size = min(plan.batch, len(pool))
    for step in range(plan.steps):
        start = step * size % (len(pool) - size + 1)
        tuner.step(pool.part(start, start + size), plan.rate(step))


def mean_bits(net: FloatNet, pool: Batch, chunk: int = 8192) -> float:
    """Mean code length of a pool."""
    total = 0.0
    for start in range(0, len(pool), chunk):
        part = pool.part(start, start + chunk)
        total += float(code_length(net.forward(part.inputs)[1], part)[0].sum(dtype=np.float64))
    return total / len(pool)
