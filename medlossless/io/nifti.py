# SPDX-License-Identifier: Apache-2.0
"""NIfTI-1 and NIfTI-2 in one file, plain (.nii) or gzipped (.nii.gz).

Samples are the raw words: scl_slope and scl_inter are never applied. The file runs x fastest, so
the array is (..., T, Z, Y, X) in C order.

The shell (see `shell`), version 1: no numbers but the version; parts: 1 and 2 what precedes and
follows the samples in the inflated file, of which the header is read again by `join`; 3 the header
of the gzip member, 4 the recipe of `deflate`, 5 what follows the member. A plain file has the last
three empty.

Source: nifti1.h and nifti2.h of the NIfTI Data Format Working Group; RFC 1952 for gzip.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from .._bytes import Data, FileBytes, view_of, whole
from ..errors import CorruptStream
from ..image import Array, Image, Source
from . import deflate, shell
from .formats import NotThisFormat, samples_at, words_in_pieces
from .shell import Buffer

NAMES = ("nifti",)

_VERSION = 1
GZIP_MAGIC = b"\x1f\x8b\x08"
FHCRC, FEXTRA, FNAME, FCOMMENT = 2, 4, 8, 16
XFL_TO_LEVELS = {2: (9,), 4: (1,)}  # RFC 1952; many writers leave 0
TRAILER_BYTES = 8  # CRC-32 and length of the content
HEADER_BYTES = 540  # the longer of the two
SLACK_BYTES = 1 << 24  # content after the samples that is still carried along
LEADING_AXES = "WVUTZ"  # dim[7] ... dim[3]
DTYPES = {2: "u1", 256: "i1", 4: "i2", 512: "u2", 8: "i4", 768: "u4", 1024: "i8", 1280: "u8",
          16: "f4", 64: "f8"}  # fmt: skip
COLOURS = {128: 3, 2304: 4}  # RGB24, RGBA32: uint8 samples a position
NOT_CODED = {1: "1-bit", 32: "complex64", 1536: "float128", 1792: "complex128", 2048: "complex256"}


@dataclass(frozen=True)
class _Layout:
    """Where the samples lie in the inflated file."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    axes: str

    @property
    def size_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class _Member:
    """One gzip member, the first of a file."""

    header: bytes
    content: bytes
    body: memoryview
    rest: memoryview


def sniff(data: Buffer) -> bool:
    """Whether `data` starts like a NIfTI file, gzipped or not."""
    view = memoryview(data)
    if bytes(view[:3]) != GZIP_MAGIC:
        return _version(view) is not None
    try:
        return _version(_first_inflated(view, _gzip_header_bytes(view))) is not None
    except (zlib.error, NotThisFormat):
        return False


def split(data: Data, pixels: bool = False) -> Source:
    """Part a NIfTI file into its samples and its shell.

    Parameters
    ----------
    data : bytes-like or FileBytes
        The whole file. The image of a plain file is a view into it, or Lazy.
    pixels : bool
        Where the deflate stream of a .nii.gz cannot be reproduced, keep what it holds and
        compress it anew.

    Raises
    ------
    NotThisFormat
        A header without samples (.hdr), a datatype that is not coded, a file that ends early, or
        a gzip stream not made by zlib (unless `pixels`).
    """
    view = view_of(data)
    if bytes(view[:3]) != GZIP_MAGIC:
        return _source(view, b"", b"", b"", exact=True)
    member = _first_member(whole(view))
    levels = XFL_TO_LEVELS.get(member.header[8], (6, 1))
    recipe = deflate.describe(member.content, member.body, -zlib.MAX_WBITS, levels)
    exact = recipe is not None
    if recipe is None:
        if not pixels:
            raise NotThisFormat("deflate stream not reproducible with zlib: original kept")
        recipe = deflate.any_stream(member.content, -zlib.MAX_WBITS)
    return _source(memoryview(member.content), member.header, recipe.to_bytes(),
                   member.rest, exact=exact)  # fmt: skip


def join(packed: Buffer, array: Array | None) -> bytes:
    """All of `pieces`."""
    return b"".join(pieces(packed, array))


def pieces(packed: Buffer, array: Array | None) -> Iterator[Buffer]:
    """The NIfTI file that `split` parted; a gzipped one is a single piece.

    Parameters
    ----------
    packed : bytes-like
        The shell that `split` made; untrusted.
    array : ndarray or Lazy
        The samples; any byte order and strides.

    Raises
    ------
    CorruptStream
        The shell contradicts itself or the array.
    Unsupported
        The zlib here writes other bytes than the one that compressed the file.
    """
    _, parts = shell.unpack(packed, version=_VERSION, n_numbers=0, n_parts=5)
    before, after, header, recipe, rest = parts
    try:
        layout = _layout(memoryview(before))
    except NotThisFormat as error:
        raise CorruptStream(f"NIfTI shell: {error}") from None
    if layout.offset != len(before):
        raise CorruptStream(f"NIfTI shell: {len(before)} bytes, samples start at {layout.offset}")
    content: Iterator[Buffer] = chain(
        [before], words_in_pieces(array, layout.shape, layout.dtype), [after]
    )
    if not header:
        yield from content
        return
    inflated = b"".join(content)
    body = deflate.compress(inflated, deflate.Recipe.from_bytes(recipe))
    yield b"".join((header, body, _trailer(inflated), rest))


def _source(
    view: memoryview | FileBytes, header: bytes, recipe: bytes, rest: Buffer, *, exact: bool
) -> Source:
    layout = _layout(view)
    end = layout.offset + layout.size_bytes
    if end > len(view):
        raise NotThisFormat(f"NIfTI: samples end at byte {end}, file at {len(view)}")
    array = samples_at(view, layout.offset, layout.shape, layout.dtype)
    return Source(
        format="nifti",
        image=Image(array, layout.axes),
        shell=shell.pack(_VERSION, (), (view[: layout.offset], view[end:], header, recipe, rest)),
        guarantee="file-exact" if exact else "pixel-exact",
        note="" if exact else "deflate stream not reproducible with zlib: compressed anew",
    )


def _version(view: memoryview) -> tuple[int, str] | None:
    """(1 or 2, byte order) of a single-file header."""
    if len(view) >= 348 and view[344:348] == b"n+1\0":
        number, size = 1, 348
    elif len(view) >= 540 and view[4:12] == b"n+2\0\r\n\x1a\n":
        number, size = 2, 540
    else:
        return None
    for order in "<>":
        if struct.unpack_from(order + "i", view)[0] == size:
            return number, order
    return None


def _layout(data: memoryview | FileBytes) -> _Layout:
    view = data[:HEADER_BYTES]
    version = _version(view)
    if version is None:
        raise NotThisFormat("NIfTI header is missing or cut off, or names a separate image file")
    number, order = version
    if number == 1:
        dim = struct.unpack_from(order + "8h", view, 40)
        (datatype,) = struct.unpack_from(order + "h", view, 70)
        (offset,) = struct.unpack_from(order + "f", view, 108)
    else:
        (datatype,) = struct.unpack_from(order + "h", view, 12)
        dim = struct.unpack_from(order + "8q", view, 16)
        (offset,) = struct.unpack_from(order + "q", view, 168)
    if datatype not in DTYPES and datatype not in COLOURS:
        name = NOT_CODED.get(datatype, f"datatype {datatype}")
        raise NotThisFormat(f"NIfTI {name}: original kept")
    shape = _shape(dim)
    axes = (LEADING_AXES + "YX")[-len(shape) :]
    if datatype in COLOURS:
        shape, axes = (*shape, COLOURS[datatype]), axes + "S"
    dtype = np.dtype(order + DTYPES.get(datatype, "u1"))
    return _Layout(_offset(offset, (352, 544)[number - 1]), shape, dtype, axes)


def _shape(dim: tuple[int, ...]) -> tuple[int, ...]:
    """dim[0] extents, the fastest first -> array shape, at least two-dimensional."""
    n_dim, extents = dim[0], dim[1 : dim[0] + 1]
    if not 1 <= n_dim <= 7 or min(extents) < 1:
        raise NotThisFormat(f"NIfTI: dim {list(dim)} holds no samples")
    return (1,) * (n_dim == 1) + extents[::-1]


def _offset(vox_offset: float, lowest: int) -> int:
    """Some writers leave vox_offset 0; samples never start inside the header."""
    if not math.isfinite(vox_offset) or vox_offset != int(vox_offset):
        raise NotThisFormat(f"NIfTI: vox_offset {vox_offset}")
    return max(int(vox_offset), lowest)


def _first_member(view: memoryview) -> _Member:
    """Inflate the first member as far as the NIfTI header says it can matter.

    Members after it are not inflated: a file cut into many of them (bgzip) holds too few samples
    in the first and is refused by `_source`.
    """
    start = _gzip_header_bytes(view)
    try:
        layout = _layout(_first_inflated(view, start))
        expected = layout.offset + layout.size_bytes
        if expected > deflate.MAX_RATIO * len(view):
            raise NotThisFormat(f"NIfTI: {len(view)} bytes of gzip cannot hold {expected}")
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        content = inflater.decompress(view[start:], expected + SLACK_BYTES)
    except zlib.error as error:
        raise NotThisFormat(f"gzip: {error}") from None
    if not inflater.eof:
        raise NotThisFormat("gzip: the first member is cut off or goes on long after the samples")
    end = len(view) - len(inflater.unused_data)
    if bytes(view[end : end + TRAILER_BYTES]) != _trailer(content):
        raise NotThisFormat("gzip: CRC or length of the content differs")
    return _Member(bytes(view[:start]), content, view[start:end], view[end + TRAILER_BYTES :])


def _first_inflated(view: memoryview, start: int) -> memoryview:
    """As much of the content as a NIfTI header needs, which no writer deflates to over 4096."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    return memoryview(inflater.decompress(view[start : start + 4096], HEADER_BYTES))


def _gzip_header_bytes(view: memoryview) -> int:
    if len(view) < 10:
        raise NotThisFormat("gzip header is cut off")
    flags = view[3]
    at = 10
    if flags & FEXTRA:
        at += 2 + int.from_bytes(view[at : at + 2], "little")
    for flag in (FNAME, FCOMMENT):
        while flags & flag:
            at += 1
            if at > len(view):
                raise NotThisFormat("gzip header is cut off")
            if view[at - 1] == 0:
                break
    at += 2 if flags & FHCRC else 0
    if at >= len(view):
        raise NotThisFormat("gzip header is cut off")
    return at


def _trailer(content: Buffer) -> bytes:
    return struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
