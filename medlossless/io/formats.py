# SPDX-License-Identifier: Apache-2.0
"""What the format modules of `io` share: the refusal, and the way back from array to words."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from .._bytes import FileBytes
from ..errors import CorruptStream, InvalidInput
from ..image import Array, Lazy, chunks


class NotThisFormat(InvalidInput):
    """The file is not of this format, or holds nothing that it can code as samples.

    The text is the reason, short enough to become ``Source.note``.
    """


def samples_at(
    view: memoryview | FileBytes, start: int, shape: tuple[int, ...], dtype: np.dtype
) -> Array:
    """The samples that begin at a byte of a file, in C order: a view, or Lazy where that is large.

    Parameters
    ----------
    view : memoryview or FileBytes
        Reaches to the last of the samples at least.
    start : int
    shape : tuple of int
        One axis at least, none of them 0.
    dtype : dtype
    """
    if not isinstance(view, FileBytes):
        return np.frombuffer(view, dtype, math.prod(shape), start).reshape(shape)
    row_bytes = shape[-1] * dtype.itemsize

    def make(first: int, stop: int) -> np.ndarray:
        part = view[start + first * row_bytes : start + stop * row_bytes]
        return np.frombuffer(part, dtype).reshape(-1, shape[-1])

    return Lazy((math.prod(shape[:-1]), shape[-1]), dtype, make).reshape(shape)


def words_in_pieces(
    array: Array | None, shape: tuple[int, ...], dtype: np.dtype
) -> Iterator[memoryview]:
    """The samples of `array` as they lie in a file, piece after piece; see `words_to_bytes`.

    Raises
    ------
    CorruptStream
        The array is not what the shell describes.
    """
    found = check_array(array, shape, dtype)
    for part in chunks(found):
        yield words_to_bytes(part, part.shape, dtype)


def check_array(array: Array | None, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """The array, if it is what a shell describes.

    Raises
    ------
    CorruptStream
    """
    if array is None:
        raise CorruptStream(f"shell: no array, expected shape {tuple(shape)}")
    if array.shape != tuple(shape):
        raise CorruptStream(f"shell: array of shape {array.shape}, expected {tuple(shape)}")
    if array.dtype.newbyteorder("=") != dtype.newbyteorder("="):
        raise CorruptStream(f"shell: array of {array.dtype}, expected {dtype}")
    return array


def words_to_bytes(array: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype) -> memoryview:
    """The samples of `array` as they lie in a file: C order, in the byte order of `dtype`.

    Parameters
    ----------
    array : ndarray of `shape`, `dtype` in any byte order and strides
    shape : tuple of int
    dtype : dtype of the words in the file

    Raises
    ------
    CorruptStream
        The array is not what the shell describes.

    Exact
    -----
    Words are moved as unsigned integers, so NaN payloads survive.
    """
    check_array(array, shape, dtype)
    array = np.ascontiguousarray(array)
    found = array.view(array.dtype.str[0] + f"u{dtype.itemsize}")
    words = found.astype(dtype.str[0] + f"u{dtype.itemsize}", copy=False)
    return words.reshape(-1).view(np.uint8).data
