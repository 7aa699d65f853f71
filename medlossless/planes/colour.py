# SPDX-License-Identifier: Apache-2.0
"""Colour: three samples of a position <-> three integers that say less of the same thing.

With samples R, G, B (whatever they mean) and floor shifts::

    NONE            R, G, B
    SUBTRACT_GREEN  G, R - G, B - G
    YCOCG           Co = R - B;  t = B + (Co >> 1);  Cg = G - t;  Y = t + (Cg >> 1)   -> Y, Co, Cg

Nothing wraps: results are signed integers of up to one bit more, and a transform is not chosen
where one of them spans more than 65536 values.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptStream


class Colour(IntEnum):
    """Number of a colour transform in the recipe."""

    NONE = 0
    SUBTRACT_GREEN = 1
    YCOCG = 2


def forward(stack: np.ndarray, colour: Colour) -> list[np.ndarray]:
    """Separate three samples.

    Parameters
    ----------
    stack : (frames, rows, cols, 3) integers of 8 or 16 bits
    colour : Colour

    Returns
    -------
    list of three (frames, rows, cols): views of `stack` for NONE, else int16 or int32

    Source
    ------
    YCoCg-R: Malvar, Sullivan, YCoCg-R: a color space with RGB reversibility, JVT-I014, 2003.
    """
    if colour == Colour.NONE:
        return [stack[..., i] for i in range(3)]
    wide = np.dtype(np.int16 if stack.itemsize == 1 else np.int32)
    planes: list[NDArray[Any]] = [stack[..., i].astype(wide) for i in range(3)]
    R, G, B = planes
    if colour == Colour.SUBTRACT_GREEN:
        R -= G
        B -= G
        return [G, R, B]
    R -= B  # Co
    B += R >> 1  # t
    G -= B  # Cg
    B += G >> 1  # Y
    return [B, R, G]


def inverse(channels: list[np.ndarray], colour: Colour) -> list[np.ndarray]:
    """Inverse of `forward` for the transforms other than NONE.

    Parameters
    ----------
    channels : list of three int32 of at most 2^18 in magnitude; overwritten

    Returns
    -------
    list of R, G, B : int32, not checked against any range
    """
    if colour == Colour.SUBTRACT_GREEN:
        G, R, B = channels
        R += G
        B += G
        return [R, G, B]
    Y, Co, Cg = channels
    Y -= Cg >> 1  # t
    Cg += Y  # G
    Y -= Co >> 1  # B
    Co += Y  # R
    return [Co, Cg, Y]


def check_range(samples: np.ndarray, limits: tuple[int, int]) -> None:
    """Raise CorruptStream if a restored sample does not fit its dtype."""
    lowest, highest = int(samples.min()), int(samples.max())
    if lowest < limits[0] or highest > limits[1]:
        raise CorruptStream(
            f"colour: samples from {lowest} to {highest}, expected {limits[0]} to {limits[1]}"
        )
