# SPDX-License-Identifier: Apache-2.0
"""Whole streams, of an array and of a file: bytes in, bytes out, no file is opened.

Files pass in pieces, so that a large one is never in memory as a whole; see README for which.

The stream of a file has sections ORIGINAL and SHELL beside those of the codec; see FORMAT.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from typing import BinaryIO

import numpy as np

from . import _zstd as zstd
from . import io
from ._bytes import PIECE_BYTES, Buffer, Data, FileBytes, Sha256, pieces, view_of
from ._fields import Fields, text, varint
from .codecs import (
    STORED,
    Options,
    Sections,
    check_image,
    codec_numbered,
    decode_lazily,
    encode,
    read_index,
)
from .container import NO_ARRAY, VERSION, Header, Section, Stream, Writer
from .errors import (
    ChecksumMismatch,
    CorruptStream,
    InvalidInput,
    Unsupported,
    VerificationFailed,
)
from .image import Image, Lazy, Source
from .result import Info

ARRAY_FORMAT = "array"
SMALL_SHELL_BYTES = 1 << 20  # up to here zstd may take its time
MAX_SHELL_BYTES = 1 << 40
SHA256_BYTES = 32


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
    file = BytesIO()
    writer = Writer(file)
    _encode_samples(Source(ARRAY_FORMAT, image, b""), options, writer, [])
    writer.finish()
    return file.getvalue()


def encode_file(data: Data, name: str, options: Options, file: BinaryIO, *, pixels: bool) -> None:
    """Write the stream of a file; any bytes have one.

    Parameters
    ----------
    data : bytes-like or FileBytes
    name : str
        Recorded; empty where there is none.
    options : Options
    file : binary file object
        Empty, seekable and open for writing.
    pixels : bool
        Where packaging cannot be reproduced, keep the image only.
    """
    writer = Writer(file)
    with Sha256(options.threads) as sha256:
        sha256.feed(pieces(view_of(data)))
        source = _split(data, pixels)
        shell = _pack_shell(source.shell, options.effort)
        _encode_samples(source, options, writer, [(Section.SHELL, shell)])
        original = varint(len(data)) + sha256.digest() + text(name)
    writer.add(Section.ORIGINAL, original)
    writer.finish()


def _encode_samples(source: Source, options: Options, writer: Writer, shell: Sections) -> None:
    """Header, shell, and the image of a source if it has one."""
    known = (options.effort, source.format, source.guarantee, source.note)
    image = source.image

    def begin(number: int) -> Sections:
        if image is None:
            header = Header(number, *known)
        else:
            array = image.array
            header = Header(number, *known, array.dtype.str, array.shape, image.axes, image.bits)
        return [(Section.HEADER, header.to_bytes()), *shell]

    if image is None:
        for section, content in begin(STORED.number):
            writer.add(section, content)
    else:
        encode(image, options, writer, begin)


def _split(data: Data, pixels: bool) -> Source:
    """Take a file apart; what no stream can describe is kept as it is."""
    source = io.split(data, pixels=pixels)
    if source.image is not None:
        try:
            check_image(source.image)
        except InvalidInput as error:
            return io.opaque.split(data, note=f"{source.format}: {error}")
    return source


def _pack_shell(shell: bytes | FileBytes, effort: int) -> bytes | Iterator[bytes]:
    level = zstd.HIGHEST_LEVEL if len(shell) <= SMALL_SHELL_BYTES else 2 * effort + 1
    if isinstance(shell, FileBytes):
        return _compress_large(shell, level)
    return varint(len(shell)) + zstd.compress(shell, level)


def _compress_large(shell: FileBytes, level: int) -> Iterator[bytes]:
    yield varint(len(shell))
    yield from zstd.compress_pieces(pieces(shell), level)


def _unpack_shell(stream: Stream) -> Iterator[bytes]:
    """The shell, piece after piece.

    Raises
    ------
    CorruptStream
        Perhaps after pieces that were good.
    """
    found = stream.pieces(Section.SHELL)
    fields = Fields(next(found, b""), "section 'shell'")
    size = fields.varint("size", MAX_SHELL_BYTES)
    body = chain([fields.rest()], found)
    yield from zstd.decompress_pieces(body, size, PIECE_BYTES, "section 'shell'")


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


def decode_file(stream: Stream, options: Options) -> Iterator[Buffer]:
    """The file of a stream, piece after piece; the last one may be followed by an error.

    Raises
    ------
    CorruptStream, Unsupported
    ChecksumMismatch
        Size and sha256 are not those recorded.
    InvalidInput
        The stream holds an array.
    """
    exact = _header_of_file(stream).guarantee == "file-exact"
    original, size = read_original(stream), 0
    with Sha256(options.threads) as sha256:
        for piece in restore(stream, options):
            size += len(piece)
            sha256.update(piece)
            if exact and size > original.size:
                break
            yield piece
        found = sha256.digest()
    if exact and (size != original.size or found != original.sha256):
        raise ChecksumMismatch(
            f"restored file: {size} bytes, sha256 {found.hex()}; expected"
            f" {original.size} bytes, sha256 {original.sha256.hex()}"
        )


def restore(stream: Stream, options: Options) -> Iterator[Buffer]:
    """The file of a stream, piece after piece, not compared with what is recorded of it.

    Raises
    ------
    CorruptStream, Unsupported
    InvalidInput
        The stream holds an array.
    """
    header = _header_of_file(stream)
    shell = _unpack_shell(stream)
    if header.dtype != NO_ARRAY:
        array = decode_lazily(stream, header, options)
        yield from io.pieces(header.format, b"".join(shell), array)
    elif header.format in io.opaque.NAMES:
        yield from shell
    else:
        yield from io.pieces(header.format, b"".join(shell), None)


def _header_of_file(stream: Stream) -> Header:
    header = stream.header()
    if header.format == ARRAY_FORMAT:
        raise InvalidInput("stream: made from an array, not from a file; decode_array restores it")
    return header


def prove(stream: Stream, data: Data, options: Options) -> None:
    """Decode a stream just made and compare with its file as far as the guarantee goes.

    Raises
    ------
    VerificationFailed
    """
    try:
        restored = restore(stream, options)
        if stream.header().guarantee == "file-exact":
            if not is_same(restored, data):
                raise VerificationFailed("the stream decodes to another file")
            return
        found = b"".join(restored)
    except (CorruptStream, Unsupported) as error:
        raise VerificationFailed(f"the stream does not decode: {error}") from error
    if not _same_image(io.split(found, pixels=True), io.split(data, pixels=True)):
        raise VerificationFailed("the stream decodes to other samples")


def is_same(restored: Iterable[Buffer], data: Data) -> bool:
    """Whether pieces are the bytes of `data`, one after another and no more and no less."""
    expected, at = view_of(data), 0
    for piece in restored:
        if expected[at : at + len(piece)] != piece:
            return False
        at += len(piece)
    return at == len(expected)


def _same_image(one: Source, other: Source) -> bool:
    """Whether two files hold the same bits in the same shape and meaning."""
    if one.image is None or other.image is None or one.image.axes != other.image.axes:
        return False
    arrays = one.image.array, other.image.array
    a, b = (array.whole() if isinstance(array, Lazy) else array for array in arrays)
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
