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

import numpy as np

from ...errors import CorruptStream
from ...image import Guarantee, Image, Source
from .. import deflate, shell
from ..formats import NotThisFormat
from ..shell import Buffer
from .elements import UNDEFINED, Survey, read_meta, starts_like_dicom, survey_data_set
from .samples import DTYPES, Layout, pack_samples, read_layout, unpack_samples
from .syntaxes import DEFLATED, is_compressed, samples_are_big_endian, syntax_name

__all__ = ["NAMES", "join", "sniff", "split"]

NAMES = ("dicom",)

_VERSION = 1
_N_NUMBERS, _N_PARTS = 9, 5
_RAW_DEFLATE = -zlib.MAX_WBITS
_MAX_INFLATED_BYTES = 1 << 32


def sniff(data: Buffer) -> bool:
    """Tell whether `data` starts like a DICOM file, with or without a preamble."""
    return starts_like_dicom(memoryview(data))


def split(data: Buffer, pixels: bool = False) -> Source:
    """Split a DICOM file into the samples of its Pixel Data and everything else.

    Parameters
    ----------
    data : bytes-like, one-dimensional
    pixels : bool
        Accept a deflated data set whose deflate bytes cannot be reproduced: the data set is kept,
        its compressed form is not.

    Returns
    -------
    Source
        The array is a view of `data` where the words of the file are whole and in order.

    Raises
    ------
    NotThisFormat
        There is no native Pixel Data that can be coded, or the file contradicts itself.
    """
    view = memoryview(data)
    syntax, start = read_meta(view)
    if syntax == DEFLATED:
        return _split_deflated(view, start, pixels)
    image, numbers, head, tail = _split_data_set(view, start, syntax)
    return Source("dicom", image, shell.pack(_VERSION, numbers, (head, tail, b"", b"", b"")))


def join(packed: Buffer, array: np.ndarray | None) -> bytes:
    """Put a DICOM file together again.

    Parameters
    ----------
    packed : bytes-like
        The shell that `split` made.
    array : ndarray
        The samples; any byte order and strides.

    Returns
    -------
    bytes
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
    try:
        samples = pack_samples(_checked(array, layout), layout, spare)
    except OverflowError as error:
        raise CorruptStream(f"DICOM shell: {error}") from error
    head, tail, recipe, outer_head, outer_tail = parts
    data = b"".join([head, samples, tail])
    if not recipe:
        return data
    deflated = deflate.compress(data, deflate.Recipe.from_bytes(recipe))
    return b"".join([outer_head, deflated, outer_tail])


def _split_data_set(
    view: memoryview, start: int, syntax: str
) -> tuple[Image, tuple[int, ...], memoryview, memoryview]:
    survey = survey_data_set(view, start)
    _check_native(survey, syntax)
    big_endian = samples_are_big_endian(syntax, survey.encoding.big_endian)
    layout, bits = read_layout(survey, big_endian=big_endian)
    begin = survey.pixels.start
    end = begin + layout.n_bytes
    array, spare = unpack_samples(view[begin:end], layout)
    image = Image(array, layout.axes, bits)
    return image, (*layout.record(), spare), view[:begin], view[end:]


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


def _checked(array: np.ndarray | None, layout: Layout) -> np.ndarray:
    expected = np.dtype(DTYPES[layout.dtype])
    if array is None:
        raise CorruptStream(f"DICOM shell: no array, expected shape {layout.shape}")
    found = array.dtype
    if (found.kind, found.itemsize) != (expected.kind, expected.itemsize):
        raise CorruptStream(f"DICOM shell: array of {found}, expected {expected}")
    if array.shape != layout.shape:
        raise CorruptStream(f"DICOM shell: array of shape {array.shape}, expected {layout.shape}")
    return array
