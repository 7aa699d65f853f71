# SPDX-License-Identifier: Apache-2.0
"""Pools drawn from frames hold the features that the reference defines."""

import numpy as np
import pytest
from pools import pool_from

from medlossless.codecs import tuned
from medlossless.image import Plane
from medlossless.predict import neighbourhood as nb
from medlossless.predict import net_named, reference, shipped_names, tune
from medlossless.predict._kernel import KernelNet, available_kernels
from medlossless.predict._tune import draw

NETS = [name for name in shipped_names() if net_named(name).hidden]
TOPS = {"flat": 3, "usual": 900, "full range": 65536}


def frames_of(rows, cols, top, count=3, seed=4):
    return np.random.default_rng(seed).integers(0, top, (count, rows, cols)).astype(np.uint16)


def expected_pool(net, frames, edge, picked):
    rows, cols = frames[0].shape
    padded = tuple(nb.pad_frame(frame, edge) for frame in frames)
    where = nb.positions(rows, cols).reshape(-1)[picked]
    inputs, *local = reference.features(padded, where, cols, net.neighbourhood)
    return pool_from(inputs.T, *local, frames[0].reshape(-1)[picked])


def drawn_pool(net, frames, edge, picked, kernel=None):
    n_blocks = -(-len(picked) // tune.LANES)
    inputs = np.full((n_blocks, net.n_inputs, tune.LANES), -7, np.int16)
    targets = np.full((n_blocks, tune.TARGETS, tune.LANES), np.nan, np.float32)
    blocks = np.arange(n_blocks, dtype=np.int32)
    draw(KernelNet(net), list(frames), edge, picked, blocks, inputs, targets, kernel)
    return tune.Pool(inputs, targets)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("top", TOPS.values(), ids=TOPS)
@pytest.mark.parametrize("name", NETS)
def test_a_drawn_block_is_what_the_reference_says(name, top, kernel):
    net, rng = net_named(name), np.random.default_rng(1)
    for rows, cols in ((1, 1), (3, 2), (20, 37)):
        frames = frames_of(rows, cols, top)
        picked = rng.permutation(rows * cols)[:250]
        found = drawn_pool(net, frames, 65535 if top > 900 else 2, picked, kernel)
        expected = expected_pool(net, frames, 65535 if top > 900 else 2, picked)
        lanes = expected.targets[:, 3] > 0
        assert lanes.sum() == len(picked)
        assert np.array_equal(found.targets[:, 3], expected.targets[:, 3])
        for ours, theirs in zip((found.inputs, found.targets), (expected.inputs, expected.targets)):
            ours, theirs = (part.transpose(0, 2, 1)[lanes] for part in (ours, theirs))
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("most", [100, 900, 100_000])
def test_a_pool_holds_samples_of_all_frames_once_or_at_random(most):
    samples = frames_of(30, 40, 4000, count=5)
    plane = Plane(samples, 3999)
    rng = np.random.default_rng(2)
    pool = tuned.draw_pool(plane, "mid3d", np.arange(1, 5), tuned.Sight(0), rng, most)
    batch = pool.batch()
    taken = batch.weight > 0
    wanted = {100: 100, 900: 900, 100_000: 4 * 1200}[most]
    assert taken.sum() == wanted
    known = {row.tobytes() for row in batch.inputs[taken]}
    assert len(known) > 0.8 * wanted
    whole = [
        drawn_pool(
            net_named("mid3d"), samples[[f, max(0, f - 1), max(0, f - 2)]], 0, np.arange(1200)
        )
        .batch()
        .inputs
        for f in range(1, 5)
    ]
    assert known <= {row.tobytes() for frame in whole for row in frame}


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("picked", np.array([], np.int64)),
        ("picked", np.array([0, 1, 600])),
        ("picked", np.array([0, -1, 6])),
        ("picked", np.arange(33)),
        ("blocks", np.array([0, 2], np.int32)),
        ("blocks", np.array([-1, 0], np.int32)),
        ("frames", [np.zeros((20, 30), np.uint16)] * 2),
        ("inputs", np.zeros((2, 39, 16), np.int16)),
        ("targets", np.zeros((1, 4, 16), np.float32)),
    ],
)
def test_a_draw_out_of_bounds_is_refused(change, value):
    good = {
        "handle": KernelNet(net_named("mid3d")),
        "frames": [np.zeros((20, 30), np.uint16)] * 3,
        "edge": 0,
        "picked": np.arange(20),
        "blocks": np.array([1, 0], np.int32),
        "inputs": np.zeros((2, 40, 16), np.int16),
        "targets": np.zeros((2, 4, 16), np.float32),
    }
    draw(**good)
    with pytest.raises(ValueError):
        draw(**good | {change: value})
