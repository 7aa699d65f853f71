# SPDX-License-Identifier: Apache-2.0
"""The lanes of every kernel decode what those of the plain one do, damaged payloads included."""

from __future__ import annotations

import numpy as np
import pytest

from medlossless import entropy
from medlossless.codecs._fold import fold_tile
from medlossless.codecs._scan import decode_tile
from medlossless.errors import CorruptStream, Truncated
from medlossless.predict import net_named
from medlossless.predict._kernel import KernelNet, available_kernels

MAX_SAMPLE, EDGE = 255, 9
NET = net_named("med")
KERNELS = [name for name in available_kernels() if name != "plain"]
LEARNING = {"increment": 512, "limit": 1 << 22}
MODES = [None, (4, 4), (1, 5), (3, 2)]  # candidates, band_rows_log2


def make_tile(shape):
    """Half screen, half noise: repeated samples, large residuals and bands of both kinds."""
    rng = np.random.default_rng(3)
    steps = rng.integers(0, 256, (shape[0], -(-shape[1] // 5), -(-shape[2] // 7)))
    samples = steps.repeat(5, 1).repeat(7, 2)[:, : shape[1], : shape[2]]
    noise = rng.integers(0, 256, shape)
    return np.where(rng.random(shape) < 0.3, noise, samples).astype(np.uint16)


def encode(samples, mode, streams_log2):
    prior = entropy.Prior(NET.shifts, NET.freqs)
    net = KernelNet(NET, "plain")
    hits = mode and (*mode, prior.shift, prior.freq)
    symbols, contexts, flags = fold_tile(samples, net, net, MAX_SAMPLE, EDGE, hits)
    more = {"flags": flags, "band_rows_log2": mode[1]} if mode else {}
    return entropy.encode_tile(
        symbols, contexts, max_sample=MAX_SAMPLE, prior=prior, streams_log2=streams_log2, **more
    )


def outcome(payload, shape, mode, streams_log2, kernel):
    """Samples, or the kind of error."""
    prior = entropy.Prior(NET.shifts, NET.freqs)
    net = KernelNet(NET, kernel)
    try:
        return decode_tile(
            np.frombuffer(payload, np.uint8), shape, net, net, MAX_SAMPLE, EDGE,
            prior.shift, prior.freq, streams_log2, *LEARNING.values(), False,
            mode and (*mode, None),
        ).tolist()  # fmt: skip
    except CorruptStream as error:
        return type(error)


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("streams_log2", range(5))
@pytest.mark.parametrize("kernel", KERNELS)
def test_lanes_of_a_kernel_decode(kernel, streams_log2, mode):
    for shape in ((1, 83, 40), (2, 37, 9), (1, 70, 101)):
        samples = make_tile(shape)
        payload = encode(samples, mode, streams_log2)
        for name in ("plain", kernel):
            assert outcome(payload, shape, mode, streams_log2, name) == samples.tolist(), name


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("kernel", KERNELS)
def test_lanes_of_a_kernel_fail_as_the_plain_ones(kernel, mode):
    shape, rng, seen = (1, 40, 37), np.random.default_rng(8), set()
    payload = encode(make_tile(shape), mode, 4)
    for _ in range(120):
        changed = bytearray(payload)
        for at in rng.integers(0, len(payload), rng.integers(1, 4)):
            changed[at] = rng.integers(0, 256)
        cut = bytes(changed[: rng.integers(len(payload) // 2, 2 * len(payload))])
        expected = outcome(cut, shape, mode, 4, "plain")
        assert outcome(cut, shape, mode, 4, kernel) == expected
        seen.add(expected if isinstance(expected, type) else "samples")
    assert {Truncated, CorruptStream} <= seen
