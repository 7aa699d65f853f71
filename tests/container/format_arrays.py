# SPDX-License-Identifier: Apache-2.0
"""Arrays of every kind that a stream can hold, small enough for a slow decoder."""

from __future__ import annotations

import numpy as np

ROWS, COLS = 24, 19


def smooth(seed: int, shape: tuple[int, ...], high: int) -> np.ndarray:
    """A random surface from 0 to high."""
    rng = np.random.default_rng(seed)
    surface = rng.normal(size=shape)
    for axis in range(len(shape)):
        surface = surface.cumsum(axis)
    surface -= surface.min()
    return np.round(surface * (high / surface.max())).astype(np.int64)


def flat(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    """A screen: flat ground, a box, and a few dots."""
    rng = np.random.default_rng(seed)
    screen = np.full(shape, 17)
    screen[..., 5:15, 4:12] = 90
    screen[rng.random(shape) < 0.02] = 255
    return screen


def colours(seed: int, dtype: str) -> np.ndarray:
    """Three samples a position that follow one another."""
    grey = smooth(seed, (ROWS, COLS), 180)
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 9, (ROWS, COLS, 3))
    return (grey[..., None] + noise + [10, 0, 30]).astype(dtype)


def icon(seed: int, n_samples: int) -> np.ndarray:
    """An image of six colours."""
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 256, (6, n_samples)).astype("u1")
    return table[smooth(seed, (ROWS, COLS), 5)]


def floats(seed: int, dtype: str) -> np.ndarray:
    array = (smooth(seed, (ROWS, COLS), 900) / 8 - 40).astype(dtype)
    array[3, 4], array[5, 6], array[7, 8] = -0.0, np.nan, -np.inf
    return array


IMAGES = {
    "grey": (smooth(1, (ROWS, COLS), 3000).astype("<u2"), "YX"),
    "signed": ((smooth(2, (ROWS, COLS), 2500) - 1024).astype(">i2"), "YX"),
    "bytes": (smooth(3, (ROWS, COLS), 250).astype("u1"), "YX"),
    "volume": (smooth(4, (4, 13, COLS), 900).astype("<u2"), "ZYX"),
    "frames of volumes": (smooth(5, (2, 2, 9, 8), 500).astype("<i4"), "TZYX"),
    "screen": (flat(6, (ROWS, COLS)).astype("u1"), "YX"),
    "screens": (flat(7, (2, ROWS, COLS)).astype("u1"), "ZYX"),
    "noise": (np.random.default_rng(8).integers(0, 65536, (12, 11)).astype("<u2"), "YX"),
    "bits": (smooth(9, (ROWS, COLS), 9) > 4, "YX"),
    "colour": (colours(10, "u1"), "YXS"),
    "wide colour": (colours(11, "<i2") * 3, "YXS"),
    "palette": (icon(12, 3), "YXS"),
    "palette of four": (icon(13, 4), "YXS"),
    "packed by 7": ((smooth(14, (ROWS, COLS), 300) * 7 - 50).astype("<i2"), "YX"),
    "packed": (smooth(15, (ROWS, COLS), 200).astype("<u4") ** 3, "YX"),
    "split": (smooth(16, (10, 9), 2**33 - 1).astype("<i8"), "YX"),
    "half": (floats(17, "<f2"), "YX"),
    "single": (floats(18, ">f4"), "YX"),
    "double": (floats(19, "<f8")[:9], "YX"),
    "constant": (np.full((3, 5, 4), -7, "<i2"), "ZYX"),
    "one row": (smooth(20, (40,), 99).astype("u1"), "X"),
    "one col": (smooth(21, (40, 1), 99).astype("u1"), "YX"),
    "one sample": (np.array(2**40, ">u8"), ""),
    "nothing": (np.zeros((0, 5), "<u2"), "YX"),
}
