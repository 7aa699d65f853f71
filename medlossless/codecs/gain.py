# SPDX-License-Identifier: Apache-2.0
"""Gains: what brings earlier frames to the scale of a frame before it is predicted from them.

The slices of PET series have rescale slopes of their own, each the smallest that its range allows:
the same activity is another number in the next slice. See FORMAT.md, "Gains".
"""

from __future__ import annotations

import numpy as np

from .._fields import Fields
from ..errors import CorruptStream
from ..image import Array

UNIT_LOG2 = 12
UNIT = 1 << UNIT_LOG2
LEAST, MOST = UNIT >> 4, 65535

BLOCK = 4  # rows and cols that are summed: noise would draw the fit to zero
BLOCK_ROWS = 32  # of blocks: about so many are looked at in a frame
NOTABLE = 0.02  # a scale that changes by less does not matter


def scale(samples: np.ndarray, gain: int, max_sample: int) -> np.ndarray:
    """Samples, uint16, times gain / UNIT, rounded to nearest, halves up, up to max_sample."""
    half = UNIT >> 1
    scaled = (samples.astype(np.uint32) * np.uint32(gain) + np.uint32(half)) >> UNIT_LOG2
    return np.minimum(scaled, max_sample).astype(np.uint16)


def fit(samples: Array) -> np.ndarray | None:
    """The gain of each frame, (frames,) uint16; None where all are about UNIT.

    The sum of abs(block - gain * block of the frame before) is least for it: a median of ratios,
    of which bright blocks weigh more.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16
    """
    n_frames = samples.shape[0]
    gains = np.full(n_frames, UNIT, np.uint16)
    before = _block_sums(samples[0])
    for frame in range(1, n_frames):
        here = _block_sums(samples[frame])
        gains[frame] = _ratio(before, here)
        before = here
    apart = np.abs(gains.astype(float) - UNIT).max()
    return gains if apart > NOTABLE * UNIT else None


def _block_sums(frame: np.ndarray) -> np.ndarray:
    """Sums of square blocks in some rows of a frame, (n,) float64."""
    rows, cols = (extent // BLOCK for extent in frame.shape)
    step = max(1, rows // BLOCK_ROWS)
    blocks = frame[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK)[::step]
    return blocks.sum(axis=(1, 3), dtype=float).ravel()


def _ratio(before: np.ndarray, here: np.ndarray) -> int:
    bright = before > 0
    ratios, weights = here[bright] / before[bright], before[bright]
    if ratios.size == 0:
        return UNIT
    order = np.argsort(ratios)
    passed = np.cumsum(weights[order])
    middle = ratios[order[np.searchsorted(passed, passed[-1] / 2)]]
    return int(min(MOST, max(LEAST, round(middle * UNIT))))


def _sent(n_frames: int, slab_frames: int) -> np.ndarray:
    """The frames whose gains are sent: nothing comes before the first of a slab."""
    frames = np.arange(n_frames)
    return frames[frames % slab_frames > 0]


def pack_gains(gains: np.ndarray | None, slab_frames: int) -> bytes:
    """Write the gains of a plane in slabs of several frames."""
    if gains is None:
        return bytes(1)
    return b"\1" + gains[_sent(len(gains), slab_frames)].astype("<u2").tobytes()


def read_gains(fields: Fields, n_frames: int, slab_frames: int) -> np.ndarray | None:
    """Undo `pack_gains`; gains that are not sent are UNIT.

    Raises
    ------
    CorruptStream
    """
    kind = fields.number(1, "kind of gains")
    if kind > 1:
        raise CorruptStream(f"{fields.name}: gains of kind {kind}, expected 0 or 1")
    if kind == 0:
        return None
    n_sent = n_frames - -(-n_frames // slab_frames)
    sent = np.frombuffer(fields.take(2 * n_sent, "gains"), "<u2")
    if sent.size and sent.min() < LEAST:
        raise CorruptStream(f"{fields.name}: gain {sent.min()}, at least {LEAST}")
    gains = np.full(n_frames, UNIT, np.uint16)
    gains[_sent(n_frames, slab_frames)] = sent
    return gains
