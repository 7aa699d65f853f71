# SPDX-License-Identifier: Apache-2.0
"""The noise floor against noise of known strength."""

import math

import numpy as np
import pytest

from benchmarks.corpus import Series
from benchmarks.noise import noise_floor_bpp

ROWS, COLS = np.mgrid[:256, :256]


def noisy(sigma, scene=0.0, seed=5):
    rng = np.random.default_rng(seed)
    return np.rint(2000 + scene + rng.normal(0, 1, (2, 256, 256)) * sigma).astype(np.uint16)


@pytest.mark.parametrize("sigma", [1, 3, 20, 100])
def test_noise_of_known_strength_is_found(sigma):
    expected = math.log2(sigma) + 2.05
    assert expected - 0.3 < noise_floor_bpp(noisy(sigma)) < expected + 0.05


def test_structure_is_not_noise():
    flat = noise_floor_bpp(noisy(5))
    edges = 900 * ((ROWS // 37 + COLS // 41) % 2)
    assert abs(noise_floor_bpp(noisy(5, 3 * ROWS + 2 * COLS)) - flat) < 0.05
    assert abs(noise_floor_bpp(noisy(5, edges)) - flat) < 0.2


def test_noise_may_depend_on_brightness():
    expected = np.log2(np.array([2, 32])).mean() + 2.05
    found = noise_floor_bpp(noisy(np.where(COLS < 128, 2, 32), np.where(COLS < 128, 0, 900)))
    assert expected - 0.3 < found < expected + 0.1


def test_levels_that_nothing_uses_cost_nothing():
    assert noise_floor_bpp(16 * noisy(3)) == noise_floor_bpp(noisy(3))


def test_constant_half_halves_the_floor():
    half = noisy(8)
    half[:, :, :128] = 0
    assert noise_floor_bpp(half) == pytest.approx(noise_floor_bpp(noisy(8)) / 2, abs=0.2)


def test_what_has_no_floor():
    assert noise_floor_bpp(np.full((1, 50, 50), 7, np.uint8)) == 0
    assert math.isnan(noise_floor_bpp(np.zeros((1, 50, 50), np.float32)))
    assert math.isnan(noise_floor_bpp(np.zeros((3, 9, 50), np.uint8)))


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint64])
def test_every_integer_type_is_taken(dtype):
    array = np.random.default_rng(1).integers(0, 2, (1, 40, 40)).astype(dtype)
    assert 0 < noise_floor_bpp(array) < 2
    colour = noise_floor_bpp(np.stack([array] * 3, axis=-1))
    assert colour == pytest.approx(noise_floor_bpp(array), abs=0.1)
    assert Series("s", "CT", array, 1, (1,)).noise_bpp == noise_floor_bpp(array)
