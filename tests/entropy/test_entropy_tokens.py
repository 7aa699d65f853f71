# SPDX-License-Identifier: Apache-2.0
"""Every symbol and shift splits into a token and raw bits and joins again, in Python and in C."""

import numpy as np
import pytest

from medlossless.entropy import Prior, decode_tile, encode_tile, freq_from_counts, sample_bits
from medlossless.entropy.coder import raw_bits
from medlossless.entropy.prior import N_TOKENS
from medlossless.entropy.reference import join, split, token_of

ALL_SYMBOLS = np.arange(65536, dtype=np.uint16).reshape(1, 256, 256)


@pytest.mark.parametrize("shift", range(16))
def test_split_and_join_are_inverse_for_all_symbols(shift):
    previous = 0
    n_raws = []
    for symbol in range(65536):
        token, raw, n_raw = split(symbol, shift)
        assert join(token, raw, shift) == symbol
        assert previous <= token < N_TOKENS
        assert 0 <= raw < 1 << n_raw <= 1 << 15
        previous = token
        n_raws.append(n_raw)
    assert previous == token_of(65535 >> shift)
    shifts = np.full(65536, shift, np.uint8)
    assert raw_bits(ALL_SYMBOLS.ravel(), shifts).tolist() == n_raws


def test_tokens_are_those_of_the_table():
    values = (0, 31, 32, 47, 48, 63, 64, 65535)
    assert [token_of(value) for value in values] == [0, 31, 32, 32, 33, 33, 34, 53]
    # 365 >> 1 = 182 = 0b10110110: octave 7, lower half, 6 bits of its own and 1 of the shift.
    assert split(365, 1) == (36, 365 & 127, 7)


@pytest.mark.parametrize("shift", range(16))
@pytest.mark.parametrize("coder", ["ans", "huffman"])
def test_c_core_codes_all_symbols(shift, coder):
    flat = freq_from_counts(np.zeros((1, N_TOKENS)))
    prior = Prior(np.array([shift], np.uint8), flat)
    contexts = np.zeros(ALL_SYMBOLS.shape, np.uint8)
    payload = encode_tile(ALL_SYMBOLS, contexts, max_sample=65535, prior=prior, coder=coder)
    decoded = decode_tile(payload, contexts, max_sample=65535, prior=prior, coder=coder)
    assert np.array_equal(decoded, ALL_SYMBOLS)


def test_raw_bits_alone_cost_what_they_are():
    prior = Prior(np.array([15], np.uint8), freq_from_counts(np.zeros((1, N_TOKENS))))
    symbols = np.full((1, 4, 4), 77, np.uint16)
    contexts = np.zeros((1, 4, 4), np.uint8)
    bits = sample_bits(symbols, contexts, max_sample=100, prior=prior)
    assert np.array_equal(bits, np.full((1, 4, 4), 15, np.float32))
