# SPDX-License-Identifier: Apache-2.0
"""Estimates: they order planes as a coder would, and excerpts look everywhere."""

import numpy as np
import pytest

from medlossless.image import Plane
from medlossless.planes.estimate import Judge, estimate_bits


def noise(sigma: float, shape: tuple[int, ...] = (2, 60, 50)) -> Plane:
    drawn = np.random.default_rng(0).normal(30000, sigma, shape).round().astype(np.uint16)
    return Plane(drawn, int(drawn.max()))


def test_noise_costs_its_entropy_and_a_little_more():
    for sigma in (2, 30, 500):
        least = np.log2(sigma) + 2.05
        bits = estimate_bits(noise(sigma)) / 6000
        assert least < bits < least + 1.0


def test_flat_planes_cost_nearly_nothing():
    flat = Plane(np.full((3, 40, 40), 65535, np.uint16), 65535)
    assert estimate_bits(flat) < 100


def test_ramps_cost_less_than_noise():
    ramp = np.add.outer(np.arange(60), np.arange(50)).astype(np.uint16)[None]
    assert estimate_bits(Plane(ramp, 108)) < 0.2 * estimate_bits(noise(30, (1, 60, 50)))


def test_single_columns_and_rows_are_predicted():
    for shape in ((1, 900, 1), (1, 1, 900)):
        ramp = np.arange(0, 45000, 50, dtype=np.uint16).reshape(shape)
        jumps = np.random.default_rng(0).permutation(ramp.reshape(-1)).reshape(shape)
        assert estimate_bits(Plane(ramp, 45000)) < 0.6 * estimate_bits(Plane(jumps, 45000))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 9), (1, 9, 1), (3, 1, 1)])
def test_smallest_planes_have_a_cost(shape):
    plane = Plane(np.arange(np.prod(shape), dtype=np.uint16).reshape(shape), 8)
    assert 0 <= estimate_bits(plane) < 200


@pytest.mark.parametrize(
    "shape", [(1, 1, 5000), (1, 5000, 1), (5000, 1, 1), (7, 31, 31), (1, 300, 40), (40, 20, 20)]
)
def test_excerpts_stay_within_their_limit(shape):
    judge = Judge(estimate_bits, 1000)
    stack = np.zeros((*shape, 3), np.uint8)
    excerpt = judge.excerpt(stack)
    assert excerpt.ndim == 4
    assert excerpt.shape[-1] == 3
    assert 300 <= excerpt[..., 0].size <= 1000


def test_small_stacks_are_their_own_excerpt():
    stack = np.zeros((4, 5, 6), np.uint16)
    assert Judge(estimate_bits, 120).excerpt(stack) is stack


def test_excerpts_come_from_all_over_the_stack():
    frames = np.broadcast_to(np.arange(100, dtype=np.uint16)[:, None, None], (100, 64, 64))
    assert np.unique(Judge(estimate_bits, 1 << 15).excerpt(frames)).size >= 15
    rows = np.broadcast_to(np.arange(2000, dtype=np.uint16)[None, :, None], (1, 2000, 64))
    seen = Judge(estimate_bits, 1 << 14).excerpt(rows)
    assert seen.min() < 300
    assert seen.max() > 1700


def test_bits_are_scaled_to_the_whole_plane():
    judge = Judge(lambda plane: 2.0 * plane.samples.size, 100)
    excerpt = np.arange(10, dtype=np.uint16).reshape(1, 2, 5)
    assert judge.bits([excerpt, excerpt], 1000) == 4000
    assert judge.bits([np.zeros_like(excerpt)], 1000) == 0  # constant planes are not coded
