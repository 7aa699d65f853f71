# SPDX-License-Identifier: Apache-2.0
"""NPY files, versions 1 to 3: one array of bool, integers or floats.

The array has the axes of the file in the order in which they lie in memory (in Fortran order the
last axis first), so that the last axis runs along consecutive bytes; it is a view or Lazy. Only
colour in Fortran order is turned back, for its samples have to come last.

The shell (see `shell`), version 1: no numbers but the version; parts: what precedes and what
follows the samples. The first part is the header of the file and is read again by `join`.

Source: numpy/doc/neps/nep-0001-npy-format.rst
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._bytes import Data, FileBytes, view_of, whole
from ..errors import CorruptStream
from ..image import Array, Image, Lazy, Source, chunks
from . import shell
from .formats import NotThisFormat, samples_at, words_in_pieces
from .shell import Buffer

NAMES = ("npy",)

_MAGIC = b"\x93NUMPY"
_VERSION = 1
_MAX_HEADER_BYTES = 10000  # as NumPy
_LENGTH_BYTES = {1: 2, 2: 4, 3: 4}
_DESCR = re.compile(r"[<>|](b1|[iu][1248]|f[248])")


@dataclass(frozen=True)
class _Header:
    dtype: np.dtype
    fortran: bool
    shape: tuple[int, ...]
    n_bytes: int  # of the header, that is the position of the first sample

    @property
    def n_samples(self) -> int:
        return math.prod(self.shape)

    @property
    def is_colour(self) -> bool:
        shape = self.shape
        return len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > shape[-1]

    @property
    def axes(self) -> str:
        n_axes = max(2, len(self.shape)) - self.is_colour
        return "T" * (n_axes - 3) + "ZYX"[-n_axes:] + ("S" if self.is_colour else "")

    @property
    def is_turned(self) -> bool:
        return self.fortran and self.is_colour

    @property
    def shape_in_memory(self) -> tuple[int, ...]:
        shape = self.shape[::-1] if self.fortran else self.shape
        return shape if len(shape) > 1 else (1, *shape)


def sniff(data: Buffer) -> bool:
    """Tell whether `data` has the magic of NPY."""
    return bytes(data[: len(_MAGIC)]) == _MAGIC


def split(data: Data, pixels: bool = False) -> Source:
    """Split an NPY file into its array and everything else.

    Parameters
    ----------
    data : bytes-like, one-dimensional, or FileBytes
    pixels : bool
        Without effect: the result is file-exact anyway.

    Returns
    -------
    Source
        The array is a view of `data`, or Lazy.

    Raises
    ------
    NotThisFormat
        The header is damaged, the file is too short, or the array has no samples or samples of
        another kind.
    """
    view = view_of(data)
    header = _read_header(view)
    if header.is_turned:
        view = whole(view)
    end = header.n_bytes + header.n_samples * header.dtype.itemsize
    if not header.shape or header.n_samples == 0:
        raise NotThisFormat(f"NPY: array of shape {header.shape}")
    if end > len(view):
        raise NotThisFormat(f"NPY: {len(view)} bytes, header says {end}")
    array = samples_at(view, header.n_bytes, header.shape_in_memory, header.dtype)
    if header.dtype.kind == "b" and any(part.view(np.uint8).max() > 1 for part in chunks(array)):
        raise NotThisFormat("NPY: bool array with bytes other than 0 and 1")
    packed = shell.pack(_VERSION, (), (view[: header.n_bytes], view[end:]))
    if header.is_turned:
        assert isinstance(array, np.ndarray)  # a view of what was read whole
        array = array.T
    return Source("npy", Image(array, header.axes), packed)


def join(packed: Buffer, array: Array | None) -> bytes:
    """All of `pieces`."""
    return b"".join(pieces(packed, array))


def pieces(packed: Buffer, array: Array | None) -> Iterator[Buffer]:
    """Put an NPY file together again.

    Parameters
    ----------
    packed : bytes-like
        The shell that `split` made.
    array : ndarray or Lazy
        The samples; any byte order and strides.

    Yields
    ------
    bytes-like

    Raises
    ------
    CorruptStream
        Shell and array contradict themselves or one another.
    """
    _, (head, tail) = shell.unpack(packed, version=_VERSION, n_numbers=0, n_parts=2)
    try:
        header = _read_header(memoryview(head))
    except NotThisFormat as error:
        raise CorruptStream(f"NPY shell: {error}") from error
    if header.n_bytes != len(head):
        raise CorruptStream(f"NPY shell: header of {len(head)} bytes, expected {header.n_bytes}")
    if header.is_turned and array is not None:
        array = (array.whole() if isinstance(array, Lazy) else array).T
    yield head
    yield from words_in_pieces(array, header.shape_in_memory, header.dtype)
    yield tail


def _read_header(view: memoryview | FileBytes) -> _Header:
    if not sniff(view[:10]) or len(view) < 10:
        raise NotThisFormat("NPY: the file ends inside its header")
    n_length = _LENGTH_BYTES.get(view[6])
    if n_length is None:
        raise NotThisFormat(f"NPY: version {view[6]}.{view[7]}")
    start = 8 + n_length
    n_bytes = start + int.from_bytes(view[8:start], "little")
    if n_bytes > min(len(view), _MAX_HEADER_BYTES):
        raise NotThisFormat(f"NPY: header of {n_bytes} bytes in a file of {len(view)}")
    text = bytes(view[start:n_bytes]).decode("utf-8" if view[6] == 3 else "latin-1", "replace")
    if "\\" in text:  # no header that is read here has one, and the parser may warn of it
        raise NotThisFormat("NPY: header with a backslash")
    try:
        fields = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise NotThisFormat(f"NPY: header is not a literal: {type(error).__name__}") from error
    return _checked_header(fields, n_bytes)


def _checked_header(fields: object, n_bytes: int) -> _Header:
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise NotThisFormat("NPY: header without descr, fortran_order and shape")
    descr, fortran, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(descr, str) or not _DESCR.fullmatch(descr):
        raise NotThisFormat(f"NPY: samples of type {str(descr)[:40]!r}")
    if not isinstance(fortran, bool) or not isinstance(shape, tuple):
        raise NotThisFormat("NPY: fortran_order or shape of the wrong type")
    if len(shape) > 32 or any(type(extent) is not int or extent < 0 for extent in shape):
        raise NotThisFormat(f"NPY: shape {str(shape)[:80]}")
    return _Header(np.dtype(descr), fortran, shape, n_bytes)
