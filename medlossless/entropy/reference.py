# SPDX-License-Identifier: Apache-2.0
"""The entropy coder, defined. Plain Python, one sample at a time; the C core must match its bytes.

A tile is frames x rows x cols symbols, each with a context. Row r of every frame belongs to stream
r mod n_streams; a stream's samples are coded in frame, row, column order and its state lives
through the tile. All streams share one Model, frozen within a band of rows.

Payload: the byte length of each stream as LEB128, then the bytes of the streams in order.
"""

from __future__ import annotations

import numpy as np

from .._fields import varint
from ..errors import CorruptStream, InvalidInput, Truncated
from .prior import Prior
from .reference_model import Model, bands, fold, join, split, token_of, unfold
from .reference_streams import (
    HuffmanDecoder,
    HuffmanEncoder,
    RansDecoder,
    RansEncoder,
    flag_step,
    rans_stream,
)

__all__ = [
    "HuffmanDecoder",
    "HuffmanEncoder",
    "Model",
    "RansDecoder",
    "RansEncoder",
    "TileDecoder",
    "bands",
    "encode_steps",
    "encode_tile",
    "fold",
    "join",
    "split",
    "split_payload",
    "token_of",
    "unfold",
]

ENCODERS: dict[str, type[RansEncoder | HuffmanEncoder]] = {
    "ans": RansEncoder,
    "huffman": HuffmanEncoder,
}
DECODERS: dict[str, type[RansDecoder | HuffmanDecoder]] = {
    "ans": RansDecoder,
    "huffman": HuffmanDecoder,
}


def encode_tile(
    symbols: np.ndarray,
    contexts: np.ndarray,
    *,
    max_sample: int,
    prior: Prior,
    streams_log2: int = 0,
    increment: int = 512,
    limit: int = 1 << 22,
    coder: str = "ans",
    flags: np.ndarray | None = None,
    band_rows_log2: int = 5,
) -> bytes:
    """Payload of a tile; `medlossless.entropy.encode_tile` says what the parameters mean."""
    model = Model(prior, max_sample, increment, limit)
    streams = [ENCODERS[coder](model) for _ in range(1 << streams_log2)]
    frames, rows, cols = symbols.shape
    for frame, first, height in bands(frames, rows, 1 << band_rows_log2):
        for row in range(first, first + height):
            for col in range(cols):
                context, symbol = int(contexts[frame, row, col]), int(symbols[frame, row, col])
                stream = streams[row % len(streams)]
                if flags is not None and encode_flags(stream, flags[frame, row, col].tolist()):
                    continue
                stream.encode(context, symbol)
                model.count[context][token_of(symbol >> model.shift[context])] += 1
        model.end_band()
        for stream in streams:
            stream.end_band()
    return join_payload([stream.finish() for stream in streams])


def encode_steps(flags: np.ndarray, steps: np.ndarray, *, streams_log2: int = 0) -> bytes:
    """Payload of a tile in hit mode with abundances; see `medlossless.entropy.encode_steps`."""
    streams: list[list[tuple[int, int]]] = [[] for _ in range(1 << streams_log2)]
    for where in np.ndindex(flags.shape[:3]):
        stream = streams[where[1] % len(streams)]
        before = flags[where].tolist()
        stream += [flag_step(flag >> 1, flag & 1) for flag in before if flag]
        if not any(flag & 1 for flag in before):
            stream += [(step >> 16, step & 0xFFFF) for step in steps[where].tolist()]
    return join_payload([rans_stream(stream) for stream in streams])


def join_payload(parts: list[bytes]) -> bytes:
    """Lengths of the streams, then the streams."""
    return b"".join(varint(len(part)) for part in parts) + b"".join(parts)


def encode_flags(stream: RansEncoder | HuffmanEncoder, flags: list[int]) -> bool:
    """Code the flags of a sample, 2 * freq + flag or 0 for none; True if one of them is 1."""
    if not isinstance(stream, RansEncoder):
        raise InvalidInput("flags need the coder 'ans'")
    for flag in flags:
        if flag:
            stream.encode_flag(flag >> 1, flag & 1)
    return any(flag & 1 for flag in flags)


class TileDecoder:
    """Decodes a tile sample by sample: the caller walks the bands and knows each context.

    Within a band the streams may be read in any order; the samples of one stream only in theirs.
    """

    def __init__(
        self,
        payload: bytes,
        *,
        max_sample: int,
        prior: Prior,
        streams_log2: int = 0,
        increment: int = 512,
        limit: int = 1 << 22,
        coder: str = "ans",
    ) -> None:
        self.model = Model(prior, max_sample, increment, limit)
        parts = split_payload(payload, 1 << streams_log2)
        self.streams = [DECODERS[coder](self.model, part) for part in parts]

    def decode(self, stream_index: int, context: int) -> int:
        symbol = self.streams[stream_index].decode(context)
        if symbol > self.model.max_sample:
            raise CorruptStream(f"symbol {symbol} above max_sample {self.model.max_sample}")
        return symbol

    def end_band(self) -> None:
        self.model.end_band()
        for stream in self.streams:
            stream.end_band()

    def finish(self) -> None:
        """CorruptStream unless every stream ended exactly where its encoder began."""
        for stream in self.streams:
            stream.finish()


def split_payload(payload: bytes, n_streams: int) -> list[bytes]:
    """Bytes of each stream; lengths must be minimal LEB128 of at most 32 bits."""
    lengths, at = [], 0
    for index in range(n_streams):
        length, shift, byte = 0, 0, 128
        while byte >= 128:
            if at == len(payload):
                raise Truncated(f"payload: {at} bytes, the length of stream {index} is cut off")
            byte = payload[at]
            length |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            too_long = length >= 1 << 32 or (shift == 35 and byte >= 128)
            if too_long or (byte == 0 and shift > 7):
                raise CorruptStream(f"payload: the length of stream {index} is not minimal LEB128")
        lengths.append(length)
    parts = []
    for length in lengths:
        parts.append(payload[at : at + length])
        at += length
    if at != len(payload):
        error = Truncated if at > len(payload) else CorruptStream
        raise error(f"payload: {len(payload)} bytes, its lengths say {at}")
    return parts
