# SPDX-License-Identifier: Apache-2.0
"""How near the coders come to the ideal code length of their tables, and to another ANS coder."""

import numpy as np
import pytest
from logistic_priors import logistic_prior

from medlossless.entropy import encode_tile, ideal_bits, reference
from medlossless.entropy.reference_model import canonical, huffman_lengths, unlimited_lengths

SCALES = np.exp2(np.arange(24) / 3 - 3)  # 0.125 .. 25
PRIOR = logistic_prior(SCALES)
SHAPE = (1, 384, 384)


def folded(residuals, max_sample=4095):
    symbols = np.where(residuals >= 0, 2 * residuals, -2 * residuals - 1)
    return np.minimum(symbols, max_sample).astype(np.uint16)


def logistic_tile(contexts, rng):
    contexts = np.clip(np.round(contexts), 0, len(SCALES) - 1).astype(np.uint8)
    return folded(np.round(rng.logistic(0, SCALES[contexts])).astype(np.int64)), contexts


def hits_tile(share, context, rng):
    """Zeros with a broad rest, as in processed images."""
    rest = rng.geometric(0.15, SHAPE)
    symbols = np.where(rng.random(SHAPE) < share, 0, rest).astype(np.uint16)
    return symbols, np.full(SHAPE, context, np.uint8)


def ct_tile(rng):
    """A padded border of certain samples around tissue of mixed noise."""
    contexts = 9 + 4 * rng.normal(size=SHAPE)
    contexts[:, :, :90] = 0
    return logistic_tile(contexts, rng)


TILES = {
    "mixed scales": lambda rng: logistic_tile(9 + 4 * rng.normal(size=SHAPE), rng),
    "ct": ct_tile,
    "quiet": lambda rng: logistic_tile(3 + 2 * rng.normal(size=SHAPE), rng),
    "noisy": lambda rng: logistic_tile(np.full(SHAPE, 20), rng),
    **{f"scale {i}": lambda rng, i=i: logistic_tile(np.full(SHAPE, i), rng) for i in range(1, 12)},
    **{f"hits {p}": lambda rng, p=p: hits_tile(p, 5, rng) for p in (0.3, 0.5, 0.62, 0.8, 0.9)},
    "hits 0.99": lambda rng: hits_tile(0.99, 0, rng),
    "hits 0.999": lambda rng: hits_tile(0.999, 0, rng),
}


@pytest.mark.parametrize("name", TILES)
@pytest.mark.parametrize(("coder", "allowed"), [("ans", 0.003), ("huffman", 0.04)])
def test_payload_is_near_the_ideal_length_of_its_tables(name, coder, allowed):
    symbols, contexts = TILES[name](np.random.default_rng(4))
    options = {"max_sample": 4095, "prior": PRIOR}
    ideal = ideal_bits(symbols, contexts, **options)
    streams = {}
    for streams_log2 in (0, 4):
        payload = encode_tile(symbols, contexts, coder=coder, streams_log2=streams_log2, **options)
        # A stream costs its length and its last state, or its last byte and open runs.
        streams[streams_log2] = 8 * len(payload)
        overhead = 8 * (7 << streams_log2)
        assert 8 * len(payload) <= ideal * (1 + allowed) + overhead, (name, ideal)
        assert 8 * len(payload) >= ideal * 0.999
    assert streams[4] - streams[0] <= 16 * 64 + 0.005 * ideal


def test_adaptation_beats_a_wrong_prior():
    """Symbols of one scale under the table of another: learning wins most of the loss back."""
    rng = np.random.default_rng(8)
    symbols, right = logistic_tile(np.full(SHAPE, 6), rng)
    wrong = np.full(SHAPE, 14, np.uint8)
    best = ideal_bits(symbols, right, max_sample=4095, prior=PRIOR)
    frozen = ideal_bits(symbols, wrong, max_sample=4095, prior=PRIOR, increment=0)
    learned = ideal_bits(symbols, wrong, max_sample=4095, prior=PRIOR)
    assert frozen > 1.3 * best
    assert learned < 1.01 * best


def test_rans_is_as_small_as_constriction():
    """The same tables in another ANS coder, band by band: sizes agree to a few bytes."""
    constriction = pytest.importorskip("constriction")
    rng = np.random.default_rng(6)
    symbols, contexts = logistic_tile(6 + 2 * rng.normal(size=(1, 128, 128)), rng)
    symbols = np.minimum(symbols, 31).astype(np.uint16)  # tokens only: no raw bits
    prior = logistic_prior(SCALES, np.zeros(len(SCALES), int))
    payload = encode_tile(symbols, contexts, max_sample=31, prior=prior)
    other = constriction.stream.stack.AnsCoder()
    model = reference.Model(prior, 31, 512, 1 << 22)
    for _, first, height in reference.bands(1, 128):
        band = slice(first, first + height)
        for context in np.unique(contexts[0, band]):
            chosen = symbols[0, band][contexts[0, band] == context]
            share = np.array(model.tables[context].freq, np.float64) / 32768
            table = constriction.stream.model.Categorical(share, perfect=False)
            other.encode_reverse(chosen.astype(np.int32), table)
            for token, count in enumerate(np.bincount(chosen, minlength=32)):
                model.count[context][token] += int(count)
        model.end_band()
    other_bytes = 4 * len(other.get_compressed())
    assert other_bytes > 2000
    assert abs(len(payload) - other_bytes) <= 8 + 0.002 * other_bytes


@pytest.mark.parametrize("n", [1, 2, 3, 17, 54])
def test_huffman_code_is_complete_and_limited(n):
    rng = np.random.default_rng(n)
    for spread in (0, 4, 20):
        freq = (1 + np.exp2(rng.random(n) * spread)).astype(int).tolist()
        freq[0] += 32768
        lengths = huffman_lengths(freq)
        assert max(lengths) <= 15
        assert n == 1 or sum(2.0**-length for length in lengths) == 1
        words = [format(code, "b").zfill(length) for code, length in canonical(freq).values()]
        assert n == 1 or not any(a != b and b.startswith(a) for a in words for b in words)


def test_fibonacci_frequencies_are_limited():
    """The worst case for depth: without the limit the rarest would need 21 bits."""
    freq = [1, 1]
    while len(freq) < 22:
        freq.append(freq[-1] + freq[-2])
    lengths = huffman_lengths(freq)
    unlimited = unlimited_lengths(freq)
    assert max(unlimited) == 21
    assert max(lengths) <= 15
    assert np.dot(freq, lengths) <= 1.001 * np.dot(freq, unlimited)
    assert sum(2.0**-length for length in lengths) == 1


def test_equal_frequencies_give_the_shorter_codes_to_lower_tokens():
    assert huffman_lengths([5, 5, 5]) == [1, 2, 2]
    assert canonical([5, 5, 5]) == {0: (0, 1), 1: (2, 2), 2: (3, 2)}
