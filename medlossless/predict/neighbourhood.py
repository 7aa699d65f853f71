# SPDX-License-Identifier: Apache-2.0
"""Which known samples a prediction may look at, and what stands beyond the edges.

This is the one definition; training, the reference and every kernel follow it.

Edges. A frame of a tile lives in a padded frame of ``rows + TOP + BOTTOM`` by
``cols + 2 * SIDE`` samples, so that every neighbour is a plain load:

* the TOP rows above hold the tile's `edge` value;
* left of row r stands the first sample of row r - 1 (for r = 0: `edge`);
* right of row r stands the last sample of row r;
* the BOTTOM rows below, which only a later frame looks at, repeat the last row, pads included.

Nothing here needs a sample that a decoder does not have yet: right of column ``cols - 1`` of the
row above is known LAG columns later, and left of a row only the row above is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TOP = 4
BOTTOM = 2
SIDE = 4
LAG = 5  # columns a row must stay behind the row above: 1 + the largest col offset used


@dataclass(frozen=True)
class Neighbour:
    """A position relative to the sample: `frame` 0 is its own, 1 the previous, 2 the one before."""

    frame: int
    row: int
    col: int


def _causal(radius_squared: float) -> list[Neighbour]:
    """Causal neighbours within a disc, same row first, then rows upwards, left to right."""
    reach = int(radius_squared**0.5)
    found = [
        Neighbour(0, row, col)
        for row in range(0, -reach - 1, -1)
        for col in range(-reach, reach + 1)
        if (row < 0 or col < 0) and row * row + col * col <= radius_squared
    ]
    return found


def _disc(frame: int, radius_squared: float) -> list[Neighbour]:
    """All positions of another frame within a disc around the sample's place."""
    reach = int(radius_squared**0.5)
    return [
        Neighbour(frame, row, col)
        for row in range(-reach, reach + 1)
        for col in range(-reach, reach + 1)
        if row * row + col * col <= radius_squared
    ]


_P2 = [Neighbour(2, 0, 0), Neighbour(2, 0, -1), Neighbour(2, -1, 0), Neighbour(2, 0, 1)]

NEIGHBOURHOODS: dict[str, tuple[Neighbour, ...]] = {
    "none": (),
    "tiny2d": tuple(_causal(5.5)),  # 10
    "tiny3d": tuple(_causal(5.5) + _disc(1, 1.5)),  # 10 + 5
    "narrow2d": tuple(_causal(10.5)),  # 18
    "narrow3d": tuple(_causal(10.5) + _disc(1, 2.5)),  # 18 + 9
    "mid2d": tuple(_causal(16.5)),  # 24
    "mid3d": tuple(_causal(16.5) + _disc(1, 4.5) + _P2[:2]),  # 24 + 13 + 2
    "wide2d": tuple(_causal(20.5)),  # 34
    "wide3d": tuple(_causal(20.5) + _disc(1, 5.5) + _P2),  # 34 + 21 + 4
}

# Neighbours that the baseline prediction and the activity use, whatever the net looks at.
W, N, NW, NE = Neighbour(0, 0, -1), Neighbour(0, -1, 0), Neighbour(0, -1, -1), Neighbour(0, -1, 1)
WW, NN, NNE = Neighbour(0, 0, -2), Neighbour(0, -2, 0), Neighbour(0, -2, 1)
NEE, NWW = Neighbour(0, -1, 2), Neighbour(0, -1, -2)

GRADIENTS = (
    (W, WW), (W, NW), (N, NW), (N, NN), (N, NE), (NE, NNE), (NE, NEE), (NW, NWW),
)  # fmt: skip


def frames_needed(name: str) -> int:
    """How many frames, its own included, a neighbourhood reaches back to (1 = two-dimensional)."""
    return 1 + max((n.frame for n in NEIGHBOURHOODS[name]), default=0)


def stride(cols: int) -> int:
    """Samples from one row of a padded frame to the next."""
    return cols + 2 * SIDE


def offset(neighbour: Neighbour, cols: int) -> int:
    """Distance in a padded frame from a position to its neighbour, in samples."""
    return neighbour.row * stride(cols) + neighbour.col


def positions(rows: int, cols: int) -> np.ndarray:
    """Index of every sample of a frame in its flattened padded frame.

    Returns
    -------
    (rows, cols) int64
    """
    row_starts = (np.arange(rows) + TOP) * stride(cols) + SIDE
    return row_starts[:, None] + np.arange(cols)


def pad_frame(frame: np.ndarray, edge: int) -> np.ndarray:
    """Put a frame into its padded frame.

    Parameters
    ----------
    frame : (rows, cols) uint16
    edge : int
        The value above the first row, 0..65535.

    Returns
    -------
    (rows + TOP + BOTTOM, cols + 2 * SIDE) uint16
    """
    rows, cols = frame.shape
    padded = np.empty((rows + TOP + BOTTOM, stride(cols)), np.uint16)
    padded[:TOP] = edge
    body = padded[TOP : TOP + rows]
    body[:, SIDE : SIDE + cols] = frame
    body[0, :SIDE] = edge
    body[1:, :SIDE] = frame[:-1, :1]
    body[:, SIDE + cols :] = frame[:, -1:]
    padded[TOP + rows :] = body[-1]
    return padded
