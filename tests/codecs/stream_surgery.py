# SPDX-License-Identifier: Apache-2.0
"""Streams made by one codec alone, and streams taken apart, changed and signed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

import numpy as np

from medlossless.codecs import LOSSLESS, STORED, Options, lossless, stored
from medlossless.container import Header, Section, Stream, join
from medlossless.image import Image
from medlossless.planes import default_axes

ENCODERS: dict[str, Callable] = {
    STORED.name: lambda image, options: stored.encode(image),
    LOSSLESS.name: lossless.encode,
}
NUMBERS = {codec.name: codec.number for codec in (STORED, LOSSLESS)}


def encode_with(codec: str, array: np.ndarray, axes: str | None = None, **options) -> bytes:
    """The stream of an array by one codec, whether or not another would be smaller."""
    axes = default_axes(array.ndim) if axes is None else axes
    chosen = Options(**options)
    header = Header(
        NUMBERS[codec],
        chosen.effort,
        "array",
        dtype=array.dtype.str,
        shape=array.shape,
        axes=axes,
    )
    sections = ENCODERS[codec](Image(array, axes), chosen)
    return join(chain([(Section.HEADER, header.to_bytes())], sections))


def take_apart(stream: bytes) -> dict[Section, bytes]:
    """The sections of a stream."""
    opened = Stream(stream)
    names = {section.name.lower(): section for section in Section}
    return {names[name]: bytes(opened.unchecked(names[name])) for name, _ in opened.sizes()}


def put_together(sections: dict[Section, bytes]) -> bytes:
    """A stream with checksums that are right, whatever the sections hold."""
    return join(sections.items())


def changed_sections(stream: bytes, *kinds: Section) -> Iterator[tuple[Section, int, bytes]]:
    """Streams in which one byte of a section differs but no checksum shows it."""
    sections = take_apart(stream)
    for kind in kinds:
        for at, byte in enumerate(sections[kind]):
            for value in {byte ^ 1, byte ^ 128, 0, 255, (byte + 1) % 256} - {byte}:
                changed = bytearray(sections[kind])
                changed[at] = value
                yield kind, at, put_together({**sections, kind: bytes(changed)})
