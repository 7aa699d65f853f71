# SPDX-License-Identifier: Apache-2.0
"""How many bits a sample its noise alone takes: a rough floor to judge sizes by."""

from __future__ import annotations

import math

import numpy as np

BLOCK = 8
MOST_CLASSES = 32
LEAST_BLOCKS = 16  # of a class
# Of the blocks of like brightness this share is taken to hold nothing but noise.
HOMOGENEOUS = 0.25
GAUSSIAN_BITS = 0.5 * math.log2(2 * math.pi * math.e)  # 2.05, at a standard deviation of 1
_MASK_GAIN = 6.0  # root of the sum of squares of the mask's weights


def noise_floor_bpp(array: np.ndarray) -> float:
    """Bits per sample of white Gaussian noise as strong as that of a series.

    Each slice is convolved with the mask (1 -2 1; -2 4 -2; 1 -2 1), which cancels planes and
    edges along rows and columns, and cut into blocks of 8 x 8. The root mean square of a block,
    over the mask's gain of 6, is its sigma. Noise depends on brightness, so blocks are sorted
    into up to 32 classes of brightness; the lower quartile of sigma in a class is its noise, and no
    block is given more than the noise of its class. The floor is the mean over all blocks of
    max(0, log2(sigma) + 2.05), the entropy of Gaussian noise in whole numbers. Levels that no
    sample has are closed up before.

    Limits: (1) the noise is taken to be white. Where a reconstruction kernel or an interpolation
    has correlated it the figure may be too high, and a codec may come below it; where the kernel
    has sharpened it, likewise. (2) Blocks of noise alone scatter, so that their quartile lies
    0.2 to 0.25 bit low; texture in every block of a class makes it too high. (3) Samples of a
    colour, and slices, are taken to be independent. (4) Quantised noise below sigma 0.3 takes
    more than the formula says. An estimate, not a bound.

    Parameters
    ----------
    array : (slices, rows, cols) or (slices, rows, cols, samples), integer or bool

    Returns
    -------
    float
        Bits per sample; nan for floats and for slices smaller than a block and its border.

    Source
    ------
    The mask: J. Immerkaer, Fast noise variance estimation, 1996.
    """
    if array.dtype.kind not in "biu" or min(array.shape[1:3]) < BLOCK + 2:
        return math.nan
    channels = array
    if array.ndim == 4:
        channels = np.moveaxis(array, -1, 1).reshape(-1, *array.shape[1:3])
    levels = np.unique(array)
    found = [_blocks(np.searchsorted(levels, one).astype(np.float32)) for one in channels]
    brightness, sigma = (np.concatenate(parts) for parts in zip(*found, strict=True))
    sigma = np.minimum(sigma, _noise_of_classes(brightness, sigma))
    bits = np.log2(np.maximum(sigma, 2.0**-GAUSSIAN_BITS)) + GAUSSIAN_BITS
    return float(bits.mean())


def _blocks(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sigma of each block of one slice; what fills no block is left out."""
    down = samples[:-2] - 2 * samples[1:-1] + samples[2:]
    across = down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:]
    square = _means(across * across)
    return _means(samples[1:-1, 1:-1]), np.sqrt(square) / _MASK_GAIN


def _means(samples: np.ndarray) -> np.ndarray:
    rows, cols = (extent // BLOCK for extent in samples.shape)
    cut = samples[: rows * BLOCK, : cols * BLOCK].reshape(rows, BLOCK, cols, BLOCK)
    return cut.mean(axis=(1, 3), dtype=np.float64).ravel()


def _noise_of_classes(brightness: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """For each block the noise of its class; blocks without any noise form no class."""
    noise = np.zeros_like(sigma)
    noisy = np.flatnonzero(sigma > 0)
    order = noisy[np.argsort(brightness[noisy], kind="stable")]
    if len(order):
        n_classes = max(1, min(MOST_CLASSES, len(order) // LEAST_BLOCKS))
        for members in np.array_split(order, n_classes):
            noise[members] = np.quantile(sigma[members], HOMOGENEOUS)
    return noise
