# SPDX-License-Identifier: Apache-2.0
"""The C core writes the bytes of the reference, and both read them, whatever the mood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logistic_priors import logistic_prior

from medlossless.entropy import (
    CODERS,
    Prior,
    decode_tile,
    encode_tile,
    ideal_bits,
    reference,
    sample_bits,
)
from medlossless.errors import InvalidInput

SCALES = (0.05, 0.2, 0.5, 1.5, 6.0, 40.0, 3000.0)
PRIOR = logistic_prior(SCALES)
SHAPES = [(1, 1, 1), (1, 1, 40), (1, 40, 1), (1, 37, 11), (3, 18, 7), (2, 33, 5)]
MAX_SAMPLES = [0, 1, 2, 3, 4, 255, 4095, 65535]


def moods(shape, max_sample, rng):
    """Symbols near zero, near the maximum, random, geometric and in long runs."""
    geometric = np.minimum(rng.geometric(0.3, shape) - 1, max_sample)
    yield "constant", np.zeros(shape)
    yield "maximum", np.full(shape, max_sample)
    yield "random", rng.integers(0, max_sample + 1, shape)
    yield "geometric", geometric
    yield "runs", np.where(rng.random(shape) < 0.93, 0, geometric)


def tiles(shape, max_sample):
    rng = np.random.default_rng(max_sample + shape[1])
    for name, symbols in moods(shape, max_sample, rng):
        contexts = rng.integers(0, len(SCALES), shape)
        yield name, symbols.astype(np.uint16), contexts.astype(np.uint8)
        yield name + " 1 context", symbols.astype(np.uint16), np.full(shape, 2, np.uint8)


def read_by_reference(payload, contexts, **options):
    """Symbols of a payload by TileDecoder, columns outermost within a band: any order will do."""
    decoder = reference.TileDecoder(payload, **options)
    symbols = np.zeros(contexts.shape, np.uint16)
    n_streams = 1 << options["streams_log2"]
    frames, rows, cols = contexts.shape
    for frame, first, height in reference.bands(frames, rows):
        for stream in reversed(range(n_streams)):
            for row in range(first, first + height):
                if row % n_streams == stream:
                    for col in range(cols):
                        context = int(contexts[frame, row, col])
                        symbols[frame, row, col] = decoder.decode(stream, context)
        decoder.end_band()
    decoder.finish()
    return symbols


def check(symbols, contexts, **options):
    payload = encode_tile(symbols, contexts, **options)
    assert payload == reference.encode_tile(symbols, contexts, **options)
    assert np.array_equal(decode_tile(payload, contexts, **options), symbols)
    assert np.array_equal(read_by_reference(payload, contexts, **options), symbols)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("max_sample", MAX_SAMPLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_c_core_equals_reference_in_every_mood(shape, max_sample, coder):
    options = {"max_sample": max_sample, "prior": PRIOR, "coder": coder}
    for i, (name, symbols, contexts) in enumerate(tiles(shape, max_sample)):
        print(name, i % 5)
        check(symbols, contexts, streams_log2=i % 5, **options)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("streams_log2", range(5))
def test_every_number_of_streams_is_the_same_tile(streams_log2, coder):
    for name, symbols, contexts in tiles((2, 35, 9), 255):
        print(name)
        check(
            symbols, contexts, max_sample=255, prior=PRIOR, coder=coder, streams_log2=streams_log2
        )


@settings(max_examples=40, deadline=None)
@given(
    coder=st.sampled_from(CODERS),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 12)),
    max_sample=st.sampled_from(MAX_SAMPLES),
    streams_log2=st.integers(0, 4),
    increment=st.sampled_from([0, 1, 512, 65536]),
    limit=st.sampled_from([1 << 15, 40000, 1 << 22, 1 << 31]),
    zeros=st.sampled_from([0.0, 0.4, 0.9, 0.999]),
    seed=st.integers(0, 2**32 - 1),
)
def test_c_core_equals_reference_for_any_parameters(
    coder, shape, max_sample, streams_log2, increment, limit, zeros, seed
):
    rng = np.random.default_rng(seed)
    contexts = rng.integers(0, len(SCALES), shape).astype(np.uint8)
    symbols = np.minimum(rng.exponential(np.array(SCALES)[contexts]), max_sample).astype(np.uint16)
    symbols[rng.random(shape) < zeros] = 0
    check(
        symbols,
        contexts,
        max_sample=max_sample,
        prior=PRIOR,
        coder=coder,
        streams_log2=streams_log2,
        increment=increment,
        limit=limit,
    )


def test_moods_spread():
    """The generators above do what they are there for."""
    rng = np.random.default_rng(0)
    found = dict(moods((1, 100, 100), 255, rng))
    assert len(np.unique(found["random"])) == 256
    assert 0.9 < np.mean(found["runs"] == 0) < 0.97
    assert found["maximum"].min() == 255
    assert 5 < len(np.unique(found["geometric"])) < 60


def test_contexts_leave_and_enter_runs():
    """Zeros share rises and falls, so runs are open where a context stops coding words."""
    rng = np.random.default_rng(3)
    share = np.repeat([0.95, 0.1, 0.95, 0.05], 24)[None, :, None]
    symbols = np.where(rng.random((1, 96, 40)) < share, 0, rng.integers(1, 60, (1, 96, 40)))
    contexts = np.full(symbols.shape, 1, np.uint8)
    model = reference.Model(PRIOR, 255, 65536, 1 << 20)
    modes = set()
    for _, first, height in reference.bands(1, 96):
        for row in range(first, first + height):
            for symbol in symbols[0, row]:
                model.count[1][reference.token_of(int(symbol))] += 1
        model.end_band()
        modes.add(model.code_tables[1].run_log2 > 0)
    assert modes == {False, True}
    options = {"max_sample": 255, "prior": PRIOR, "increment": 65536, "limit": 1 << 20}
    for streams_log2 in (0, 4):
        check(
            symbols.astype(np.uint16),
            contexts,
            coder="huffman",
            streams_log2=streams_log2,
            **options,
        )


def test_stream_layout_is_one_length_and_state_each():
    """A single certain sample: 4 streams of 4 bytes, each the start state."""
    symbols, contexts = np.zeros((1, 1, 1), np.uint16), np.zeros((1, 1, 1), np.uint8)
    options = {"max_sample": 0, "prior": PRIOR, "streams_log2": 2}
    payload = encode_tile(symbols, contexts, **options)
    assert payload == bytes([4, 4, 4, 4]) + 4 * bytes([0, 0, 1, 0])
    assert encode_tile(symbols, contexts, coder="huffman", **options) == bytes(4)


def test_sample_bits_are_those_of_the_tables():
    rng = np.random.default_rng(5)
    contexts = rng.integers(0, len(SCALES), (2, 20, 9)).astype(np.uint8)
    symbols = np.minimum(rng.exponential(np.array(SCALES)[contexts]), 4095).astype(np.uint16)
    model = reference.Model(PRIOR, 4095, 512, 1 << 22)
    expected = np.zeros(symbols.shape)
    for frame, first, height in reference.bands(2, 20):
        for row in range(first, first + height):
            for col in range(9):
                context = contexts[frame, row, col]
                token, _, n_raw = reference.split(
                    int(symbols[frame, row, col]), model.shift[context]
                )
                freq = model.tables[context].freq[token]
                expected[frame, row, col] = 15 - np.log2(freq) + n_raw
                model.count[context][token] += 1
        model.end_band()
    bits = sample_bits(symbols, contexts, max_sample=4095, prior=PRIOR)
    assert np.allclose(bits, expected, atol=1e-5)
    total = ideal_bits(symbols, contexts, max_sample=4095, prior=PRIOR)
    assert total == pytest.approx(expected.sum(), rel=1e-6)


@pytest.mark.parametrize("coder", CODERS)
def test_out_of_range_samples_are_refused(coder):
    symbols, contexts = np.full((1, 2, 2), 9, np.uint16), np.zeros((1, 2, 2), np.uint8)
    with pytest.raises(InvalidInput, match="above max_sample 8"):
        encode_tile(symbols, contexts, max_sample=8, prior=PRIOR, coder=coder)
    contexts[0, 1, 1] = len(SCALES)
    with pytest.raises(InvalidInput, match="context"):
        encode_tile(symbols, contexts, max_sample=9, prior=PRIOR, coder=coder)
    payload = encode_tile(symbols, 0 * contexts, max_sample=9, prior=PRIOR, coder=coder)
    with pytest.raises(InvalidInput, match="context"):
        decode_tile(payload, contexts, max_sample=9, prior=PRIOR, coder=coder)


@pytest.mark.parametrize(
    "change",
    [
        {"max_sample": 65536},
        {"max_sample": -1},
        {"streams_log2": 5},
        {"increment": -1},
        {"increment": 65537},
        {"limit": 32767},
        {"limit": (1 << 31) + 1},
        {"coder": "arithmetic"},
        {"symbols": np.zeros((1, 2, 2), np.int32)},
        {"symbols": np.zeros((1, 2, 3), np.uint16)},
        {"contexts": np.zeros((2, 2), np.uint8)},
        {"contexts": np.zeros((1, 4, 4), np.uint8)[:, ::2, ::2]},
        {"contexts": np.zeros((1, 0, 2), np.uint8), "symbols": np.zeros((1, 0, 2), np.uint16)},
    ],
)
def test_bad_parameters_are_refused(change):
    call = {
        "symbols": np.zeros((1, 2, 2), np.uint16),
        "contexts": np.zeros((1, 2, 2), np.uint8),
        "max_sample": 9,
        "prior": PRIOR,
    }
    assert encode_tile(**call)
    with pytest.raises(InvalidInput):
        encode_tile(**{**call, **change})


def test_256_contexts_are_allowed():
    prior = Prior(np.repeat(PRIOR.shift[:1], 256), np.repeat(PRIOR.freq[:1], 256, axis=0))
    contexts = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    symbols = (contexts % 3).astype(np.uint16)
    for coder in CODERS:
        check(symbols, contexts, max_sample=9, prior=prior, coder=coder, streams_log2=4)
