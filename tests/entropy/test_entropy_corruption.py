# SPDX-License-Identifier: Apache-2.0
"""Damaged payloads: a named error or other symbols, the same from C and reference, and never a
glance at the bytes behind the payload.
"""

import numpy as np
import pytest
from logistic_priors import logistic_prior

from medlossless._fields import varint
from medlossless.entropy import CODERS, decode_tile, encode_tile, reference
from medlossless.errors import CorruptStream, Truncated

PRIOR = logistic_prior([0.1, 0.4, 2.0, 30.0])
SHAPE = (2, 7, 9)


def small_tile(streams_log2):
    rng = np.random.default_rng(11)
    contexts = rng.integers(0, 4, SHAPE).astype(np.uint8)
    scales = np.array([0.1, 0.4, 2.0, 30.0])[contexts]
    symbols = np.minimum(rng.exponential(2 * scales), 1000).astype(np.uint16)
    return symbols, contexts, {"max_sample": 1000, "prior": PRIOR, "streams_log2": streams_log2}


def outcome(decode, payload, contexts, **options):
    """The class of the error or the symbols."""
    try:
        return decode(payload, contexts, **options).tolist()
    except CorruptStream as error:
        return type(error)


def reference_decode(payload, contexts, **options):
    decoder = reference.TileDecoder(payload, **options)
    symbols = np.zeros(contexts.shape, np.uint16)
    frames, rows, cols = contexts.shape
    for frame, first, height in reference.bands(frames, rows):
        for row in range(first, first + height):
            for col in range(cols):
                stream = row % len(decoder.streams)
                symbols[frame, row, col] = decoder.decode(stream, int(contexts[frame, row, col]))
        decoder.end_band()
    decoder.finish()
    return symbols


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("streams_log2", [0, 2])
def test_every_prefix_is_truncated(streams_log2, coder):
    symbols, contexts, options = small_tile(streams_log2)
    payload = encode_tile(symbols, contexts, coder=coder, **options)
    for n in range(len(payload)):
        with pytest.raises(Truncated):
            decode_tile(payload[:n], contexts, coder=coder, **options)
        with pytest.raises(Truncated):
            reference.TileDecoder(payload[:n], coder=coder, **options)


@pytest.mark.parametrize("coder", CODERS)
def test_every_shortened_or_lengthened_stream_is_an_error(coder):
    """Lengths that match their bytes: only the coder itself can notice."""
    symbols, contexts, options = small_tile(0)
    payload = encode_tile(symbols, contexts, coder=coder, **options)
    stream = reference.split_payload(payload, 1)[0]
    for n in range(len(stream)):
        cut = varint(n) + stream[:n]
        assert outcome(decode_tile, cut, contexts, coder=coder, **options) is Truncated
        assert outcome(reference_decode, cut, contexts, coder=coder, **options) is Truncated
    for tail in (b"\0", b"\0\0", b"\1", bytes(9)):
        longer = varint(len(stream + tail)) + stream + tail
        assert outcome(decode_tile, longer, contexts, coder=coder, **options) is CorruptStream
        assert outcome(reference_decode, longer, contexts, coder=coder, **options) is CorruptStream


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("streams_log2", [0, 2])
def test_every_flipped_byte_gives_the_references_outcome(streams_log2, coder):
    symbols, contexts, options = small_tile(streams_log2)
    payload = encode_tile(symbols, contexts, coder=coder, **options)
    errors = 0
    for at in range(len(payload)):
        for flip in (1, 16, 0x80, 0xFF):
            changed = bytearray(payload)
            changed[at] ^= flip
            found = outcome(decode_tile, bytes(changed), contexts, coder=coder, **options)
            expected = outcome(reference_decode, bytes(changed), contexts, coder=coder, **options)
            assert found == expected, (at, flip)
            errors += isinstance(found, type)
    # A Huffman code falls back into step after damage; rANS must end in its start state.
    assert errors > {"ans": 2 * len(payload), "huffman": len(payload) / 4}[coder]


@pytest.mark.parametrize("coder", CODERS)
def test_bytes_behind_the_payload_do_not_matter(coder):
    symbols, contexts, options = small_tile(1)
    payload = encode_tile(symbols, contexts, coder=coder, **options)
    rng = np.random.default_rng(2)
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= int(rng.integers(1, 256))
        found = [
            outcome(
                decode_tile,
                memoryview(bytes(changed) + 64 * guard)[: len(changed)],
                contexts,
                coder=coder,
                **options,
            )
            for guard in (b"\0", b"\xff")
        ]
        assert found[0] == found[1]


@pytest.mark.parametrize("coder", CODERS)
def test_noise_gives_the_references_outcome(coder):
    _, contexts, options = small_tile(0)
    rng = np.random.default_rng(9)
    kinds = set()
    for n in [*range(0, 130, 3), 400]:
        noise = varint(n) + rng.bytes(n)
        found = outcome(decode_tile, noise, contexts, coder=coder, **options)
        assert found == outcome(reference_decode, noise, contexts, coder=coder, **options)
        kinds.add(found if isinstance(found, type) else "symbols")
    assert kinds == {Truncated, CorruptStream}


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", Truncated),
        (b"\x80", Truncated),
        (b"\x80\x00", CorruptStream),
        (b"\xff\xff\xff\xff\x0f", Truncated),
        (b"\xff\xff\xff\xff\x1f", CorruptStream),
        (b"\x80\x80\x80\x80\x80\x01", CorruptStream),
        (b"\x00\x00", CorruptStream),
        (b"\x03\x00\x00\x01", Truncated),
        (b"\x04\x00\x00\x00\x00", CorruptStream),
    ],
)
def test_bad_lengths_and_states_are_errors(payload, error):
    contexts = np.zeros((1, 1, 1), np.uint8)
    options = {"max_sample": 0, "prior": PRIOR, "streams_log2": 0, "coder": "ans"}
    assert outcome(decode_tile, payload, contexts, **options) is error
    assert outcome(reference_decode, payload, contexts, **options) is error


@pytest.mark.parametrize("coder", CODERS)
def test_symbol_above_max_sample_is_corrupt(coder):
    """max_sample 40 and 47 have the same tokens, but only one of them has the symbol 47."""
    symbols, contexts = np.full((1, 1, 1), 47, np.uint16), np.full((1, 1, 1), 2, np.uint8)
    payload = encode_tile(symbols, contexts, max_sample=47, prior=PRIOR, coder=coder)
    options = {"max_sample": 40, "prior": PRIOR, "coder": coder}
    assert outcome(decode_tile, payload, contexts, **options) is CorruptStream
    assert outcome(reference_decode, payload, contexts, **options) is CorruptStream
