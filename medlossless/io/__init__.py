# SPDX-License-Identifier: Apache-2.0
"""File bytes <-> samples and a shell: `split` takes a file apart, `join` puts it together.

Each format module has NAMES (the formats it splits), ``sniff(start of data)``, ``split(data,
pixels)`` and ``join(shell, array)``; those of large files yield what they join as
``pieces(shell, array)``. A file that no module can take apart, for whatever reason, becomes opaque
with the reason as its note: `split` has an answer for every sequence of bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

from .._bytes import Data, FileBytes, whole
from ..errors import CorruptStream, FormatVersion, InvalidInput, Unsupported
from ..image import Array, Lazy, Source
from . import dicom, nifti, npy, opaque, png, tiff
from .formats import NotThisFormat
from .shell import Buffer

__all__ = ["NotThisFormat", "join", "pieces", "split"]

# Asked in this order. DICOM first: its preamble may hold the start of a TIFF.
_MODULES = (dicom, nifti, npy, png, tiff)
_BY_PIECES = (dicom, nifti, npy)  # these take FileBytes apart, and yield pieces
SNIFFED_BYTES = 1 << 16
_BY_NAME: dict[str, ModuleType] = {
    name: module for module in (*_MODULES, opaque) for name in module.NAMES
}


def split(data: Data, *, pixels: bool = False) -> Source:
    """Take a file apart.

    Parameters
    ----------
    data : bytes-like, contiguous (bytes, mmap, memoryview ...), or FileBytes
        Not copied where its samples can be viewed; keep it open as long as the result is used.
        Of a file the samples are read when they are asked for, if they lie in it as they are
        (DICOM with whole bytes a frame, .nii, NPY); else, but for an opaque one, it is read whole.
    pixels : bool
        Where the compressed form of a file cannot be reproduced, settle for ``pixel-exact``:
        the image is kept and its packaging is not.

    Returns
    -------
    Source

    Raises
    ------
    InvalidInput
        The buffer is not contiguous. What is in it is never an error.

    Exact
    -----
    ``join(source.format, source.shell, array)`` equals `data` when the guarantee is file-exact.
    It has been tried unless the array is a view of `data`, where there is nothing to go wrong.
    """
    view = data if isinstance(data, FileBytes) else _view_of(data)
    kept = data if isinstance(data, bytes) else view
    module = next((module for module in _MODULES if module.sniff(view[:SNIFFED_BYTES])), None)
    if module is None:
        return opaque.split(kept)
    try:
        source = module.split(view if module in _BY_PIECES else whole(view), pixels)
    except NotThisFormat as error:
        return opaque.split(kept, note=str(error))
    if not _joins_again(source, view):
        note = f"{source.format}: the joined file would differ: kept as it is"
        return opaque.split(kept, note=note)
    return source


def _view_of(data: Buffer) -> memoryview:
    view = memoryview(data)
    if not view.c_contiguous:
        raise InvalidInput("file bytes: the buffer is not contiguous")
    return view.cast("B") if view.nbytes else memoryview(b"")


def join(format: str, shell: Buffer, array: Array | None) -> bytes:
    """Put a file together again; see `pieces`."""
    return b"".join(pieces(format, shell, array))


def pieces(format: str, shell: Buffer, array: Array | None) -> Iterator[Buffer]:
    """Put a file together again, piece after piece, so that few are in memory where that can be.

    Parameters
    ----------
    format : str
        ``source.format`` of what `split` returned.
    shell : bytes-like
        Its shell; untrusted.
    array : ndarray, Lazy or None
        Its array; None for ``opaque``.

    Yields
    ------
    bytes-like

    Raises
    ------
    CorruptStream
        Shell and array contradict themselves or one another.
    Unsupported
        The file was split by a newer release, or its compressed form cannot be reproduced here.
    """
    module = _BY_NAME.get(format)
    if module is None:
        raise FormatVersion(f"file format {format!r}: this release joins {', '.join(_BY_NAME)}")
    if module in _BY_PIECES:
        yield from module.pieces(shell, array)
    else:
        yield module.join(shell, array.whole() if isinstance(array, Lazy) else array)


def _joins_again(source: Source, view: memoryview | FileBytes) -> bool:
    if source.image is None or source.guarantee != "file-exact":
        return True
    if isinstance(source.image.array, Lazy):
        return True
    view = whole(view)
    if np.may_share_memory(source.image.array, np.frombuffer(view, np.uint8)):
        return True
    try:
        return join(source.format, whole(source.shell), source.image.array) == view
    except (CorruptStream, Unsupported):
        return False
