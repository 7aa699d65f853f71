# SPDX-License-Identifier: Apache-2.0
"""Predictions look at nothing that a decoder does not have yet, and at the edges as written."""

from __future__ import annotations

import numpy as np
import pytest
from random_nets import random_net

from medlossless.predict import neighbourhood as nb
from medlossless.predict import reference
from medlossless.predict._kernel import KernelNet, available_kernels, predict_frame

EVERYWHERE = {pair for gradient in nb.GRADIENTS for pair in gradient} | {nb.W, nb.N, nb.NW}
ALL = {*EVERYWHERE, *(n for members in nb.NEIGHBOURHOODS.values() for n in members)}


@pytest.mark.parametrize("name", nb.NEIGHBOURHOODS)
def test_neighbours_are_distinct_and_causal(name):
    members = nb.NEIGHBOURHOODS[name]
    assert len(set(members)) == len(members)
    for neighbour in members:
        assert neighbour.frame > 0 or neighbour.row < 0 or neighbour.col < 0 == neighbour.row
    assert nb.frames_needed(name) == 1 + max([0, *(n.frame for n in members)])


@pytest.mark.parametrize("neighbour", sorted(ALL, key=repr))
def test_neighbour_lies_inside_the_padded_frame(neighbour):
    assert abs(neighbour.col) <= nb.SIDE
    assert -nb.TOP <= neighbour.row <= (nb.BOTTOM if neighbour.frame else 0)


@pytest.mark.parametrize("neighbour", sorted((n for n in ALL if n.frame == 0), key=repr))
def test_a_row_may_follow_lag_columns_behind_the_row_above(neighbour):
    """When (row, col) is decoded, row - k is known up to column col + LAG * k - 1."""
    assert neighbour.col <= nb.LAG * -neighbour.row - 1


def test_lag_is_as_small_as_it_can_be():
    assert 1 + max(n.col for n in ALL if n.frame == 0 and n.row == -1) == nb.LAG


def sample_at(frame: np.ndarray, row: int, col: int, edge: int) -> int:
    """The edges as the docstring of `neighbourhood` tells them, one sample at a time."""
    rows, cols = frame.shape
    if row >= rows:
        row = rows - 1
    if row < 0 or (row == 0 and col < 0):
        return edge
    if col < 0:
        return int(frame[row - 1, 0])
    return int(frame[row, min(col, cols - 1)])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (4, 9)])
def test_padded_frame_holds_the_edges_as_written(shape):
    frame = np.random.default_rng(1).integers(0, 65536, shape).astype(np.uint16)
    padded = nb.pad_frame(frame, 777)
    rows, cols = shape
    assert padded.shape == (rows + nb.TOP + nb.BOTTOM, cols + 2 * nb.SIDE)
    for row in range(-nb.TOP, rows + nb.BOTTOM):
        for col in range(-nb.SIDE, cols + nb.SIDE):
            found = padded[row + nb.TOP, col + nb.SIDE]
            # nothing looks left of a row below the frame but by way of the pads of the last row
            beside = row >= rows and col < 0
            assert found == sample_at(frame, rows - 1 if beside else row, col, 777), (row, col)


def test_positions_and_offsets_find_every_neighbour():
    frame = np.random.default_rng(2).integers(0, 65536, (5, 6)).astype(np.uint16)
    padded = nb.pad_frame(frame, 9)
    where = nb.positions(5, 6)
    for neighbour in (n for n in ALL if n.frame == 0):
        found = reference.gather((padded,), where.ravel(), neighbour, 6).reshape(5, 6)
        for row, col in np.ndindex(5, 6):
            expected = sample_at(frame, row + neighbour.row, col + neighbour.col, 9)
            assert found[row, col] == expected, (neighbour, row, col)


@pytest.mark.parametrize("name", ["none", "narrow2d", "wide2d", "wide3d"])
@pytest.mark.parametrize("shape", [(6, 11), (1, 9), (7, 1)])
def test_later_samples_never_change_a_prediction(name, shape):
    """Whatever stands at a position or after it in raster order."""
    rng = np.random.default_rng(len(name))
    net = random_net(name, (12,))
    frame, before, oldest = (rng.integers(0, 4096, shape).astype(np.uint16) for _ in range(3))
    past = (nb.pad_frame(before, 5), nb.pad_frame(oldest, 5))
    where, cols = nb.positions(*shape).ravel(), shape[1]
    expected = reference.predict(net, (nb.pad_frame(frame, 5), *past), where, cols, 4095)
    for at in range(frame.size):
        changed = frame.copy()
        changed.ravel()[at:] = rng.integers(0, 4096, frame.size - at)
        frames = (nb.pad_frame(changed, 5), *past)
        found = reference.predict(net, frames, where[: at + 1], cols, 4095)
        for a, b in zip(expected, found, strict=True):
            assert np.array_equal(a[: at + 1], b), at


@pytest.mark.parametrize("kernel", available_kernels())
def test_later_samples_never_change_the_prediction_of_a_kernel(kernel):
    rng = np.random.default_rng(3)
    shape, net = (5, 37), KernelNet(random_net("wide3d", (12,)), kernel)
    frame, *past = (rng.integers(0, 256, shape).astype(np.uint16) for _ in range(3))
    padded_past = [nb.pad_frame(other, 5) for other in past]
    expected = predict_frame(net, [nb.pad_frame(frame, 5), *padded_past], *shape, 255)
    for at in range(0, frame.size, 3):
        changed = frame.copy()
        changed.ravel()[at:] = rng.integers(0, 256, frame.size - at)
        found = predict_frame(net, [nb.pad_frame(changed, 5), *padded_past], *shape, 255)
        for a, b in zip(expected, found, strict=True):
            assert np.array_equal(a.ravel()[: at + 1], b.ravel()[: at + 1]), at


def test_a_known_sample_does_change_predictions():
    """So that the two tests above can fail."""
    rng = np.random.default_rng(4)
    frame = rng.integers(0, 256, (5, 9)).astype(np.uint16)
    changed = frame.copy()
    changed[2, 4] ^= 128
    net, where = random_net("wide2d", (12,)), nb.positions(5, 9).ravel()
    one, other = (
        reference.predict(net, (nb.pad_frame(f, 5),), where, 9, 255)[0] for f in (frame, changed)
    )
    differs = np.flatnonzero(one != other)
    assert len(differs) > 5
    assert differs.min() > 2 * 9 + 4
