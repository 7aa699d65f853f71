# SPDX-License-Identifier: Apache-2.0
"""What kernels are tried on: nets of any size, frames in every mood, and what each must give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from medlossless.predict import Layer, Net, net_named, reference, shipped_names
from medlossless.predict import neighbourhood as nb

MAX_SAMPLES = (1, 255, 4095, 65535)
SHAPES = ((17, 33), (1, 1), (5, 31), (1, 50), (37, 16), (40, 1), (33, 7))
N_TOKENS = 54

# Neighbourhood, units of each hidden layer, and whether the sums reach the ends of int32.
MADE_NETS = (
    ("none", (), False), ("none", (3,), True), ("narrow2d", (1,), False), ("mid2d", (), False),
    ("narrow2d", (256,), False), ("mid2d", (24, 16), True), ("mid3d", (17, 31), False),
    ("wide2d", (33, 5, 9), False), ("wide2d", (8,), True), ("wide3d", (64, 32), False),
    ("wide3d", (40, 2, 30), True),
)  # fmt: skip

Shape = tuple[int, int]
Mood = Callable[[Shape, int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Case:
    """Frames of samples and the net that predicts the first of them.

    frames : (n_frames, rows, cols) uint16, the sample's own first; edge, max_sample : int
    """

    name: str
    net_name: str
    net: Net
    frames: np.ndarray
    edge: int
    max_sample: int

    @property
    def shape(self) -> Shape:
        return self.frames.shape[1:]

    @cached_property
    def padded(self) -> tuple[np.ndarray, ...]:
        return tuple(nb.pad_frame(frame, self.edge) for frame in self.frames)

    @cached_property
    def expected(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prediction, context and flip of each sample by the reference, (rows, cols) each."""
        where = nb.positions(*self.shape).ravel()
        found = reference.predict(self.net, self.padded, where, self.shape[1], self.max_sample)
        prediction, context, flip = (array.reshape(self.shape) for array in found)
        return prediction.astype(np.uint16), context.astype(np.uint8), flip.astype(np.uint8)


def near_zero(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, min(3, max_sample) + 1, shape)


def near_maximum(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    return max_sample - near_zero(shape, max_sample, rng)


def uniform(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, max_sample + 1, shape)


def extremes(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    return rng.choice([0, max_sample], shape)


def gradient(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    """A ramp that wraps around."""
    by_row, by_col, start = rng.integers(1, max_sample // 8 + 2, 3)
    ramp = np.add.outer(by_row * np.arange(shape[0]), by_col * np.arange(shape[1]))
    return (start + ramp) % (max_sample + 1)


def anatomy(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth with noise: what images are like."""
    rows, cols = np.ogrid[: shape[0], : shape[1]]
    smooth = 0.5 + 0.4 * np.sin(0.3 * rows + rng.random()) * np.cos(0.2 * cols)
    noisy = max_sample * (smooth + rng.normal(0, 0.01, shape))
    return np.clip(np.rint(noisy), 0, max_sample)


def constant(shape: Shape, max_sample: int, rng: np.random.Generator) -> np.ndarray:
    return np.full(shape, rng.integers(0, max_sample + 1))


MOODS: dict[str, Mood] = {
    mood.__name__.replace("_", " "): mood
    for mood in (near_zero, near_maximum, uniform, extremes, gradient, anatomy, constant)
}


def make_net(neighbourhood: str, units: tuple[int, ...], *, full: bool, seed: int) -> Net:
    """A net with random weights; if `full`, each sum can just reach an end of int32."""
    rng = np.random.default_rng([seed, *units])
    n_inputs = len(nb.NEIGHBOURHOODS[neighbourhood]) + 1
    counts = [n_inputs, *units[:-1], units[-1] + n_inputs] if units else [n_inputs]
    layers = []
    for number, (count, n_units) in enumerate(zip(counts, (*units, 2), strict=True)):
        bound = reference.HIDDEN_LIMIT if number else reference.INPUT_LIMIT
        limit = min(32767, (2**31 - 1) // (count * bound)) if full else 900
        size = rng.choice([-limit, limit], (n_units, count)) if full else limit
        weights = size if full else rng.integers(-size, size + 1, (n_units, count))
        rest = 2**31 - 1 - limit * count * bound if full else 10_000
        biases = rng.integers(-rest, rest + 1, n_units)
        shift = 14 if number == len(units) else 10
        layers.append(Layer(weights.astype(np.int16), biases.astype(np.int32), shift))
    freqs = np.full((reference.N_CONTEXTS, N_TOKENS), 32768 // N_TOKENS, np.uint16)
    freqs[:, 0] += 32768 % N_TOKENS
    return Net(neighbourhood, tuple(layers[:-1]), layers[-1], freqs)


def all_nets() -> Iterator[tuple[str, Net]]:
    """Shipped nets, then made ones, each under its name."""
    for name in shipped_names():
        yield name, net_named(name)
    for number, (neighbourhood, units, full) in enumerate(MADE_NETS):
        name = "-".join([f"made {neighbourhood}", *map(str, units), "2"]) + " full" * full
        yield name, make_net(neighbourhood, units, full=full, seed=number)


def cases_of(name: str, net: Net) -> Iterator[Case]:
    """Every mood at every depth; the shapes, of which some are not multiples of 16, take turns."""
    rng = np.random.default_rng(list(name.encode()))
    n_frames = nb.frames_needed(net.neighbourhood)
    for number, mood in enumerate(MOODS):
        for depth, max_sample in enumerate(MAX_SAMPLES):
            shape = SHAPES[(number + 2 * depth) % len(SHAPES)]
            frames = np.stack([MOODS[mood](shape, max_sample, rng) for _ in range(n_frames)])
            edge = int(rng.integers(0, max_sample + 1))
            yield Case(mood, name, net, frames.astype(np.uint16), edge, max_sample)
