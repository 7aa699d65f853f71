# SPDX-License-Identifier: Apache-2.0
"""The encoder's fused loop writes what folding and coding one after the other write.

Those two, and the decoder, have their own definitions (`test_reference_decoder`, `test_codec_hits`,
`entropy.reference`); here every kernel, net and mode goes both ways.
"""

from dataclasses import replace

import numpy as np
import pytest
from codec_arrays import boxes, smooth

from medlossless import entropy
from medlossless.codecs._fold import encode_tile, fold_tile, tile_bits
from medlossless.codecs._scan import decode_tile
from medlossless.codecs.mask import Mask
from medlossless.codecs.predictors import (
    TileInput,
    _freq_bits,
    fold,
    frame_bits,
    predictor_named,
    tile_payload,
)
from medlossless.codecs.tiling import choose_streams_log2
from medlossless.errors import InvalidInput
from medlossless.predict import net_named
from medlossless.predict._kernel import KernelNet, available_kernels

LEARNING = (512, 1 << 22)
NETS = [("med", "med"), ("narrow2d", "narrow2d"), ("mid2d", "mid3d")]
SHAPES = [(1, 1, 1), (1, 1, 300), (2, 70, 5), (3, 18, 31), (1, 48, 64), (2, 33, 45)]


def tiles(shape, max_sample):
    """Samples 0..max_sample in every mood."""
    rng = np.random.default_rng(max_sample + shape[2])
    noise = rng.integers(0, max_sample + 1, shape)
    yield "constant", np.full(shape, max_sample // 2)
    yield "noise", noise
    yield "extremes", np.where(rng.random(shape) < 0.5, 0, max_sample)
    yield "smooth", smooth(shape, "<u2", 0, max_sample)
    yield "boxes", boxes(shape).astype(np.int64) * max_sample // 255
    yield "spots", np.where(rng.random(shape) < 0.02, noise, max_sample // 3)


def decoded(payload, samples, kernels, net, max_sample, streams_log2, hits):
    """What the decoder makes of a payload."""
    tables = (net.shifts, net.freqs, streams_log2, *LEARNING, False, hits and (*hits, None))
    return decode_tile(payload, samples.shape, *kernels, max_sample, max_sample // 4, *tables)


def both_ways(samples, kernels, net, max_sample, streams_log2, hits):
    """Payloads of the fused loop and of the two steps, and their bits."""
    prior, edge = entropy.Prior(net.shifts, net.freqs), max_sample // 4
    tables = (prior.shift, prior.freq)
    start = (samples, *kernels, max_sample, edge)
    fused = encode_tile(*start, *tables, streams_log2, *LEARNING, hits)
    bits = tile_bits(*start, *tables, *LEARNING, _freq_bits(), hits)
    symbols, contexts, flags = fold_tile(*start, hits and (*hits, *tables))
    options = {"max_sample": max_sample, "prior": prior}
    if hits:
        options |= {"flags": flags, "band_rows_log2": hits[1]}
    expected = entropy.encode_tile(symbols, contexts, streams_log2=streams_log2, **options)
    ideal = entropy.sample_bits(symbols, contexts, **options)
    assert np.array_equal(
        decoded(fused, samples, kernels, net, max_sample, streams_log2, hits), samples
    )
    return fused.tobytes(), expected, bits / 65536, ideal.sum(axis=(1, 2), dtype=float)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("nets", NETS)
@pytest.mark.parametrize("max_sample", [1, 6, 255, 65535])
def test_fused_encoder_equals_its_two_steps(nets, kernel, max_sample):
    kernels = tuple(KernelNet(net_named(name), kernel) for name in nets)
    number = max_sample
    for shape in SHAPES:
        for mood, samples in tiles(shape, max_sample):
            number += 1
            hits = None if number % 2 else (1 + number // 2 % 4, number // 2 % 5)
            streams_log2 = 4 - number % 3
            print(shape, mood, hits, streams_log2)
            samples = samples.astype(np.uint16)
            fused, expected, bits, ideal = both_ways(
                samples, kernels, net_named(nets[1]), max_sample, streams_log2, hits
            )
            assert fused == expected
            assert np.allclose(bits, ideal, rtol=1e-4, atol=samples.size * 1e-4)


def test_samples_above_the_maximum_are_refused():
    kernel, net = KernelNet(net_named("med")), net_named("med")
    samples = np.full((1, 4, 4), 9, np.uint16)
    for top in (8, -1):
        with pytest.raises(InvalidInput, match="samples"):
            encode_tile(samples, kernel, kernel, top, 0, net.shifts, net.freqs, 0, *LEARNING)


@pytest.mark.parametrize("names", [("tiny2d",), ("narrow2d", "narrow3d")])
@pytest.mark.parametrize("cols", [1, 37, 100])
def test_fused_encoder_leaves_masks_out_as_the_two_steps_do(names, cols):
    rng = np.random.default_rng(cols)
    samples = rng.integers(0, 900, (4, 35, cols)).astype(np.uint16)
    for row in samples.reshape(-1, cols):
        left, right = rng.integers(0, cols + 1, 2) * (rng.integers(0, 3, 2) > 0)
        row[:left], row[cols - right :] = 7, 7
    predictor = replace(predictor_named(*names), mask=Mask(7, 300))
    seen = TileInput.of(predictor, samples)
    assert seen.runs.any()
    payload = tile_payload(predictor, seen, 900, "ans")
    folded = fold(predictor, seen, 900)
    streams_log2 = choose_streams_log2(samples.size)
    assert payload == seen.pack_runs(predictor) + entropy.encode_tile(
        **folded, streams_log2=streams_log2
    )
    bits = entropy.sample_bits(**folded).sum(axis=(1, 2), dtype=float)
    np.testing.assert_allclose(frame_bits(predictor, samples, 900), bits, rtol=1e-4, atol=0.1)
