# SPDX-License-Identifier: Apache-2.0
"""The page directories (IFDs) of a TIFF file: what a page holds and where its samples lie.

Classic TIFF and BigTIFF, both byte orders. Only what the samples need is read; everything else
in a directory stays where it is in the file.

Source: TIFF revision 6.0, sections 2, 8 and 15; the BigTIFF proposal for the 64-bit forms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .formats import NotThisFormat

MAGICS = {b"II*\0": ("<", False), b"MM\0*": (">", False), b"II+\0": ("<", True),
          b"MM\0+": (">", True)}  # fmt: skip
WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, CHANNELS, ROWS_PER_STRIP, STRIP_COUNTS, PLANAR = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SAMPLE_FORMAT = 322, 323, 324, 325, 339
DEPTH = 32997
WANTED = {WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, CHANNELS, ROWS_PER_STRIP,
          STRIP_COUNTS, PLANAR, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_COUNTS, SAMPLE_FORMAT,
          DEPTH}  # fmt: skip
FIELD_TYPES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8"}  # the unsigned ones
COMPRESSIONS = {2: "CCITT", 3: "CCITT", 4: "CCITT", 5: "LZW", 6: "old JPEG", 7: "JPEG",
                8: "Deflate", 32773: "PackBits", 32946: "Deflate", 33003: "JPEG 2000",
                33005: "JPEG 2000", 34712: "JPEG 2000", 34925: "LZMA", 50000: "Zstandard",
                50001: "WebP"}  # fmt: skip
YCBCR = 6  # its chroma may be subsampled, then rows are no rows


@dataclass(frozen=True)
class Page:
    """What one page holds.

    Parameters
    ----------
    rows, cols, channels : int
        For tiles: of the whole grid of tiles, which may reach past the image.
    tile : (rows, cols) of a tile, or (0, 0) for strips
    kind : str
        ``u``, ``i`` or ``f``.
    bits : int
        A sample, 8, 16, 32 or 64.
    """

    rows: int
    cols: int
    channels: int
    tile: tuple[int, int]
    kind: str
    bits: int


def read_pages(view: memoryview) -> Iterator[tuple[Page, np.ndarray, np.ndarray]]:
    """Each page with the offsets and the lengths [bytes] of its strips or tiles, in sample order.

    Raises
    ------
    NotThisFormat
        The directories are damaged, or a page is compressed or of a kind that is not coded.
    """
    order, big = MAGICS.get(bytes(view[:4]), ("", False))
    if not order:
        raise NotThisFormat("TIFF: no magic")
    at = _number(view, 8, 8, order) if big else _number(view, 4, 4, order)
    seen = set()
    while at:
        if at in seen:
            raise NotThisFormat("TIFF: the page directories run in a circle")
        seen.add(at)
        tags, at = _directory(view, at, order, big)
        page = _page(tags)
        yield page, *_segments(tags, page, len(view))


def _number(view: memoryview, at: int, size: int, order: str) -> int:
    if at + size > len(view):
        raise NotThisFormat(f"TIFF: a directory at byte {at} is outside the file")
    return int.from_bytes(view[at : at + size], "little" if order == "<" else "big")


def _directory(view: memoryview, at: int, order: str, big: bool) -> tuple[dict, int]:
    """The wanted tags of the directory at `at`, and where the next one is (0: none)."""
    count_bytes, entry_bytes, pointer_bytes = (8, 20, 8) if big else (2, 12, 4)
    n_entries = _number(view, at, count_bytes, order)
    first = at + count_bytes
    end = first + n_entries * entry_bytes
    following = _number(view, end, pointer_bytes, order)
    tags = {}
    for entry in range(first, end, entry_bytes):
        tag = _number(view, entry, 2, order)
        if tag in WANTED:
            tags[tag] = _values(view, entry, pointer_bytes, order)
    return tags, following


def _values(view: memoryview, entry: int, pointer_bytes: int, order: str) -> np.ndarray:
    """The numbers of one entry, inside it when they fit."""
    field_type = FIELD_TYPES.get(_number(view, entry + 2, 2, order))
    count = _number(view, entry + 4, pointer_bytes, order)
    if field_type is None or not count:
        raise NotThisFormat(f"TIFF: the entry at byte {entry} holds no unsigned numbers")
    dtype = np.dtype(order + field_type)
    at = entry + 4 + pointer_bytes
    if count * dtype.itemsize > pointer_bytes:
        at = _number(view, at, pointer_bytes, order)
    if at + count * dtype.itemsize > len(view):
        raise NotThisFormat(f"TIFF: the values of the entry at byte {entry} are outside the file")
    return np.frombuffer(view, dtype, count, at).astype(np.uint64)


def _one(tags: dict, tag: int, default: int | None = None) -> int:
    """A tag that has one value, or the same value for all channels."""
    values = tags.get(tag)
    if values is None:
        if default is None:
            raise NotThisFormat(f"TIFF: tag {tag} is missing")
        return default
    if (values != values[0]).any():
        raise NotThisFormat(f"TIFF: tag {tag} differs between channels")
    return int(values[0])


def _page(tags: dict) -> Page:
    compression = _one(tags, COMPRESSION, 1)
    if compression != 1:
        name = COMPRESSIONS.get(compression, str(compression))
        raise NotThisFormat(f"TIFF compression {name}: original kept")
    rows, cols, channels = _one(tags, LENGTH), _one(tags, WIDTH), _one(tags, CHANNELS, 1)
    bits, sample_format = _one(tags, BITS, 1), _one(tags, SAMPLE_FORMAT, 1)
    if _one(tags, PHOTOMETRIC, 1) == YCBCR:
        raise NotThisFormat("TIFF YCbCr: original kept")
    if channels > 1 and _one(tags, PLANAR, 1) != 1 or _one(tags, DEPTH, 1) != 1:
        raise NotThisFormat("TIFF with separate planes or several slices a page: original kept")
    kind = {1: "u", 2: "i", 3: "f", 4: "u"}.get(sample_format)
    if kind is None or bits not in (8, 16, 32, 64) or (kind, bits) == ("f", 8):
        raise NotThisFormat(f"TIFF: {bits}-bit samples of format {sample_format}: original kept")
    if not rows or not cols or not 1 <= channels <= 4:
        raise NotThisFormat(f"TIFF: {rows} x {cols} x {channels} samples")
    tile = (0, 0)
    if TILE_WIDTH in tags or TILE_LENGTH in tags:
        tile = (_one(tags, TILE_LENGTH), _one(tags, TILE_WIDTH))
        if not min(tile):
            raise NotThisFormat(f"TIFF: tiles of {tile[0]} x {tile[1]} samples")
        rows, cols = (-(-extent // step) * step for extent, step in zip((rows, cols), tile))
    return Page(rows, cols, channels, tile, kind, bits)


def _segments(tags: dict, page: Page, file_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    row_bytes = page.cols * page.channels * page.bits // 8
    if page.rows * row_bytes > file_bytes:
        raise NotThisFormat(f"TIFF: a page of {page.rows * row_bytes} bytes in {file_bytes}")
    if page.tile[0]:
        offsets, counts = tags.get(TILE_OFFSETS), tags.get(TILE_COUNTS)
        n_tiles = (page.rows // page.tile[0]) * (page.cols // page.tile[1])
        lengths = np.full(n_tiles, page.rows * row_bytes // n_tiles)
    else:
        offsets, counts = tags.get(STRIP_OFFSETS), tags.get(STRIP_COUNTS)
        strip_rows = min(_one(tags, ROWS_PER_STRIP, page.rows), page.rows) or page.rows
        lengths = np.full(-(-page.rows // strip_rows), strip_rows * row_bytes)
        lengths[-1] -= lengths.sum() - page.rows * row_bytes
    # Byte counts say nothing that the geometry does not, unless they are too small.
    if offsets is None or offsets.size != lengths.size:
        raise NotThisFormat(f"TIFF: not one offset for each of {lengths.size} strips or tiles")
    if counts is not None and (counts.size != lengths.size or (counts < lengths).any()):
        raise NotThisFormat("TIFF: a strip or tile is shorter than its samples")
    if (offsets > file_bytes).any() or (offsets.astype(np.int64) + lengths > file_bytes).any():
        raise NotThisFormat("TIFF: samples lie outside the file")
    return offsets.astype(np.int64), lengths
