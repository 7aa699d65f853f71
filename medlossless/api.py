# SPDX-License-Identifier: Apache-2.0
"""The public functions: arrays <-> streams, files <-> streams."""

from __future__ import annotations

import operator
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, BinaryIO

import numpy as np

from . import _files, _streams
from ._bytes import Buffer
from ._jobs import Parts, Progress, count_threads, measure, recorded, tell
from .codecs import Options, check_options, decode, decode_lazily, list_codecs
from .container import NO_ARRAY, Header, Stream
from .errors import InvalidInput, VerificationFailed
from .image import Image, chunks
from .planes import default_axes
from .result import Info, Result

__all__ = [
    "Info",
    "Result",
    "codecs",
    "compress",
    "decode_array",
    "decompress",
    "encode_array",
    "inspect",
    "verify",
]

SUFFIX = ".mls"

Source = str | PathLike | bytes | bytearray | memoryview | BinaryIO
Target = str | PathLike | BinaryIO


def encode_array(
    array: np.ndarray,
    *,
    effort: int = 5,
    axes: str | None = None,
    bits: int | None = None,
    coder: str = "ans",
    threads: int = 1,
) -> bytes:
    """Encode an array without loss.

    Parameters
    ----------
    array : ndarray, any strides and byte order
        bool, (u)int8 to (u)int64, float16 to float64; 2-D (rows, cols), 3-D (slices, rows, cols),
        more leading axes allowed; a single number, a row or nothing at all too.
    effort : int
        1 (fastest) to 9 (smallest).
    axes : str, optional
        One letter an axis, ending in ``YX``, or ``YXS`` when the last axis holds the samples of
        a colour. Default ``YX``, ``ZYX``, ``AZYX`` ...
    bits : int, optional
        Bits Stored, for the record; the whole word is coded whatever it says.
    coder : ``ans`` or ``huffman``
    threads : int
        Tiles are encoded side by side and steps of tuning shared; 0 is one thread for each core
        this process may use.

    Returns
    -------
    bytes
        A stream; see container/FORMAT.md.

    Raises
    ------
    InvalidInput
        The dtype, the axes or an option is not one that can be coded.

    Exact
    -----
    ``decode_array(encode_array(a))`` has the shape, the dtype with its byte order and every bit
    of `a`, NaN payloads and negative zeros included. The bytes do not depend on `threads`.

    Cost
    ----
    Most of it is tuning the net, from effort 3 on; README.md has samples a second.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise InvalidInput("array: masked; encode its data and its mask")
    array = np.asarray(array)
    image = Image(array, default_axes(array.ndim) if axes is None else axes, bits)
    options = Options(effort, coder, count_threads(threads))
    check_options(options)
    return _streams.encode_image(image, options)


def decode_array(
    stream: bytes | bytearray | memoryview,
    *,
    frames: int | slice | Sequence[int] | None = None,
    threads: int = 1,
) -> np.ndarray:
    """Decode the array of a stream.

    Parameters
    ----------
    stream : bytes-like
        From `encode_array`, or of a compressed file that holds an image.
    frames : int, slice or sequence of int, optional
        Only these frames; all axes before the rows count as one. An int gives one frame without
        that axis. Tiles that hold none of them are not decoded.
    threads : int
        As in `encode_array`.

    Returns
    -------
    ndarray

    Raises
    ------
    NotAStream, Truncated, ChecksumMismatch, CorruptStream
        The bytes are bad.
    FormatVersion, UnknownCodec, WeightsMissing
        This release cannot read them.
    InvalidInput
        There is no such frame, or the stream holds no array.
    """
    options = Options(threads=count_threads(threads))
    check_options(options)
    try:
        opened = Stream(stream)
    except TypeError as error:
        kind = type(stream).__name__
        hint = "open(name, 'rb').read() gives those of a file"
        raise InvalidInput(f"stream: {kind}, expected bytes; {hint}") from error
    header = opened.header()
    if header.dtype == NO_ARRAY:
        raise InvalidInput(f"stream: of a file without samples ({header.format}), not of an array")
    if frames is None:
        return decode(opened, header, None, options)
    chosen, single = _choose_frames(header, frames)
    array = decode(opened, header, chosen, options)
    return array.reshape(header.frames[1]) if single else array


def _choose_frames(header: Header, frames: int | slice | Sequence[int]) -> tuple[list[int], bool]:
    """Numbers of the frames asked for, and whether a single one was."""
    n_frames, _ = header.frames
    if isinstance(frames, slice):
        return list(range(n_frames)[frames]), False
    single = not isinstance(frames, Sequence | np.ndarray)
    wanted: Sequence[Any] = [frames] if single else frames  # type: ignore[assignment]
    try:
        asked = [operator.index(frame) for frame in wanted]
    except TypeError as error:
        raise InvalidInput(f"frames: expected int, slice or sequence of int ({error})") from error
    for frame in asked:
        if not -n_frames <= frame < n_frames:
            raise InvalidInput(f"frame {frame}: the stream holds {n_frames}, counted from 0")
    return [frame % n_frames for frame in asked], single


def compress(
    source: Source,
    target: Target | None = None,
    *,
    effort: int = 5,
    coder: str = "ans",
    threads: int = 1,
    verify: bool = True,
    pixels: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Compress a file of any kind; `decompress` gives back the same bytes.

    Parameters
    ----------
    source : path, bytes-like or binary file object
    target : path or binary file object, optional
        Default: the source path with ``.mls`` appended; for bytes the result's `data`.
    effort, coder, threads
        As in `encode_array`.
    verify : bool
        Decode the stream and compare with the source before anything is written.
    pixels : bool
        Where packaging (deflate) cannot be reproduced, keep the image only: ``pixel-exact``.
    overwrite : bool
        Whether an existing target may be replaced.
    progress : callable (done, total), optional
        Called as work goes on, at least once, in the end with done equal to total. The unit may
        change from call to call; the share never falls.

    Returns
    -------
    Result

    Raises
    ------
    InvalidInput
        The target exists, an option is out of range.
    VerificationFailed
        The stream does not decode to the source; nothing has been written.
    OSError
        As the system says; no half-written file is left behind.

    Exact
    -----
    ``sha256(decompress(compress(f))) == sha256(f)`` unless the result says ``pixel-exact``.
    """
    started = time.monotonic()
    parts = Parts(progress, 2 if verify else 1)
    threads = count_threads(threads)
    options = Options(effort, coder, threads, parts.report(0))
    check_options(options)
    if target is None and _files.is_path(source):
        target = f"{_files.name_of(source)}{SUFFIX}"
    _files.check_target(target, overwrite)
    name = _files.base_name(source)
    with (
        _files.reading(source) as data,
        _files.writing(target, len(data), like=source, overwrite=overwrite) as output,
    ):
        _streams.encode_file(data, name, options, output.file, pixels=pixels)
        parts.end(0)
        stream = Stream(output.data())
        if verify:
            _streams.prove(stream, data, Options(threads=threads, progress=parts.report(1)))
            parts.end(1)
        written = measure(stream.data)
        told = tell(source, target, stream, verified=verify, output=written)
        return replace(told, data=output.commit(), seconds=time.monotonic() - started)


def decompress(
    source: Source,
    target: Target | None = None,
    *,
    threads: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Result:
    """Restore the file of a stream; its sha256 is compared before anything is written.

    A ``pixel-exact`` stream gives an equal image in another file, whose sha256 is the result's
    `output_sha256`.

    Parameters
    ----------
    source : path, bytes-like or binary file object
    target : path or binary file object, optional
        Default: the source path without its ``.mls``; for bytes the result's `data`.
    threads, overwrite, progress
        As in `compress`.

    Returns
    -------
    Result

    Raises
    ------
    InvalidInput
        The target exists, or there is no ``.mls`` to take away, or the stream holds an array only.
    CorruptStream, Unsupported
    OSError
        As the system says; no half-written file is left behind.
    """
    started = time.monotonic()
    parts = Parts(progress, 1)
    options = Options(threads=count_threads(threads), progress=parts.report(0))
    check_options(options)
    if target is None and _files.is_path(source):
        name = _files.name_of(source)
        if not name.endswith(SUFFIX) or name == SUFFIX:
            raise InvalidInput(f"{name}: does not end in {SUFFIX}; name the target")
        target = name.removesuffix(SUFFIX)
    _files.check_target(target, overwrite)
    with _files.reading(source) as data:
        stream = Stream(data)
        size = _streams.describe(stream).original_bytes
        with _files.writing(target, size, like=source, overwrite=overwrite) as output:
            for piece in _streams.decode_file(stream, options):
                output.file.write(piece)
            parts.end(0)
            exact = stream.header().guarantee == "file-exact"
            written = recorded(stream) if exact else measure(output.data())
            told = tell(source, target, stream, verified=exact, output=written)
            return replace(told, data=output.commit(), seconds=time.monotonic() - started)


def verify(source: Source, original: Source | None = None, *, threads: int = 1) -> Result:
    """Decode a whole stream, check every checksum, and compare with the original if given.

    Parameters
    ----------
    source, original : path, bytes-like or binary file object
    threads : int
        As in `encode_array`.

    Returns
    -------
    Result

    Raises
    ------
    CorruptStream, Unsupported
        The stream does not decode.
    VerificationFailed
        It decodes to other bytes than those of `original`.
    InvalidInput
        The stream holds an array, which has no original file.
    """
    started = time.monotonic()
    options = Options(threads=count_threads(threads))
    check_options(options)
    with _files.reading(source) as data:
        stream = Stream(data)
        stream.check()
        header = stream.header()
        if header.format == _streams.ARRAY_FORMAT and original is None:
            for _ in chunks(decode_lazily(stream, header, options)):
                pass
            compared = True
        else:
            _compare(_streams.decode_file(stream, options), original, header.guarantee)
            compared = original is not None or header.guarantee == "file-exact"
        told = tell(source, None, stream, verified=compared)
        return replace(told, seconds=time.monotonic() - started)


def _compare(restored: Iterator[Buffer], original: Source | None, guarantee: str) -> None:
    """Use up the pieces of a restored file; if there is an original, they must be its bytes."""
    if original is None:
        deque(restored, maxlen=0)
        return
    with _files.reading(original) as data:
        if not _streams.is_same(restored, data):
            name = _files.name_of(original)
            raise VerificationFailed(
                f"{name}: differs from what the stream restores, which is {guarantee}"
            )


def inspect(source: Source) -> Info:
    """Read what a stream says about itself; nothing is decoded.

    Parameters
    ----------
    source : path, bytes-like or binary file object

    Returns
    -------
    Info

    Raises
    ------
    CorruptStream, Unsupported
    """
    with _files.reading(source) as data:
        return _streams.describe(Stream(data))


def codecs() -> list[dict[str, Any]]:
    """List what this installation can write and read.

    Returns
    -------
    list of dict
        ``name``, ``number`` in a stream, ``kind``, ``guarantee`` and ``source`` of each codec.
    """
    return list_codecs()
