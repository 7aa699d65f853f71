# SPDX-License-Identifier: Apache-2.0
"""Deflate streams reproduced from what they inflate to.

A deflate stream is decided by its content and by how the writer called zlib: level, strategy,
memory level, window. `describe` finds that call by trying, `compress` repeats it. What zlib
cannot repeat from some late point on (another zlib's last block, a flush before the end) is kept
as a literal *tail*, if it is short.

Read me first:

- Versions and forks of zlib (zlib-ng, Cloudflare, Chromium, Apple) may write different bytes for
  the same call. `describe` therefore proves its answer on every byte, and `compress`
  compares a CRC-32 of what it made with the one in the recipe: an installation with another zlib
  gets a named error and never a wrong file.
- Streams of other encoders (zopfli, libdeflate, miniz, Go, parallel gzip) are not found;
  `describe` says None.

Layout of `Recipe.to_bytes`: the fields below in this order, see there.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import ChecksumMismatch, CorruptStream, Unsupported
from .fields import pack_fields, pack_integers, unpack_fields, unpack_integers
from .shell import Buffer

STORED = 5  # after zlib's strategies 0..4: stored blocks only, written here without zlib
MAX_RATIO = 1032  # no deflate stream inflates to more: 258 bytes from two bits
FIRST_CHUNK_BYTES = 1 << 16  # a wrong call betrays itself within the first blocks
LAST_CHUNK_BYTES = 1 << 22
TAIL_FRACTION = 16  # a tail may be this fraction of the stream ...
TAIL_FLOOR_BYTES = 64  # ... or this long
FLEVEL_TO_LEVELS = ((1,), (5, 4, 3, 2), (6,), (9, 8, 7))  # RFC 1950 FLEVEL, as zlib sets it


@dataclass(frozen=True)
class Call:
    """One way to call zlib's ``deflateInit2``.

    Parameters
    ----------
    level : int, 0..9
    strategy : int, 0..4 as in zlib, or `STORED`
    mem_level : int, 1..9
    window_bits : int, 9..15
    """

    level: int
    strategy: int
    mem_level: int
    window_bits: int


@dataclass(frozen=True)
class Recipe:
    """How to make one deflate stream again from its content.

    Parameters
    ----------
    call : Call
    header : bytes
        The two bytes of a zlib header, or nothing for a raw deflate stream.
    raw_crc32 : int
        CRC-32 of the content.
    stream_crc32 : int or None
        CRC-32 of the stream; None: any stream with this content will do.
    tail_at : int
        Where `tail` replaces the rest of the deflate data; 0 and no tail: nowhere.
    tail : bytes
        For `STORED` the lengths of the blocks instead, as `pack_integers` writes them.
    zlib_version : str
        Of the zlib that proved the recipe, for the message when another one fails.
    """

    call: Call
    header: bytes
    raw_crc32: int
    stream_crc32: int | None
    tail_at: int = 0
    tail: bytes = b""
    zlib_version: str = ""

    def to_bytes(self) -> bytes:
        """The recipe as 20 to 40 bytes and its tail."""
        call = self.call
        exact = self.stream_crc32 is not None
        numbers = [call.level, call.strategy, call.mem_level, call.window_bits]
        numbers += [self.raw_crc32, int(exact), self.stream_crc32 or 0, self.tail_at]
        version = self.zlib_version.encode("ascii", "replace")
        return pack_fields(pack_integers(numbers), self.header, self.tail, version)

    @classmethod
    def from_bytes(cls, data: bytes) -> Recipe:
        """The inverse of `to_bytes`; CorruptStream if it cannot be a recipe."""
        packed, header, tail, version = unpack_fields(data, 4)
        numbers = unpack_integers(packed)
        if len(numbers) != 8 or len(header) not in (0, 2):
            raise CorruptStream(f"deflate recipe: {len(numbers)} numbers, expected 8")
        level, strategy, mem_level, window_bits, raw_crc32, exact, stream_crc32, tail_at = numbers
        if level > 9 or strategy > STORED or not (1 <= mem_level <= 9 <= window_bits <= 15):
            raise CorruptStream(f"deflate recipe: no zlib call has parameters {numbers[:4]}")
        call = Call(level, strategy, mem_level, window_bits)
        proof = stream_crc32 if exact else None
        name = version.decode("ascii", "replace")
        return cls(call, header, raw_crc32, proof, tail_at, tail, name)


def describe(
    raw: Buffer, compressed: Buffer, wbits: int, levels: tuple[int, ...] = ()
) -> Recipe | None:
    """Find the zlib call that turns `raw` into `compressed`.

    Parameters
    ----------
    raw : bytes-like
        What `compressed` inflates to.
    compressed : bytes-like
        One whole stream and nothing after it.
    wbits : int
        Positive: a zlib stream; negative: a raw deflate stream (the body of a gzip member).
    levels : tuple of int
        To be tried first; by default what the zlib header hints at.

    Returns
    -------
    Recipe, or None when no call reproduces the stream (but for a short tail)

    Exact
    -----
    ``compress(raw, recipe)`` equals `compressed` in every byte, with this zlib.

    Cost
    ----
    One compression when the first guess is right; each wrong guess costs a chunk or two.
    """
    compressed = memoryview(compressed)
    header = bytes(compressed[:2]) if wbits > 0 else b""
    body = compressed[2:-4] if wbits > 0 else compressed
    if wbits > 0 and bytes(compressed[-4:]) != _adler32(raw):
        return None
    found = _find_stored(raw, body) or _find_call(raw, body, header, levels)
    if found is None:
        return None
    call, tail_at, tail = found
    return Recipe(call, header, zlib.crc32(raw), zlib.crc32(compressed), tail_at, tail,
                  zlib.ZLIB_RUNTIME_VERSION)  # fmt: skip


def any_stream(raw: Buffer, wbits: int) -> Recipe:
    """The recipe of some valid stream for `raw`: what is left when `describe` says None."""
    header = b"\x78\x9c" if wbits > 0 else b""
    return Recipe(Call(6, zlib.Z_DEFAULT_STRATEGY, 8, 15), header, zlib.crc32(raw), None)


def compress(raw: Buffer, recipe: Recipe) -> bytes:
    """The stream that `recipe` describes.

    Raises
    ------
    ChecksumMismatch
        `raw` is not what the recipe was made from.
    CorruptStream
        The recipe contradicts itself.
    Unsupported
        The zlib of this installation writes other bytes than the one that proved the recipe.
    """
    if zlib.crc32(raw) != recipe.raw_crc32:
        raise ChecksumMismatch(
            f"inflated data: crc32 {zlib.crc32(raw):08x}, recipe says {recipe.raw_crc32:08x}"
        )
    if recipe.call.strategy == STORED:
        body = _stored_blocks(raw, unpack_integers(recipe.tail))
    else:
        body = b"".join(_deflated_chunks(raw, recipe.call))
        if recipe.tail or recipe.tail_at:
            body = body[: recipe.tail_at] + recipe.tail
    stream = recipe.header + body + _adler32(raw) if recipe.header else body
    if recipe.stream_crc32 is not None and zlib.crc32(stream) != recipe.stream_crc32:
        raise Unsupported(
            f"deflate stream: zlib {zlib.ZLIB_RUNTIME_VERSION} here writes other bytes than zlib "
            f"{recipe.zlib_version or '?'} that compressed the file; decompress where that zlib is"
        )
    return stream


def _find_call(
    raw: Buffer, body: memoryview, header: bytes, levels: tuple[int, ...]
) -> tuple[Call, int, bytes] | None:
    """The call, or the one that needs the shortest tail if that is short enough."""
    best, best_bytes = None, -1
    for call in _calls(len(raw), body, header, levels):
        matched = _matched_bytes(raw, body, call)
        if matched is None:
            return call, 0, b""
        if matched > best_bytes:
            best, best_bytes = call, matched
    tail_bytes = len(body) - best_bytes
    if best is None or tail_bytes > max(TAIL_FLOOR_BYTES, len(body) // TAIL_FRACTION):
        return None
    return best, best_bytes, bytes(body[best_bytes:])


def _calls(
    raw_bytes: int, body: memoryview, header: bytes, levels: tuple[int, ...]
) -> Iterator[Call]:
    """Calls worth trying, the likeliest first."""
    if header and not levels:
        levels = FLEVEL_TO_LEVELS[header[1] >> 6]
    order = list(dict.fromkeys((*levels, 6, 9, 1, 5, 8, 7, 4, 3, 2)))
    # Huffman-only and run-length coding ignore the level, so one is enough; fixed codes can only
    # be meant where the first block has them. zlib marks all three like level 1.
    plain = [(level, strategy) for level in order for strategy in (0, zlib.Z_FILTERED)]
    single = [(1, zlib.Z_RLE), (1, zlib.Z_HUFFMAN_ONLY)]
    pairs = single + plain if order[0] == 1 and header else plain + single
    if len(body) and body[0] >> 1 & 3 == 1:
        pairs += [(level, zlib.Z_FIXED) for level in order]
    for window_bits in _window_sizes(raw_bytes, header):
        for level, strategy in pairs:
            for mem_level in (8, 9):
                yield Call(level, strategy, mem_level, window_bits)


def _window_sizes(raw_bytes: int, header: bytes) -> tuple[int, ...]:
    """The window of the header, and 15 because libpng writes a smaller one than it used."""
    declared = (header[0] >> 4) + 8 if header else 15
    # 262 = zlib's MIN_LOOKAHEAD: a window this large sees all of raw, so size has no effect
    if not 9 <= declared < 15 or raw_bytes + 262 <= 1 << declared:
        return (15,)
    return (declared, 15)


def _matched_bytes(raw: Buffer, body: memoryview, call: Call) -> int | None:
    """How many first bytes of `body` the call reproduces; None when all and no more."""
    at = 0
    for piece in _deflated_chunks(raw, call):
        expected = bytes(body[at : at + len(piece)])
        if piece != expected:
            return at + _first_difference(piece, expected)
        at += len(piece)
    return None if at == len(body) else at


def _first_difference(left: bytes, right: bytes) -> int:
    shorter = min(len(left), len(right))
    differs = np.frombuffer(left, np.uint8, shorter) != np.frombuffer(right, np.uint8, shorter)
    return int(differs.argmax()) if differs.any() else shorter


def _deflated_chunks(raw: Buffer, call: Call) -> Iterator[bytes]:
    """Raw deflate data, piece by piece; search and reproduction both feed zlib this way."""
    raw = memoryview(raw)
    # positional: only then does every supported Python take all five
    squeezer = zlib.compressobj(
        call.level, zlib.DEFLATED, -call.window_bits, call.mem_level, call.strategy
    )
    at, size = 0, FIRST_CHUNK_BYTES
    while at < len(raw):
        yield squeezer.compress(raw[at : at + size])
        at += size
        size = min(2 * size, LAST_CHUNK_BYTES)
    yield squeezer.flush()


def _find_stored(raw: Buffer, body: memoryview) -> tuple[Call, int, bytes] | None:
    """A stream of stored blocks only (level 0), whose lengths zlib chooses by its caller."""
    lengths = []
    at = 0
    while at + 5 <= len(body) and body[at] < 2:
        length = int.from_bytes(body[at + 1 : at + 3], "little")
        lengths.append(length)
        at += 5 + length
    if at != len(body) or sum(lengths) != len(raw) or _stored_blocks(raw, lengths) != body:
        return None
    return Call(0, STORED, 8, 15), 0, pack_integers(lengths)


def _stored_blocks(raw: Buffer, lengths: list[int]) -> bytes:
    """RFC 1951 section 3.2.4: final flag, LEN, its complement, the bytes."""
    if sum(lengths) != len(raw) or not lengths or max(lengths) > 0xFFFF:
        raise CorruptStream(f"deflate recipe: {sum(lengths)} bytes in stored blocks of {len(raw)}")
    raw = memoryview(raw)
    parts: list[bytes | memoryview] = []
    at = 0
    for number, length in enumerate(lengths, 1):
        final = int(number == len(lengths))
        parts.append(bytes([final]) + length.to_bytes(2, "little"))
        parts.append((length ^ 0xFFFF).to_bytes(2, "little"))
        parts.append(raw[at : at + length])
        at += length
    return b"".join(parts)


def _adler32(raw: Buffer) -> bytes:
    return zlib.adler32(raw).to_bytes(4, "big")
