# SPDX-License-Identifier: Apache-2.0
"""Every kernel gives what the reference gives, bit for bit, in every mood."""

from __future__ import annotations

import numpy as np
import pytest
from random_nets import MAX_SAMPLES, SHAPES, extreme_net, frame_stacks, random_net

from medlossless.errors import Unsupported
from medlossless.predict import neighbourhood as nb
from medlossless.predict import net_named, reference, shipped_names
from medlossless.predict._kernel import KERNELS, KernelNet, available_kernels, predict_frame

WIDTHS = [(), (1,), (7,), (16, 16), (31, 17), (33, 5, 9), (64, 32)]
NETS = [(name, widths) for name in nb.NEIGHBOURHOODS for widths in WIDTHS]
NETS = [(name, widths) for name, widths in NETS if name != "none" or widths in ((), (7,))]


def predict_by_reference(net, frames, shape, max_sample):
    where = nb.positions(*shape).ravel()
    found = reference.predict(net, frames, where, shape[1], max_sample)
    return [array.reshape(shape) for array in found]


def assert_equal_to_reference(net, kernel, shape, max_sample):
    handle = KernelNet(net, kernel)
    for name, frames in frame_stacks(shape, max_sample):
        expected = predict_by_reference(net, frames, shape, max_sample)
        found = predict_frame(handle, frames, *shape, max_sample)
        for what, a, b in zip(("prediction", "context", "flip"), expected, found, strict=True):
            wrong = np.argwhere(a != b)
            assert not len(wrong), (what, name, shape, max_sample, wrong[0].tolist())


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize(("neighbourhood", "widths"), NETS)
def test_kernel_equals_reference_for_nets_of_every_size(neighbourhood, widths, kernel):
    net = random_net(neighbourhood, widths)
    for i, max_sample in enumerate(MAX_SAMPLES):
        assert_equal_to_reference(net, kernel, (11 + i, 35), max_sample)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("max_sample", MAX_SAMPLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_kernel_equals_reference_for_frames_of_every_shape(shape, max_sample, kernel):
    assert_equal_to_reference(random_net("wide3d", (12, 8)), kernel, shape, max_sample)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("neighbourhood", nb.NEIGHBOURHOODS)
@pytest.mark.parametrize("widths", [(8,), (40, 24), (256,)])
def test_kernel_equals_reference_where_accumulators_are_full(widths, neighbourhood, kernel):
    net = extreme_net(neighbourhood, widths)
    for max_sample in (255, 65535):
        assert_equal_to_reference(net, kernel, (9, 33), max_sample)


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("name", shipped_names())
def test_kernel_equals_reference_for_shipped_nets(name, kernel):
    for max_sample in MAX_SAMPLES:
        assert_equal_to_reference(net_named(name), kernel, (37, 41), max_sample)


def test_moods_reach_every_context_and_both_flips():
    net, shape = random_net("wide3d", (33, 5, 9)), (37, 41)
    seen, flips = set(), set()
    for max_sample in MAX_SAMPLES:
        for _, frames in frame_stacks(shape, max_sample):
            _, context, flip = predict_by_reference(net, frames, shape, max_sample)
            seen |= set(context.ravel().tolist())
            flips |= set(flip.ravel().tolist())
    assert flips == {False, True}
    assert seen == set(range(reference.N_CONTEXTS))


def test_kernels_are_ordered_and_the_plain_one_is_always_there():
    assert available_kernels()[0] == "plain"
    assert set(available_kernels()) <= set(KERNELS)


@pytest.mark.parametrize("kernel", available_kernels())
def test_environment_chooses_the_kernel(monkeypatch, kernel):
    monkeypatch.setenv("MEDLOSSLESS_KERNEL", kernel)
    assert KERNELS[KernelNet(net_named("med")).number] == kernel


def test_fastest_kernel_is_the_default(monkeypatch):
    monkeypatch.delenv("MEDLOSSLESS_KERNEL", raising=False)
    assert KERNELS[KernelNet(net_named("med")).number] == available_kernels()[-1]


def test_argument_goes_before_the_environment(monkeypatch):
    monkeypatch.setenv("MEDLOSSLESS_KERNEL", available_kernels()[-1])
    assert KERNELS[KernelNet(net_named("med"), "plain").number] == "plain"


@pytest.mark.parametrize("kernel", ["fpu", "neon2", "PLAIN"])
def test_unknown_kernel_is_unsupported(monkeypatch, kernel):
    with pytest.raises(Unsupported, match=kernel):
        KernelNet(net_named("med"), kernel)
    monkeypatch.setenv("MEDLOSSLESS_KERNEL", kernel)
    with pytest.raises(Unsupported, match=kernel):
        KernelNet(net_named("med"))


def test_predict_frame_wants_all_frames_of_the_net():
    net = random_net("wide3d", (8,))
    frame = nb.pad_frame(np.zeros((4, 5), np.uint16), 0)
    with pytest.raises(ValueError, match="the net looks at 3"):
        predict_frame(KernelNet(net), (frame, frame), 4, 5, 255)
