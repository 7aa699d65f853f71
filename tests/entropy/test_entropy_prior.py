# SPDX-License-Identifier: Apache-2.0
"""Priors keep their rules."""

import numpy as np
import pytest
from logistic_priors import logistic_prior, shift_for_scale

from medlossless.entropy import Prior, encode_tile, freq_from_counts
from medlossless.errors import InvalidInput

SCALES = [0.05, 0.3, 1.0, 2.5, 12.0, 300.0, 3000.0]


def fair_freq():
    freq = np.full((1, 54), 606, np.uint16)
    freq[0, 0] += 44
    return freq


def test_fair_freq_is_a_prior():
    assert Prior(np.array([15], np.uint8), fair_freq()).n_contexts == 1


@pytest.mark.parametrize(
    "shift",
    [
        np.array([17], np.uint8),
        np.array([0], np.int64),
        np.zeros(2, np.uint8),
        np.zeros(0, np.uint8),
        np.zeros((1, 1), np.uint8),
        [0],
    ],
)
def test_bad_shifts_are_refused(shift):
    with pytest.raises(InvalidInput):
        Prior(shift, fair_freq())


@pytest.mark.parametrize("changes", [{1: 607}, {1: 605}, {1: 0, 2: 1212}, {0: 0, 1: 1256}])
def test_bad_frequencies_are_refused(changes):
    freq = fair_freq()
    for token, value in changes.items():
        freq[0, token] = value
    with pytest.raises(InvalidInput):
        Prior(np.zeros(1, np.uint8), freq)


def test_prior_does_not_share_the_callers_memory():
    prior = logistic_prior([1.0])
    freq = np.array(prior.freq)
    copy = Prior(np.array(prior.shift), freq)
    freq[0, 0] += 1
    assert np.array_equal(copy.freq, prior.freq)
    with pytest.raises(ValueError, match="read-only"):
        copy.freq[0, 0] = 0


@pytest.mark.parametrize("context", [0, 3, 6])
def test_context_alone_codes_as_among_others(context):
    prior = logistic_prior(SCALES)
    symbols = np.random.default_rng(5).geometric(0.1, (1, 40, 30)).astype(np.uint16)
    contexts = np.full(symbols.shape, context, np.uint8)
    known = {"max_sample": 200, "streams_log2": 1}
    among = encode_tile(symbols, contexts, prior=prior, **known)
    alone = encode_tile(symbols, np.zeros_like(contexts), prior=prior.alone(context), **known)
    assert alone == among


@pytest.mark.parametrize("scale", SCALES)
def test_logistic_prior_matches_drawn_residuals(scale):
    rng = np.random.default_rng(7)
    residuals = np.round(rng.logistic(0, scale, 200_000)).astype(np.int64)
    symbols = np.where(residuals >= 0, 2 * residuals, -2 * residuals - 1)
    prior = logistic_prior([scale])
    value = symbols[symbols < 65536] >> int(prior.shift[0])
    drawn = np.bincount(np.minimum(value, 31), minlength=32) / len(value)
    expected = np.append(prior.freq[0, :31], prior.freq[0, 31:].sum()) / 32768
    assert len(value) > 199_000
    assert np.abs(drawn - expected).max() < 0.006


def test_shift_keeps_five_scales_in_single_tokens():
    assert [shift_for_scale(s) for s in (0.1, 3.2, 3.3, 6.4, 1e9)] == [0, 0, 1, 1, 15]


def test_counts_scale_to_frequencies():
    counts = np.zeros((3, 54))
    counts[1, 5] = 10
    counts[2, :4] = [1, 1, 4, 2]
    freq = freq_from_counts(counts)
    assert freq.sum(axis=1).tolist() == [32768] * 3
    assert freq.min() >= 1
    assert freq[1].max() == freq[1, 5] == 32768 - 53
    assert freq[2].argmax() == 2
    assert freq[2, 2] == pytest.approx(16384, abs=64)
