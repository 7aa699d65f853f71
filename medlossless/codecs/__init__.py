# SPDX-License-Identifier: Apache-2.0
"""Codecs: images <-> the sections of a stream. This is where the rooms meet.

A codec is an entry of CODECS; the number in a stream's header picks the one that decodes it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np

from .._fields import varint
from ..container import (
    ENTRY_BYTES,
    MAX_BITS,
    MAX_DIMENSIONS,
    MAX_SAMPLES,
    Header,
    Section,
    Stream,
)
from ..errors import InvalidInput, LimitExceeded, UnknownCodec
from ..image import Image
from ..planes import measure
from ..planes.words import integer_type
from . import stored
from .index import read_index
from .lossless import Options, check_options
from .lossless import decode as _decode_lossless
from .lossless import encode as _encode_lossless
from .tiling import MAX_COLS

__all__ = [
    "CODECS",
    "LOSSLESS",
    "STORED",
    "Codec",
    "Options",
    "Sections",
    "check_image",
    "check_options",
    "codec_numbered",
    "decode",
    "encode",
    "list_codecs",
    "read_index",
]

THOROUGH_MARGIN = 1.3  # how far quick zstd may lie behind for thorough zstd to be tried

Sections = Sequence[tuple[Section, bytes | list[bytes]]]


@dataclass(frozen=True)
class Codec:
    """A registered codec; `number` is what streams carry and never changes meaning."""

    name: str
    number: int
    kind: str
    guarantee: str
    source: str


STORED = Codec("stored", 0, "lossless", "exact", "zstd, RFC 8878")
LOSSLESS = Codec("lossless", 1, "lossless", "exact", "integer MLP prediction, rANS or Huffman")
CODECS = (STORED, LOSSLESS)


def list_codecs() -> list[dict[str, Any]]:
    """The codecs as plain values, for `medlossless.api.codecs`."""
    return [asdict(codec) for codec in CODECS]


class _CallablePackage(ModuleType):
    """``medlossless.codecs`` is this package and, by the name the api gives it, a function."""

    def __call__(self) -> list[dict[str, Any]]:
        return list_codecs()


sys.modules[__name__].__class__ = _CallablePackage


def codec_numbered(number: int) -> Codec:
    """The codec of a header.

    Raises
    ------
    UnknownCodec
    """
    for codec in CODECS:
        if codec.number == number:
            return codec
    raise UnknownCodec(f"header: codec {number}, this release knows 0..{CODECS[-1].number}")


def check_image(image: Image) -> None:
    """Refuse what a stream has no words for, before any work.

    Raises
    ------
    InvalidInput
        A dtype that is not coded, axes that do not describe the array, bits out of 1..64.
    LimitExceeded
        More axes or samples than a header may declare.
    """
    integer_type(image.array.dtype)
    measure(image.array.shape, image.axes)
    if image.bits is not None and not 1 <= image.bits <= MAX_BITS:
        raise InvalidInput(f"bits {image.bits}: expected 1 to {MAX_BITS}")
    if image.array.ndim > MAX_DIMENSIONS:
        raise LimitExceeded(f"array: {image.array.ndim} axes, at most {MAX_DIMENSIONS} are coded")
    if image.array.size > MAX_SAMPLES:
        raise LimitExceeded(f"array: {image.array.size} samples, at most {MAX_SAMPLES} are coded")


def encode(image: Image, options: Options) -> tuple[int, Sections]:
    """Code an image in the smaller of the lossless codecs.

    Returns
    -------
    number : int
        Of the codec chosen.
    sections

    Raises
    ------
    InvalidInput
    """
    check_image(image)
    extent = measure(image.array.shape, image.axes)
    if image.array.size == 0:
        return STORED.number, stored.encode(image, quick=True)
    if extent.cols > MAX_COLS:
        return STORED.number, stored.encode(image)
    sections = _encode_lossless(image, options)
    size = _size(sections)
    quick = stored.encode(image, quick=True)
    if _size(quick) < THOROUGH_MARGIN * size:
        thorough = stored.encode(image)
        if _size(thorough) <= size:
            return STORED.number, thorough
    return LOSSLESS.number, sections


def _size(sections: Sections) -> int:
    """Bytes that sections add to a stream, their entries in its table included."""
    total = 0
    for _, content in sections:
        size = len(content) if isinstance(content, bytes) else sum(map(len, content))
        total += size + len(varint(size)) + ENTRY_BYTES
    return total


def decode(
    stream: Stream, header: Header, frames: Sequence[int] | None, options: Options
) -> np.ndarray:
    """The array of a stream, or the given frames of it: (len(frames), *shape of a frame).

    Raises
    ------
    UnknownCodec, CorruptStream, WeightsMissing
    LimitExceeded
        The array does not fit into this machine's memory.
    """
    try:
        return _decode(stream, header, frames, options)
    except MemoryError as error:
        n_bytes = header.samples * np.dtype(header.dtype).itemsize
        raise LimitExceeded(
            f"stream: declares {header.dtype} {header.shape}, {n_bytes} bytes: more than can be"
            " allocated"
        ) from error


def _decode(
    stream: Stream, header: Header, frames: Sequence[int] | None, options: Options
) -> np.ndarray:
    if codec_numbered(header.codec) is STORED:
        return stored.decode(stream, header, frames)
    if frames is None:
        return _decode_lossless(stream, header, None, options)
    distinct = sorted(set(frames))
    found = _decode_lossless(stream, header, distinct, options)
    found = found.reshape(len(distinct), *header.frames[1])
    return found if distinct == list(frames) else found[np.searchsorted(distinct, frames)]
