# SPDX-License-Identifier: Apache-2.0
"""Codecs: images <-> the sections of a stream. This is where the rooms meet.

A codec is an entry of CODECS; the number in a stream's header picks the one that decodes it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import IO, Any

import numpy as np

from .._bytes import PIECE_BYTES, WHOLE_BYTES
from ..container import (
    MAX_BITS,
    MAX_DIMENSIONS,
    MAX_SAMPLES,
    Header,
    Section,
    Stream,
    Writer,
    entry_bytes,
)
from ..errors import InvalidInput, LimitExceeded, UnknownCodec
from ..image import Array, Image, Lazy
from ..planes import measure
from ..planes.words import integer_type
from . import stored
from .index import read_index
from .lossless import Options, check_options
from .lossless import decode as _decode_lossless
from .lossless import decode_chunks as _decode_lossless_chunks
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
    "decode_lazily",
    "encode",
    "list_codecs",
    "read_index",
]

THOROUGH_MARGIN = 1.3  # how far quick zstd may lie behind for thorough zstd to be tried
THOROUGH_BYTES = 1 << 14  # arrays up to this size never mind the time

Sections = Iterable[tuple[Section, bytes | Iterable[bytes]]]
Begin = Callable[[int], Sections]


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


def encode(image: Image, options: Options, writer: Writer, begin: Begin) -> None:
    """Code an image in the smaller of the lossless codecs.

    Parameters
    ----------
    image : Image
    options : Options
    writer : Writer
        Takes the sections.
    begin : callable (number of the codec) -> sections
        What stands before those of the codec.

    Raises
    ------
    InvalidInput
    """
    check_image(image)
    extent = measure(image.array.shape, image.axes)
    if image.array.size == 0 or extent.cols > MAX_COLS:
        _write(writer, begin(STORED.number))
        _write(writer, stored.encode(image, quick=image.array.size == 0))
        return
    _write(writer, begin(LOSSLESS.number))
    before = writer.n_bytes
    _write(writer, _encode_lossless(image, options))
    size = writer.n_bytes - before
    if image.array.nbytes > THOROUGH_BYTES and not stored.may_beat(image, size):
        return
    hopeless = _measure(stored.encode(image, quick=True)) >= THOROUGH_MARGIN * size
    if hopeless and image.array.nbytes > THOROUGH_BYTES:
        return
    with tempfile.SpooledTemporaryFile(WHOLE_BYTES) as spool:
        if _measure(stored.encode(image), spool) <= size:
            writer.rewind()
            _write(writer, begin(STORED.number))
            spool.seek(0)
            writer.add(Section.STORED, iter(lambda: spool.read(PIECE_BYTES), b""))


def _write(writer: Writer, sections: Sections) -> None:
    for section, content in sections:
        writer.add(section, content)


def _measure(sections: Sections, spool: IO[bytes] | None = None) -> int:
    """Bytes that sections add to a stream; their contents are written to `spool`."""
    total = 0
    for _, content in sections:
        size = 0
        for piece in [content] if isinstance(content, bytes) else content:
            size += len(piece)
            if spool is not None:
                spool.write(piece)
        total += entry_bytes(size) + size
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
        raise _too_large(header) from error


def decode_lazily(stream: Stream, header: Header, options: Options) -> Array:
    """The array of a stream; if it is large, as a Lazy whose `chunks` are decoded as they come.

    Raises
    ------
    As `decode`; of a Lazy perhaps only when it is used.
    """
    n_bytes, (n_frames, inner) = header.samples * np.dtype(header.dtype).itemsize, header.frames
    if n_bytes <= WHOLE_BYTES or n_frames == 1:
        return decode(stream, header, None, options)

    def make(start: int, stop: int) -> np.ndarray:
        return decode(stream, header, range(start, stop), options)

    def in_order() -> Iterator[np.ndarray]:
        try:
            if codec_numbered(header.codec) is STORED:
                yield from stored.decode_chunks(stream, header)
            else:
                yield from _decode_lossless_chunks(stream, header, options)
        except MemoryError as error:
            raise _too_large(header) from error

    frames = Lazy((n_frames, *inner), np.dtype(header.dtype), make, in_order)
    return frames.reshape(header.shape)


def _too_large(header: Header) -> LimitExceeded:
    n_bytes = header.samples * np.dtype(header.dtype).itemsize
    return LimitExceeded(
        f"stream: declares {header.dtype} {header.shape}, {n_bytes} bytes: more than can be"
        " allocated"
    )


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
