# SPDX-License-Identifier: Apache-2.0
"""Deflate streams are found again, and what is not found is never passed off as found."""

from __future__ import annotations

import dataclasses
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlossless.errors import ChecksumMismatch, CorruptStream, MedlosslessError, Unsupported
from medlossless.io import deflate


def smooth_bytes(count: int, seed: int = 0) -> bytes:
    """Bytes like a filtered image: small steps around zero, with flat stretches."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, 3, count) * (np.arange(count) // 997 % 3 > 0)
    return steps.astype(np.int8).tobytes()


def zlib_stream(raw: bytes, level: int, strategy: int, mem_level: int, wbits: int) -> bytes:
    squeezer = zlib.compressobj(level, zlib.DEFLATED, wbits, mem_level, strategy)
    return squeezer.compress(raw) + squeezer.flush()


def mixed_stream(raw: bytes) -> bytes:
    """A valid zlib stream of two halves, each at another level: no single call writes it."""
    half = len(raw) // 2
    first = zlib.compressobj(1, zlib.DEFLATED, -15)
    second = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = first.compress(raw[:half]) + first.flush(zlib.Z_FULL_FLUSH)
    body += second.compress(raw[half:]) + second.flush()
    return b"\x78\x9c" + body + zlib.adler32(raw).to_bytes(4, "big")


def assert_found(raw: bytes, stream: bytes, wbits: int) -> deflate.Recipe:
    recipe = deflate.describe(raw, stream, wbits)
    assert recipe is not None
    again = deflate.Recipe.from_bytes(recipe.to_bytes())
    assert again == recipe
    assert deflate.compress(raw, again) == stream
    return recipe


def test_generator_spreads():
    raw = smooth_bytes(200_000)
    assert len(set(raw)) > 15
    sizes = {len(zlib.compress(raw, level)) for level in range(1, 10)}
    assert len(sizes) > 4


@pytest.mark.parametrize("wbits", [15, -15, 12])
@pytest.mark.parametrize("mem_level", [8, 9])
@pytest.mark.parametrize("level", range(1, 10))
def test_every_level_is_found(level, mem_level, wbits):
    raw = smooth_bytes(100_000)
    stream = zlib_stream(raw, level, 0, mem_level, wbits)
    recipe = assert_found(raw, stream, wbits)
    assert recipe.tail == b""
    assert len(recipe.to_bytes()) < 40


@pytest.mark.parametrize("strategy", range(5))
def test_every_strategy_is_found(strategy):
    raw = smooth_bytes(150_000, seed=strategy)
    assert assert_found(raw, zlib_stream(raw, 6, strategy, 9, 15), 15).tail == b""


@pytest.mark.parametrize("size", [0, 1, 2, 100, 65_535, 65_536, 65_537, 200_000])
def test_sizes_at_the_chunk_borders_are_found(size):
    raw = smooth_bytes(size)
    for level in (0, 1, 6, 9):
        assert_found(raw, zlib.compress(raw, level), 15)


def test_flat_content_is_found():
    raw = bytes(3_000_000)
    assert assert_found(raw, zlib.compress(raw, 9), 15).tail == b""


def test_stored_blocks_of_any_length_are_found_without_zlib():
    raw = smooth_bytes(1000)
    body = b""
    for at, length, final in ((0, 300, 0), (300, 0, 0), (300, 700, 1)):
        body += struct.pack("<BHH", final, length, length ^ 0xFFFF)
        body += raw[at : at + length]
    assert zlib.decompress(body, -15) == raw
    recipe = assert_found(raw, body, -15)
    assert recipe.call.strategy == deflate.STORED


def test_header_of_another_level_is_kept():
    raw = smooth_bytes(100_000)
    stream = b"\x78\x01" + zlib.compress(raw, 9)[2:]
    assert zlib.decompress(stream) == raw
    assert_found(raw, stream, 15)


def test_window_smaller_in_the_header_than_used_is_found():
    raw = smooth_bytes(9_000) * 6
    stream = b"\x58\x85" + zlib.compress(raw, 6)[2:]  # declares 8 KiB, as libpng may
    assert int.from_bytes(stream[:2], "big") % 31 == 0
    assert_found(raw, stream, 15)


def test_flush_before_the_end_becomes_a_short_tail():
    raw = smooth_bytes(2_000_000)  # of some 27 blocks the last differs
    squeezer = zlib.compressobj(6)
    stream = squeezer.compress(raw) + squeezer.flush(zlib.Z_SYNC_FLUSH) + squeezer.flush()
    recipe = assert_found(raw, stream, 15)
    assert 0 < len(recipe.tail) <= len(stream) // deflate.TAIL_FRACTION


def test_stream_no_call_writes_is_none():
    raw = smooth_bytes(400_000)
    stream = mixed_stream(raw)
    assert zlib.decompress(stream) == raw
    assert deflate.describe(raw, stream, 15) is None


def test_wrong_adler_is_none():
    raw = smooth_bytes(1000)
    stream = bytearray(zlib.compress(raw))
    stream[-1] ^= 1
    assert deflate.describe(raw, stream, 15) is None


def test_buffers_of_any_kind_are_taken():
    raw = smooth_bytes(70_000)
    stream = zlib.compress(raw)
    recipe = deflate.describe(np.frombuffer(raw, np.uint8).data, memoryview(stream), 15)
    assert recipe is not None and deflate.compress(bytearray(raw), recipe) == stream


def test_another_zlib_is_a_named_error():
    raw = smooth_bytes(1000)
    recipe = deflate.describe(raw, zlib.compress(raw), 15)
    foreign = dataclasses.replace(recipe, stream_crc32=recipe.stream_crc32 ^ 1, zlib_version="1.9")
    with pytest.raises(Unsupported, match=r"1\.9"):
        deflate.compress(raw, foreign)


def test_other_content_is_a_checksum_mismatch():
    raw = smooth_bytes(1000)
    recipe = deflate.describe(raw, zlib.compress(raw), 15)
    with pytest.raises(ChecksumMismatch):
        deflate.compress(raw[:-1] + b"\x7f", recipe)


def test_any_stream_inflates_to_the_content():
    raw = smooth_bytes(5000)
    assert zlib.decompress(deflate.compress(raw, deflate.any_stream(raw, 15))) == raw
    body = deflate.compress(raw, deflate.any_stream(raw, -15))
    assert zlib.decompress(body, -15) == raw


def test_every_prefix_and_flipped_byte_of_a_recipe_is_a_named_error():
    raw = smooth_bytes(3000)
    stream = zlib.compress(raw, 9)
    packed = deflate.describe(raw, stream, 15).to_bytes()
    for length in range(len(packed)):
        with pytest.raises(CorruptStream):
            deflate.Recipe.from_bytes(packed[:length])
    for at in range(len(packed)):
        for bit in range(8):
            damaged = bytearray(packed)
            damaged[at] ^= 1 << bit
            try:
                deflate.compress(raw, deflate.Recipe.from_bytes(bytes(damaged)))
            except MedlosslessError:
                pass


@settings(max_examples=60, deadline=None)
@given(
    raw=st.binary(max_size=3000) | st.binary(max_size=40).map(lambda part: part * 300),
    level=st.integers(0, 9),
    strategy=st.integers(0, 4),
    mem_level=st.sampled_from([8, 9]),
    wbits=st.sampled_from([-15, -12, 9, 10, 15]),
)
def test_any_content_and_call_is_found(raw, level, strategy, mem_level, wbits):
    # window of a raw stream is not written anywhere: only the full one is looked for
    wbits = -15 if wbits == -12 and len(raw) + 262 > 1 << 12 else wbits
    assert_found(raw, zlib_stream(raw, level, strategy, mem_level, wbits), wbits)
