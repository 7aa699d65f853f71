# SPDX-License-Identifier: Apache-2.0
"""The second pass of the encoder: every kernel writes the bytes of the plain one."""

import numpy as np
import pytest

from medlossless.entropy import _coder
from medlossless.predict._kernel import KERNELS, available_kernels

SCALE = 1 << 15
SLACK = 16
FREQS = np.arange(1, SCALE + 1, dtype=np.uint32)


def payload(freqs, cums, raws, shape, streams_log2, kernel):
    steps = np.concatenate([freqs << 16 | cums, np.zeros(SLACK)]).astype(np.uint32)
    padded = np.concatenate([raws, np.ones(SLACK)]).astype(np.uint16)
    number = KERNELS.index(kernel)
    status, found = _coder.encode_records(steps, padded, shape, streams_log2, number)
    assert status == 0
    return found.tobytes()


def records(n, rng):
    """Every freq equally often, any cum that goes with it, raw bits of every length."""
    freqs = np.concatenate([rng.permutation(FREQS) for _ in range(-(-n // SCALE))])[:n]
    cums = (rng.random(n) * (SCALE + 1 - freqs)).astype(np.uint32)
    n_raw = rng.integers(0, 16, n) * (rng.random(n) < 0.5)
    return freqs, cums, (1 << n_raw) + rng.integers(0, 1 << 15, n) % (1 << n_raw)


@pytest.mark.parametrize("kernel", available_kernels())
def test_every_frequency_divides_alike(kernel):
    """32 states for each freq, from 2^16 to the highest at which nothing is written."""
    shape = (1, 32, SCALE)
    for seed in range(2):
        freqs, cums, raws = records(32 * SCALE, np.random.default_rng(seed))
        if seed:
            raws[:] = 1
        args = (freqs, cums, raws, shape, 4)
        assert payload(*args, kernel) == payload(*args, "plain")


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("streams_log2", range(5))
def test_every_shape_is_written_alike(kernel, streams_log2):
    rng = np.random.default_rng(streams_log2)
    for shape in [(1, 1, 1), (1, 16, 1), (2, 16, 16), (1, 17, 31), (3, 35, 15), (1, 48, 33)]:
        args = (*records(int(np.prod(shape)), rng), shape, streams_log2)
        assert payload(*args, kernel) == payload(*args, "plain")


def test_a_float_quotient_is_the_true_one_or_a_neighbour():
    """What csrc/entropy/rans_avx512.c corrects, for every freq, where rounding is most likely to
    cross an integer: at multiples of freq and just below them.
    """
    rng, freqs = np.random.default_rng(3), FREQS[:, None].astype(np.uint64)
    powers = 1 << np.arange(17)
    quotients = np.concatenate([powers, 2 * powers - 1, rng.integers(1, 1 << 17, 30)])
    off = set()
    for below in (0, 1):
        states = np.minimum(quotients.astype(np.uint64) * freqs - np.uint64(below), 2**32 - 1)
        ratios = states.astype(np.float32) / freqs.astype(np.float32)
        true = (states // freqs).astype(np.int64)
        off |= set(np.unique(ratios.astype(np.int64) - true).tolist())
    assert 0 in off and off <= {-1, 0, 1}
    assert 1 in off  # so the correction is needed
