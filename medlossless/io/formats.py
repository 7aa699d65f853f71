# SPDX-License-Identifier: Apache-2.0
"""What the format modules of `io` share: the refusal, and the way back from array to words."""

from __future__ import annotations

import numpy as np

from ..errors import CorruptStream, InvalidInput


class NotThisFormat(InvalidInput):
    """The file is not of this format, or holds nothing that it can code as samples.

    The text is the reason, short enough to become ``Source.note``.
    """


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
    if array is None:
        raise CorruptStream(f"shell: no array, expected shape {tuple(shape)}")
    if array.shape != tuple(shape):
        raise CorruptStream(f"shell: array of shape {array.shape}, expected {tuple(shape)}")
    if array.dtype.newbyteorder("=") != dtype.newbyteorder("="):
        raise CorruptStream(f"shell: array of {array.dtype}, expected {dtype}")
    array = np.ascontiguousarray(array)
    found = array.view(array.dtype.str[0] + f"u{dtype.itemsize}")
    words = found.astype(dtype.str[0] + f"u{dtype.itemsize}", copy=False)
    return words.reshape(-1).view(np.uint8).data
