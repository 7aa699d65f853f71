# SPDX-License-Identifier: Apache-2.0
"""Samples as they are, in one zstd frame: what remains when prediction gains nothing.

Section STORED; see FORMAT.md, "Codec 0: stored".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .. import _zstd as zstd
from ..container import Header, Section, Stream
from ..errors import CorruptStream
from ..image import Image

SMALL_BYTES = 1 << 22  # up to here zstd may take its time
QUICK_LEVEL, LARGE_LEVEL, SMALL_LEVEL = 3, 9, 19


def _words(dtype: np.dtype) -> np.dtype:
    """Unsigned integers with the bits of a dtype: swapping floats might quieten a NaN."""
    return np.dtype(f"u{dtype.itemsize}").newbyteorder(dtype.byteorder)


def encode(image: Image, quick: bool = False) -> list[tuple[Section, bytes]]:
    """Sections of an image; little-endian samples in C order."""
    array = np.ascontiguousarray(image.array)
    if array.dtype == np.bool_:
        array = array.view(np.uint8) != 0  # bytes 0 and 1 only
    words = array.view(_words(array.dtype))
    little = words.astype(words.dtype.newbyteorder("<"), copy=False)
    level = SMALL_LEVEL if little.nbytes <= SMALL_BYTES else LARGE_LEVEL
    samples = little.reshape(-1).view(np.uint8).data
    return [(Section.STORED, zstd.compress(samples, QUICK_LEVEL if quick else level))]


def decode(stream: Stream, header: Header, frames: Sequence[int] | None) -> np.ndarray:
    """The array of a stream, or some frames of it (leading axes flattened)."""
    dtype = np.dtype(header.dtype)
    expected = header.samples * dtype.itemsize
    raw = zstd.decompress(stream.section(Section.STORED), expected, what="section 'stored'")
    if len(raw) != expected:
        raise CorruptStream(f"section 'stored': {len(raw)} bytes, {expected} expected")
    words = np.frombuffer(raw, _words(dtype).newbyteorder("<")).astype(_words(dtype))
    array = words.view(dtype).reshape(header.shape)
    if frames is None:
        return array
    n_frames, inner = header.frames
    return array.reshape(n_frames, *inner)[list(frames)]
