# SPDX-License-Identifier: Apache-2.0
"""The values that travel between the rooms: Image, Source and Plane.

``Source`` is what `io` makes of a file, ``Image`` the samples in it, ``Plane`` a stack of
16-bit integer slices ready to be predicted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Guarantee = Literal["file-exact", "pixel-exact"]


@dataclass(frozen=True)
class Image:
    """Samples with the meaning of their axes.

    Parameters
    ----------
    array : ndarray, any supported dtype, any byte order and strides
    axes : str
        One letter an axis of `array`: any leading axes, then ``Y`` ``X`` and, for several
        samples a position, ``S`` last. Leading axes are slices or frames (``Z``) or others (``T``).
    bits : int or None
        Bits Stored where the file says so; informative, the whole word is always coded.
    """

    array: np.ndarray
    axes: str
    bits: int | None = None


@dataclass(frozen=True)
class Source:
    """A file split into samples and everything else.

    Parameters
    ----------
    format : str
        Name of the `io` module that can join it again: ``dicom``, ``nifti``, ``npy``, ``png``,
        ``tiff`` or ``opaque``.
    image : Image or None
        None when the file holds no samples that can be coded as an image (``opaque``).
    shell : bytes
        Every byte of the file that is not a sample, and how to put the samples back;
        its layout belongs to the `io` module.
    guarantee : ``file-exact`` or ``pixel-exact``
    note : str
        Why something was done in a lesser way ("DICOM pixels already compressed: ...");
        empty when there is nothing to say.
    """

    format: str
    image: Image | None
    shell: bytes
    guarantee: Guarantee = "file-exact"
    note: str = ""


@dataclass(frozen=True)
class Plane:
    """A stack of slices of unsigned integers, all coded by one set of contexts.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16, C-contiguous
    max_sample : int
        Largest value any sample may have, 0..65535.
    """

    samples: np.ndarray
    max_sample: int
