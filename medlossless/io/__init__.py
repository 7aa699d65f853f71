# SPDX-License-Identifier: Apache-2.0
"""File bytes <-> samples and a shell: `split` takes a file apart, `join` puts it together.

Each format module has NAMES (the formats it splits), ``sniff(data)``, ``split(data, pixels)`` and
``join(shell, array)``. A file that no module can take apart, for whatever reason, becomes opaque
with the reason as its note: `split` has an answer for every sequence of bytes.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from ..errors import CorruptStream, FormatVersion, InvalidInput, Unsupported
from ..image import Source
from . import dicom, nifti, npy, opaque, png, tiff
from .formats import NotThisFormat
from .shell import Buffer

__all__ = ["NotThisFormat", "join", "split"]

# Asked in this order. DICOM first: its preamble may hold the start of a TIFF.
_MODULES = (dicom, nifti, npy, png, tiff)
_BY_NAME: dict[str, ModuleType] = {
    name: module for module in (*_MODULES, opaque) for name in module.NAMES
}


def split(data: Buffer, *, pixels: bool = False) -> Source:
    """Take a file apart.

    Parameters
    ----------
    data : bytes-like, contiguous (bytes, mmap, memoryview ...)
        Not copied where its samples can be viewed; keep it open as long as the result is used.
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
    view = memoryview(data)
    if not view.c_contiguous:
        raise InvalidInput("file bytes: the buffer is not contiguous")
    view = view.cast("B") if view.nbytes else memoryview(b"")
    module = next((module for module in _MODULES if module.sniff(view)), None)
    if module is None:
        return opaque.split(data if isinstance(data, bytes) else view)
    try:
        source = module.split(view, pixels)
    except NotThisFormat as error:
        return opaque.split(data if isinstance(data, bytes) else view, note=str(error))
    if not _joins_again(source, view):
        note = f"{source.format}: the joined file would differ: kept as it is"
        return opaque.split(data if isinstance(data, bytes) else view, note=note)
    return source


def join(format: str, shell: Buffer, array: np.ndarray | None) -> bytes:
    """Put a file together again.

    Parameters
    ----------
    format : str
        ``source.format`` of what `split` returned.
    shell : bytes-like
        Its shell; untrusted.
    array : ndarray or None
        Its array; None for ``opaque``.

    Returns
    -------
    bytes

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
    return module.join(shell, array)


def _joins_again(source: Source, view: memoryview) -> bool:
    if source.image is None or source.guarantee != "file-exact":
        return True
    if np.may_share_memory(source.image.array, np.frombuffer(view, np.uint8)):
        return True
    try:
        return join(source.format, source.shell, source.image.array) == view
    except (CorruptStream, Unsupported):
        return False
