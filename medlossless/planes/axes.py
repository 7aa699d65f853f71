# SPDX-License-Identifier: Apache-2.0
"""What the axes of an array mean: array of any dimension <-> (frames, rows, cols, samples).

The last axis ``S`` holds the samples of a position, the one before it ``X`` the cols, the next
``Y`` the rows; everything further left, whatever its letter, is flattened to frames in C order.
Missing axes have extent 1.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from ..errors import InvalidInput
from ..image import Array


class Extent(NamedTuple):
    """Size of a stack of slices."""

    frames: int
    rows: int
    cols: int
    samples: int


def default_axes(n_axes: int) -> str:
    """Name the axes of an array nobody described: ``X``, ``YX``, ``ZYX``, ``AZYX``, ``AAZYX`` ...

    Parameters
    ----------
    n_axes : int
        Number of axes of the array; 0 gives the empty string.
    """
    return "A" * (n_axes - 3) + "ZYX"[max(0, 3 - n_axes) :]


def measure(shape: tuple[int, ...], axes: str) -> Extent:
    """Read the extent of a stack out of a shape and the letters of its axes.

    Raises
    ------
    InvalidInput
        `axes` has not one letter an axis, or not ``Y``, ``X``, ``S`` in this order at the end.
    """
    if len(axes) != len(shape):
        raise InvalidInput(f"axes {axes!r}: {len(axes)} letters, the array has {len(shape)} axes")
    letters = axes.removesuffix("S")
    leading, place = letters[:-2], letters[-2:]
    named = all("A" <= letter <= "Z" for letter in leading) and not set(leading) & set("YXS")
    if place not in ("YX", "X", "") or not named or (axes == "S"):
        raise InvalidInput(
            f"axes {axes!r}: expected leading letters, then Y and X, and S last if at all"
        )
    samples = shape[-1] if axes.endswith("S") else 1
    extents = (1, 1, *shape[: len(letters)])
    return Extent(prod(extents[:-2]), extents[-2], extents[-1], samples)


def stack(array: Array, extent: Extent) -> Array:
    """Arrange an array as (frames, rows, cols, samples); a view wherever its strides allow one."""
    return array.reshape(extent)


def unstack(stacked: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Inverse of `stack`."""
    return stacked.reshape(shape)
