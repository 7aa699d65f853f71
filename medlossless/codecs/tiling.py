# SPDX-License-Identifier: Apache-2.0
"""How a plane is cut into tiles: slabs of frames times stripes of rows; see FORMAT.md, "Tiles"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import lcm

from ..image import CHUNK_BYTES

MAX_TILE_SAMPLES = 1 << 21  # what the encoder aims at
LONGEST_TILE_SAMPLES = 1 << 28  # what a decoder accepts
MAX_COLS = 1 << 20  # a decoder's bands take 192 bytes a column of each frame looked at
BAND_ROWS = 32
SLAB_FRAMES = 32
# Of a stream: each costs 5 bytes of state and length, and fewer streams leave lanes idle.
STREAM_SAMPLES = 4096


@dataclass(frozen=True)
class Tile:
    """A box of a plane: frames frame0 <= f < frame1, rows row0 <= r < row1, all columns."""

    frame0: int
    frame1: int
    row0: int
    row1: int

    @property
    def where(self) -> tuple[slice, slice]:
        """The box as an index of a plane's samples."""
        return slice(self.frame0, self.frame1), slice(self.row0, self.row1)

    def name(self, plane: int) -> str:
        """What error texts call this tile."""
        rows = f"rows {self.row0}..{self.row1 - 1}"
        return f"plane {plane}, frames {self.frame0}..{self.frame1 - 1}, {rows}"


@dataclass(frozen=True)
class Tiling:
    """Extents of the tiles of a plane of (frames, rows, cols) samples."""

    frames: int
    rows: int
    slab_frames: int
    stripe_rows: int

    def __iter__(self) -> Iterator[Tile]:
        """Slab after slab, in each stripe after stripe."""
        for frame in range(0, self.frames, self.slab_frames):
            for row in range(0, self.rows, self.stripe_rows):
                yield Tile(
                    frame,
                    min(frame + self.slab_frames, self.frames),
                    row,
                    min(row + self.stripe_rows, self.rows),
                )

    def __len__(self) -> int:
        return -(-self.frames // self.slab_frames) * -(-self.rows // self.stripe_rows)


def choose_tiling(shape: tuple[int, ...], volumetric: bool) -> Tiling:
    """Tiles for a plane of shape (frames, rows, cols), cols up to MAX_COLS.

    Whole frames if slabs of them are not too large, else stripes of about equal height, whole bands
    each. Their number is even, so that two threads have as much to do.
    """
    frames, rows, cols = shape
    slab = min(SLAB_FRAMES, frames) if volumetric else 1
    stripes = -(-slab * rows * cols // MAX_TILE_SAMPLES)
    stripe_rows = rows
    if stripes > 1:
        stripes += stripes % 2
        bands = -(-rows // (BAND_ROWS * min(stripes, rows)))
        stripe_rows = min(rows, BAND_ROWS * bands)
    slab = max(1, min(slab, 8 * MAX_TILE_SAMPLES // (stripe_rows * cols)))
    return Tiling(frames, rows, slab, stripe_rows)


def iterate_chunks(tilings: Sequence[Tiling], frames: int, frame_bytes: int) -> Iterator[range]:
    """Ranges of frames that no tile reaches across, of CHUNK_BYTES or so each.

    Parameters
    ----------
    tilings : sequence of Tiling
        Of all planes of an image.
    frames, frame_bytes : int
        Frames of the image, and bytes of each.
    """
    least = lcm(*(tiling.slab_frames for tiling in tilings))
    n_frames = least * max(1, CHUNK_BYTES // (least * max(1, frame_bytes)))
    for start in range(0, frames, n_frames):
        yield range(start, min(start + n_frames, frames))


def choose_streams_log2(n_samples: int) -> int:
    """How many interleaved streams a tile of so many samples is worth: 1 to 16."""
    return min(4, max(0, (n_samples // STREAM_SAMPLES).bit_length()))
