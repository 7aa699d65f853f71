# SPDX-License-Identifier: Apache-2.0
"""Distinct values and ranks, over the dense and the sorting way and over chunk borders."""

import numpy as np
import pytest

from medlossless.planes import distinct

SCALES = [1, 200, 1 << 9, 1 << 30, 1 << 45]  # 16 bits, dense, and sorted up to 64 bits


def sample(scale: int, n: int = 3000) -> np.ndarray:
    drawn = np.random.default_rng(1).integers(0, 1 << 15, n) * scale
    narrow = np.uint16 if scale == 1 else np.uint32 if scale < 1 << 17 else np.uint64
    return drawn.astype(narrow).reshape(3, 10, -1)


@pytest.mark.parametrize("chunk", [7, 1 << 18])
@pytest.mark.parametrize("scale", SCALES)
def test_distinct_and_ranks_agree_with_unique(scale, chunk, monkeypatch):
    monkeypatch.setattr(distinct, "CHUNK", chunk)
    array = sample(scale)
    expected, ranks = np.unique(array, return_inverse=True)
    found = distinct.distinct(array, 1 << 16)
    assert found.dtype == np.uint64
    assert np.array_equal(found, expected)
    ranked = distinct.ranks(array, found)
    assert ranked.dtype == np.uint16
    assert ranked.shape == array.shape
    assert np.array_equal(ranked.reshape(-1), ranks.reshape(-1))
    assert np.array_equal(distinct.values(ranked, found), array)


@pytest.mark.parametrize("scale", SCALES)
def test_distinct_gives_up_above_its_limit(scale):
    array = sample(scale)
    n = np.unique(array).size
    assert distinct.distinct(array, n) is not None
    assert distinct.distinct(array, n - 1) is None
