# SPDX-License-Identifier: Apache-2.0
"""Arrays in every mood that a codec must take, and equality to the last bit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

DTYPES = ["bool", "u1", "i1", "<u2", ">u2", "<i2", ">i2", "<u4", ">i4", "<u8", ">i8", "<i8"]
FLOATS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"]
SHAPES = [
    (),
    (1,),
    (300,),
    (1, 1),
    (1, 40),
    (40, 1),
    (37, 31),
    (3, 1, 1),
    (3, 18, 31),
    (2, 3, 9, 8),
]
EMPTY_SHAPES = [(0,), (0, 7), (7, 0), (3, 0, 5), (0, 4, 5), (2, 0, 3, 4)]
COLOURS = [((21, 17, 3), "YXS"), ((2, 11, 13, 4), "ZYXS"), ((9, 8, 2), "YXS"), ((5, 6, 1), "YXS")]


def rng_for(*key: object) -> np.random.Generator:
    """Random numbers that belong to a test case."""
    return np.random.default_rng(list(repr(key).encode()))


def random_bits(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Any bits of a dtype: for floats that includes NaN payloads and infinities."""
    kind = np.dtype(dtype)
    if kind == np.bool_:
        return rng_for(shape, dtype).integers(0, 2, shape).astype(bool)
    data = rng_for(shape, dtype).bytes(int(np.prod(shape, dtype=int)) * kind.itemsize)
    return np.frombuffer(data, kind).reshape(shape)


def smooth(shape: tuple[int, ...], dtype: str = "<u2", low: int = 0, high: int = 250) -> np.ndarray:
    """A blurred ramp with a little noise between two values: what prediction is made for."""
    place = np.indices(shape).sum(axis=0) if shape else np.zeros(())
    wave = np.sin(place / 7) + rng_for(shape, high).normal(0, 0.05, shape)
    scaled = low + (high - low) * (wave + 1.3) / 2.6
    return np.clip(scaled, low, high).astype(dtype)


def boxes(shape: tuple[int, ...]) -> np.ndarray:
    """A few flat boxes on a flat ground, as on a screen: most samples repeat a neighbour."""
    rng, image = rng_for(shape, "boxes"), np.zeros(shape, np.uint8)
    rows, cols = shape[-2:]
    for _ in range(max(3, rows * cols // 80)):
        row, col = rng.integers(0, rows), rng.integers(0, cols)
        height, width = rng.integers(1, 9, 2)
        image[..., row : row + height, col : col + width] = rng.integers(0, 256)
    return image


def waves(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Noisy waves that a net can be tuned to."""
    place = np.indices(shape).sum(axis=0)
    noise = np.random.default_rng(seed).normal(0, 4, shape)
    return (2000 + 900 * np.sin(place / 3) + noise).astype("<i2")


def moods(shape: tuple[int, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """16-bit samples of every kind, each under its name."""
    rng = rng_for(shape, "moods")
    ramp = np.indices(shape).sum(axis=0)
    yield "zero", np.zeros(shape, np.uint16)
    yield "highest", np.full(shape, 65535, np.uint16)
    yield "lowest", np.full(shape, -32768, np.int16)
    yield "full range", rng.integers(0, 65536, shape).astype(np.uint16)
    yield "two values", np.where(rng.random(shape) < 0.5, -32768, 32767).astype(np.int16)
    yield "gradient", ramp.astype(np.uint16)
    yield "steep gradient", (997 * ramp % 65536).astype(np.uint16)
    yield "sparse levels", (16 * rng.integers(0, 40, shape)).astype(np.int16)
    yield "far levels", rng.choice([0, 3, 40_000, 65_535], shape).astype(np.uint16)
    yield "padded", np.where(rng.random(shape) < 0.3, -2000, ramp).astype(np.int16)
    yield "few spots", np.where(rng.random(shape) < 0.02, 4095, 0).astype(np.uint16)
    yield "smooth", smooth(shape, "<i2", -1000, 3000)
    yield "boxes", boxes(shape)
    yield "blank halves", np.where(ramp % 2, 0, smooth(shape))


def same_bits(one: np.ndarray, other: np.ndarray) -> bool:
    """Shape, dtype with byte order, and every bit: NaN equals the same NaN, 0.0 is not -0.0."""
    return (
        one.shape == other.shape
        and one.dtype.str == other.dtype.str
        and np.ascontiguousarray(one).tobytes() == np.ascontiguousarray(other).tobytes()
    )
