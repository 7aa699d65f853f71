# SPDX-License-Identifier: Apache-2.0
"""From the float twin to integers, and the tables the contexts start from."""

from __future__ import annotations

import numpy as np

from ..entropy import fold, freq_from_counts
from ..entropy.prior import N_TOKENS
from ..entropy.reference_model import token_of
from ..predict import reference
from ..predict.net import Layer, Net
from ..predict.tune import HIDDEN_UNIT, INPUT_UNIT, OUTPUT_UNITS
from .data import Samples
from .model import FloatNet

WEIGHT_LIMIT = 4095  # 13 bits: with clipped activations no accumulator comes near int32
TOKENS = np.array([token_of(value) for value in range(65536)], np.uint8)
PRIOR_SAMPLES = 200.0  # how much the smooth shape counts against the counted one


def _layer(weight: np.ndarray, bias: np.ndarray, per_input: np.ndarray, per_output: np.ndarray):
    """Scale by units, take the largest shift that keeps the weights within WEIGHT_LIMIT."""
    exact = weight * per_output[:, None] / per_input[None, :]
    shift = min(20, int(np.floor(np.log2(WEIGHT_LIMIT / np.abs(exact).max()))))
    if shift < 0:
        raise ValueError(f"a weight of {np.abs(exact).max():.0f} does not fit, train longer")
    weights = np.rint(exact * 2.0**shift).astype(np.int16)
    biases = np.rint(bias * per_output * 2.0**shift).astype(np.int32)
    return Layer(weights, biases, shift)


def integer_layers(model: FloatNet) -> tuple[tuple[Layer, ...], Layer]:
    """The integer layers nearest to a float net.

    The outputs get half a unit added, so that their floor rounds to nearest.
    """
    linears = [*model.hidden, model.output]
    n_inputs = _numbers(linears[0])[0].shape[1]
    per_input = np.full(n_inputs, INPUT_UNIT)
    inputs = per_input
    layers = []
    for linear in model.hidden:
        units = np.full(len(_numbers(linear)[1]), HIDDEN_UNIT)
        layers.append(_layer(*_numbers(linear), per_input, units))
        per_input = units
    if layers:
        per_input = np.concatenate([per_input, inputs])
    output = _layer(*_numbers(model.output), per_input, OUTPUT_UNITS)
    half = np.int32((1 << output.shift) >> 1)
    return tuple(layers), Layer(output.weights, output.biases + half, output.shift)


def _numbers(linear) -> tuple[np.ndarray, np.ndarray]:
    return (
        linear.weight.detach().cpu().double().numpy(),
        linear.bias.detach().cpu().double().numpy(),
    )


def med_layers() -> tuple[tuple[Layer, ...], Layer]:
    """The net of the MED baseline: offset 0, scale 2**-0.75 activities, whatever the inputs."""
    return (), Layer(np.zeros((2, 1), np.int16), np.array([0, -24], np.int32), 0)


def smooth_tables() -> np.ndarray:
    """Tables of logistics as the scale of each context says, float (N_CONTEXTS, N_TOKENS)."""
    tables = np.zeros((reference.N_CONTEXTS, N_TOKENS))
    symbols = np.arange(65536)
    for context in range(reference.N_CONTEXTS):
        scale, mean = _centre(context)
        value = np.where(symbols & 1, -(symbols + 1) // 2, symbols // 2)
        edges = (value[:, None] + np.array([-0.5, 0.5]) - mean) / 2 ** ((scale - 15.5) / 4)
        mass = np.abs(np.diff(np.tanh(edges / 2), axis=1))[:, 0] / 2
        token = TOKENS[symbols >> int(reference.RAW_SHIFT[context])]
        tables[context] = np.bincount(token, mass, N_TOKENS) + 1e-7
    return tables / tables.sum(axis=1, keepdims=True)


def _centre(context: int) -> tuple[int, float]:
    signed = reference.N_SIGNED_SCALES * reference.N_FRACTIONS
    if context < signed:
        return context // reference.N_FRACTIONS, (0.06, 0.25, 0.44)[context % 3]
    return context - signed + reference.N_SIGNED_SCALES, -0.5


def count_tokens(
    layers: tuple[tuple[Layer, ...], Layer], neighbourhood: str, samples: Samples
) -> np.ndarray:
    """How often each context meets each token over `samples`, int64."""
    net = Net(neighbourhood, *layers, freq_from_counts(smooth_tables()))
    counts = np.zeros((reference.N_CONTEXTS, N_TOKENS), np.int64)
    for start in range(0, len(samples.values), 1 << 18):
        part = slice(start, start + (1 << 18))
        outputs = reference.forward(net, np.ascontiguousarray(samples.inputs[part].T))[-1]
        prediction, context, flip = reference.place(
            samples.baseline[part],
            samples.exponent[part],
            samples.mantissa[part],
            outputs,
            samples.max_samples[part],
        )
        limits = samples.max_samples[part]
        for limit in np.unique(limits):
            own = limits == limit
            symbol = fold(samples.values[part][own], prediction[own], int(limit), flip[own])
            token = TOKENS[symbol >> reference.RAW_SHIFT[context[own]]]
            np.add.at(counts, (context[own], token), 1)
    return counts


def trained_freqs(
    layers: tuple[tuple[Layer, ...], Layer], neighbourhood: str, samples: Samples
) -> np.ndarray:
    """Tables counted on samples, leaning on the smooth ones where little was seen."""
    counts = count_tokens(layers, neighbourhood, samples)
    return freq_from_counts(counts + PRIOR_SAMPLES * smooth_tables())
