# SPDX-License-Identifier: Apache-2.0
"""Recipes: their bytes are as specified, compact, and refused when they contradict themselves."""

import numpy as np
import pytest

from medlossless._fields import varint
from medlossless.errors import CorruptStream
from medlossless.planes import geometry, recipe
from medlossless.planes.axes import Extent
from medlossless.planes.colour import Colour
from medlossless.planes.recipe import Channel, Recipe, Word

SIZE = Extent(20, 512, 512, 1)


def spell(*numbers: int) -> bytes:
    return b"".join(varint(number) for number in numbers)


def test_plain_volume_is_spelled_as_specified():
    made = recipe.pack(Recipe(SIZE, (Channel(-1024, (Word(4095),)),)))
    assert made == spell(20, 512, 512, 4, 2047, 4 * 4095)
    assert len(made) == 10
    assert geometry(made) == [(20, 512, 512, 4095, False)]


def test_constant_volume_is_spelled_as_specified():
    made = recipe.pack(Recipe(SIZE, (Channel(7, (Word(0),)),)))
    assert made == spell(20, 512, 512, 4, 14, 0)
    assert geometry(made) == [(20, 512, 512, 0, True)]


def test_packed_levels_are_spelled_as_specified():
    stride = np.arange(9, dtype=np.uint64) * np.uint64(5)
    made = recipe.pack(Recipe(SIZE, (Channel(0, (Word(8, stride),)),)))
    assert made == spell(20, 512, 512, 4, 0, 4 * 8 + 1, 0, 4)
    assert np.array_equal(recipe.unpack(made).channels[0].words[0].levels, stride)


def test_split_words_are_spelled_as_specified():
    made = recipe.pack(Recipe(SIZE, (Channel(-1, (Word(3), Word(0), Word(65535))),)))
    assert made == spell(20, 512, 512, 4, 1, 4 * 3 + 2, 4 * 3, 0, 4 * 65535)
    assert [plane.max_sample for plane in geometry(made)] == [3, 0, 65535]
    assert [plane.constant for plane in geometry(made)] == [False, True, False]


def test_colour_is_spelled_as_specified():
    channels = tuple(Channel(low, (Word(255),)) for low in (0, -200, -131072))
    made = recipe.pack(Recipe(Extent(1, 2, 3, 3), channels, Colour.YCOCG))
    assert made == spell(1, 2, 3, 4 * 3 + 2, 0, 1020, 399, 1020, 262143, 1020)
    read = recipe.unpack(made)
    assert read.colour == Colour.YCOCG
    assert [channel.minimum for channel in read.channels] == [0, -200, -131072]
    assert recipe.pack(read) == made


def test_palette_is_spelled_as_specified():
    data = spell(1, 2, 3, 4 * 3 + 3, 2, 0, 8, 0, 8, 2, 1, 16, 500, 0, 99)
    read = recipe.unpack(data)
    assert read.palette.keys.tolist() == [500, 600]
    assert (read.palette.least, read.palette.bits) == ((0, 0, 1), (8, 8, 1))
    assert read.palette.tolerance == 16
    assert read.geometry() == [(1, 2, 3, 1, False)]
    assert recipe.pack(read) == data


def test_empty_extent_has_no_planes():
    made = recipe.pack(Recipe(Extent(0, 512, 512, 1)))
    assert made == spell(0, 512, 512, 4)
    assert geometry(made) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        spell(1 << 63, 1, 1, 4, 0, 4),  # no axis is so long
        spell(0, 1, 1, 4, 0, 4),  # channels of no elements
        spell(0, 1, 1, 4 * 3 + 1),  # colour of no elements
        spell(1, 1, 1, 4, 0, 4, 0),  # a byte left
        spell(1, 1, 1, 4 + 1, 0, 4),  # colour of one sample
        spell(1, 1, 1, 8 + 3, 1, 0, 0, 0, 0, 0, 0),  # palette of two samples
        spell(1, 1, 1, 4 * (1 << 60), 0, 4),  # samples without channels
        spell(1, 1, 1, 4, 1 << 65, 4),  # minimum
        spell(1, 1, 1, 4, 0, 4 * 65536),  # max_sample
        spell(1, 1, 1, 4, 0, 4 * 5 + 3),  # no such kind
        spell(1, 1, 1, 4, 0, 1, 0, 0),  # levels of a constant
        spell(1, 1, 1, 4, 0, 4 * 1 + 2, 0),  # split in one word
        spell(1, 1, 1, 4, 0, 4 * 5 + 2, 0, 0, 0, 0, 0),  # split in five
        spell(1, 1, 1, 4, 0, 4 * 2 + 2, 4 * 2 + 2, 0, 0, 0),  # split in a split
        spell(1, 1, 1, 4, 0, 4 * 2 + 2, 4, 5, 0, 65535),  # levels of a word above 65535
        spell(1, 1, 1, 4 * 3 + 1, 262144, 4, 0, 4, 0, 4),  # minimum of a colour
        spell(1, 1, 1, 4 * 3 + 1, 0, 5, 0, 65535, 0, 4, 0, 4),  # levels of a colour
        spell(1, 1, 1, 4 * 3 + 1, 0, 4 * 2 + 2, 4, 4, 0, 4, 0, 4),  # split colour
        spell(1, 1, 1, 4 * 3 + 3, 0, 0, 0, 0, 0, 0, 0, 0, 0),  # no colours
        spell(1, 1, 1, 4 * 3 + 3, 4097, 0, 8, 0, 8, 0, 8, 0, 0, 0, 0),  # too many
        spell(1, 1, 1, 4 * 3 + 3, 1, 0, 17, 0, 0, 0, 0, 0, 0),  # bits of a sample
        spell(1, 1, 1, 4 * 3 + 3, 1, 0, 0, 0, 0, 0, 0, 65537, 0),  # tolerance
        spell(1, 1, 1, 4 * 3 + 3, 1, 0, 0, 0, 0, 0, 0, 0, 1),  # a key above its bits
    ],
)
def test_contradictory_recipes_are_corrupt(data):
    with pytest.raises(CorruptStream):
        geometry(data)
