# SPDX-License-Identifier: Apache-2.0
"""The values that travel between the rooms: Image, Source and Plane.

``Source`` is what `io` makes of a file, ``Image`` the samples in it, ``Plane`` a stack of
16-bit integer slices ready to be predicted. Where they are too many to be held at once, a ``Lazy``
stands for their array.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Literal

import numpy as np

from ._bytes import WHOLE_BYTES, FileBytes

Guarantee = Literal["file-exact", "pixel-exact"]

CHUNK_BYTES = 1 << 24  # arrays of more than WHOLE_BYTES are taken in chunks of about this size


class Lazy:
    """An array that is made when it is asked for, some items of its first axis at a time.

    It stands where an ndarray could as long as nothing but `shape`, `dtype`, sizes, `reshape` and
    indices are used, the first of which is a number or a range of items. What comes out may be
    remembered: it must not be changed.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    make : callable (start, stop) -> ndarray
        Those items, of shape (stop - start, *shape[1:]); may be called by several threads.
    in_order : callable () -> iterator of ndarray, or None
        All samples, piece after piece, where that is faster than asking for items. The pieces
        are those of the shape given here, also after `reshape`.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        dtype: np.dtype,
        make: Callable[[int, int], np.ndarray],
        in_order: Callable[[], Iterator[np.ndarray]] | None = None,
    ) -> None:
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self._make = make
        self._in_order = in_order
        self._finest: Lazy = self
        self._last: tuple[int, int, np.ndarray] | None = None

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: prod(self.shape))
    itemsize = property(lambda self: self.dtype.itemsize)
    nbytes = property(lambda self: self.size * self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> np.ndarray:
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, slice):
            start, stop, step = first.indices(len(self))
            if step != 1:
                raise IndexError(f"step {step}: items are made in order")
            return self._items(start, max(start, stop))[(slice(None), *rest)]
        at = range(len(self))[first]
        return self._items(at, at + 1)[(0, *rest)]

    def _items(self, start: int, stop: int) -> np.ndarray:
        last = self._last
        if last is None or last[:2] != (start, stop):
            made = self._make(start, stop).reshape(stop - start, *self.shape[1:])
            self._last = last = (start, stop, made)
        return last[2]

    def reshape(self, shape: tuple[int, ...]) -> Lazy:
        """The same samples in another shape, whose items hold whole items as they are made."""
        finest = self._finest
        n_each, cut = divmod(prod(shape[1:]), prod(finest.shape[1:]))
        if cut or prod(shape) != self.size:
            raise ValueError(f"items of shape {finest.shape[1:]} are cut in a shape of {shape}")
        make = finest._make if n_each == 1 else partial(_make_several, finest._make, n_each)
        found = Lazy(shape, self.dtype, make, self._in_order)
        found._finest = finest
        return found

    def whole(self) -> np.ndarray:
        """All samples, in memory."""
        found, at = np.empty(self.size, self.dtype), 0
        for part in self.chunks():
            found[at : at + part.size] = part.reshape(-1)
            at += part.size
        return found.reshape(self.shape)

    def chunks(self) -> Iterator[np.ndarray]:
        """All samples, some items at a time."""
        if self._in_order is not None:
            yield from self._in_order()
            return
        n_items = max(1, CHUNK_BYTES * len(self) // self.nbytes)
        for start in range(0, len(self), n_items):
            yield self[start : start + n_items]


Array = np.ndarray | Lazy


def _make_several(
    make: Callable[[int, int], np.ndarray], n_each: int, start: int, stop: int
) -> np.ndarray:
    return make(start * n_each, stop * n_each)


def chunks(array: Array) -> Iterator[np.ndarray]:
    """An array piece after piece along its first axis; a small one is its only piece."""
    if isinstance(array, Lazy):
        yield from array.chunks()
    elif array.nbytes <= WHOLE_BYTES or array.ndim < 2:
        yield array
    else:
        yield from Lazy(array.shape, array.dtype, lambda a, b: array[a:b]).chunks()


@dataclass(frozen=True)
class Image:
    """Samples with the meaning of their axes.

    Parameters
    ----------
    array : ndarray or Lazy, any supported dtype, any byte order and strides
    axes : str
        One letter an axis of `array`: any leading axes, then ``Y`` ``X`` and, for several
        samples a position, ``S`` last. Leading axes are slices or frames (``Z``) or others (``T``).
    bits : int or None
        Bits Stored where the file says so; informative, the whole word is always coded.
    """

    array: Array
    axes: str
    bits: int | None = None


@dataclass(frozen=True)
class Source:
    """A file split into samples and everything else.

    Parameters
    ----------
    format : str
        Name of the `io` module that can join it again: ``dicom``, ``nifti``, ``npy``, ``png``,
        ``tiff`` or ``opaque``.
    image : Image or None
        None when the file holds no samples that can be coded as an image (``opaque``).
    shell : bytes or, of a large opaque file, its FileBytes
        Every byte of the file that is not a sample, and how to put the samples back;
        its layout belongs to the `io` module.
    guarantee : ``file-exact`` or ``pixel-exact``
    note : str
        Why something was done in a lesser way ("DICOM pixels already compressed: ...");
        empty when there is nothing to say.
    """

    format: str
    image: Image | None
    shell: bytes | FileBytes
    guarantee: Guarantee = "file-exact"
    note: str = ""


@dataclass(frozen=True)
class Plane:
    """A stack of slices of unsigned integers, all coded by one set of contexts.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16, C-contiguous, or a Lazy
    max_sample : int
        Largest value any sample may have, 0..65535.
    """

    samples: Array
    max_sample: int
