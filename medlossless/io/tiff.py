# SPDX-License-Identifier: Apache-2.0
"""TIFF files with uncompressed samples: strips or tiles, one page or many alike.

The samples are cut out of the file where they lie; all the rest is kept as it is. Tiles that reach
past the image are coded whole, so the array of a tiled file may be larger than its image.

The shell (see `shell`), version 1:

====== ======================= =====================================================================
number                         meaning
====== ======================= =====================================================================
1      dtype                   index into DTYPES
2      big_endian              1: most significant byte first
3-6    pages rows cols         of the array; tiles: of the whole grid of tiles
       channels
7-8    tile_rows tile_cols     0 0 for strips
====== ======================= =====================================================================

Parts: 1 the file without its samples; 2 where they were, as `fields.pack_integers` writes it: an
offset in the file and a length [bytes] for each run of samples, in the order of the samples.
"""

from __future__ import annotations

import numpy as np

from ..errors import CorruptStream
from ..image import Image, Source
from . import shell
from .fields import pack_integers, unpack_integers
from .formats import NotThisFormat, words_to_bytes
from .shell import Buffer
from .tiff_pages import MAGICS, Page, read_pages

NAMES = ("tiff",)

_VERSION = 1
_N_NUMBERS, _N_PARTS = 8, 2
DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")


def sniff(data: Buffer) -> bool:
    """Whether `data` starts like a TIFF or BigTIFF file."""
    return bytes(data[:4]) in MAGICS


def split(data: Buffer, pixels: bool = False) -> Source:
    """Part a TIFF file into its samples and its shell.

    Parameters
    ----------
    data : bytes-like
        The whole file. The image is a view into it where all samples lie in one run.
    pixels : bool
        Without effect: the result is file-exact anyway.

    Raises
    ------
    NotThisFormat
        Compressed, damaged, pages of different geometry, or samples of a kind that is not coded.
    """
    view = memoryview(data)
    pages = list(read_pages(view))
    if not pages:
        raise NotThisFormat("TIFF: no page")
    page = pages[0][0]
    if any(other != page for other, _, _ in pages):
        raise NotThisFormat("TIFF: pages of different geometry: original kept")
    runs = _merged(np.concatenate([offsets for _, offsets, _ in pages]),
                   np.concatenate([lengths for _, _, lengths in pages]))  # fmt: skip
    big_endian = MAGICS[bytes(view[:4])][0] == ">"
    dtype = DTYPES.index(f"{page.kind}{page.bits // 8}")
    numbers = (dtype, int(big_endian), len(pages), page.rows, page.cols, page.channels, *page.tile)
    words = b"".join(view[at : at + length] for at, length in runs) if len(runs) > 1 else (
        view[runs[0][0] : sum(runs[0])])  # fmt: skip
    array = _arranged(np.frombuffer(words, _dtype(dtype, big_endian)), len(pages), page)
    axes = "Z" * (len(pages) > 1) + "YX" + "S" * (page.channels > 1)
    parts = (_rest(view, runs), pack_integers(number for run in runs for number in run))
    return Source("tiff", Image(array, axes, page.bits), shell.pack(_VERSION, numbers, parts))


def join(packed: Buffer, array: np.ndarray | None) -> bytes:
    """The TIFF file that `split` parted.

    Parameters
    ----------
    packed : bytes-like
        The shell that `split` made; untrusted.
    array : ndarray
        The samples; any byte order and strides.

    Raises
    ------
    CorruptStream
        The shell contradicts itself or the array.
    """
    numbers, (rest, packed_runs) = shell.unpack(
        packed, version=_VERSION, n_numbers=_N_NUMBERS, n_parts=_N_PARTS
    )
    index, big_endian, n_pages, rows, cols, channels, *tile = numbers
    if index >= len(DTYPES) or big_endian > 1:
        raise CorruptStream(f"TIFF shell: dtype {index}, byte order {big_endian}")
    if min(n_pages, rows, cols, channels) < 1:
        raise CorruptStream(f"TIFF shell: {n_pages} pages of {rows} x {cols} x {channels} samples")
    if bool(tile[0]) != bool(tile[1]) or tile[0] and (rows % tile[0] or cols % tile[1]):
        raise CorruptStream(f"TIFF shell: {rows} x {cols} samples in tiles of {tile}")
    kind, size = DTYPES[index][0], int(DTYPES[index][1])
    page = Page(rows, cols, channels, (tile[0], tile[1]), kind, 8 * size)
    shape = (n_pages,) * (n_pages > 1) + (rows, cols) + (channels,) * (channels > 1)
    dtype = _dtype(index, bool(big_endian))
    words = np.frombuffer(words_to_bytes(array, shape, dtype), dtype)
    samples = _flattened(words, n_pages, page).view(np.uint8).data
    flat_runs = unpack_integers(packed_runs)
    if len(flat_runs) % 2:
        raise CorruptStream(f"TIFF shell: {len(flat_runs)} numbers are no offsets and lengths")
    return _filled(rest, samples, list(zip(flat_runs[::2], flat_runs[1::2])))


def _dtype(index: int, big_endian: bool) -> np.dtype:
    return np.dtype((">" if big_endian else "<") + DTYPES[index])


def _merged(offsets: np.ndarray, lengths: np.ndarray) -> list[tuple[int, int]]:
    """Neighbours in the file made one run; NotThisFormat where two share bytes."""
    by_place = np.argsort(offsets, kind="stable")
    if (offsets[by_place][1:] < (offsets + lengths)[by_place][:-1]).any():
        raise NotThisFormat("TIFF: strips or tiles share bytes: original kept")
    starts = np.flatnonzero(np.r_[True, offsets[1:] != (offsets + lengths)[:-1]])
    return list(zip(offsets[starts].tolist(), np.add.reduceat(lengths, starts).tolist()))


def _rest(view: memoryview, runs: list[tuple[int, int]]) -> bytes:
    """The file without its samples."""
    parts = []
    at = 0
    for start, length in sorted(runs):
        parts.append(view[at:start])
        at = start + length
    return b"".join((*parts, view[at:]))


def _filled(rest: bytes, words: memoryview, runs: list[tuple[int, int]]) -> bytes:
    """The inverse of `_rest`."""
    if sum(length for _, length in runs) != len(words):
        raise CorruptStream(f"TIFF shell: runs do not hold the {len(words)} bytes of the array")
    placed = []
    taken = 0
    for start, length in runs:
        placed.append((start, taken, length))
        taken += length
    parts: list[bytes | memoryview] = []
    at = used = 0
    for start, taken, length in sorted(placed):
        gap = start - at
        if gap < 0 or gap > len(rest) - used:
            raise CorruptStream(f"TIFF shell: no bytes for the file before its byte {start}")
        parts += (rest[used : used + gap], words[taken : taken + length])
        used += gap
        at = start + length
    return b"".join((*parts, rest[used:]))


def _arranged(words: np.ndarray, n_pages: int, page: Page) -> np.ndarray:
    """Samples in file order -> array, tiles set side by side."""
    if page.tile[0]:
        words = words.reshape(_grid(n_pages, page)).transpose(0, 1, 3, 2, 4, 5)
    shape = (n_pages,) * (n_pages > 1) + (page.rows, page.cols)
    return words.reshape(shape + (page.channels,) * (page.channels > 1))


def _flattened(words: np.ndarray, n_pages: int, page: Page) -> np.ndarray:
    """The inverse of `_arranged`, from samples in array order."""
    if not page.tile[0]:
        return words
    pages, down, across, rows, cols, channels = _grid(n_pages, page)
    words = words.reshape(pages, down, rows, across, cols, channels)
    return np.ascontiguousarray(words.transpose(0, 1, 3, 2, 4, 5)).reshape(-1)


def _grid(n_pages: int, page: Page) -> tuple[int, ...]:
    """Pages, tiles down, tiles across, then one tile."""
    rows, cols = page.tile
    return (n_pages, page.rows // rows, page.cols // cols, rows, cols, page.channels)
