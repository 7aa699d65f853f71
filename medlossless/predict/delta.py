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


def quantise(net: Net, tuned: FloatNet, steps_log2: tuple[int, ...]) -> list[np.ndarray]:
    """Differences of a tuned float net from `net`, rounded to the step of each layer.

    Returns
    -------
    list of (units, inputs + 1) int32
        Of each layer; the last column is of the biases.
    """
    deltas = []
    base = FloatNet.of(net)
    for k, (layer, units) in enumerate(zip(layers_of(net), units_of(net), strict=True)):
        per_input, per_output = units
        scale = 2.0**layer.shift * per_output[:, None]
        weights = (tuned.weights[k] - base.weights[k]) * scale / per_input / 2.0 ** steps_log2[k]
        biases = (tuned.biases[k] - base.biases[k]) * per_output
        deltas.append(np.rint(np.column_stack([weights, biases])).astype(np.int32))
    return deltas


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
