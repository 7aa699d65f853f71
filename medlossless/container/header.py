# SPDX-License-Identifier: Apache-2.0
"""What a stream says about itself before anything is decoded; see FORMAT.md, "Header"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .._fields import Fields, text, varint
from ..errors import CorruptStream
from ..image import Guarantee

GUARANTEES: tuple[Guarantee, ...] = ("file-exact", "pixel-exact")
NO_ARRAY = ""  # the dtype of a stream without samples
MAX_DIMENSIONS = 32
MAX_SAMPLES = 2**48
MAX_BITS = 64
_DTYPE = re.compile(r"\|[biu]1|[<>]([iu][248]|f[248])")
_AXES = re.compile(r"(([A-RT-WZ]*Y)?XS?)?")


@dataclass(frozen=True)
class Header:
    """Codec, origin and geometry of a stream.

    codec : registered number; effort : 1-9 as asked; format : `io` module that joins the file,
    ``array`` for a stream of `encode_array`; dtype : NumPy type string, NO_ARRAY without samples;
    shape, axes : of the array, axes one letter each; bits : Bits Stored or None.
    """

    codec: int
    effort: int
    format: str
    guarantee: Guarantee = "file-exact"
    note: str = ""
    dtype: str = NO_ARRAY
    shape: tuple[int, ...] = ()
    axes: str = ""
    bits: int | None = None

    @property
    def samples(self) -> int:
        """How many samples the array has."""
        return math.prod(self.shape)

    @property
    def frames(self) -> tuple[int, tuple[int, ...]]:
        """How many frames the array has, all axes before the rows taken as one, and their shape."""
        n_inner = 3 if self.axes.endswith("S") else 2
        n_leading = max(0, len(self.shape) - n_inner)
        return math.prod(self.shape[:n_leading]), self.shape[n_leading:]

    def to_bytes(self) -> bytes:
        """The header section."""
        out = bytes([self.codec, self.effort, GUARANTEES.index(self.guarantee)])
        out += text(self.format) + text(self.note) + text(self.dtype)
        if self.dtype != NO_ARRAY:
            out += varint(len(self.shape)) + b"".join(map(varint, self.shape))
            out += text(self.axes) + varint(self.bits or 0)
        return out

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Header:
        """Read a header section.

        Raises
        ------
        CorruptStream
        """
        fields = Fields(data, "header")
        codec, effort = fields.number(1, "codec"), fields.number(1, "effort")
        guarantee = fields.number(1, "guarantee")
        if guarantee >= len(GUARANTEES) or not 1 <= effort <= 9:
            raise CorruptStream(f"header: guarantee {guarantee}, effort {effort}: out of range")
        names = [fields.text(what) for what in ("format", "note", "dtype")]
        geometry = cls._geometry(fields, names[2]) if names[2] != NO_ARRAY else ((), "", None)
        fields.end()
        return cls(codec, effort, names[0], GUARANTEES[guarantee], names[1], names[2], *geometry)

    @staticmethod
    def _geometry(fields: Fields, dtype: str) -> tuple[tuple[int, ...], str, int | None]:
        if not _DTYPE.fullmatch(dtype):
            raise CorruptStream(f"header: dtype {dtype!r} is not one that can be coded")
        n_axes = fields.varint("number of axes", MAX_DIMENSIONS)
        shape, count = [], 1
        for axis in range(n_axes):
            shape.append(fields.varint(f"extent of axis {axis}", MAX_SAMPLES))
            count *= max(1, shape[-1])
        if count > MAX_SAMPLES:
            raise CorruptStream(f"header: {count} samples declared, at most {MAX_SAMPLES} allowed")
        axes = fields.text("axes", MAX_DIMENSIONS)
        if len(axes) != n_axes or not _AXES.fullmatch(axes):
            raise CorruptStream(f"header: axes {axes!r} for {n_axes} dimensions")
        return tuple(shape), axes, fields.varint("bits", MAX_BITS) or None
