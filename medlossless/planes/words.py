# SPDX-License-Identifier: Apache-2.0
"""Values of any dtype <-> native integers of the same width and order.

Integers and bool stay what they are (bool is 0 or 1). A float is read as the signed integer of
its bits; a negative one has all bits below the sign inverted. Larger floats then are larger
integers, +0.0 is 0, -0.0 is -1, and every NaN payload keeps a number of its own. The map is its
own inverse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptStream, InvalidInput


def integer_type(dtype: np.dtype) -> np.dtype:
    """Name the native integer type that stands for `dtype`.

    Raises
    ------
    InvalidInput
        `dtype` is not bool, an integer of 8 to 64 bits or a float of 16, 32 or 64 bits.
    """
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind in "iu" and dtype.itemsize <= 8:
        return np.dtype(f"={dtype.kind}{dtype.itemsize}")
    if dtype.kind == "f" and dtype.itemsize in (2, 4, 8):
        return np.dtype(f"=i{dtype.itemsize}")
    raise InvalidInput(f"dtype {dtype}: expected bool, int8..64, uint8..64 or float16/32/64")


def bounds(dtype: np.dtype) -> tuple[int, int]:
    """Return the smallest and the largest integer that stands for a value of `dtype`."""
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(integer_type(dtype))
    return int(info.min), int(info.max)


def to_integers(array: np.ndarray) -> np.ndarray:
    """Read values as ordered integers.

    Parameters
    ----------
    array : any shape, strides and byte order

    Returns
    -------
    ndarray of ``integer_type(array.dtype)``, a view of `array` where nothing had to change

    Exact
    -----
    ``from_integers(to_integers(a), a.dtype)`` has the bits of `a`, NaN payloads included. A bool
    stored as another byte than 0 or 1 becomes 1, as NumPy reads it.
    """
    dtype = array.dtype
    native = integer_type(dtype)
    if dtype.kind == "b":
        return np.not_equal(array.view(np.uint8), 0).view(np.uint8)
    # Swapping as integers: a float swap might quieten a signalling NaN on some processors.
    words = array.view(native.newbyteorder(dtype.byteorder)).astype(native, copy=False)
    return _flip(words) if dtype.kind == "f" else words


def from_integers(words: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Inverse of `to_integers`; `words` must lie within ``bounds(dtype)`` and may be reused."""
    native = integer_type(dtype)
    if dtype.kind == "b":
        return words.view(np.bool_)
    if dtype.kind == "f":
        words = _flip(words)
    return words.astype(native.newbyteorder(dtype.byteorder), copy=False).view(dtype)


def _flip(words: np.ndarray) -> np.ndarray:
    """Invert the bits below the sign of negative words."""
    flipped = words >> (8 * words.itemsize - 1)  # arithmetic: 0, or -1 below zero
    flipped &= words.dtype.type(np.iinfo(words.dtype).max)
    flipped ^= words
    return flipped


def narrowest(highest: int) -> np.dtype:
    """Return the narrowest of uint16, uint32 and uint64 that holds `highest`."""
    return np.dtype(
        np.uint16 if highest < 1 << 16 else np.uint32 if highest < 1 << 32 else np.uint64
    )


def subtract(words: np.ndarray, minimum: int, maximum: int) -> np.ndarray:
    """Move integers down to start at zero.

    Parameters
    ----------
    words : integers from `minimum` to `maximum`

    Returns
    -------
    C-contiguous uint16, or uint32 or uint64 when the range needs it
    """
    unsigned = words.view(f"=u{words.itemsize}")
    # Modulo 2^width the difference of signed words is that of their unsigned readings.
    rest = np.subtract(unsigned, _wrapped(minimum, unsigned.dtype), order="C")
    return rest.astype(narrowest(maximum - minimum), copy=False)


def add(rest: np.ndarray, minimum: int, native: np.dtype, limits: tuple[int, int]) -> np.ndarray:
    """Inverse of `subtract`.

    Parameters
    ----------
    rest : unsigned integers, at least one; overwritten where the result has the same width
    minimum : int
    native : dtype
        Integer type of the result.
    limits : (lowest, highest) value the result may hold, within `native`

    Raises
    ------
    CorruptStream
        A result would lie outside `limits`.
    """
    top = minimum + int(rest.max())
    if minimum < limits[0] or top > limits[1]:
        raise CorruptStream(
            f"recipe: values from {minimum} to {top}, the dtype holds {limits[0]} to {limits[1]}"
        )
    unsigned = np.dtype(f"=u{native.itemsize}")
    words = rest.astype(unsigned, copy=False)
    if minimum != 0:
        np.add(words, _wrapped(minimum, unsigned), out=words)
    return words.view(native)


def _wrapped(value: int, unsigned: np.dtype) -> np.generic:
    """Return `value` modulo 2^width as a NumPy scalar."""
    return unsigned.type(value & int(np.iinfo(unsigned).max))


def split_words(rest: np.ndarray, n_words: int) -> list[np.ndarray]:
    """Cut integers above 65535 into 16-bit words, most significant first."""
    return [(rest >> (16 * i)).astype(np.uint16) for i in reversed(range(n_words))]


def join_words(parts: list[np.ndarray]) -> np.ndarray:
    """Inverse of `split_words`; at most four parts, the result is uint32 or uint64."""
    rest: NDArray[Any] = parts[0].astype(np.uint32 if len(parts) <= 2 else np.uint64)
    for part in parts[1:]:
        rest <<= rest.dtype.type(16)
        rest |= part
    return rest
