# SPDX-License-Identifier: Apache-2.0
"""Any file at all: no image, the shell is the whole file."""

from __future__ import annotations

import numpy as np

from .._bytes import Data, FileBytes
from ..errors import CorruptStream
from ..image import Source
from .shell import Buffer

NAMES = ("opaque",)


def sniff(data: Buffer) -> bool:
    """Every file is opaque."""
    return True


def split(data: Data, pixels: bool = False, *, note: str = "") -> Source:
    """Keep `data` as it is.

    Parameters
    ----------
    data : bytes-like or FileBytes
    pixels : bool
        Without effect: there is no image.
    note : str
        Why no image was found.
    """
    shell = data if isinstance(data, bytes | FileBytes) else bytes(data)
    return Source("opaque", None, shell, note=note)


def join(shell: Buffer, array: np.ndarray | None) -> bytes:
    """Give back the file.

    Raises
    ------
    CorruptStream
        An array came with it.
    """
    if array is not None:
        raise CorruptStream(f"opaque file: found an array of shape {array.shape}, expected none")
    return shell if isinstance(shell, bytes) else bytes(shell)
