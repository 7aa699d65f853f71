# SPDX-License-Identifier: Apache-2.0
"""A small image file to compress."""

from __future__ import annotations

import io
import os

import numpy as np

RAMP = np.add.outer(np.arange(24), 3 * np.arange(31)).astype("<i2")


def npy_bytes(array: np.ndarray) -> bytes:
    """An array as a .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def names() -> set[str]:
    """What the working directory holds."""
    return set(os.listdir())


SCAN = npy_bytes(RAMP)
