# SPDX-License-Identifier: Apache-2.0
"""Tune a net to an image: Adam on the code length, at encode only.

The float twin of the integer net (`training/model.py` is the same in torch) starts at the integer
weights. Nothing here is needed to decode, so floats are allowed; what is sent are integers. The
definition is `tune_reference.py`, in NumPy; `tune` and `mean_bits` do the same in C (csrc/tune).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import reference
from ._tune import INPUT_STEP, LANES, TARGETS, UNIT_STEP, Trainer
from .net import Net

INPUT_UNIT = 64.0
HIDDEN_UNIT = 256.0
OUTPUT_UNITS = np.array([256.0, 32.0])
FLOOR_LOSS = 0.5 / HIDDEN_UNIT  # what flooring takes from an activation on average
HIDDEN_CLIP = reference.HIDDEN_LIMIT / HIDDEN_UNIT
MEAN_CLIP = reference.MEAN_LIMIT / OUTPUT_UNITS[0]
SCALE_CLIP = reference.SCALE_LIMIT / OUTPUT_UNITS[1]
LOG2_SCALES = -4.0, 12.0
NEAR_CLIP = 28.0
LN2 = 0.6931471805599453
DECAYS = 0.9, 0.99
STEPS_AT_ONCE = 32  # between two calls of progress


def origin(exponent: np.ndarray, mantissa: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit of the mean offset, and log2 of the scale, for an activity, both float32 and exact."""
    unit = np.ldexp((17 + 2 * mantissa).astype(np.float32), exponent - 8)
    return unit, (8 * exponent + mantissa - 32).astype(np.float32) / 8


@dataclass(frozen=True)
class Batch:
    """Samples one by one, as the reference takes them, all float32.

    inputs : (n, n_inputs) in units (64 = 1); difference : (n,) sample - baseline;
    unit : (n,) of the mean offset; log2_scale : (n,) what the output is added to; weight : (n,)
    """

    inputs: np.ndarray
    difference: np.ndarray
    unit: np.ndarray
    log2_scale: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.difference)


@dataclass(frozen=True)
class Pool:
    """Samples with their features in blocks of 16, as the trainer takes them.

    inputs : (n_blocks, n_inputs, 16) int16, as the integer net takes them
    targets : (n_blocks, 4, 16) float32
        Sample - baseline, unit of the mean offset, log2 of the scale without the output, weight;
        lanes without a sample weigh nothing.
    """

    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def weight(self) -> float:
        """Sum of the weights."""
        return float(self.targets[:, 3].sum(dtype=np.float64))

    def part(self, first: int, last: int) -> Pool:
        """Blocks first..last - 1."""
        return Pool(self.inputs[first:last], self.targets[first:last])

    def batch(self) -> Batch:
        """The samples one by one, lanes without a sample included."""
        inputs = self.inputs.transpose(0, 2, 1).reshape(-1, self.inputs.shape[1])
        columns = self.targets.transpose(1, 0, 2).reshape(TARGETS, -1)
        return Batch(inputs.astype(np.float32) * np.float32(1 / INPUT_UNIT), *columns)


@dataclass(frozen=True)
class Plan:
    """How long to tune: `steps` of `batch` samples, step size `peak_rate` falling to nearly 0."""

    steps: int
    batch: int = 512
    peak_rate: float = 0.007

    def rate(self, step: int) -> float:
        """Step size: twenty steps of warm-up, then down to a fiftieth, slow at both ends."""
        left = 1 - step / self.steps
        share = 0.02 + 0.98 * left * left * (3 - 2 * left)
        return self.peak_rate * share * min(1.0, (step + 1) / 20)

    def rates(self) -> np.ndarray:
        """What Adam needs at each step, (steps, 2) float32: rate / (1 - b1^t), 1 / (1 - b2^t)."""
        rates = np.empty((self.steps, 2), np.float32)
        left1 = left2 = 1.0
        for step in range(self.steps):
            left1, left2 = left1 * DECAYS[0], left2 * DECAYS[1]
            rates[step] = self.rate(step) / (1 - left1), 1 / (1 - left2)
        return rates

    def blocks(self, pool: Pool) -> int:
        """Blocks of a batch."""
        return min(self.batch // LANES, len(pool))


@dataclass(frozen=True)
class Price:
    """What moving parameters away from where they start costs, for they must be sent.

    Moved by u steps a parameter costs ``bits_a_step * sqrt(u * u + 1/4)`` bits of the whole image,
    nearly the length of a code for a Laplacian; what gains less than that stays where it was.

    finenesses : arrays like `FloatNet.parameters`, 1 / step of each
    bits_a_step : float
    n_samples : int, that the image has
    """

    finenesses: list[np.ndarray]
    bits_a_step: float
    n_samples: int

    @property
    def a_sample(self) -> float:
        """Bits a step and sample."""
        return self.bits_a_step / self.n_samples


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

    @property
    def parameters(self) -> list[np.ndarray]:
        """Weights, then biases, layer by layer."""
        return [*self.weights, *self.biases]

    @property
    def units(self) -> list[int]:
        """Of the hidden layers."""
        return [len(weights) for weights in self.weights[:-1]]

    @property
    def n_inputs(self) -> int:
        return self.weights[0].shape[1]

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


def pack(net: FloatNet, arrays: list[np.ndarray] | None = None) -> np.ndarray:
    """Parameters of a net with hidden layers, or `arrays` like them, laid out for the trainer."""
    flat = []
    for source, width, height in _padding(net, arrays or net.parameters):
        padded = np.zeros((height, width), np.float32)
        padded[: source.shape[0], : source.shape[1]] = source
        flat.append(padded.reshape(-1))
    joined = np.concatenate(flat)
    return np.pad(joined, (0, -len(joined) % LANES))


def unpack(net: FloatNet, flat: np.ndarray) -> None:
    """Set the parameters of a net to what the trainer made of them."""
    at = 0
    for target, width, height in _padding(net, net.parameters):
        part = flat[at : at + width * height].reshape(height, width)
        target[...] = part[: target.shape[0], : target.shape[1]]
        at += width * height


def _padding(net: FloatNet, arrays: list[np.ndarray]) -> Iterator[tuple[np.ndarray, int, int]]:
    """Views (inputs, units) of arrays like the parameters, in the trainer's order and sizes."""
    n_layers = len(net.weights)
    for k, (weights, biases) in enumerate(zip(arrays[:n_layers], arrays[n_layers:], strict=True)):
        turned, width = weights.T, len(weights)
        parts = [turned]
        if k + 1 < n_layers:
            width += -width % UNIT_STEP
        else:
            parts = [turned[: net.units[-1]], turned[net.units[-1] :]]
        for number, part in enumerate(parts):
            of_units = k > 0 and number == 0
            yield part, width, len(part) + -len(part) % (UNIT_STEP if of_units else INPUT_STEP)
        yield biases[None], width, 1


def _trainer(net: FloatNet, pool: Pool, rates: np.ndarray, blocks: int, **how: Any) -> Trainer:
    units = [n + -n % UNIT_STEP for n in net.units]
    return Trainer(net.n_inputs, units, pack(net), pool.inputs, pool.targets, rates, blocks, **how)


def tune(
    net: FloatNet,
    pool: Pool,
    plan: Plan,
    price: Price | None = None,
    *,
    threads: int = 1,
    kernel: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Tune a float net with hidden layers in place on a shuffled pool of samples.

    Parameters
    ----------
    net : FloatNet
    pool : Pool
    plan : Plan
    price : Price, optional
        Without, nothing holds parameters back.
    threads : int
    kernel : str, optional
        As in `KernelNet`.
    progress : callable (steps), optional
        Called every few steps with their number.

    Exact
    -----
    The same bits on every processor, with any kernel and any number of threads.
    """
    costs = {}
    if price is not None:
        costs = {"finenesses": pack(net, price.finenesses), "price": price.a_sample}
    how = {"threads": threads, "kernel": kernel} | costs
    trainer = _trainer(net, pool, plan.rates(), plan.blocks(pool), **how)
    with ThreadPoolExecutor(max(1, trainer.n_threads - 1)) as others:
        for first in range(0, plan.steps, STEPS_AT_ONCE):
            last = min(first + STEPS_AT_ONCE, plan.steps)
            try:
                running = [
                    others.submit(trainer.steps, thread, first, last)
                    for thread in range(1, trainer.n_threads)
                ]
                trainer.steps(0, first, last)
            except BaseException:
                trainer.give_up()
                raise
            for other in running:
                other.result()
            if progress is not None:
                progress(last - first)
    unpack(net, trainer.parameters)


def mean_bits(net: FloatNet, pool: Pool, kernel: str | None = None) -> float:
    """Mean code length of a pool, in bits, under a net with hidden layers."""
    trainer = _trainer(net, pool, np.zeros((1, 2), np.float32), 1, kernel=kernel)
    return trainer.bits(0, len(pool)) / pool.weight
