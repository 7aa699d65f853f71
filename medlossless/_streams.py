# SPDX-License-Identifier: Apache-2.0
"""Whole streams, of an array and of a file: bytes in, bytes out, no file is opened.

The stream of a file has sections ORIGINAL and SHELL beside those of the codec; see FORMAT.md.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from . import _zstd as zstd
from . import io
from ._fields import Fields, text, varint
from .codecs import (
    STORED,
    Options,
    Sections,
    check_image,
    codec_numbered,
    decode,
    encode,
    read_index,
)
from .container import NO_ARRAY, VERSION, Header, Section, Stream, join
from .errors import (
    ChecksumMismatch,
    CorruptStream,
    InvalidInput,
    Unsupported,
    VerificationFailed,
)
from .image import Image, Source
from .result import Info

ARRAY_FORMAT = "array"
SMALL_SHELL_BYTES = 1 << 20  # up to here zstd may take its time
MAX_SHELL_BYTES = 1 << 40
SHA256_BYTES = 32

Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True)
class Original:
    """What a stream remembers of its file: size in bytes, sha256, base name or empty."""

    size: int
    sha256: bytes
    name: str


def encode_image(image: Image, options: Options) -> bytes:
    """The stream of an array.

    Raises
    ------
    InvalidInput
    """
    source = Source(ARRAY_FORMAT, image, b"")
    header, sections = _encode_samples(source, options)
    return b"".join(join([(Section.HEADER, header.to_bytes()), *sections]))


def encode_file(data: Buffer, name: str, options: Options, *, pixels: bool) -> bytes:
    """The stream of a file; any bytes have one.

    Parameters
    ----------
    data : bytes-like
    name : str
        Recorded; empty where there is none.
    options : Options
    pixels : bool
        Where packaging cannot be reproduced, keep the image only.
    """
    source = _split(data, pixels)
    header, sections = _encode_samples(source, options)
    original = varint(len(data)) + hashlib.sha256(data).digest() + text(name)
    before = [
        (Section.HEADER, header.to_bytes()),
        (Section.ORIGINAL, original),
        (Section.SHELL, _pack_shell(source.shell, options.effort)),
    ]
    return b"".join(join([*before, *sections]))


def _encode_samples(source: Source, options: Options) -> tuple[Header, Sections]:
    """The header of a source, and the sections of its image if it has one."""
    known = (options.effort, source.format, source.guarantee, source.note)
    if source.image is None:
        return Header(STORED.number, *known), []
    number, sections = encode(source.image, options)
    dtype, shape = source.image.array.dtype.str, source.image.array.shape
    return Header(number, *known, dtype, shape, source.image.axes, source.image.bits), sections


def _split(data: Buffer, pixels: bool) -> Source:
    """Take a file apart; what no stream can describe is kept as it is."""
    source = io.split(data, pixels=pixels)
    if source.image is not None:
        try:
            check_image(source.image)
        except InvalidInput as error:
            return io.opaque.split(data, note=f"{source.format}: {error}")
    return source


def _pack_shell(shell: bytes, effort: int) -> bytes:
    level = zstd.HIGHEST_LEVEL if len(shell) <= SMALL_SHELL_BYTES else 2 * effort + 1
    return varint(len(shell)) + zstd.compress(shell, level)


def _unpack_shell(stream: Stream) -> bytes:
    fields = Fields(stream.section(Section.SHELL), "section 'shell'")
    size = fields.varint("size", MAX_SHELL_BYTES)
    shell = zstd.decompress(fields.rest(), size, what="section 'shell'")
    if len(shell) != size:
        raise CorruptStream(f"section 'shell': {len(shell)} bytes, {size} declared")
    return shell


def read_original(stream: Stream) -> Original:
    """What the stream of a file says of it.

    Raises
    ------
    CorruptStream
    """
    fields = Fields(stream.section(Section.ORIGINAL), "section 'original'")
    size = fields.varint("size")
    digest = bytes(fields.take(SHA256_BYTES, "sha256"))
    found = Original(size, digest, fields.text("name"))
    fields.end()
    return found


def decode_file(stream: Stream, options: Options) -> bytes:
    """The file of a stream, compared with its recorded sha256.

    Raises
    ------
    CorruptStream, Unsupported
    InvalidInput
        The stream holds an array.
    """
    header = stream.header()
    if header.format == ARRAY_FORMAT:
        raise InvalidInput("stream: made from an array, not from a file; decode_array restores it")
    original, shell = read_original(stream), _unpack_shell(stream)
    array = decode(stream, header, None, options) if header.dtype != NO_ARRAY else None
    data = io.join(header.format, shell, array)
    if header.guarantee == "file-exact":
        found = hashlib.sha256(data).digest()
        if len(data) != original.size or found != original.sha256:
            raise ChecksumMismatch(
                f"restored file: {len(data)} bytes, sha256 {found.hex()}; expected"
                f" {original.size} bytes, sha256 {original.sha256.hex()}"
            )
    return data


def prove(stream: bytes, data: Buffer, options: Options) -> None:
    """Decode a stream just made and compare with its file as far as the guarantee goes.

    Raises
    ------
    VerificationFailed
    """
    opened = Stream(stream)
    try:
        restored = decode_file(opened, options)
    except (CorruptStream, Unsupported) as error:
        raise VerificationFailed(f"the stream does not decode: {error}") from error
    if opened.header().guarantee == "file-exact":
        if restored != data:
            raise VerificationFailed("the stream decodes to another file")
    elif not _same_image(io.split(restored, pixels=True), io.split(data, pixels=True)):
        raise VerificationFailed("the stream decodes to other samples")


def _same_image(one: Source, other: Source) -> bool:
    """Whether two files hold the same bits in the same shape and meaning."""
    if one.image is None or other.image is None or one.image.axes != other.image.axes:
        return False
    a, b = one.image.array, other.image.array
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return np.ascontiguousarray(a).tobytes() == np.ascontiguousarray(b).tobytes()


def describe(stream: Stream) -> Info:
    """Read what a stream says about itself; nothing is decoded.

    Raises
    ------
    CorruptStream, Unsupported
    """
    header = stream.header()
    is_file = header.format != ARRAY_FORMAT
    original = read_original(stream) if is_file else None
    coded = read_index(stream) if Section.PLANES in stream else []
    itemsize = np.dtype(header.dtype).itemsize if header.dtype != NO_ARRAY else 0
    return Info(
        version=VERSION,
        codec=codec_numbered(header.codec).name,
        kind="file" if is_file else "array",
        format=header.format,
        guarantee=header.guarantee,
        note=header.note,
        shape=header.shape,
        dtype=header.dtype,
        axes=header.axes,
        bits=header.bits,
        original_bytes=original.size if original else header.samples * itemsize,
        stream_bytes=len(stream.data),
        sha256=original.sha256.hex() if original else None,
        name=original.name if original else None,
        coder=coded[0].coder if coded else "",
        effort=header.effort,
        nets=sorted({net for plane in coded for net in plane.net_names}),
        planes=[plane.to_dict() for plane in coded],
        tiles=sum(len(plane.entries) for plane in coded),
        sections=[{"name": name, "bytes": size} for name, size in stream.sizes()],
    )
