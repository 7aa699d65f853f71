# SPDX-License-Identifier: Apache-2.0
"""Gains: slices that are scaled each in its own way are brought to one scale, where that pays."""

from __future__ import annotations

import numpy as np
import pytest
from codec_arrays import same_bits
from stream_surgery import encode_with

from medlossless import entropy
from medlossless._fields import Fields
from medlossless.api import decode_array, inspect
from medlossless.codecs import choice, gain
from medlossless.codecs._fold import fold_tile
from medlossless.codecs._scan import decode_tile
from medlossless.codecs.predictors import predictor_named
from medlossless.codecs.tuned import Sight
from medlossless.errors import CorruptStream, InvalidInput, Truncated
from medlossless.image import Plane
from medlossless.predict import net_named
from medlossless.predict._kernel import KernelNet, available_kernels


def activity(shape, seed=0):
    """Blobs that change slowly from frame to frame, with noise, as floats 0..1."""
    rng = np.random.default_rng(seed)
    frame, row, col = np.indices(shape) / np.reshape(shape, (3, 1, 1, 1))
    field = np.zeros(shape)
    for _ in range(12):
        at, width = rng.random(3), rng.uniform(0.05, 0.2)
        apart = (0.05 * (frame - at[0])) ** 2 + (row - at[1]) ** 2 + (col - at[2]) ** 2
        field += rng.uniform(0.2, 1) * np.exp(-apart / width**2)
    return np.maximum(0, field + rng.normal(0, 0.002, shape)) / field.max()


def scaled_slices(field, seed=1):
    """Each slice times a factor of its own, and those factors."""
    factors = 20000 * 2 ** np.random.default_rng(seed).uniform(-1, 1, len(field))
    return np.rint(field * factors[:, None, None]).clip(0, 65535).astype(np.uint16), factors


def test_fit_finds_the_factors():
    samples, factors = scaled_slices(activity((9, 64, 64)))
    gains = gain.fit(samples)
    assert gains[0] == gain.UNIT
    assert gains[1:] / gain.UNIT == pytest.approx(factors[1:] / factors[:-1], rel=0.05)


@pytest.mark.parametrize("shape", [(3, 3, 50), (3, 50, 3), (1, 40, 40), (4, 40, 40)])
def test_fit_of_little_is_none(shape):
    assert gain.fit(np.zeros(shape, np.uint16)) is None
    even = np.rint(900 * np.broadcast_to(activity((1, *shape[1:])), shape)).astype(np.uint16)
    assert gain.fit(even) is None


def test_fit_stays_in_range():
    samples = np.array([1, 60000, 1], np.uint16)[:, None, None] * np.ones((8, 8), np.uint16)
    assert gain.fit(samples).tolist() == [gain.UNIT, gain.MOST, gain.LEAST]


@pytest.mark.parametrize("max_sample", [1, 1000, 65535])
@pytest.mark.parametrize("one", [gain.LEAST, 4095, gain.UNIT, 4097, gain.MOST])
def test_scale_is_that_of_integers(one, max_sample):
    samples = np.arange(max_sample + 1).astype(np.uint16)
    expected = [min(max_sample, (s * one + 2048) // 4096) for s in range(max_sample + 1)]
    assert gain.scale(samples, one, max_sample).tolist() == expected


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("max_sample", [900, 65535])
def test_kernels_decode_what_was_folded_with_gains(kernel, max_sample):
    """Random gains, past the top too: every decoder sees what the encoder saw."""
    rng = np.random.default_rng(max_sample)
    samples = rng.integers(0, max_sample + 1, (4, 21, 37)).astype(np.uint16) // 3
    gains = rng.integers(gain.LEAST, gain.MOST + 1, 4).astype(np.uint16)
    predictor = predictor_named("wide2d", "wide3d")
    nets = [KernelNet(net_named(name), kernel) for name in ("wide2d", "wide3d")]
    symbols, contexts, _ = fold_tile(samples, *nets, max_sample, 7, gains=gains)
    bare, _, _ = fold_tile(samples, *nets, max_sample, 7)
    assert not np.array_equal(symbols, bare)
    assert np.array_equal(symbols[0], bare[0])
    payload = entropy.encode_tile(symbols, contexts, max_sample=max_sample, prior=predictor.prior)
    found = decode_tile(
        np.frombuffer(payload, np.uint8), samples.shape, *nets, max_sample, 7,
        predictor.prior.shift, predictor.prior.freq, 0, entropy.INCREMENT, entropy.LIMIT, False,
        gains=gains,
    )  # fmt: skip
    assert np.array_equal(found, samples)


def test_gains_of_other_frames_are_refused():
    samples, kernels = np.zeros((2, 5, 5), np.uint16), predictor_named("tiny2d", "tiny3d").kernels
    with pytest.raises(InvalidInput, match="3 gains of 2 frames"):
        fold_tile(samples, *kernels, 9, 0, gains=np.zeros(3, np.uint16))


@pytest.mark.parametrize("coder", ["ans", "huffman"])
def test_scaled_series_come_back_and_take_less(coder, monkeypatch):
    array, _ = scaled_slices(activity((36, 48, 48)))  # of two slabs
    stream = encode_with("lossless", array, effort=5, coder=coder)
    assert inspect(stream).planes[0]["gains"]
    assert same_bits(decode_array(stream), array)
    assert same_bits(decode_array(stream, frames=34), array[34])
    monkeypatch.setattr(gain, "fit", lambda samples: None)
    bare = encode_with("lossless", array, effort=5, coder=coder)
    assert not inspect(bare).planes[0]["gains"]
    assert len(stream) < 0.97 * len(bare)


def test_gains_are_chosen_where_they_pay_only():
    field = activity((6, 48, 48))
    for factor in (200, 20000):
        samples = np.rint(factor * field).astype(np.uint16)
        assert choice.choose(Plane(samples, int(samples.max())), 5).gains is None
    unlike = np.random.default_rng(2).integers(0, 999, (6, 48, 48)).astype(np.uint16)
    unlike[3:] //= 2
    assert gain.fit(unlike) is not None
    assert choice.choose(Plane(unlike, 998), 5).gains is None


def test_tuning_sees_earlier_frames_at_the_scale_of_the_frame():
    samples = np.random.default_rng(3).integers(0, 1001, (4, 5, 6)).astype(np.uint16)
    gains = np.array([9999, 3000, 7000, 2000], np.uint16)
    plane, see = Plane(samples, 1000), Sight(0, None, gains)
    twice = gain.scale(gain.scale(samples[1], 7000, 1000), 2000, 1000)
    assert np.array_equal(see.earlier(plane, 3, 2), twice)
    assert np.array_equal(see.earlier(plane, 1, 2), gain.scale(samples[0], 3000, 1000))
    assert np.array_equal(see.earlier(plane, 2, 0), samples[2])


@pytest.mark.parametrize("slab", [2, 3, 7])
def test_gains_come_back_but_for_the_first_of_a_slab(slab):
    gains = np.array([5000, 256, 65535, 4096, 4097, 300, 9999], np.uint16)
    fields = Fields(gain.pack_gains(gains, slab), "planes")
    expected = gains.copy()
    expected[::slab] = gain.UNIT
    assert np.array_equal(gain.read_gains(fields, 7, slab), expected)
    fields.end()
    assert gain.read_gains(Fields(gain.pack_gains(None, slab), "planes"), 7, slab) is None


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"\2", CorruptStream), (b"\1\xff\0\0\1", CorruptStream), (b"\1\0\1\0", Truncated)],
)
def test_bad_gains_are_refused(content, error):
    with pytest.raises(error):
        gain.read_gains(Fields(content, "planes"), 3, 3)
