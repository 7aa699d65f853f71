# SPDX-License-Identifier: Apache-2.0
"""Masks: padding at the ends of rows, around a field of view, which costs nothing once it is known.

Many CT slices fill a square around a circle with one value; MR slices and films have borders. How
many samples at either end of each row have that value is told before the samples of a tile, and
they are left out of its payload streams. Predictors see another value in their place, one like
those inside, so that the border is no edge to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .. import entropy
from .._fields import Fields, varint
from ..errors import CorruptStream
from ..image import Array

MAX_COLS = 16383  # four times as many are a symbol still
INCREMENT = 2048
# Contexts of the ends of rows: left, right of the first frame, left, right of the others.
CONTEXTS = np.array([[48, 12], [0, 3]], np.uint8)
MAX_BYTES = 1 << 26

BOX_SAMPLES, BOX_FRAMES = 1 << 20, 4  # looked at for the choice
LEAST_SHARE = 1 / 64
END_BITS = 6  # what the end of a run costs at least where no mask tells of it
SAFETY = 2


@dataclass(frozen=True)
class Mask:
    """Samples `pad` at the ends of rows are not coded; predictors see `fill` there."""

    pad: int
    fill: int

    def find(self, samples: np.ndarray) -> np.ndarray:
        """How many samples at the left and the right end of each row are padding.

        Parameters
        ----------
        samples : (frames, rows, cols) uint16

        Returns
        -------
        (frames, rows, 2) int32
            A row that is padding altogether has all of it on the left.
        """
        cols = samples.shape[2]
        other = samples != self.pad
        left = np.where(other.any(axis=2), other.argmax(axis=2), cols)
        right = np.where(left < cols, other[:, :, ::-1].argmax(axis=2), 0)
        return np.stack([left, right], axis=2).astype(np.int32)

    def fill_in(self, samples: np.ndarray, runs: np.ndarray) -> np.ndarray:
        """A copy with `fill` in place of the padding."""
        return np.where(covered(runs, samples.shape[2]), np.uint16(self.fill), samples)


def covered(runs: np.ndarray, cols: int) -> np.ndarray:
    """Which samples the runs of a tile cover, (frames, rows, cols) bool."""
    col = np.arange(cols, dtype=np.int32)
    return (col < runs[:, :, :1]) | (col >= cols - runs[:, :, 1:])


def choose_mask(samples: Array, prior: entropy.Prior) -> Mask | None:
    """The mask that pays for a plane, if any does: padding stands in a corner of its middle frame.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16
    prior : Prior
        Tables that the ends of rows are coded with.
    """
    n_frames, rows, cols = samples.shape
    if cols > MAX_COLS:
        return None
    count = max(1, min(n_frames, BOX_FRAMES, BOX_SAMPLES // (rows * cols)))
    start = (n_frames - count) // 2
    box = samples[start : start + count]
    corners = {int(box[0, row, col]) for row in (0, -1) for col in (0, -1)}
    found = {pad: Mask(pad, pad).find(box) for pad in corners}
    pad = max(found, key=lambda pad: int(found[pad].sum()))
    runs = found[pad]
    open_rows = runs[:, :, 0] < cols
    ends = (runs > 0) & open_rows[:, :, None]
    if runs.sum() < LEAST_SHARE * box.size:
        return None
    if END_BITS * int(ends.sum()) < SAFETY * 8 * len(pack_runs(runs, cols, prior)):
        return None
    frame, row = np.nonzero(ends[:, :, 0])
    first = box[frame, row, runs[frame, row, 0]]
    frame, row = np.nonzero(ends[:, :, 1])
    last = box[frame, row, cols - 1 - runs[frame, row, 1]]
    return Mask(pad, int(np.median(np.concatenate([first, last]))))


def pack_runs(runs: np.ndarray, cols: int, prior: entropy.Prior) -> bytes:
    """Write the runs of a tile, see FORMAT.md, "Masks".

    Left ends of the first frame are coded as second differences from row to row, and how much the
    right ones are longer as first differences; later frames as differences from the frame before.
    """
    left = runs[:, :, 0].astype(np.int64)
    ends = np.stack([left, runs[:, :, 1] - left], axis=2)
    change = np.diff(ends, axis=0, prepend=0)
    change[0] = np.diff(change[0], axis=0, prepend=0)
    change[0, :, 0] = np.diff(change[0, :, 0], prepend=0)
    symbols = np.where(change < 0, -2 * change - 1, 2 * change).astype(np.uint16)
    payload = entropy.encode_tile(
        symbols,
        _contexts(symbols.shape),
        max_sample=4 * cols,
        prior=prior,
        increment=INCREMENT,
    )
    return varint(len(payload)) + payload


def read_runs(fields: Fields, shape: tuple[int, int, int], prior: entropy.Prior) -> np.ndarray:
    """Undo `pack_runs` for a tile of this shape.

    Raises
    ------
    CorruptStream
    """
    frames, rows, cols = shape
    payload = bytes(fields.take(fields.varint("bytes of a mask", MAX_BYTES), "mask"))
    symbols = entropy.decode_tile(
        payload,
        _contexts((frames, rows, 2)),
        max_sample=4 * cols,
        prior=prior,
        increment=INCREMENT,
    ).astype(np.int64)
    change = np.where(symbols & 1, -((symbols + 1) >> 1), symbols >> 1)
    change[0, :, 0] = np.cumsum(change[0, :, 0])
    change[0] = np.cumsum(change[0], axis=0)
    ends = np.cumsum(change, axis=0)
    runs = np.stack([ends[:, :, 0], ends.sum(axis=2)], axis=2)
    if runs.min() < 0 or runs.sum(axis=2).max() > cols:
        raise CorruptStream(f"{fields.name}: mask: ends of rows outside their {cols} columns")
    return runs.astype(np.int32)


def _contexts(shape: tuple[int, ...]) -> np.ndarray:
    contexts = np.empty(shape, np.uint8)
    contexts[0], contexts[1:] = CONTEXTS
    return contexts
