# SPDX-License-Identifier: Apache-2.0
"""Palette: positions of few different colours <-> one plane of indices and a colour table.

The samples s0, s1 ... of a position make its *key*: each sample less the least value of its kind,
in as many bits as the largest then needs, s0 in the lowest bits, the next above it. Keys are
below 2^64. Indices number the colours so that neighbours in an image are close: first those which
are nearly grey, whose largest and smallest of s0, s1, s2 differ by `tolerance` at most, then the
others; each part by luma, s0 + 2 s1 + s2; equal luma by key. (Ultrasound is grey with coloured
overlays: this order saves a fifth of the bits of plain luma.) So the table is a set and sends no
order. Its bytes::

    palette = sort x number of samples, varint(tolerance), varint(least key)
              and, if there are more colours than one, the level table of the keys less that key
    sort    = varint(zigzag(least value)) varint(bits)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._fields import varint
from ..errors import CorruptStream
from ..image import Array, chunks
from . import distinct, levels, words
from .varint import Reader, unzigzag, zigzag

MAX_COLOURS = 4096
SAMPLES = (3, 4)
MAX_TOLERANCE = 1 << 16  # every colour is grey
TOLERANCES = (0, 2, 4, 8, 16, 32, MAX_TOLERANCE)  # those an encoder tries; others are legal


@dataclass(frozen=True, eq=False)
class Palette:
    """The colours of an image.

    Parameters
    ----------
    least : tuple of int
        Least value of each sample of a position.
    bits : tuple of int
        Width of each sample in the key, 0 to 16.
    keys : (n,) uint64, ascending
    tolerance : int
        0 to 65536: the spread up to which a colour is called grey.
    """

    least: tuple[int, ...]
    bits: tuple[int, ...]
    keys: np.ndarray
    tolerance: int = 0

    def orders(self) -> list[Palette]:
        """Return this palette in each order worth trying."""
        return [replace(self, tolerance=tolerance) for tolerance in TOLERANCES]

    def colours(self) -> np.ndarray:
        """Return the table, (n, samples) int32 in the order of the indices."""
        return self._values()[self._order()]

    def indices(self) -> np.ndarray:
        """Return the index of each key, (n,) uint16."""
        order = self._order()
        index = np.empty(order.size, np.uint16)
        index[order] = np.arange(order.size)
        return index

    def _values(self) -> np.ndarray:
        shift, values = 0, []
        for least, bits in zip(self.least, self.bits, strict=True):
            sample = (self.keys >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
            values.append(sample.astype(np.int32) + least)
            shift += bits
        return np.stack(values, axis=1)

    def _order(self) -> np.ndarray:
        first, second, third = self._values()[:, :3].T
        spread = np.maximum(np.maximum(first, second), third)
        spread -= np.minimum(np.minimum(first, second), third)
        luma = first + 2 * second + third
        return np.lexsort((luma, spread > self.tolerance))  # stable: equal ones stay in key order


def find(stack: Array) -> Palette | None:
    """List the colours of an image, if they are few.

    Parameters
    ----------
    stack : (frames, rows, cols, 3 or 4) integers of 8 or 16 bits

    Returns
    -------
    Palette, or None when there are more than 4096 colours
    """
    kinds = range(stack.shape[-1])
    least = highest = None
    for part in chunks(stack):
        here = [int(part[..., i].min()) for i in kinds], [int(part[..., i].max()) for i in kinds]
        least = here[0] if least is None else list(map(min, least, here[0]))
        highest = here[1] if highest is None else list(map(max, highest, here[1]))
    assert least is not None and highest is not None  # no stack is empty
    bits = tuple((high - low).bit_length() for low, high in zip(least, highest, strict=True))
    keys = (_keys(part, tuple(least), bits) for part in chunks(stack))
    found = distinct.merged(keys, MAX_COLOURS)
    return None if found is None else Palette(tuple(least), bits, found)


def ranks(stack: np.ndarray, palette: Palette) -> np.ndarray:
    """Replace colours by the position of their key in a palette that has them all.

    Returns
    -------
    (frames, rows, cols) uint16, C-contiguous
    """
    return distinct.ranks(_keys(stack, palette.least, palette.bits), palette.keys)


def _keys(stack: np.ndarray, least: tuple[int, ...], bits: tuple[int, ...]) -> np.ndarray:
    keys = np.zeros(stack.shape[:-1], np.uint32 if sum(bits) <= 32 else np.uint64)
    shift = 0
    for i, (low, width) in enumerate(zip(least, bits, strict=True)):
        rest = words.subtract(stack[..., i], low, low + (1 << width) - 1)
        digit: NDArray[Any] = rest.astype(keys.dtype)
        digit <<= keys.dtype.type(shift)
        keys |= digit
        shift += width
    return keys


def inverse(
    indices: np.ndarray, palette: Palette, native: np.dtype, limits: tuple[int, int]
) -> list[np.ndarray]:
    """Replace indices by colours.

    Parameters
    ----------
    indices : (frames, rows, cols) uint16, every one below the number of colours
    native : dtype
        Integer type of the samples.
    limits : (lowest, highest) value a sample may hold, within `native`

    Returns
    -------
    list of (frames, rows, cols), one for each sample of a position
    """
    colours = palette.colours()
    if colours.min() < limits[0] or colours.max() > limits[1]:
        raise CorruptStream(f"palette: colours outside {limits[0]} to {limits[1]}")
    return [distinct.values(indices, column) for column in colours.T.astype(native)]


def pack(palette: Palette) -> bytes:
    """Spell a palette."""
    parts = [
        varint(zigzag(least)) + varint(bits)
        for least, bits in zip(palette.least, palette.bits, strict=True)
    ]
    parts.append(varint(palette.tolerance) + varint(int(palette.keys[0])))
    if palette.keys.size > 1:
        parts.append(levels.pack_table(palette.keys - palette.keys[0]))
    return b"".join(parts)


def unpack(reader: Reader, n_samples: int, n_colours: int) -> Palette:
    """Read a palette of `n_colours` colours.

    Raises
    ------
    CorruptStream
    """
    least, bits = [], []
    for _ in range(n_samples):
        least.append(unzigzag(reader.varint("least sample of a palette", 1 << 17)))
        bits.append(reader.varint("bits of a palette sample", 16))
    highest = (1 << sum(bits)) - 1
    tolerance = reader.varint("tolerance of a palette", MAX_TOLERANCE)
    first = reader.varint("least key", highest)
    keys = np.zeros(1, np.uint64)
    if n_colours > 1:
        keys = levels.unpack_table(reader, n_colours, highest - first)
    return Palette(tuple(least), tuple(bits), keys + np.uint64(first), tolerance)
