# SPDX-License-Identifier: Apache-2.0
"""Samples as they are, in one zstd frame: what remains when prediction gains nothing.

Section STORED; see FORMAT.md, "Codec 0: stored".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from .. import _zstd as zstd
from .._bytes import WHOLE_BYTES
from ..container import Header, Section, Stream
from ..errors import CorruptStream
from ..image import CHUNK_BYTES, Image, Lazy, chunks
from ..planes import measure

SMALL_BYTES = 1 << 22  # up to here zstd may take its time
QUICK_LEVEL, LARGE_LEVEL, SMALL_LEVEL = 3, 9, 19
PIECES, PIECE_BYTES = 8, 1 << 14  # looked at to see whether zstd has a chance
HOPELESS = 1.35  # how far pieces of quick zstd may lie behind for the whole to be tried
FRAME_PAIRS = 4
ROW_SAMPLES = 16  # that tell rows apart
MANY_ROWS_REPEAT = 0.25


def _words(dtype: np.dtype) -> np.dtype:
    """Unsigned integers with the bits of a dtype: swapping floats might quieten a NaN."""
    return np.dtype(f"u{dtype.itemsize}").newbyteorder(dtype.byteorder)


def encode(image: Image, quick: bool = False) -> list[tuple[Section, bytes | Iterator[bytes]]]:
    """Sections of an image; little-endian samples in C order."""
    if image.array.nbytes > WHOLE_BYTES:
        level = QUICK_LEVEL if quick else LARGE_LEVEL
        parts = (_samples(part) for part in chunks(image.array))
        return [(Section.STORED, zstd.compress_pieces(parts, level))]
    samples = _samples(image.array.whole() if isinstance(image.array, Lazy) else image.array)
    level = SMALL_LEVEL if len(samples) <= SMALL_BYTES else LARGE_LEVEL
    return [(Section.STORED, zstd.compress(samples, QUICK_LEVEL if quick else level))]


def _samples(array: np.ndarray) -> memoryview:
    """The bytes of an array as they are stored."""
    array = np.ascontiguousarray(array)
    if array.dtype == np.bool_:
        array = array.view(np.uint8) != 0  # bytes 0 and 1 only
    words = array.view(_words(array.dtype))
    little = words.astype(words.dtype.newbyteorder("<"), copy=False)
    return little.reshape(-1).view(np.uint8).data


def decode_chunks(stream: Stream, header: Header) -> Iterator[np.ndarray]:
    """The array of a stream, some frames after others, so that few are in memory.

    Yields
    ------
    (n, rows, cols[, samples]) ndarray of the header's dtype
    """
    dtype, (_, inner) = np.dtype(header.dtype), header.frames
    frame_bytes = prod(inner) * dtype.itemsize
    n_bytes = frame_bytes * max(1, CHUNK_BYTES // frame_bytes)
    held = bytearray()
    for piece in zstd.decompress_pieces(
        stream.pieces(Section.STORED), header.samples * dtype.itemsize, n_bytes, "section 'stored'"
    ):
        held += piece
        whole = len(held) // frame_bytes * frame_bytes
        if whole:
            yield _array(held[:whole], dtype).reshape(-1, *inner)
            del held[:whole]


def _array(samples: bytes | bytearray, dtype: np.dtype) -> np.ndarray:
    """Undo `_samples`."""
    words = np.frombuffer(samples, _words(dtype).newbyteorder("<")).astype(_words(dtype))
    return words.view(dtype)


def may_beat(image: Image, n_bytes: int) -> bool:
    """Whether zstd might come near so many bytes.

    It does not where pieces from all over the samples take much more and rows do not repeat (far
    apart, where pieces do not show it). Of a lazy array some frames are looked at.

    Cost
    ----
    A millisecond; nothing where the array is small or not C-contiguous.
    """
    array, extent = image.array, measure(image.array.shape, image.axes)
    if array.nbytes <= 2 * PIECES * PIECE_BYTES:
        return True
    if isinstance(array, Lazy):
        array = _some_frames(array.reshape(extent))
        n_bytes = n_bytes * array.nbytes // image.array.nbytes
    if not array.flags.c_contiguous or array.nbytes <= PIECE_BYTES:
        return True
    flat = array.reshape(-1).view(np.uint8)
    n_rows = array.size // (extent.cols * extent.samples)
    starts = np.linspace(0, flat.size - PIECE_BYTES, PIECES).astype(int) // array.itemsize
    pieces = [flat[at * array.itemsize :][:PIECE_BYTES] for at in starts]
    taken = sum(len(zstd.compress(piece.data, QUICK_LEVEL)) for piece in pieces)
    expected = taken * flat.size / (PIECES * PIECE_BYTES)
    return expected < HOPELESS * n_bytes or _rows_repeat(flat, n_rows)


def _some_frames(frames: Lazy) -> np.ndarray:
    """Pairs of frames from all over an array."""
    starts = np.unique(np.linspace(0, len(frames) - 1, FRAME_PAIRS).astype(int))
    return np.concatenate([frames[at : at + 2] for at in starts])


def _rows_repeat(flat: np.ndarray, n_rows: int) -> bool:
    """Whether a good part of the rows, by a few of their bytes, occurs more than once."""
    rows = flat.reshape(n_rows, -1)
    cols = np.linspace(0, rows.shape[1] - 1, ROW_SAMPLES).astype(int)
    mix = np.uint64(0x9E3779B97F4A7C15) ** np.arange(1, ROW_SAMPLES + 1, dtype=np.uint64)
    keys = (rows[:, cols] * mix).sum(axis=1, dtype=np.uint64)
    return np.unique(keys).size < (1 - MANY_ROWS_REPEAT) * len(keys)


def decode(stream: Stream, header: Header, frames: Sequence[int] | None) -> np.ndarray:
    """The array of a stream, or some frames of it (leading axes flattened)."""
    dtype = np.dtype(header.dtype)
    expected = header.samples * dtype.itemsize
    raw = zstd.decompress(stream.section(Section.STORED), expected, what="section 'stored'")
    if len(raw) != expected:
        raise CorruptStream(f"section 'stored': {len(raw)} bytes, {expected} expected")
    array = _array(raw, dtype).reshape(header.shape)
    if frames is None:
        return array
    n_frames, inner = header.frames
    return array.reshape(n_frames, *inner)[list(frames)]
