# SPDX-License-Identifier: Apache-2.0
"""The recipe: how planes become the array again, as values and as bytes.

Byte layout. All numbers are varints (module `_fields`: LEB128, shortest spelling); ``zigzag`` maps
signed numbers to unsigned ones (0, -1, 1, -2 ... -> 0, 1, 2, 3 ...)::

    recipe  = frames rows cols layout [palette part] channel...
    layout  = 4 * samples + transform       samples of a position, 1 without an axis S
    channel = zigzag(minimum) word
    word    = 4 * max_sample + 0                            plain
            | 4 * max_sample + 1, level table               packed; max_sample >= 1
            | 4 * n_words + 2, word x n_words               split; n_words is 2 to 4
    palette part = varint(n_colours), palette (module `palette`), only for transform 3

The array has frames * rows * cols * samples elements; when that is 0 the recipe ends after
`layout`, which has transform 0. transform: 0 none, 1 subtract green, 2 YCoCg-R (module `colour`;
both only for 3 samples), 3 palette (3 or 4 samples). There are `samples` channels, in the order
of the samples (transform 0) or of the results of the transform (1, 2); transform 3 has no
channel but one plane of indices, max_sample = n_colours - 1.

A word that is not split describes one plane (frames, rows, cols), whose samples are 0 to
max_sample. A plane with max_sample 0 is constant: it is not coded, all its samples are 0. The
planes are coded in the order of their words in the recipe.

To restore a channel take each sample of its word's plane; if packed, replace it by that level of
the level table (module `levels`, max_sample + 1 levels). If the word is split, the planes of its
words, restored the same way, are 16-bit digits of one number, most significant first; words
inside a split are plain or packed, with levels up to 65535. Add `minimum`. The results, undone
the transform, are the integers that stand for the values (module `words`); they lie within the
range of the dtype. With transform 1 or 2 `minimum` lies within -131072..131071, the word is not
split and its levels are at most 65535; these transforms are for dtypes of 8 and 16 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._fields import varint
from . import levels, palette
from .axes import Extent
from .colour import Colour
from .palette import Palette
from .varint import Reader, unzigzag, zigzag

MAX_EXTENT = (1 << 63) - 1
MAX_SAMPLE = (1 << 16) - 1
MAX_VALUE = (1 << 64) - 1
COLOUR_MINIMUM = 1 << 17
PLAIN, PACKED, SPLIT = range(3)
PALETTE = 3


class PlaneGeometry(NamedTuple):
    """Size and range of one plane; a constant one is in no list of planes and holds zeros."""

    frames: int
    rows: int
    cols: int
    max_sample: int
    constant: bool


@dataclass(frozen=True, eq=False)
class Word:
    """One plane and what its samples stand for.

    Parameters
    ----------
    max_sample : int
        0 to 65535; 0 means constant.
    levels : (max_sample + 1,) uint64 or None
        Level table of a packed plane.
    """

    max_sample: int
    levels: np.ndarray | None = None


@dataclass(frozen=True)
class Channel:
    """The integers of one sample of a position: least value and digits, highest first."""

    minimum: int
    words: tuple[Word, ...]

    @property
    def maximum(self) -> int:
        """No integer is above this."""
        top = self.words[0]
        highest = top.max_sample if top.levels is None else int(top.levels[-1])
        n_bits = 16 * (len(self.words) - 1)
        return self.minimum + ((highest + 1) << n_bits) - 1


@dataclass(frozen=True)
class Recipe:
    """What `join` must know besides the planes; see the module docstring.

    Parameters
    ----------
    extent : Extent
    channels : tuple of Channel
        Empty with a palette or without elements.
    colour : Colour
    palette : Palette or None
    """

    extent: Extent
    channels: tuple[Channel, ...] = ()
    colour: Colour = Colour.NONE
    palette: Palette | None = None

    def geometry(self) -> list[PlaneGeometry]:
        """List all planes, constant ones included."""
        words = [word.max_sample for channel in self.channels for word in channel.words]
        if self.palette is not None:
            words = [self.palette.keys.size - 1]
        return [PlaneGeometry(*self.extent[:3], top, top == 0) for top in words]


def is_empty(extent: Extent) -> bool:
    """Tell whether an extent holds no element."""
    return 0 in extent


def pack(recipe: Recipe) -> bytes:
    """Write a recipe."""
    transform = PALETTE if recipe.palette is not None else int(recipe.colour)
    frames, rows, cols, samples = recipe.extent
    parts = [varint(number) for number in (frames, rows, cols, 4 * samples + transform)]
    if recipe.palette is not None:
        parts += [varint(recipe.palette.keys.size), palette.pack(recipe.palette)]
    for channel in recipe.channels:
        parts.append(varint(zigzag(channel.minimum)))
        if len(channel.words) > 1:
            parts.append(varint(4 * len(channel.words) + SPLIT))
        parts += [_pack_word(word) for word in channel.words]
    return b"".join(parts)


def _pack_word(word: Word) -> bytes:
    if word.levels is None:
        return varint(4 * word.max_sample + PLAIN)
    return varint(4 * word.max_sample + PACKED) + levels.pack_table(word.levels)


def unpack(data: bytes) -> Recipe:
    """Read a recipe from untrusted bytes.

    Raises
    ------
    CorruptStream
        Any number out of its range, bytes missing or left over.

    Cost
    ----
    Memory stays within a few MiB plus a small multiple of ``len(data)`` whatever the bytes claim.
    """
    reader = Reader(data, "recipe")
    frames, rows, cols = (reader.varint(name, MAX_EXTENT) for name in ("frames", "rows", "cols"))
    layout = reader.varint("layout", 4 * MAX_EXTENT + 3)
    extent, transform = Extent(frames, rows, cols, layout >> 2), layout & 3
    if transform and extent.samples not in (palette.SAMPLES if transform == PALETTE else (3,)):
        raise reader.corrupt(f"transform {transform} of {extent.samples} samples")
    if is_empty(extent):
        if transform:
            raise reader.corrupt(f"transform {transform} of no elements, expected 0")
        recipe = Recipe(extent)
    elif transform == PALETTE:
        n_colours = reader.varint("number of colours", palette.MAX_COLOURS, 1)
        recipe = Recipe(extent, palette=palette.unpack(reader, extent.samples, n_colours))
    else:
        colour = Colour(transform)
        # Each channel takes two bytes at least, so the list is bounded by the data.
        channels = []
        for _ in range(extent.samples):
            channels.append(_unpack_channel(reader, colour))
        recipe = Recipe(extent, tuple(channels), colour)
    reader.end()
    return recipe


def _unpack_channel(reader: Reader, colour: Colour) -> Channel:
    highest = MAX_VALUE if colour == Colour.NONE else MAX_SAMPLE
    least = (1 << 65) - 1 if colour == Colour.NONE else 2 * COLOUR_MINIMUM - 1
    minimum = unzigzag(reader.varint("minimum", least))
    head = reader.varint("word", 4 * MAX_SAMPLE + 3)
    if head & 3 != SPLIT:
        return Channel(minimum, (_unpack_word(reader, head, highest),))
    n_words = head >> 2
    if not 2 <= n_words <= 4 or colour != Colour.NONE:
        raise reader.corrupt(f"{n_words} words with colour transform {int(colour)}")
    words = [
        _unpack_word(reader, reader.varint("word of a split", 4 * MAX_SAMPLE + 1), MAX_SAMPLE)
        for _ in range(n_words)
    ]
    return Channel(minimum, tuple(words))


def _unpack_word(reader: Reader, head: int, highest: int) -> Word:
    max_sample, kind = head >> 2, head & 3
    if kind == PLAIN:
        return Word(max_sample)
    if kind != PACKED or max_sample == 0:
        raise reader.corrupt(f"word of kind {kind} with max_sample {max_sample}")
    return Word(max_sample, levels.unpack_table(reader, max_sample + 1, highest))
