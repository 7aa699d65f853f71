# SPDX-License-Identifier: Apache-2.0
"""Folding is a bijection, and the array functions agree with the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless.entropy import fold, reference, unfold
from medlossless.errors import CorruptStream, InvalidInput


@pytest.mark.parametrize("max_sample", [0, 1, 2, 3, 4, 7, 8, 33])
@pytest.mark.parametrize("flip", [False, True])
def test_fold_is_a_bijection_for_every_prediction(max_sample, flip):
    for prediction in range(max_sample + 1):
        samples = list(range(max_sample + 1))
        symbols = [reference.fold(s, prediction, max_sample, flip) for s in samples]
        assert sorted(symbols) == samples
        assert [reference.unfold(u, prediction, max_sample, flip) for u in symbols] == samples


def test_fold_orders_residuals_by_magnitude():
    symbols = [reference.fold(s, 2, 9, False) for s in range(10)]
    assert symbols == [3, 1, 0, 2, 4, 5, 6, 7, 8, 9]
    assert [reference.fold(s, 2, 9, True) for s in range(5)] == [4, 2, 0, 1, 3]


@pytest.mark.parametrize("max_sample", [0, 1, 2, 15, 40])
@pytest.mark.parametrize("flip", [False, True])
def test_arrays_fold_as_the_reference_does(max_sample, flip):
    samples, predictions = np.mgrid[: max_sample + 1, : max_sample + 1]
    symbols = fold(samples, predictions, max_sample, flip)
    pairs = zip(samples.flat, predictions.flat, strict=True)
    expected = [reference.fold(int(s), int(p), max_sample, flip) for s, p in pairs]
    assert symbols.ravel().tolist() == expected
    assert np.array_equal(unfold(symbols, predictions, max_sample, flip), samples)


@given(
    st.sampled_from([255, 4095, 32767, 32768, 65534, 65535]),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.booleans(),
)
def test_large_samples_fold_as_the_reference_does(max_sample, sample, prediction, flip):
    sample, prediction = min(sample, max_sample), min(prediction, max_sample)
    symbol = reference.fold(sample, prediction, max_sample, flip)
    samples, predictions = np.array([sample]), np.array([prediction])
    assert 0 <= symbol <= max_sample
    assert reference.unfold(symbol, prediction, max_sample, flip) == sample
    assert fold(samples, predictions, max_sample, flip)[0] == symbol
    assert unfold(np.array([symbol]), predictions, max_sample, flip)[0] == sample


def test_flips_may_differ_from_sample_to_sample():
    samples, predictions = np.array([[5, 5], [1, 1]]), np.array([[4, 4], [2, 2]])
    flips = np.array([[False, True], [False, True]])
    assert fold(samples, predictions, 9, flips).tolist() == [[2, 1], [1, 2]]


def test_symbol_above_max_sample_is_corrupt():
    with pytest.raises(CorruptStream):
        reference.unfold(10, 3, 9, False)
    with pytest.raises(CorruptStream):
        unfold(np.array([10]), np.array([3]), 9)


@pytest.mark.parametrize(
    ("samples", "predictions", "max_sample"),
    [
        ([10], [3], 9),
        ([-1], [3], 9),
        ([1], [10], 9),
        ([1, 2], [3], 9),
        ([1], [1], 65536),
        ([1.0], [1], 9),
    ],
)
def test_bad_calls_are_refused(samples, predictions, max_sample):
    with pytest.raises(InvalidInput):
        fold(np.array(samples), np.array(predictions), max_sample)


def test_empty_arrays_fold_to_empty_arrays():
    empty = np.zeros((0, 3), np.uint16)
    assert fold(empty, empty, 9).shape == unfold(empty, empty, 9).shape == (0, 3)
