# SPDX-License-Identifier: Apache-2.0
"""What a plane will cost, estimated on an excerpt: the judge of every choice in this room.

Only the encoder estimates; nothing here touches the format.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..image import Array, Lazy, Plane

Cost = Callable[[Plane], float]

BAND_ROWS = 32
N_CLASSES = 18  # bit lengths of 0..131071


def estimate_bits(plane: Plane) -> float:
    """Estimate the bits of a plane: MED residuals, entropy of their log2 classes.

    The class of a residual is its bit length; the bits below the leading one are taken as noise.
    Classes are counted apart for each log2 class of the gradient, as a context model would.

    Cost
    ----
    About 50 ns a sample, all samples; callers pass an excerpt.

    Source
    ------
    MED: Weinberger, Seroussi, Sapiro, The LOCO-I lossless image compression algorithm, 2000.
    """
    residual, gradient = _residuals(plane.samples[:])
    classes = _bit_length(residual)
    joint = np.bincount(
        (_bit_length(gradient) * N_CLASSES + classes).reshape(-1), minlength=N_CLASSES**2
    ).reshape(N_CLASSES, N_CLASSES)
    raw_bits = np.arange(N_CLASSES)  # below the leading one, and the sign
    return _entropy_bits(joint) + float(joint.sum(axis=0) @ raw_bits)


def _residuals(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the MED residuals of each slice and the gradients at them."""
    frames, rows, cols = samples.shape
    # Zeros above and to the left make MED predict W in the first row and N in the first column.
    padded = np.zeros((frames, rows + 1, cols + 1), np.int32)
    padded[:, 1:, 1:] = samples
    W, N, NW = padded[:, 1:, :-1], padded[:, :-1, 1:], padded[:, :-1, :-1]
    prediction = np.clip(W + N - NW, np.minimum(W, N), np.maximum(W, N))
    return padded[:, 1:, 1:] - prediction, np.abs(W - NW) + np.abs(N - NW)


def _bit_length(values: np.ndarray) -> np.ndarray:
    """Return the bit length of the magnitude of integers below 2^24."""
    return np.frexp(values.astype(np.float32))[1]


def _entropy_bits(counts: np.ndarray) -> float:
    """Sum the zero-order code lengths of rows of counts."""
    total = counts.sum(axis=1, keepdims=True)
    occupied = counts > 0
    share = np.divide(counts, total, out=np.ones(counts.shape), where=occupied)
    return float(-(counts * np.log2(share)).sum())


def excerpt(stack: Array, limit: int) -> np.ndarray:
    """Cut evenly spread bands of rows out of a stack.

    Parameters
    ----------
    stack : (frames, rows, cols, ...)
    limit : int
        Positions in the excerpt.

    Returns
    -------
    (bands, band rows, cols, ...): all of `stack` when it is small enough
    """
    frames, rows, cols = stack.shape[:3]
    if frames * rows * cols <= limit:
        return stack[:] if isinstance(stack, Lazy) else stack
    width = min(cols, limit)
    height = min(rows, BAND_ROWS, max(1, limit // width))
    n_bands = max(1, min(limit // (width * height), frames * rows // height))
    left = (cols - width) // 2
    bands = []
    for i in range(n_bands):
        frame, row = divmod((2 * i + 1) * frames * rows // (2 * n_bands), rows)
        row = min(row, rows - height)
        bands.append(stack[frame, row : row + height, left : left + width])
    return np.stack(bands)


@dataclass(frozen=True)
class Judge:
    """A cost function and the size of the excerpts it is asked about.

    Parameters
    ----------
    cost : callable (Plane) -> estimated bits
        Sees an excerpt whose frames are bands of rows from all over the stack: they are not
        neighbours of one another.
    limit : int
        Samples in an excerpt.
    """

    cost: Cost
    limit: int

    def excerpt(self, stack: Array) -> np.ndarray:
        """Cut an excerpt of that size, see `excerpt`."""
        return excerpt(stack, self.limit)

    def bits(self, excerpts: list[np.ndarray], n_samples: int) -> float:
        """Estimate the bits of planes of `n_samples` each from excerpts of them.

        Parameters
        ----------
        excerpts : list of (bands, rows, cols) uint16
        n_samples : int
        """
        bits = 0.0
        for excerpt in excerpts:
            plane = Plane(np.ascontiguousarray(excerpt), int(excerpt.max()))
            if plane.max_sample > 0:
                bits += float(self.cost(plane)) * n_samples / excerpt.size
        return bits
