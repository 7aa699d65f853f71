# SPDX-License-Identifier: Apache-2.0
"""The python blocks of FORMAT.md compute what the references of the package compute."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from format_text import BLOCK

from medlossless import entropy
from medlossless._fields import Fields
from medlossless.codecs import gain, mask, tiling
from medlossless.entropy import prior, reference_abundance, reference_hits, reference_model
from medlossless.entropy.reference_streams import HuffmanDecoder
from medlossless.planes import colour
from medlossless.predict import neighbourhood as nb
from medlossless.predict import net, net_named, reference, tune

NET = net_named("wide3d")


def test_block_of_streams():
    for n_samples in (1, 4095, 4096, 8192, 32767, 32768, 1 << 28):
        assert BLOCK["streams_log2"](n_samples) == tiling.choose_streams_log2(n_samples)


@pytest.mark.parametrize("n_frames", [1, 3])
def test_block_of_masks(n_frames):
    """The block makes of the symbols of a payload what the package reads from it."""
    tables, cols = prior.Prior(NET.shifts, NET.freqs), 30
    runs = np.random.default_rng(n_frames).integers(0, 16, (n_frames, 21, 2)).astype(np.int32)
    written = Fields(mask.pack_runs(runs, cols, tables), "mask")
    payload = bytes(written.take(written.varint("size", 999), "payload"))
    contexts = np.empty((n_frames, 21, 2), np.uint8)
    contexts[0], contexts[1:] = (48, 12), (0, 3)
    symbols = entropy.decode_tile(
        payload, contexts, max_sample=4 * cols, prior=tables, increment=2048
    ).astype(int)
    change = np.where(symbols % 2, -(symbols + 1) // 2, symbols // 2)
    assert BLOCK["row_ends"](change.tolist()) == [
        [tuple(ends) for ends in rows] for rows in runs.tolist()
    ]


def test_block_of_gains():
    gains, top, at_scale_of = [9, 256, 65535, 5000], 900, BLOCK["at_scale_of"]
    samples = np.arange(top + 1).astype(np.uint16)
    for f, back in ((0, 0), (1, 0), (1, 1), (1, 2), (2, 2), (3, 1), (3, 2)):
        expected = samples
        for one in {(1, 1): [256], (1, 2): [256], (2, 2): [256, 65535], (3, 1): [5000]}.get(
            (f, back), [65535, 5000] if f == 3 else []
        ):
            expected = gain.scale(expected, one, top)
        found = [at_scale_of(f, back, int(one), gains, top) for one in samples]
        assert found == expected.tolist()


@pytest.mark.parametrize("transform", [colour.Colour.SUBTRACT_GREEN, colour.Colour.YCOCG])
def test_blocks_of_colour(transform):
    rng = np.random.default_rng(transform)
    stack = rng.integers(0, 65536, (1, 9, 9, 3)).astype(np.uint16)
    undo = BLOCK[("", "undo_subtract_green", "undo_ycocg")[transform]]
    channels = [c.reshape(-1).tolist() for c in colour.forward(stack, transform)]
    assert [list(undo(*c)) for c in zip(*channels, strict=True)] == stack.reshape(-1, 3).tolist()


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (2, 1), (1, 3), (5, 7)])
def test_block_of_edges(rows, cols):
    frame = np.random.default_rng(rows * cols).integers(0, 999, (rows, cols)).astype(np.uint16)
    padded = nb.pad_frame(frame, 1000)
    for row, col in np.ndindex(padded.shape):
        found = BLOCK["sample_at"](frame.tolist(), row - nb.TOP, col - nb.SIDE, rows, cols, 1000)
        assert found == padded[row, col]


def shallow_net() -> net.Net:
    """One hidden layer, which no shipped net has."""
    rng = np.random.default_rng(71)
    layers = [
        net.Layer(rng.integers(-300, 300, shape).astype("i2"), np.arange(shape[0], dtype="i4"), 9)
        for shape in ((4, 19), (2, 23))
    ]
    return net.Net("narrow2d", (layers[0],), layers[1], NET.freqs)


@pytest.mark.parametrize("max_sample", [1, 255, 65535])
@pytest.mark.parametrize("chosen", [NET, net_named("med"), shallow_net()])
def test_blocks_of_prediction(chosen, max_sample):
    rng = np.random.default_rng(max_sample)
    rows, cols = 6, 10
    frames = [rng.integers(0, max_sample + 1, (rows, cols)).astype(np.uint16) for _ in range(3)]
    frames[0][:3] = max_sample // 2 + rng.integers(0, 2, (3, cols))
    padded = tuple(nb.pad_frame(frame, max_sample // 3) for frame in frames)
    where = nb.positions(rows, cols).reshape(-1)
    expected = reference.predict(chosen, padded, where, cols, max_sample)
    layers = [(a.weights.tolist(), a.biases.tolist(), a.shift) for a in tune.layers_of(chosen)]
    members = [(n.frame, n.row, n.col) for n in nb.NEIGHBOURHOODS[chosen.neighbourhood]]
    for at, found in zip(np.ndindex(rows, cols), zip(*expected, strict=True), strict=True):

        def look(frame: int, row: int, col: int, at=at) -> int:
            return int(padded[frame][at[0] + row + nb.TOP, at[1] + col + nb.SIDE])

        assert BLOCK["predict"](look, members, layers, max_sample) == tuple(map(int, found))


def test_block_of_places():
    """All of the outputs' range, which real nets seldom reach."""
    rng = np.random.default_rng(70)
    n, max_sample = 3000, 65535
    m, e, f = rng.integers(0, 65536, n), rng.integers(3, 20, n), rng.integers(0, 8, n)
    outputs = rng.integers(-5000, 5001, (2, n)) >> rng.integers(0, 12, (2, n))
    expected = zip(*reference.place(m, e, f, outputs, max_sample), strict=True)
    arguments = zip(m.tolist(), e.tolist(), f.tolist(), *outputs.tolist(), strict=True)
    for given, found in zip(arguments, expected, strict=True):
        assert BLOCK["place"](*given, max_sample) == tuple(map(int, found))


@pytest.mark.parametrize("max_sample", [0, 1, 2, 7, 8])
def test_blocks_of_folding(max_sample):
    everything = range(max_sample + 1)
    for symbol, prediction, flip in itertools.product(everything, everything, (False, True)):
        sample = reference_model.unfold(symbol, prediction, max_sample, flip)
        assert BLOCK["unfold"](symbol, prediction, max_sample, flip) == sample
        assert BLOCK["fold"](sample, prediction, max_sample, flip) == symbol


def random_weights(seed: int) -> list[list[int]]:
    """Lists of 1 to 54 weights: flat, steep, with many zeros, and near the limits."""
    rng = np.random.default_rng(seed)
    steep = [rng.geometric(p, n) for p in (0.5, 0.01) for n in (1, 2, 3, 4, 5, 20, 54)]
    powers = [2 ** np.arange(n, 0, -1) for n in (5, 12, 22)]
    zeros = [np.r_[share, rng.integers(1, 90, 9)] for share in (200, 900, 5000, 10**5, 10**8)]
    return [weights.tolist() for weights in [*steep, *powers, *zeros]]


def test_blocks_of_tables():
    for weight in random_weights(80):
        assert BLOCK["frequencies"](weight) == reference_model.frequencies(weight)
        count = weight[::-1]
        model = reference_model.Model(
            prior.Prior(np.array([0], np.uint8), prior.freq_from_counts(np.ones((1, 54)))),
            prior.N_TOKENS - 1,
            77,
            1 << 15,
        )
        model.weight, model.count = [weight], [count]
        model.end_band()
        expected = BLOCK["learn"](weight, count, 77, 1 << 15)
        assert model.weight == [expected]


def test_block_of_run_log2():
    assert BLOCK["run_log2"]([32768]) == reference_model.Table([32768]).run_log2 == 0
    for zero in [*range(12280, 12300), *range(12300, 32000, 50), *range(32000, 32768)]:
        freq = [zero, 32768 - zero]
        assert BLOCK["run_log2"](freq) == reference_model.Table(freq).run_log2


def test_blocks_of_codes():
    for weight in random_weights(81):
        table = reference_model.Table(reference_model.frequencies(weight))
        k = table.run_log2
        coded = BLOCK["word_weights"](table.freq, k) if k else table.freq
        codes = BLOCK["canonical_codes"](BLOCK["code_lengths"](coded))
        assert codes == table.codes
        if k and len(table.freq) > 4:
            codes = BLOCK["canonical_codes"](BLOCK["code_lengths"](table.freq[4:]))
            assert {t + 4: code for t, code in codes.items()} == table.escape_codes


def test_block_of_runs():
    """Tokens of random bits, as the reference reads them."""
    rng = np.random.default_rng(82)
    table = reference_model.Table(reference_model.frequencies([5000, 100, 50, 40, 30, 20, 10]))
    decoder = HuffmanDecoder(None, rng.bytes(600))
    expected = [decoder._run_token(0, table) for _ in range(2000)]
    decoder.at, run, found = 0, (0, 0), []

    def code(kind: str) -> int:
        if kind == "words":
            return decoder._take(table.codes)
        return decoder._take(table.escape_codes) - 4

    for _ in expected:
        token, run = BLOCK["next_token"](run, table.run_log2, code, decoder._read)
        found.append(token)
    assert found == expected
    assert set(found) == set(range(7))


def test_block_of_rans():
    table = reference_model.Table(reference_model.frequencies([9, 3, 700]))
    rng = np.random.default_rng(83)
    x = int(rng.integers(1 << 16, 1 << 32))
    for _ in range(500):
        token = table.find(x & 32767)
        start = x
        x = BLOCK["rans_step"](x, table.freq[token], table.cum[token], lambda: 4711)
        stepped = table.freq[token] * (start >> 15) + (start & 32767) - table.cum[token]
        assert x == (stepped if stepped >= 1 << 16 else stepped << 16 | 4711)
        assert 1 << 16 <= x < 1 << 32


def test_block_of_restoring():
    for taken in itertools.product(range(5), repeat=3):
        place = reference_hits.Place((), taken, (0, 0, 0))
        for symbol in range(7):
            assert BLOCK["restore"](symbol, taken) == place.restore(symbol)


def test_block_of_closeness():
    for n_raw, freq in itertools.product(range(16), [*range(1, 400), *range(400, 32768, 97)]):
        rarity = reference_hits.rarity(freq, n_raw)
        for quarters in (-32, 0, 3, 24):
            expected = reference_hits.closeness(rarity - quarters)
            assert BLOCK["closeness"](freq, n_raw, quarters) == expected


def test_blocks_of_abundances():
    rng = np.random.default_rng(6)
    for quarters in range(-32, 25):
        quarter = reference_abundance.times(quarters)
        for freq, n_raw in ((1, 0), (1, 4), (32767, 0), (900, 3)):
            density = BLOCK["share"](freq, n_raw, 0) // 256
            assert BLOCK["share"](freq, n_raw, quarters) == density * quarter
            assert density == max(1, freq * 4 >> n_raw)
    for value, prediction, flip in itertools.product(range(5), range(5), (False, True)):
        ours = reference_abundance.symbol_of(value, prediction, flip)
        assert BLOCK["value_symbol"](value, prediction, flip) == ours
    for n in range(1, 65):
        shares = (rng.integers(0, 1 << 31, n) >> rng.integers(0, 32, n)).tolist()
        expected = reference_abundance.freqs(shares)
        assert BLOCK["share_freqs"](shares) == expected
        assert sum(expected) == 32768
        assert min(expected) >= 1
    assert BLOCK["share_freqs"]([0]) == [32768]


@pytest.mark.parametrize("max_sample", [1, 3, 40, 65535])
def test_blocks_of_cells(max_sample):
    rng = np.random.default_rng(max_sample)
    quarters = rng.integers(-32, 25, max_sample + 1).tolist()
    hits = reference_hits.Hits(4, prior.Prior(NET.shifts, NET.freqs), max_sample, quarters)
    for _ in range(2000):
        base = int(rng.integers(0, max_sample + 1))
        around = base + rng.integers(-3, 4, 10) * rng.integers(0, 2, 10)
        prediction, *values = np.clip(around, 0, max_sample).tolist()
        at = dict(zip(reference_hits.NEIGHBOURS, values, strict=True))
        context, flip = int(rng.integers(0, 108)), bool(rng.integers(0, 2))
        expected = hits.look(at, prediction, context, flip)
        close = []
        for name in ("W", "N", "NE"):
            symbol = BLOCK["fold"](at[name], prediction, max_sample, flip)
            shift = int(NET.shifts[context])
            token = reference_model.token_of(symbol >> shift)
            n_raw = reference_model.extra_bits(token) + shift
            freq = int(NET.freqs[context][token])
            close.append(BLOCK["closeness"](freq, n_raw, quarters[at[name]]))

        def look(frame: int, row: int, col: int, at=at) -> int:
            return at[next(n for n in at if reference_hits.NEIGHBOURS[n] == (row, col))]

        assert BLOCK["hit_cells"](look, context, *close) == expected.cells


def test_blocks_of_levels():
    for seen in itertools.product(range(0, 256, 5), repeat=2):
        for count in ([0, 0], [1, 0], [3, 700]):
            cell = reference_hits.Cell(list(seen), list(count))
            cell.end_band()
            assert BLOCK["learn_cell"](seen, count) == cell.seen
            assert BLOCK["level"](*cell.seen) == cell.level()


def test_blocks_of_flags():
    counts = [[0, 0], [5, 0], [0, 40], [1000, 1], [300, 90_000], [1, 10**6]]
    for levels in itertools.product(range(13), repeat=3):
        joint = reference_hits.Joint(levels)
        assert BLOCK["first_weight"](levels) == joint.weight
        joint.count = counts[sum(levels) % 6]
        expected = BLOCK["learn"](joint.weight, joint.count, 64, 32768)
        joint.end_band()
        assert joint.weight == expected
        assert BLOCK["flag_freq"](*joint.weight) == joint.freq()
    for joint.weight in ([32767, 1], [1, 32767], [0, 9], [40000, 1]):
        assert BLOCK["flag_freq"](*joint.weight) == joint.freq()


def test_every_block_is_compared():
    """A function added to the text needs a test here."""
    named = {name for name, value in BLOCK.items() if callable(value) and name != "__builtins__"}
    source = Path(__file__).read_text(encoding="utf-8")
    helpers = {"floor_log2", "clip", "baseline", "activity", "net_inputs", "affine"}
    helpers |= {"net_outputs", "merge_lengths"}
    assert {name for name in named - helpers if f'"{name}"' not in source} == set()
