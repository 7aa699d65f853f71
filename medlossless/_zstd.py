# SPDX-License-Identifier: Apache-2.0
"""The zstd binding: the standard library's from Python 3.14 on, its backport before.

Decompression of untrusted frames always states the largest size it accepts, and a decoder never
gives a frame more window than the levels we write with ask for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from .errors import CorruptStream, MedlosslessError

if sys.version_info >= (3, 14):
    from compression import zstd as _zstd
else:
    from backports import zstd as _zstd

Piece = bytes | bytearray | memoryview

HIGHEST_LEVEL = 19
WINDOW_LOG2 = 23  # 8 MiB: what HIGHEST_LEVEL takes for large inputs; released streams need it

_OPTIONS = {int(_zstd.DecompressionParameter.window_log_max): WINDOW_LOG2}


def compress(data: bytes | bytearray | memoryview, level: int, *, checksum: bool = False) -> bytes:
    """Compress into one frame, at a level of up to HIGHEST_LEVEL: above, windows grow.

    `checksum` makes the frame detect damage by itself, where nothing around it does.
    """
    if level > HIGHEST_LEVEL:
        raise ValueError(f"zstd level {level}: at most {HIGHEST_LEVEL} can be read back")
    parameter = _zstd.CompressionParameter
    return _zstd.compress(
        data,
        options={parameter.compression_level: level, parameter.checksum_flag: int(checksum)},
    )


def compress_pieces(pieces: Iterable[Piece], level: int) -> Iterator[bytes]:
    """Compress pieces into one frame, piece after piece, so that few are in memory."""
    if level > HIGHEST_LEVEL:
        raise ValueError(f"zstd level {level}: at most {HIGHEST_LEVEL} can be read back")
    compressor = _zstd.ZstdCompressor(level=level)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def decompress_pieces(
    pieces: Iterable[Piece], expected: int, n_bytes: int, what: str
) -> Iterator[bytes]:
    """Decompress one frame that inflates to `expected` bytes, at most `n_bytes` at a time.

    Raises
    ------
    CorruptStream
        Perhaps after pieces that were good.
    """
    decompressor = _zstd.ZstdDecompressor(options=_OPTIONS)
    n_left, n_after = expected, 0
    for piece in pieces:
        data: Piece = piece
        while not decompressor.eof and (data or not decompressor.needs_input):
            try:
                out = decompressor.decompress(data, max_length=n_bytes)
            except _zstd.ZstdError as cause:
                raise CorruptStream(f"{what}: not a valid zstd frame ({cause})") from cause
            data = b""
            n_left -= len(out)
            if n_left < 0:
                raise CorruptStream(f"{what}: inflates to more than the {expected} bytes expected")
            if out:
                yield out
        n_after += len(data)
    if not decompressor.eof:
        raise CorruptStream(f"{what}: the zstd frame ends early, {n_left} bytes missing")
    n_after += len(decompressor.unused_data)
    if n_left or n_after:
        raise CorruptStream(f"{what}: {n_left} bytes missing, {n_after} after the zstd frame")


def decompress(
    data: bytes | memoryview,
    max_bytes: int,
    error: type[MedlosslessError] = CorruptStream,
    what: str = "zstd frame",
) -> bytes:
    """Decompress exactly one frame of at most `max_bytes`; `error` names anything wrong."""
    decompressor = _zstd.ZstdDecompressor(options=_OPTIONS)
    try:
        out = decompressor.decompress(data, max_length=max_bytes + 1)
    except _zstd.ZstdError as cause:
        raise error(f"{what}: not a valid zstd frame ({cause})") from cause
    if len(out) > max_bytes:
        raise error(f"{what}: inflates to more than the {max_bytes} bytes expected")
    if not decompressor.eof:
        raise error(f"{what}: the zstd frame ends early, {len(out)} bytes found")
    if decompressor.unused_data:
        raise error(f"{what}: {len(decompressor.unused_data)} bytes after the zstd frame")
    return out
