# SPDX-License-Identifier: Apache-2.0
"""The zstd binding: the standard library's from Python 3.14 on, its backport before.

Decompression of untrusted frames always states the largest size it accepts, and a decoder never
gives a frame more window than the levels we write with ask for.
"""

from __future__ import annotations

import sys

from .errors import CorruptStream, MedlosslessError

if sys.version_info >= (3, 14):
    from compression import zstd as _zstd
else:
    from backports import zstd as _zstd

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
