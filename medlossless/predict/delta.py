# SPDX-License-Identifier: Apache-2.0
"""A tuned net as integer differences from a shipped one.

The weights of a layer differ by multiples of ``2**step_log2`` of that layer, its biases by
multiples of ``2**shift``, the smallest difference its outputs can see.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import InvalidWeights
from .net import Layer, Net
from .tune import FloatNet, layers_of, units_of

STEP_LOG2_MAX = 12
WEIGHT_LIMIT = 32767
BIAS_LIMIT = 1 << 30


def finenesses(net: Net, steps_log2: tuple[int, ...]) -> list[np.ndarray]:
    """Steps of a float net's parameters in one unit of them, like `FloatNet.parameters`."""
    weights, biases = [], []
    for layer, units, step_log2 in zip(layers_of(net), units_of(net), steps_log2, strict=True):
        per_input, per_output = units
        weights.append(2.0 ** (layer.shift - step_log2) * per_output[:, None] / per_input)
        biases.append(per_output)
    return weights + biases


def quantise(net: Net, tuned: FloatNet, steps_log2: tuple[int, ...]) -> list[np.ndarray]:
    """Differences of a tuned float net from `net`, rounded to the step of each layer.

    Returns
    -------
    list of (units, inputs + 1) int32
        Of each layer; the last column is of the biases.
    """
    moved = [
        (now - before) * fine
        for now, before, fine in zip(
            tuned.parameters,
            FloatNet.of(net).parameters,
            finenesses(net, steps_log2),
            strict=True,
        )
    ]
    n_layers = len(steps_log2)
    return [
        np.rint(np.column_stack([weights, biases])).astype(np.int32)
        for weights, biases in zip(moved[:n_layers], moved[n_layers:], strict=True)
    ]


def apply(net: Net, deltas: list[np.ndarray], steps_log2: tuple[int, ...]) -> Net:
    """The net that differs from `net` by `deltas`; its accumulators are proved.

    Raises
    ------
    InvalidWeights
        A weight leaves int16, a bias its range, or an accumulator could overflow.
    """
    layers = []
    for number, (layer, delta) in enumerate(zip(layers_of(net), deltas, strict=True)):
        wide = delta.astype(np.int64)
        weights = layer.weights + (wide[:, :-1] << steps_log2[number])
        biases = layer.biases + (wide[:, -1] << layer.shift)
        if np.abs(weights).max() > WEIGHT_LIMIT or np.abs(biases).max() > BIAS_LIMIT:
            raise InvalidWeights(f"net: layer {number}: a tuned weight or bias is out of range")
        layers.append(Layer(weights.astype(np.int16), biases.astype(np.int32), layer.shift))
    return replace(net, hidden=tuple(layers[:-1]), output=layers[-1])
