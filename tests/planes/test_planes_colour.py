# SPDX-License-Identifier: Apache-2.0
"""Colour transforms: exact on extremes, narrow enough, and undone in place."""

import itertools

import numpy as np
import pytest

from medlossless.errors import CorruptStream
from medlossless.planes import colour, words
from medlossless.planes.colour import Colour

TRANSFORMS = [Colour.SUBTRACT_GREEN, Colour.YCOCG]


def colours(dtype: np.dtype) -> np.ndarray:
    """Return all corners of the cube of a dtype and random colours, (1, 1, n, 3)."""
    low, high = words.bounds(dtype)
    corners = list(itertools.product([low, low + 1, 0, high - 1, high], repeat=3))
    random = np.random.default_rng(0).integers(low, high, (500, 3), endpoint=True)
    return np.concatenate([np.array(corners), random]).astype(dtype)[None, None]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("code", ["u1", "i1", "u2", "i2"])
def test_inverse_restores_every_colour(code, transform):
    stack = colours(np.dtype(code))
    before = stack.copy()
    channels = [channel.astype(np.int32) for channel in colour.forward(stack, transform)]
    restored = np.stack(colour.inverse(channels, transform), axis=-1)
    assert np.array_equal(restored, before)
    assert np.array_equal(stack, before)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_results_are_at_most_one_bit_wider(transform):
    first, second, third = colour.forward(colours(np.dtype("u1")), transform)
    assert (first.min(), first.max()) == (0, 255)
    for difference in (second, third):
        assert -255 <= difference.min() < difference.max() <= 255


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_grey_has_no_colour(transform):
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, None, :, None], 3, axis=3)
    first, second, third = colour.forward(grey, transform)
    assert np.array_equal(first[0, 0], np.arange(256))
    assert not second.any()
    assert not third.any()


def test_none_gives_views():
    stack = colours(np.dtype("u2"))
    channels = colour.forward(stack, Colour.NONE)
    assert all(np.shares_memory(channel, stack) for channel in channels)


def test_check_range_refuses_what_the_dtype_cannot_hold():
    colour.check_range(np.array([0, 255]), (0, 255))
    for samples in ([-1, 5], [5, 256]):
        with pytest.raises(CorruptStream, match="expected 0 to 255"):
            colour.check_range(np.array(samples), (0, 255))
