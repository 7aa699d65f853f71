# SPDX-License-Identifier: Apache-2.0
"""PNG files: the image apart from chunks, row filters and deflate.

The shell holds every byte before the first and after the last IDAT chunk, the lengths of the IDAT
chunks, the filter of every row and the deflate recipe. Palette images are coded as their indexes.

The shell (see `shell`), version 1: no numbers but the version; parts:

1. the file before the first IDAT chunk; its IHDR is read again by `join`,
2. the file after the last IDAT chunk,
3. the lengths of the IDAT chunks as `fields.pack_integers` writes them; none: one chunk,
4. the filter of each row, a byte each,
5. the recipe of `deflate`,
6. what follows the zlib stream in the IDAT chunks.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import CorruptStream
from ..image import Guarantee, Image, Source
from . import deflate, png_filter, shell
from .fields import pack_integers, unpack_integers
from .formats import NotThisFormat, words_to_bytes
from .shell import Buffer

NAMES = ("png",)

_VERSION = 1
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_BYTES = 33  # signature and the whole IHDR chunk
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type -> samples a position
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


@dataclass(frozen=True)
class _Geometry:
    rows: int
    cols: int
    depth: int
    channels: int

    @property
    def row_bytes(self) -> int:
        return (self.cols * self.channels * self.depth + 7) // 8

    @property
    def step(self) -> int:
        """Bytes from a position to the next, as the filters count them."""
        return max(1, self.channels * self.depth // 8)

    @property
    def axes(self) -> str:
        return "YXS" if self.channels > 1 else "YX"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, self.cols) + ((self.channels,) if self.channels > 1 else ())


def sniff(data: Buffer) -> bool:
    """Whether `data` starts like a PNG file."""
    return bytes(data[:8]) == SIGNATURE and bytes(data[12:16]) == b"IHDR"


def split(data: Buffer, pixels: bool = False) -> Source:
    """Part a PNG file into its image and its shell.

    Parameters
    ----------
    data : bytes-like
        The whole file.
    pixels : bool
        Where the deflate stream cannot be reproduced, keep the image and pack it anew.

    Raises
    ------
    NotThisFormat
        Interlaced, damaged, or compressed by something other than zlib (unless `pixels`).

    Exact
    -----
    `join` restores the file; in the pixel-exact form it restores everything but the deflate
    stream and its cut into IDAT chunks.
    """
    view = memoryview(data)
    geometry = _geometry(view)
    start, end, payloads = _image_chunks(view)
    stream = b"".join(payloads)
    rows, extra = _inflated_rows(stream, geometry)
    recipe = deflate.describe(rows.data, stream[: len(stream) - len(extra)], zlib.MAX_WBITS)
    lengths = [len(payload) for payload in payloads]
    note = ""
    if recipe is None:
        if not pixels:
            raise NotThisFormat("deflate stream not reproducible with zlib: original kept")
        note = "deflate stream not reproducible with zlib: image packed anew"
        recipe, lengths, extra = deflate.any_stream(rows.data, zlib.MAX_WBITS), [], b""
    filtered = rows.reshape(geometry.rows, -1)
    kinds = np.ascontiguousarray(filtered[:, 0])
    packed = png_filter.restore(filtered[:, 1:], kinds, geometry.step)
    parts = (view[:start], view[end:], pack_integers(lengths), kinds.data, recipe.to_bytes(), extra)
    image = Image(_samples(packed, geometry), geometry.axes, geometry.depth)
    guarantee: Guarantee = "pixel-exact" if note else "file-exact"
    return Source("png", image, shell.pack(_VERSION, (), parts), guarantee, note)


def join(packed: Buffer, array: np.ndarray | None) -> bytes:
    """The PNG file that `split` parted.

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
    Unsupported
        The zlib here writes other bytes than the one that compressed the file.
    """
    _, parts = shell.unpack(packed, version=_VERSION, n_numbers=0, n_parts=6)
    before, after, packed_lengths, kinds, recipe, extra = parts
    try:
        geometry = _geometry(memoryview(before))
    except NotThisFormat as error:
        raise CorruptStream(f"PNG shell: {error}") from None
    row_kinds = np.frombuffer(kinds, np.uint8)
    if row_kinds.size != geometry.rows or row_kinds.max() >= png_filter.N_KINDS:
        raise CorruptStream(f"PNG shell: {row_kinds.size} row filters for {geometry.rows} rows")
    image = _packed_rows(array, geometry)
    rows = np.empty((geometry.rows, geometry.row_bytes + 1), np.uint8)
    rows[:, 0] = row_kinds
    rows[:, 1:] = png_filter.apply(image, row_kinds, geometry.step)
    stream = deflate.compress(rows.reshape(-1).data, deflate.Recipe.from_bytes(recipe)) + extra
    lengths = unpack_integers(packed_lengths) or [len(stream)]
    if sum(lengths) != len(stream):
        raise CorruptStream(f"PNG shell: IDAT of {sum(lengths)} bytes, stream has {len(stream)}")
    return b"".join((before, *_chunks(stream, lengths), after))


def _geometry(view: memoryview) -> _Geometry:
    """From IHDR; NotThisFormat unless it can be coded."""
    if len(view) < HEADER_BYTES or not sniff(view) or view[8:12] != b"\0\0\0\x0d":
        raise NotThisFormat("PNG header is missing or cut off")
    if zlib.crc32(view[12:29]).to_bytes(4, "big") != view[29:33]:
        raise NotThisFormat("PNG header: CRC differs")
    cols, rows = (int.from_bytes(view[at : at + 4], "big") for at in (16, 20))
    depth, colour, compression, filtering, interlace = view[24:29]
    if depth not in DEPTHS.get(colour, ()) or (compression, filtering) != (0, 0):
        raise NotThisFormat(f"PNG header: colour type {colour} at {depth} bits is not defined")
    if interlace:
        raise NotThisFormat("interlaced PNG: original kept")
    if not rows or not cols:
        raise NotThisFormat(f"PNG header: {cols} x {rows} samples")
    return _Geometry(rows, cols, depth, CHANNELS[colour])


def _image_chunks(view: memoryview) -> tuple[int, int, list[memoryview]]:
    """Where the run of IDAT chunks starts and ends, and what they hold."""
    at = HEADER_BYTES
    start = None
    payloads: list[memoryview] = []
    while at + 12 <= len(view):
        length, kind = int.from_bytes(view[at : at + 4], "big"), view[at + 4 : at + 8]
        end = at + 12 + length
        if kind != b"IDAT" and start is not None or end > len(view):
            break
        if kind == b"IDAT":
            start = at if start is None else start
            if zlib.crc32(view[at + 4 : end - 4]).to_bytes(4, "big") != view[end - 4 : end]:
                raise NotThisFormat(f"PNG: CRC of the IDAT chunk at byte {at} differs")
            payloads.append(view[at + 8 : end - 4])
        at = end
    if start is None:
        raise NotThisFormat("PNG: no whole IDAT chunk")
    return start, at, payloads


def _inflated_rows(stream: bytes, geometry: _Geometry) -> tuple[np.ndarray, bytes]:
    """The filtered rows, each behind its filter byte, and what follows the zlib stream."""
    expected = geometry.rows * (geometry.row_bytes + 1)
    if expected > deflate.MAX_RATIO * len(stream):
        raise NotThisFormat(f"PNG: {len(stream)} bytes of IDAT cannot hold {expected}")
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(stream, expected + 1)
    except zlib.error as error:
        raise NotThisFormat(f"PNG: {error}") from None
    if len(raw) != expected or not inflater.eof:
        raise NotThisFormat(f"PNG: IDAT holds not exactly the {expected} bytes of the image")
    rows = np.frombuffer(raw, np.uint8)
    if rows[:: geometry.row_bytes + 1].max() >= png_filter.N_KINDS:
        raise NotThisFormat("PNG: unknown row filter")
    return rows, inflater.unused_data


def _chunks(stream: bytes, lengths: list[int]) -> Iterator[bytes]:
    at = 0
    for length in lengths:
        body = b"IDAT" + stream[at : at + length]
        yield length.to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        at += length


def _samples(packed: np.ndarray, geometry: _Geometry) -> np.ndarray:
    """Bytes of the rows -> samples; 16-bit ones are big-endian in the file."""
    if geometry.depth == 16:
        packed = packed.view(">u2").astype(np.uint16)
    elif geometry.depth < 8:
        spread = packed[:, :, None] >> _shifts(geometry.depth) & ((1 << geometry.depth) - 1)
        spread = spread.reshape(geometry.rows, -1)
        if spread[:, geometry.cols :].any():
            raise NotThisFormat("PNG: padding bits are not zero")
        packed = np.ascontiguousarray(spread[:, : geometry.cols])
    return packed.reshape(geometry.shape)


def _packed_rows(array: np.ndarray | None, geometry: _Geometry) -> np.ndarray:
    """The inverse of `_samples`: (rows, row_bytes) uint8."""
    dtype = np.dtype(">u2" if geometry.depth == 16 else "u1")
    flat = np.frombuffer(words_to_bytes(array, geometry.shape, dtype), np.uint8)
    samples = flat.reshape(geometry.rows, -1)
    if geometry.depth >= 8:
        return samples
    if samples.max() >> geometry.depth:
        raise CorruptStream(f"PNG: sample {samples.max()} does not fit {geometry.depth} bits")
    shifts = _shifts(geometry.depth)
    spread = np.zeros((geometry.rows, geometry.row_bytes * shifts.size), np.uint8)
    spread[:, : geometry.cols] = samples
    bytes_apart = spread.reshape(geometry.rows, geometry.row_bytes, -1)
    return np.bitwise_or.reduce(bytes_apart << shifts, axis=2)


def _shifts(depth: int) -> np.ndarray:
    """Where the samples of one byte lie in it, the leftmost first."""
    return np.arange(8 - depth, -1, -depth, dtype=np.uint8)
