# SPDX-License-Identifier: Apache-2.0
"""Axes: letters and shapes to (frames, rows, cols, samples) and back."""

import numpy as np
import pytest

from medlossless.errors import InvalidInput
from medlossless.planes import default_axes
from medlossless.planes.axes import Extent, measure, stack, unstack

CASES = [
    ((), "", (1, 1, 1, 1)),
    ((7,), "X", (1, 1, 7, 1)),
    ((5, 7), "YX", (1, 5, 7, 1)),
    ((3, 5, 7), "ZYX", (3, 5, 7, 1)),
    ((3, 5, 7), "TYX", (3, 5, 7, 1)),
    ((5, 7, 3), "YXS", (1, 5, 7, 3)),
    ((7, 3), "XS", (1, 1, 7, 3)),
    ((2, 3, 5, 7, 4), "TZYXS", (6, 5, 7, 4)),
    ((2, 2, 3, 5, 7), "AAZYX", (12, 5, 7, 1)),
    ((0, 5, 7), "ZYX", (0, 5, 7, 1)),
    ((5, 0), "YX", (1, 5, 0, 1)),
]


@pytest.mark.parametrize(("shape", "letters", "extent"), CASES)
def test_measure_reads_the_extent(shape, letters, extent):
    assert measure(shape, letters) == Extent(*extent)


@pytest.mark.parametrize(("shape", "letters", "extent"), CASES)
def test_unstack_inverts_stack(shape, letters, extent):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    stacked = stack(array, measure(shape, letters))
    assert stacked.shape == extent
    assert np.array_equal(unstack(stacked, shape), array)


def test_stack_of_a_transposed_volume_is_a_view():
    array = np.zeros((4, 3, 2)).T
    assert np.shares_memory(stack(array, Extent(2, 3, 4, 1)), array)


@pytest.mark.parametrize(
    ("shape", "letters"),
    [
        ((5, 7), "ZYX"),  # a letter too many
        ((5, 7, 3), "YX"),  # one too few
        ((5, 7), "XY"),
        ((5, 7, 3), "YSX"),
        ((3, 5, 7), "SYX"),
        ((3, 5, 7), "XYX"),
        ((3,), "S"),
        ((3,), "Y"),
        ((3, 5, 7), "zYX"),
        ((3, 5, 7), "?YX"),
    ],
)
def test_measure_refuses_other_letters(shape, letters):
    with pytest.raises(InvalidInput, match="axes"):
        measure(shape, letters)


def test_default_axes_name_every_dimension():
    assert [default_axes(n) for n in range(6)] == ["", "X", "YX", "ZYX", "AZYX", "AAZYX"]
    shape = (1,) * 64
    assert measure(shape, default_axes(64)) == (1, 1, 1, 1)
