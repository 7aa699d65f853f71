# SPDX-License-Identifier: Apache-2.0
"""Hit mode: the fused loops equal the reference, the choice is made by cost, damage has a name."""

from dataclasses import replace

import numpy as np
import pytest

from medlossless import api, entropy
from medlossless._fields import Fields, varint
from medlossless.codecs import choice, index, lossless
from medlossless.codecs._fold import fold_tile
from medlossless.codecs._scan import decode_tile
from medlossless.codecs.choice import predictor_for
from medlossless.codecs.predictors import Hits, predictor_named
from medlossless.entropy import reference, reference_hits
from medlossless.errors import CorruptStream, InvalidInput
from medlossless.image import Plane
from medlossless.predict import neighbourhood as nb
from medlossless.predict import reference as predict_reference
from medlossless.predict._kernel import predict_frame

PREDICTOR = predictor_named("med")
SHAPES = [(1, 1, 1), (1, 1, 40), (1, 40, 1), (1, 21, 19), (3, 18, 7)]
MAX_SAMPLES = [1, 2, 255, 65535]
LEARNING = {"increment": 512, "limit": 1 << 22}


def screen(rows, cols, max_sample=255, seed=0):
    """Strokes and boxes on a flat ground, as on a screenshot."""
    rng = np.random.default_rng(seed)
    image = np.zeros((rows, cols), np.uint16)
    for _ in range(max(4, rows * cols // 200)):
        row, col = rng.integers(0, rows), rng.integers(0, cols)
        height, width = rng.integers(1, 9), rng.integers(1, 9)
        image[row : row + height, col : col + width] = rng.integers(0, 5) * max_sample // 4
    return image


def noisy(rows, cols, seed=0):
    """A smooth ramp under the noise of a scanner, 12 bits."""
    rng = np.random.default_rng(seed)
    ramp = 1000 + 3 * np.add.outer(np.arange(rows), np.arange(cols))
    return np.clip(ramp + rng.normal(0, 12, (rows, cols)), 0, 4095).astype(np.uint16)


def moods(shape, max_sample):
    rng = np.random.default_rng([*shape, max_sample])
    yield "flat", np.full(shape, max_sample // 2)
    yield "random", rng.integers(0, max_sample + 1, shape)
    yield "screen", np.stack([screen(*shape[1:], max_sample, f) for f in range(shape[0])])
    yield "few values", rng.choice([0, max_sample // 2, max_sample], shape, p=[0.6, 0.1, 0.3])
    yield "ramp", np.minimum(np.indices(shape).sum(axis=0), max_sample)


def places(hits, samples, max_sample, edge, band_rows):
    """(position, place, prediction, flip, context) of every sample; ends the bands of hits."""
    frames, rows, cols = samples.shape
    padded = [nb.pad_frame(frame, edge) for frame in samples]
    kernel = PREDICTOR.kernels[0]
    for frame, first, height in reference.bands(frames, rows, band_rows):
        found = predict_frame(kernel, [padded[frame]], rows, cols, max_sample)
        for row in range(first, first + height):
            for col in range(cols):
                prediction, context, flip = (int(array[row, col]) for array in found)
                at = {
                    name: int(padded[frame][nb.TOP + row + up, nb.SIDE + col + across])
                    for name, (up, across) in reference_hits.NEIGHBOURS.items()
                }
                place = hits.look(at, prediction, context, bool(flip))
                yield (frame, row, col), place, prediction, bool(flip), context
        hits.end_band()


def reference_fold(samples, max_sample, edge, mode):
    """Symbols, contexts and flags by the definition."""
    hits = reference_hits.Hits(mode.candidates, PREDICTOR.prior, max_sample)
    symbols = np.zeros(samples.shape, np.uint16)
    contexts = np.zeros(samples.shape, np.uint8)
    flags = np.zeros((*samples.shape, 4), np.uint16)
    walk = places(hits, samples, max_sample, edge, 1 << mode.band_rows_log2)
    for where, place, prediction, flip, context in walk:
        sample = int(samples[where])
        contexts[where] = context
        for candidate, freq, flag in hits.flags(place, sample):
            flags[*where, candidate] = 2 * freq + flag
        if not (flags[where] & 1).any():
            symbol = reference.fold(sample, prediction, max_sample, flip)
            symbols[where] = place.reduce(symbol)
            assert place.restore(place.reduce(symbol)) == symbol
    return symbols, contexts, flags


def fast_fold(samples, max_sample, edge, mode):
    prior = PREDICTOR.prior
    hits = (mode.candidates, mode.band_rows_log2, prior.shift, prior.freq)
    return fold_tile(samples, *PREDICTOR.kernels, max_sample, edge, hits)


def decode(payload, shape, max_sample, edge, mode, streams_log2):
    prior = PREDICTOR.prior
    return decode_tile(
        np.frombuffer(payload, np.uint8), shape, *PREDICTOR.kernels, max_sample, edge,
        prior.shift, prior.freq, streams_log2, *LEARNING.values(), False,
        mode.mode,
    )  # fmt: skip


@pytest.mark.parametrize("max_sample", MAX_SAMPLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_fused_loops_equal_the_reference_in_every_mood(shape, max_sample):
    for number, (name, samples) in enumerate(moods(shape, max_sample)):
        samples = np.ascontiguousarray(samples, np.uint16)
        mode = Hits(1 + number % 4, (4, 0, 2, 1, 3)[number])
        edge, streams_log2 = max_sample // 3, number % 5
        print(name, mode)
        folded = fast_fold(samples, max_sample, edge, mode)
        for ours, expected in zip(folded, reference_fold(samples, max_sample, edge, mode)):
            assert np.array_equal(ours, expected)
        options = {
            "max_sample": max_sample,
            "prior": PREDICTOR.prior,
            "streams_log2": streams_log2,
            "flags": folded[2],
            "band_rows_log2": mode.band_rows_log2,
        }
        payload = entropy.encode_tile(*folded[:2], **options)
        assert payload == reference.encode_tile(*folded[:2], **options)
        found = decode(payload, samples.shape, max_sample, edge, mode, streams_log2)
        assert np.array_equal(found, samples)


@pytest.mark.parametrize("band_rows_log2", range(6))
def test_every_band_height_and_number_of_candidates_decodes(band_rows_log2):
    samples = np.stack([screen(50, 90, 200, seed) for seed in range(2)])
    for candidates in (1, 2, 3, 4):
        mode = Hits(candidates, band_rows_log2)
        symbols, contexts, flags = fast_fold(samples, 200, 7, mode)
        payload = entropy.encode_tile(
            symbols, contexts, max_sample=200, prior=PREDICTOR.prior, streams_log2=4, flags=flags,
            band_rows_log2=band_rows_log2,
        )  # fmt: skip
        assert np.array_equal(decode(payload, samples.shape, 200, 7, mode, 4), samples)


def reference_decode(payload, shape, max_sample, edge, mode, streams_log2):
    """Decode sample by sample, each predicted by the definition from those before it."""
    prior, net = PREDICTOR.prior, PREDICTOR.first.net
    tile = reference.TileDecoder(
        payload, max_sample=max_sample, prior=prior, streams_log2=streams_log2, **LEARNING
    )
    hits = reference_hits.Hits(mode.candidates, prior, max_sample)
    samples = np.zeros(shape, np.uint16)
    for frame, first, height in reference.bands(shape[0], shape[1], 1 << mode.band_rows_log2):
        for row in range(first, first + height):
            stream = row % (1 << streams_log2)
            for col in range(shape[2]):
                padded = nb.pad_frame(samples[frame], edge)
                where = nb.positions(*shape[1:])[row, col : col + 1]
                found = predict_reference.predict(net, (padded,), where, shape[2], max_sample)
                prediction, context, flip = (int(array[0]) for array in found)
                at = {
                    name: int(padded[nb.TOP + row + up, nb.SIDE + col + across])
                    for name, (up, across) in reference_hits.NEIGHBOURS.items()
                }
                place = hits.look(at, prediction, context, bool(flip))
                sample = hits.decode(tile.streams[stream], place)
                if sample is None:
                    symbol = place.restore(tile.decode(stream, context))
                    sample = reference.unfold(symbol, prediction, max_sample, bool(flip))
                samples[frame, row, col] = sample
        tile.end_band()
        hits.end_band()
    tile.finish()
    return samples


def outcome(read, *arguments):
    """The class of the error or the samples."""
    try:
        return read(*arguments).tolist()
    except CorruptStream as error:
        return type(error)


def small_tile(mode):
    samples = screen(9, 11, 40, seed=3)[None]
    symbols, contexts, flags = fast_fold(samples, 40, 2, mode)
    payload = entropy.encode_tile(
        symbols, contexts, max_sample=40, prior=PREDICTOR.prior, streams_log2=1, flags=flags,
        band_rows_log2=mode.band_rows_log2,
    )  # fmt: skip
    return samples, payload, (samples.shape, 40, 2, mode, 1)


def test_the_reference_decodes():
    samples, payload, where = small_tile(Hits(4, 2))
    assert np.array_equal(reference_decode(payload, *where), samples)


def test_every_flipped_byte_gives_the_references_outcome():
    samples, payload, where = small_tile(Hits(3, 1))
    kinds = set()
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 1 << at % 8
        found = outcome(decode, bytes(changed), *where)
        assert found == outcome(reference_decode, bytes(changed), *where), at
        assert found != samples.tolist()
        kinds.add(found if isinstance(found, type) else "samples")
    assert CorruptStream in kinds


def test_noise_and_cuts_never_give_samples_out_of_range():
    mode = Hits(4, 4)
    shape = (2, 40, 30)
    rng = np.random.default_rng(4)
    for n in [*range(1, 40), 400, 4000]:
        noise = rng.bytes(n)
        for max_sample in (1, 5, 300, 65535):
            stream = varint(len(noise)) + noise
            found = outcome(decode, stream, shape, max_sample, 1, mode, 0)
            assert isinstance(found, type) or np.max(found) <= max_sample


def forced(monkeypatch, hits):
    monkeypatch.setattr(
        lossless,
        "predictor_for",
        lambda plane, effort, *others: replace(choice.choose(plane, effort), hits=hits),
    )


@pytest.mark.parametrize("hits", [None, Hits(1, 4), Hits(3, 4), Hits(4, 0), Hits(2, 2)])
@pytest.mark.parametrize("effort", [1, 8])
def test_round_trips_with_hit_mode_forced_on_and_off(monkeypatch, hits, effort):
    forced(monkeypatch, hits)
    colour = np.stack([screen(40, 33, seed=s) for s in range(3)], axis=-1).astype(np.uint8)
    volume = np.stack([noisy(30, 44, s) for s in range(4)])
    for array, axes in ((colour, "YXS"), (volume, "ZYX"), (screen(70, 130), "YX")):
        stream = api.encode_array(array, effort=effort, axes=axes)
        assert np.array_equal(api.decode_array(stream), array)


def test_damage_that_checksums_do_not_see_mostly_has_a_name():
    array = screen(60, 50)
    samples = np.ascontiguousarray(array[None])
    plane = Plane(samples, 255)
    predictor = replace(PREDICTOR, hits=Hits(3, 4))
    tiling = lossless.choose_tiling(samples.shape, False)
    tile = lossless.encode_tile(plane, predictor, next(iter(tiling)), coder="ans")
    edge, payload = tile.edge, tile.payload
    rng = np.random.default_rng(8)
    errors = 0
    for _ in range(200):
        changed = bytearray(payload)
        changed[rng.integers(len(payload))] ^= int(rng.integers(1, 256))
        log2 = lossless.choose_streams_log2(samples.size)
        found = outcome(decode, bytes(changed), samples.shape, 255, edge, predictor.hits, log2)
        errors += isinstance(found, type)
    assert errors > 150


def test_choice_by_cost_takes_hits_for_a_screen_and_not_for_noise():
    drawn = Plane(screen(200, 200)[None], 255)
    scanned = Plane(noisy(200, 200)[None], 4095)
    assert predictor_for(drawn, 1).hits is not None
    assert predictor_for(scanned, 1).hits is None
    assert predictor_for(drawn, 1, coder="huffman").hits is None
    with_hits = lossless.code_length_report(screen(200, 200), effort=1)["payload_bytes"]
    symbols, contexts, _ = fold_tile(drawn.samples, *PREDICTOR.kernels, 255, 0)
    without = entropy.encode_tile(symbols, contexts, max_sample=255, prior=PREDICTOR.prior)
    assert with_hits < 0.8 * len(without)


def test_ideal_bits_are_nearly_what_the_coder_writes():
    report = lossless.code_length_report(screen(200, 300), effort=1)
    assert report["ideal_bits"] / 8 < report["payload_bytes"] < report["ideal_bits"] / 8 + 200


def test_bad_modes_are_refused():
    for data in (b"\x05\x04", b"\x03\x06"):
        with pytest.raises(CorruptStream, match="hit mode"):
            index._read_hits(Fields(data, "planes"), "ans")
    with pytest.raises(CorruptStream, match="huffman"):
        index._read_hits(Fields(b"\x03\x04", "planes"), "huffman")
    assert index._read_hits(Fields(b"\x00", "planes"), "huffman") is None
    assert index._read_hits(Fields(b"\x03\x02", "planes"), "ans") == Hits(3, 2)


def test_bad_flags_are_refused():
    symbols, contexts = np.zeros((1, 2, 2), np.uint16), np.zeros((1, 2, 2), np.uint8)
    options = {"max_sample": 9, "prior": PREDICTOR.prior}
    flags = np.zeros((1, 2, 2, 4), np.uint16)
    assert entropy.encode_tile(symbols, contexts, flags=flags, **options)
    for bad in (flags[..., :3], flags.astype(np.uint8), flags[:, :1]):
        with pytest.raises(InvalidInput, match="flags"):
            entropy.encode_tile(symbols, contexts, flags=bad, **options)
    with pytest.raises(InvalidInput, match="flags"):
        entropy.encode_tile(symbols, contexts, flags=flags, coder="huffman", **options)
    for rows_log2 in (-1, 6):
        with pytest.raises(InvalidInput, match="band_rows_log2"):
            entropy.encode_tile(symbols, contexts, band_rows_log2=rows_log2, **options)
