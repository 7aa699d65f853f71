# SPDX-License-Identifier: Apache-2.0
"""The C trainer: near the NumPy reference, the same bits with any kernel and threads."""

import os

import numpy as np
import pytest
from pools import pool_from

from medlossless.predict import net_named, shipped_names, tune, tune_reference
from medlossless.predict._kernel import available_kernels
from medlossless.predict._tune import CHUNK_BLOCKS, Trainer

NETS = [name for name in shipped_names() if net_named(name).hidden]
UNITS = [(8,), (16, 24), (40, 8, 16), (64, 64)]


MOODS = (0.01, 0.3, 1, 300)


def moody_pool(n_inputs, n=3000, seed=2, moods=MOODS):
    """Inputs with outliers, residuals from 0 to far beyond the clips, small and large scales."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(0, 70, (n, n_inputs))
    inputs[::50] *= 20
    inputs = np.clip(inputs, -1023, 1023).astype(np.int16)
    exponent, mantissa = rng.integers(3, 14, n), rng.integers(0, 8, n)
    spread = 2.0 ** (exponent - 4) * rng.choice(moods, n)
    samples = np.clip(np.rint(3000 + rng.logistic(0, 1, n) * spread), 0, 65535).astype(np.uint16)
    pool = pool_from(inputs, np.full(n, 3000), exponent, mantissa, samples)
    assert len(np.unique(samples)) > min(n // 10, 300)
    return pool


def random_net(n_inputs, units, seed=3):
    """A float net of any widths, some of its units dead, some clipped."""
    rng = np.random.default_rng(seed)
    weights, biases, n = [], [], n_inputs
    for n_units in units:
        weights.append(rng.normal(0, n**-0.5, (n_units, n)))
        biases.append(rng.choice([-9, 0, 0, 15], n_units))
        n = n_units
    weights.append(rng.normal(0, 0.1, (2, n + n_inputs)))
    biases.append(rng.normal(0, 0.2, 2))
    return tune.FloatNet(weights, biases)


def cases():
    for name in NETS:
        yield pytest.param(lambda name=name: tune.FloatNet.of(net_named(name)), id=name)
    for units in UNITS:
        yield pytest.param(lambda units=units: random_net(13, units), id=str(units))


def trainer_of(net, pool, **how):
    return tune._trainer(net, pool, np.zeros((1, 2), np.float32), 1, **how)


@pytest.mark.parametrize("make", list(cases()))
def test_gradient_is_near_the_reference(make):
    net = make()
    pool = moody_pool(net.n_inputs).part(0, CHUNK_BLOCKS)
    expected = tune.pack(net, tune_reference.Tuner(net).gradients(pool.batch()))
    found = trainer_of(net, pool).gradient(0, len(pool)) / len(pool)  # share of a batch of 1 block
    scale = np.abs(expected).max()
    assert scale > 1e-3
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5 * scale)


@pytest.mark.parametrize("make", list(cases()))
def test_bits_are_near_the_reference(make):
    net = make()
    pool = moody_pool(net.n_inputs)
    expected = tune_reference.mean_bits(net, pool)
    assert tune.mean_bits(net, pool) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("make", list(cases()))
def test_kernels_give_the_same_bits(make):
    seen = set()
    pool = moody_pool(make().n_inputs)
    for kernel in available_kernels():
        net = make()
        gradient = trainer_of(net, pool, kernel=kernel).gradient(3, 10)
        tune.tune(net, pool, tune.Plan(25, 512), kernel=kernel)
        parameters = [p.tobytes() for p in net.parameters]
        seen.add((gradient.tobytes(), *parameters, tune.mean_bits(net, pool, kernel)))
    assert len(seen) == 1
    if os.environ.get("CI") and os.uname().machine == "x86_64":
        assert len(available_kernels()) > 1


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_threads_give_the_same_bits(threads):
    results = []
    for n in (1, threads):
        net = random_net(13, (16, 16))
        tune.tune(net, moody_pool(13), tune.Plan(70, 1024), threads=n)
        results.append([p.tobytes() for p in net.parameters])
    assert results[0] == results[1]


@pytest.mark.parametrize("bits_a_step", [None, 3.0])
def test_a_step_is_adams_to_the_last_bit(bits_a_step):
    """Given the trainer's own gradient, the reference step gives the trainer's parameters."""
    net = random_net(13, (16, 16))
    pool = moody_pool(13).part(0, CHUNK_BLOCKS)
    pool.targets[:, 3] *= 2**-10
    plan = tune.Plan(3, 16 * CHUNK_BLOCKS)
    price, costs = None, {}
    if bits_a_step is not None:
        price = tune.Price([np.full_like(p, 700) for p in net.parameters], bits_a_step, 5000)
        costs = {"finenesses": tune.pack(net, price.finenesses), "price": price.a_sample}
    tuner = tune_reference.Tuner(net, price)
    trainer = tune._trainer(net, pool, plan.rates(), CHUNK_BLOCKS, **costs)
    for step, rate in enumerate(plan.rates()):
        flat = trainer.gradient(0, CHUNK_BLOCKS)
        gradients = random_net(13, (16, 16))
        tune.unpack(gradients, flat)
        norm = float(np.linalg.norm(flat))
        assert 1e-3 < norm < 0.99  # not clipped, or the norm's own rounding would show
        pairs = zip(gradients.parameters, tuner.prices(), strict=True)
        tuner.adam([gradient + paid for gradient, paid in pairs], rate)
        trainer.steps(0, step, step + 1)
        assert tune.pack(net).tobytes() == trainer.parameters.tobytes()


@pytest.mark.parametrize("make", list(cases()))
def test_what_moving_costs_keeps_parameters_where_they_were(make):
    """The dearer it is, the fewer of them have moved by a step when the tuning ends."""
    moved, pool = [], moody_pool(make().n_inputs)
    for bits_a_step in (0.0, 1.0, 1e6):
        net, start = make(), make()
        fine = [np.full_like(p, 64) for p in net.parameters]
        tune.tune(net, pool, tune.Plan(40, 512), tune.Price(fine, bits_a_step, 1 << 14))
        far = zip(net.parameters, start.parameters, strict=True)
        moved.append(sum(int((np.abs(p - s) * 64 > 0.5).sum()) for p, s in far))
    assert moved[0] > moved[1] > moved[2] == 0


def test_a_whole_tuning_is_near_the_reference():
    results, pool = [], moody_pool(13, moods=[0.5])
    for run in (tune.tune, tune_reference.tune):
        net = random_net(13, (16, 16))
        before = tune.mean_bits(net, pool)
        run(net, pool, tune.Plan(60, 512))
        results.append(tune.mean_bits(net, pool))
    assert results[0] < before - 1
    assert results[0] == pytest.approx(results[1], rel=1e-3)


def test_weightless_lanes_change_nothing():
    net = random_net(13, (16, 16))
    pool = moody_pool(13, n=122)
    assert len(pool) == 8
    assert pool.weight == 122
    pool.inputs[-1, :, -6:] = 999
    pool.targets[-1, 0, -6:] = 77
    assert pool.targets[-1, 3, -6:].max() == 0
    expected = trainer_of(net, moody_pool(13, n=122)).gradient(0, 8)
    assert trainer_of(net, pool).gradient(0, 8).tobytes() == expected.tobytes()


def test_padding_stays_zero():
    net = random_net(13, (10, 12))
    pool, plan = moody_pool(13), tune.Plan(20, 512)
    trainer = tune._trainer(net, pool, plan.rates(), plan.blocks(pool))
    before = tune.pack(net)
    trainer.steps(0, 0, plan.steps)
    tune.unpack(net, trainer.parameters)
    assert not np.array_equal(tune.pack(net), before)
    assert tune.pack(net).tobytes() == trainer.parameters.tobytes()


def test_a_thread_that_does_not_come_holds_up_nobody():
    net, pool, plan = random_net(13, (16, 16)), moody_pool(13), tune.Plan(5, 1024)
    trainer = tune._trainer(net, pool, plan.rates(), plan.blocks(pool), threads=2)
    trainer.give_up()
    trainer.steps(0, 0, 5)  # would wait for ever


def test_an_exception_in_progress_ends_all_threads():
    class Stop(Exception):
        pass

    def stop(steps):
        raise Stop

    with pytest.raises(Stop):
        tune.tune(random_net(13, (16, 16)), moody_pool(13), tune.Plan(50), threads=2, progress=stop)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("units", (12, 16)),
        ("units", ()),
        ("units", (8, 8, 8, 8)),
        ("n_inputs", 12),
        ("parameters", np.zeros(5, np.float32)),
        ("batch_blocks", 0),
        ("batch_blocks", 1000),
        ("threads", 0),
        ("rates", np.zeros((0, 2), np.float32)),
    ],
)
def test_sizes_that_contradict_are_refused(change, value):
    net, pool = random_net(13, (16, 16)), moody_pool(13)
    good = {
        "n_inputs": 13,
        "units": (16, 16),
        "parameters": tune.pack(net),
        "inputs": pool.inputs,
        "targets": pool.targets,
        "rates": np.zeros((1, 2), np.float32),
        "batch_blocks": 4,
        "threads": 1,
    }
    Trainer(**good)
    with pytest.raises(ValueError):
        Trainer(**good | {change: value})
