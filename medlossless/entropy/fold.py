# SPDX-License-Identifier: Apache-2.0
"""Folding of whole arrays; `reference.fold` is the definition."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..errors import CorruptStream, InvalidInput
from . import _coder


def fold(
    samples: np.ndarray, predictions: np.ndarray, max_sample: int, flips: ArrayLike = False
) -> np.ndarray:
    """Map each sample to its symbol, 0..max_sample, one to one, small residuals first.

    Parameters
    ----------
    samples, predictions : integer arrays of one shape
        0..max_sample.
    max_sample : int, 0..65535
    flips : bool, array of that shape or scalar
        Where the residual changes its sign before it is folded.

    Returns
    -------
    symbols : uint16, same shape

    Raises
    ------
    InvalidInput
        A sample or a prediction is outside 0..max_sample, or shapes differ.

    Cost
    ----
    About 2 ns a sample.
    """
    _check_max_sample(max_sample)
    if not _within(samples, max_sample):
        raise InvalidInput(f"samples: not all within 0..{max_sample}")
    return _apply(_coder.fold, samples, predictions, max_sample, flips)


def unfold(
    symbols: np.ndarray, predictions: np.ndarray, max_sample: int, flips: ArrayLike = False
) -> np.ndarray:
    """Undo `fold`.

    Returns
    -------
    samples : uint16, same shape as symbols

    Raises
    ------
    CorruptStream
        A symbol is outside 0..max_sample.
    InvalidInput
        A prediction is outside 0..max_sample, or shapes differ.
    """
    _check_max_sample(max_sample)
    if not _within(symbols, max_sample):
        raise CorruptStream(f"symbols: not all within 0..{max_sample}")
    return _apply(_coder.unfold, symbols, predictions, max_sample, flips)


def _apply(kernel, values, predictions, max_sample: int, flips: ArrayLike) -> np.ndarray:
    shape = np.shape(values)
    if np.shape(predictions) != shape or np.shape(flips) not in ((), shape):
        raise InvalidInput(
            f"shapes {shape}, {np.shape(predictions)} and {np.shape(flips)} should be the same"
        )
    if not _within(predictions, max_sample):
        raise InvalidInput(f"predictions: not all within 0..{max_sample}")
    flip = np.broadcast_to(np.asarray(flips, bool), shape)
    words = [np.ascontiguousarray(a, np.uint16).reshape(-1) for a in (values, predictions)]
    flat = np.ascontiguousarray(flip).reshape(-1).view(np.uint8)
    return kernel(*words, int(max_sample), flat).reshape(shape)


def _within(values: np.ndarray, max_sample: int) -> bool:
    array = np.asarray(values)
    if array.dtype.kind not in "biu":
        raise InvalidInput(f"expected integers, got {array.dtype}")
    return not array.size or (int(array.min()) >= 0 and int(array.max()) <= max_sample)


def _check_max_sample(max_sample: int) -> None:
    if not 0 <= max_sample <= 65535:
        raise InvalidInput(f"max_sample {max_sample}, expected 0..65535")
