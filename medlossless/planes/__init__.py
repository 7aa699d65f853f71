# SPDX-License-Identifier: Apache-2.0
"""Planes: exact integer transforms between an image and planes ready to be predicted.

::

    Image --split--> planes (frames, rows, cols) uint16, recipe (bytes) --join--> array

What `split` can do: axis order, any dtype as 16-bit words, level packing, colour, palette,
constant planes. It tries what looks useful and keeps what costs fewer bits. `geometry` tells a
decoder from the recipe which planes to expect.
"""

from .axes import default_axes, measure
from .estimate import estimate_bits, excerpt
from .forward import split
from .inverse import geometry, join, join_frames
from .recipe import PlaneGeometry, Recipe, unpack

__all__ = [
    "PlaneGeometry",
    "Recipe",
    "default_axes",
    "estimate_bits",
    "excerpt",
    "geometry",
    "join",
    "join_frames",
    "measure",
    "split",
    "unpack",
]
