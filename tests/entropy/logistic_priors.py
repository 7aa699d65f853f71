# SPDX-License-Identifier: Apache-2.0
"""Tables of logistics, which the tests of the entropy coders start from."""

from collections.abc import Sequence

import numpy as np

from medlossless.entropy import Prior, freq_from_counts
from medlossless.entropy.prior import N_LINEAR, N_TOKENS, SHIFT_MAX


def shift_for_scale(scale: float) -> int:
    """The shift that lets the 32 single-value tokens reach past 5 scales on both sides."""
    shift = 0
    while N_LINEAR << shift < 10 * scale and shift < SHIFT_MAX:
        shift += 1
    return shift


def logistic_prior(scales: Sequence[float], shifts: Sequence[int] | None = None) -> Prior:
    """Tables for residuals that follow a discretised logistic distribution about 0.

    Parameters
    ----------
    scales : sequence of float, > 0
        Scale of the logistic of each context, in sample units: standard deviation / 1.814.
    shifts : sequence of int, optional
        Shift of each context; by default `shift_for_scale`.

    Returns
    -------
    Prior
    """
    scale = np.asarray(scales, np.float64)
    shift = np.array([shift_for_scale(s) for s in scale] if shifts is None else shifts, np.uint8)
    counts = [_logistic_counts(*pair) for pair in zip(scale, shift.tolist(), strict=True)]
    return Prior(shift, freq_from_counts(np.array(counts)))


def _logistic_counts(scale: float, shift: int) -> np.ndarray:
    """Probability of each token: symbols 2e and -2e-1 stand for residuals e on the two sides."""
    first = np.array([_first_symbol(token) << shift for token in range(N_TOKENS + 1)], np.float64)
    # Residuals below symbol u are -floor(u / 2) .. ceil(u / 2) - 1.
    below = _logistic_cdf((np.ceil(first / 2) - 0.5) / scale)
    below -= _logistic_cdf((-np.floor(first / 2) - 0.5) / scale)
    return np.maximum(np.diff(below), 0)


def _logistic_cdf(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(x / 2))


def _first_symbol(token: int) -> int:
    """Smallest symbol of a token at shift 0; for token 54 the end of all symbols."""
    if token < N_LINEAR:
        return token
    return (2 + (token & 1)) << (4 + ((token - N_LINEAR) >> 1))
