# SPDX-License-Identifier: Apache-2.0
"""Every codec that is measured, behind one interface.

A codec cuts a series into *units* (one slice, or the whole volume), encodes each unit to one
stream and decodes it again. What a codec cannot take is changed by a reversible adaptation
before the clock starts, always in the codec's favour: signed samples lose the unit's minimum,
samples that fit 8 bits travel as bytes, bool as 0 and 1. The few bytes that would undo it are
not charged. What is left over is refused with a reason.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Rival(ABC):
    """One codec with fixed settings; the base class codes slice by slice.

    Constructing a rival imports its library: ImportError means it is not installed.
    """

    name: str
    version: str
    sample_counts: frozenset[int] = frozenset({1, 3, 4})
    settled = True  # one version gives one size, so sizes may be kept between runs
    keeps_streams = False  # whether a Measurement holds what was encoded

    def refusal(self, array: np.ndarray) -> str:
        """Why this codec cannot code `array`; empty if it can."""
        if array.dtype.kind not in "biu":
            return f"{array.dtype} samples"
        if int(array.max()) - int(array.min()) > 65535:
            return "samples need more than 16 bits"
        n_samples = array.shape[3] if array.ndim == 4 else 1
        if n_samples not in self.sample_counts:
            return f"{n_samples} samples a position"
        return ""

    def prepare(self, array: np.ndarray) -> list[np.ndarray]:
        """The units of a (slices, rows, cols[, samples]) array, adapted; not timed."""
        return [adapt(slice_)[0] for slice_ in array]

    @abstractmethod
    def encode(self, unit: np.ndarray) -> bytes:
        """One unit -> one complete stream, every header included."""

    @abstractmethod
    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        """Inverse of `encode`; `unit` lends shape and dtype to formats that carry none."""


def adapt(unit: np.ndarray) -> tuple[np.ndarray, int]:
    """Reversible change to uint8 or uint16.

    Parameters
    ----------
    unit : integer or bool ndarray whose values span at most 65536 levels

    Returns
    -------
    samples : same shape, uint8 or uint16, C-contiguous
    offset : int
        ``unit == samples + offset`` everywhere.
    """
    low, high = int(unit.min()), int(unit.max())
    offset = low if low < 0 or high > 65535 else 0
    dtype = np.uint8 if high - offset < 256 else np.uint16
    if offset:
        unit = unit.astype(np.int64) - offset
    return np.ascontiguousarray(unit, dtype=dtype), offset


def bits_used(samples: np.ndarray) -> int:
    """Bits of the largest of unsigned samples, at least 1."""
    return max(1, int(samples.max()).bit_length())
