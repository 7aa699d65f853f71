# SPDX-License-Identifier: Apache-2.0
"""Nets of any size with random and with extreme weights, and frames in every mood."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from medlossless.predict import Layer, Net, reference
from medlossless.predict import neighbourhood as nb

MAX_SAMPLES = [1, 255, 4095, 65535]
SHAPES = [(37, 41), (1, 50), (40, 1), (5, 31), (1, 1), (3, 16)]


def make_net(neighbourhood: str, widths: tuple[int, ...], layers: list[Layer]) -> Net:
    """A net with flat tables but for the first token."""
    freqs = np.full((reference.N_CONTEXTS, 54), 606, np.uint16)
    freqs[:, 0] = 32768 - 53 * 606
    assert [len(layer.biases) for layer in layers] == [*widths, 2]
    return Net(neighbourhood, tuple(layers[:-1]), layers[-1], freqs)


def layer_inputs(neighbourhood: str, widths: tuple[int, ...]) -> list[int]:
    """How many inputs each layer of a net reads."""
    n_inputs = len(nb.NEIGHBOURHOODS[neighbourhood]) + 1
    return [n_inputs, *widths[:-1], widths[-1] + n_inputs] if widths else [n_inputs]


def random_net(neighbourhood: str, widths: tuple[int, ...], seed: int = 0) -> Net:
    """Activations and outputs all over their ranges, clipped now and then."""
    rng = np.random.default_rng([seed, len(neighbourhood), *widths])
    layers = []
    for n_inputs, n_units in zip(layer_inputs(neighbourhood, widths), (*widths, 2), strict=True):
        weights = rng.integers(-900, 901, (n_units, n_inputs)).astype(np.int16)
        biases = rng.integers(-10_000, 10_001, n_units).astype(np.int32)
        layers.append(Layer(weights, biases, 10 if len(layers) < len(widths) else 14))
    return make_net(neighbourhood, widths, layers)


def extreme_net(neighbourhood: str, widths: tuple[int, ...]) -> Net:
    """Every accumulator can reach the end of int32, and all weights have one size."""
    rng = np.random.default_rng([len(neighbourhood), *widths])
    layers, bound = [], reference.INPUT_LIMIT
    for n_inputs, n_units in zip(layer_inputs(neighbourhood, widths), (*widths, 2), strict=True):
        size = min(32767, (2**31 - 1) // (n_inputs * bound))
        weights = (size * rng.choice([-1, 1], (n_units, n_inputs))).astype(np.int16)
        biases = np.full(n_units, 2**31 - 1 - size * n_inputs * bound, np.int32)
        layers.append(Layer(weights, biases * rng.choice([-1, 1], n_units).astype(np.int32), 12))
        bound = reference.HIDDEN_LIMIT
    return make_net(neighbourhood, widths, layers)


def frame_moods(shape: tuple[int, int], max_sample: int) -> Iterator[tuple[str, np.ndarray]]:
    """Frames of samples 0..max_sample, each under its name."""
    rng = np.random.default_rng([*shape, max_sample])
    ramp = np.add.outer(np.arange(shape[0]), np.arange(shape[1]))
    yield "random", rng.integers(0, max_sample + 1, shape).astype(np.uint16)
    yield "ramp", (ramp % (max_sample + 1)).astype(np.uint16)
    yield "two values", (max_sample * rng.integers(0, 2, shape)).astype(np.uint16)
    yield "constant", np.full(shape, max_sample, np.uint16)
    quiet = max_sample // 2 + rng.integers(-2, 3, shape)
    yield "quiet", np.clip(quiet, 0, max_sample).astype(np.uint16)


def frame_stacks(
    shape: tuple[int, int], max_sample: int
) -> Iterator[tuple[str, tuple[np.ndarray, ...]]]:
    """Three padded frames: a mood, the next, and the one after, with the edge at an extreme."""
    moods = list(frame_moods(shape, max_sample))
    for i, (name, _) in enumerate(moods):
        edge = (0, max_sample, max_sample // 3)[i % 3]
        chosen = [moods[(i + k) % len(moods)][1] for k in range(3)]
        yield name, tuple(nb.pad_frame(frame, edge) for frame in chosen)
