# SPDX-License-Identifier: Apache-2.0
"""Tuning: the gradient is the gradient, a few steps help, and what is sent is what was tuned."""

import numpy as np
import pytest

from medlossless._fields import Fields
from medlossless.codecs import choice, predictors, tuned
from medlossless.errors import CorruptStream, InvalidWeights, MedlosslessError
from medlossless.image import Plane
from medlossless.predict import delta, net_named, tune, tune_reference


def textured(rows=96, cols=96, frames=2, seed=3):
    """Correlated noise on a slope: something a net can learn."""
    rng = np.random.default_rng(seed)
    white = rng.normal(0, 12, (frames, rows + 2, cols + 2))
    smooth = white[:, :-2, 1:-1] + white[:, 1:-1, 1:-1] + 0.5 * white[:, 1:-1, :-2]
    slope = np.add.outer(np.arange(rows), np.arange(cols))
    samples = np.clip(800 + slope + smooth, 0, 4095).astype(np.uint16)
    return Plane(samples, 4095)


def pool_of(plane, base="narrow2d", count=4096):
    frames = np.arange(1 if base.endswith("3d") else 0, len(plane.samples))
    return tuned.draw_pool(plane, base, frames, tuned.Sight(800), np.random.default_rng(1), count)


def test_float_net_is_the_integer_net():
    net = net_named("narrow2d")
    twin = tune.FloatNet.of(net)
    back = delta.quantise(net, twin, (0,) * 3)
    assert all(not layer.any() for layer in back)
    assert delta.apply(net, back, (0,) * 3).digest == net.digest


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_gradient_is_the_slope_of_the_code_length(layer):
    pool = pool_of(textured()).batch()
    wide = tune.Batch(*(getattr(pool, n).astype(np.float64) for n in pool.__dataclass_fields__))
    net = tune.FloatNet.of(net_named("narrow2d"))
    net.weights = [w.astype(np.float64) for w in net.weights]
    net.biases = [b.astype(np.float64) for b in net.biases]
    found = tune_reference.Tuner(net).gradients(wide)[layer]
    rng = np.random.default_rng(layer)
    places = [tuple(rng.integers(0, n) for n in found.shape) for _ in range(12)]
    slopes = []
    for place in places:
        step, bits = 1e-6, []
        for sign in (1, -1):
            net.weights[layer][place] += sign * step
            outputs = net.forward(wide.inputs)[1]
            bits.append(tune_reference.code_length(outputs, wide)[0].mean())
            net.weights[layer][place] -= sign * step
        slopes.append((bits[0] - bits[1]) / (2 * step))
    given = np.array([found[place] for place in places])
    assert np.abs(slopes).max() > 1e-4
    np.testing.assert_allclose(given, slopes, rtol=0.02, atol=2e-4)


def test_code_length_is_the_mass_of_a_logistic():
    rng = np.random.default_rng(5)
    n = 4000
    outputs = rng.normal(0, 3, (n, 2)).astype(np.float32)
    difference = np.rint(rng.laplace(0, 12, n)).astype(np.float32)
    ones = np.ones(n, np.float32)
    batch = tune.Batch(np.zeros((n, 1), np.float32), difference, 2 * ones, 2.5 * ones, ones)
    bits = tune_reference.code_length(outputs, batch)[0]
    wide = outputs.astype(np.float64)
    s = 2.0 ** -np.clip(2.5 + np.clip(wide[:, 1], -tune.SCALE_CLIP, tune.SCALE_CLIP), -4, 12)
    gap = np.minimum(np.abs(difference - 2 * wide[:, 0]), 600 / s)
    mass = 1 / (1 + np.exp((gap - 0.5) * s)) - 1 / (1 + np.exp((gap + 0.5) * s))
    plain = (gap - 0.5) * s < tune.NEAR_CLIP - 1
    assert 100 < plain.sum() < n
    np.testing.assert_allclose(bits[plain], -np.log2(mass[plain]), rtol=2e-3)
    assert bits.max() < 1.5 * tune.NEAR_CLIP + 20


@pytest.mark.parametrize("base", ["narrow2d", "mid3d"])
def test_a_few_steps_make_the_code_shorter(base):
    pool = pool_of(textured(), base)
    net = tune.FloatNet.of(net_named(base))
    before = tune.mean_bits(net, pool)
    tune.tune(net, pool, tune.Plan(60, 512))
    assert tune.mean_bits(net, pool) < before - 0.02


def test_progress_counts_every_step():
    told = []
    tune.tune(
        tune.FloatNet.of(net_named("narrow2d")),
        pool_of(textured()),
        tune.Plan(75, 512),
        progress=told.append,
    )
    assert sum(told) == 75
    assert len(told) > 2


def test_tuning_is_deterministic():
    plane = textured()
    once, again = (choice.predictor_for(plane, 5) for _ in range(2))
    assert once.first.written == again.first.written


def test_a_sent_net_is_read_back():
    pool = pool_of(textured())
    sent = tuned.tune_net("narrow2d", pool, 1 << 22, tune.Plan(60, 512))
    assert sent is not None
    fields = Fields(sent.to_bytes(), "nets")
    read = tuned.read_tuned(fields)
    fields.end()
    assert read.base == sent.base
    assert read.steps_log2 == sent.steps_log2
    assert all(np.array_equal(a, b) for a, b in zip(read.deltas, sent.deltas, strict=True))
    assert read.build().digest == sent.build().digest != net_named("narrow2d").digest


def test_a_net_that_does_not_pay_is_not_sent():
    pool = pool_of(textured())
    assert tuned.tune_net("narrow2d", pool, 100, tune.Plan(60, 512)) is None


def test_a_weight_out_of_range_is_refused():
    net = net_named("narrow2d")
    deltas = [np.zeros((x.weights.shape[0], x.weights.shape[1] + 1), np.int32) for x in net.hidden]
    deltas.append(np.zeros((2, net.output.weights.shape[1] + 1), np.int32))
    deltas[1][0, 0] = 32767
    with pytest.raises(InvalidWeights, match="layer 1"):
        delta.apply(net, deltas, (4, 4, 4))


def test_damaged_nets_are_named_errors():
    pool = pool_of(textured())
    data = bytes([predictors.TUNED])
    data += tuned.tune_net("narrow2d", pool, 1 << 22, tune.Plan(40, 512)).to_bytes()
    for size in range(0, len(data), 7):
        with pytest.raises(CorruptStream):
            predictors.read_net(Fields(data[:size], "nets"))
    survived = 0
    for at in range(0, len(data), 5):
        bent = bytearray(data)
        bent[at] ^= 0x55
        try:
            predictors.read_net(Fields(bytes(bent), "nets"))
            survived += 1
        except MedlosslessError:
            continue
    assert survived < len(data) // 5
