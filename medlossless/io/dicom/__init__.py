# SPDX-License-Identifier: Apache-2.0
"""DICOM files with native (not compressed) Pixel Data, one or many frames.

`elements` finds Pixel Data in the bytes, `samples` turns its value into an array; everything else
is kept as it stands in the file. The shell (see `shell`), version 1:

====== ======================= =====================================================================
number                         meaning
====== ======================= =====================================================================
1      dtype                   index into samples.DTYPES
2      width                   Bits Allocated
3      swapped                 1: the bytes of 16-bit words are exchanged
4      arrangement             0 interleaved, 1 planar, 2 subsampled
5-8    frames rows cols samples
9      spare                   the bits of the sample range that belong to no sample
====== ======================= =====================================================================

Parts: 1 and 2 what precedes and follows the samples. When the data set is deflated, these are of
the inflated data set, and there are 3 the recipe of `deflate`, 4 and 5 what precedes and follows
the deflated data set; else 3, 4 and 5 are empty.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np

from ..._bytes import Data, FileBytes, view_of, whole
from ...errors import CorruptStream
from ...image import Array, Guarantee, Image, Lazy, Source
from .. import deflate, shell
from ..formats import NotThisFormat
from ..shell import Buffer
from .elements import UNDEFINED, Survey, read_meta, starts_like_dicom, survey_data_set
from .samples import DTYPES, Layout, pack_samples, read_layout, unpack_samples
from .syntaxes import DEFLATED, is_compressed, samples_are_big_endian, syntax_name

__all__ = ["NAMES", "join", "pieces", "sniff", "split"]

NAMES = ("dicom",)

_VERSION = 1
_N_NUMBERS, _N_PARTS = 9, 5
_RAW_DEFLATE = -zlib.MAX_WBITS
_MAX_INFLATED_BYTES = 1 << 32


def sniff(data: Buffer) -> bool:
    """Tell whether `data` starts like a DICOM file, with or without a preamble."""
    return starts_like_dicom(memoryview(data))


def split(data: Data, pixels: bool = False) -> Source:
    """Split a DICOM file into the samples of its Pixel Data and everything else.

    Parameters
    ----------
    data : bytes-like, one-dimensional, or FileBytes
    pixels : bool
        Accept a deflated data set whose deflate bytes cannot be reproduced: the data set is kept,
        its compressed form is not.

    Returns
    -------
    Source
        The array is a view of `data` where the words of the file are whole and in order; of
        FileBytes it is Lazy, if a frame has whole bytes.

    Raises
    ------
    NotThisFormat
        There is no native Pixel Data that can be coded, or the file contradicts itself.
    """
    view = view_of(data)
    syntax, start = read_meta(view)
    if syntax == DEFLATED:
        return _split_deflated(whole(view), start, pixels)
    image, numbers, head, tail = _split_data_set(view, start, syntax)
    return Source("dicom", image, shell.pack(_VERSION, numbers, (head, tail, b"", b"", b"")))


def join(packed: Buffer, array: Array | None) -> bytes:
    """All of `pieces`."""
    return b"".join(pieces(packed, array))


def pieces(packed: Buffer, array: Array | None) -> Iterator[Buffer]:
    """Put a DICOM file together again.

    Parameters
    ----------
    packed : bytes-like
        The shell that `split` made.
    array : ndarray or Lazy
        The samples; any byte order and strides.

    Yields
    ------
    bytes-like
        The file; when its data set was deflated anew the same data set in another compressed form.

    Raises
    ------
    CorruptStream
        Shell and array contradict themselves or one another.
    FormatVersion
        The shell was written by a newer release.
    Unsupported
        The zlib of this installation does not reproduce the deflated data set.
    """
    numbers, parts = shell.unpack(packed, version=_VERSION, n_numbers=_N_NUMBERS, n_parts=_N_PARTS)
    *record, spare = numbers
    layout = Layout.from_record(record)
    head, tail, recipe, outer_head, outer_tail = parts
    data = chain([head], _sample_pieces(_checked(array, layout), layout, spare), [tail])
    if not recipe:
        yield from data
        return
    deflated = deflate.compress(b"".join(data), deflate.Recipe.from_bytes(recipe))
    yield b"".join([outer_head, deflated, outer_tail])


def _sample_pieces(array: Array, layout: Layout, spare: int) -> Iterator[Buffer]:
    try:
        if isinstance(array, Lazy) and layout.has_whole_frames:
            for part in array.chunks():
                yield pack_samples(part, replace(layout, frames=len(part)), spare)
        else:
            found = array.whole() if isinstance(array, Lazy) else array
            yield pack_samples(found, layout, spare)
    except OverflowError as error:
        raise CorruptStream(f"DICOM shell: {error}") from error


def _split_data_set(
    view: memoryview | FileBytes, start: int, syntax: str
) -> tuple[Image, tuple[int, ...], memoryview, memoryview]:
    survey = survey_data_set(view, start)
    _check_native(survey, syntax)
    big_endian = samples_are_big_endian(syntax, survey.encoding.big_endian)
    layout, bits = read_layout(survey, big_endian=big_endian)
    begin = survey.pixels.start
    end = begin + layout.n_bytes
    if isinstance(view, FileBytes) and layout.has_whole_frames:
        array, spare = _unpack_lazily(view, begin, layout), 0
    else:
        array, spare = unpack_samples(view[begin:end], layout)
    image = Image(array, layout.axes, bits)
    return image, (*layout.record(), spare), view[:begin], view[end:]


def _unpack_lazily(view: FileBytes, begin: int, layout: Layout) -> Array:
    """The array of Pixel Data whose frames are read when they are asked for."""
    frame_bytes = replace(layout, frames=1).n_bytes
    inner = layout.shape[1:]

    def make(start: int, stop: int) -> np.ndarray:
        part = view[begin + start * frame_bytes : begin + stop * frame_bytes]
        found, _ = unpack_samples(part, replace(layout, frames=stop - start))
        return found.reshape(stop - start, *inner)

    return Lazy(layout.shape, np.dtype(DTYPES[layout.dtype]), make)


def _check_native(survey: Survey, syntax: str) -> None:
    if survey.pixels.length == UNDEFINED or is_compressed(syntax):
        name = syntax_name(syntax)
        raise NotThisFormat(f"DICOM pixels already compressed ({name}): kept as they are")


def _split_deflated(view: memoryview, start: int, pixels: bool) -> Source:
    inflated, stop = _inflate(view[start:])
    image, numbers, head, tail = _split_data_set(memoryview(inflated), 0, DEFLATED)
    recipe = deflate.describe(inflated, view[start : start + stop], _RAW_DEFLATE)
    guarantee: Guarantee = "file-exact"
    note = ""
    if recipe is None:
        note = "DICOM: deflated in a way that cannot be reproduced"
        if not pixels:
            raise NotThisFormat(f"{note}: kept as it is")
        recipe = deflate.any_stream(inflated, _RAW_DEFLATE)
        guarantee = "pixel-exact"
    parts = (head, tail, recipe.to_bytes(), view[:start], view[start + stop :])
    return Source("dicom", image, shell.pack(_VERSION, numbers, parts), guarantee, note)


def _inflate(view: memoryview) -> tuple[bytes, int]:
    """Inflate a data set; also tell how long its deflate stream is."""
    inflater = zlib.decompressobj(_RAW_DEFLATE)
    try:
        inflated = inflater.decompress(view, _MAX_INFLATED_BYTES)
    except zlib.error as error:
        raise NotThisFormat(f"DICOM: the deflated data set is damaged: {error}") from error
    if inflater.unconsumed_tail:
        raise NotThisFormat(f"DICOM: more than {_MAX_INFLATED_BYTES} bytes in deflated data set")
    if not inflater.eof:
        raise NotThisFormat("DICOM: the file ends inside the deflated data set")
    return inflated, len(view) - len(inflater.unused_data)


def _checked(array: Array | None, layout: Layout) -> Array:
    expected = np.dtype(DTYPES[layout.dtype])
    if array is None:
        raise CorruptStream(f"DICOM shell: no array, expected shape {layout.shape}")
    found = array.dtype
    if (found.kind, found.itemsize) != (expected.kind, expected.itemsize):
        raise CorruptStream(f"DICOM shell: array of {found}, expected {expected}")
    if array.shape != layout.shape:
        raise CorruptStream(f"DICOM shell: array of shape {array.shape}, expected {layout.shape}")
    return array
