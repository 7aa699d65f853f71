# SPDX-License-Identifier: Apache-2.0
"""Abundances: the fused loops equal the reference, they are chosen by cost, damage has a name."""

from dataclasses import replace

import numpy as np
import pytest

from medlossless import api, entropy
from medlossless._fields import Fields
from medlossless.codecs import abundance, choice, lossless
from medlossless.codecs._fold import fold_abundant
from medlossless.codecs._scan import decode_tile
from medlossless.codecs.abundance import Abundance, read_abundance
from medlossless.codecs.choice import predictor_for
from medlossless.codecs.predictors import Hits, predictor_named
from medlossless.entropy import reference, reference_abundance, reference_hits
from medlossless.errors import CorruptStream, InvalidInput
from medlossless.image import Plane
from medlossless.predict import neighbourhood as nb
from medlossless.predict import reference as predict_reference
from medlossless.predict._kernel import predict_frame

PREDICTOR = predictor_named("narrow2d")
NET = PREDICTOR.first.net
PRIOR = PREDICTOR.prior
LEARNING = (512, 1 << 22)
SHAPES = [(1, 1, 1), (1, 1, 40), (1, 40, 1), (1, 21, 19), (3, 18, 7)]
MAX_SAMPLES = [1, 15, 16, 255, 1023]


def curved(shape, max_sample, seed=0):
    """Smooth noise through a display curve that leaves every third value out."""
    rng = np.random.default_rng([*shape, max_sample, seed])
    slope = np.indices(shape).sum(axis=0) * max_sample / (4 * sum(shape))
    wanted = np.clip(slope + rng.normal(0, max_sample / 40 + 1, shape), 0, max_sample)
    values = wanted.astype(np.uint16)
    return np.where((values % 3 == 1) & (values > 1), values - 1, values).astype(np.uint16)


def moods(shape, max_sample):
    rng = np.random.default_rng([*shape, max_sample])
    yield "flat", np.full(shape, max_sample // 2, np.uint16)
    yield "random", rng.integers(0, max_sample + 1, shape).astype(np.uint16)
    yield "curved", curved(shape, max_sample)
    yield "few", rng.choice([0, max_sample], shape, p=[0.7, 0.3]).astype(np.uint16)


def some_quarters(max_sample, seed=0):
    """Every abundance there is, in no order."""
    return np.random.default_rng([max_sample, seed]).integers(-32, 25, max_sample + 1)


def mode_of(candidates, band_rows_log2, quarters):
    return Hits(candidates, band_rows_log2, Abundance(np.asarray(quarters, np.int8), 1))


def look(hits, padded, found, row, col):
    at = {
        name: int(padded[nb.TOP + row + up, nb.SIDE + col + across])
        for name, (up, across) in reference_hits.NEIGHBOURS.items()
    }
    prediction, context, flip = (int(array) for array in found)
    return hits.look(at, prediction, context, bool(flip)), (prediction, context, bool(flip))


def tables(mode):
    quarters = mode.abundance.quarters.tolist()
    hits = reference_hits.Hits(mode.candidates, PRIOR, len(quarters) - 1, quarters)
    return hits, reference_abundance.Abundance(PRIOR, quarters, *LEARNING)


def reference_fold(samples, edge, mode):
    """Flags and steps by the definition."""
    hits, values = tables(mode)
    flags = np.zeros((*samples.shape, 4), np.uint16)
    steps = np.zeros((*samples.shape, 2), np.uint32)
    frames, rows, cols = samples.shape
    for frame, first, height in reference.bands(frames, rows, 1 << mode.band_rows_log2):
        padded = nb.pad_frame(samples[frame], edge)
        found = predict_frame(PREDICTOR.kernels[0], [padded], rows, cols, hits.max_sample)
        for row, col in np.ndindex(height, cols):
            row += first
            sample = int(samples[frame, row, col])
            place, where = look(hits, padded, [array[row, col] for array in found], row, col)
            coded = hits.flags(place, sample)
            for candidate, freq, flag in coded:
                flags[frame, row, col, candidate] = 2 * freq + flag
            if not any(flag for *_, flag in coded):
                shares = values.shares(place, *where)
                pair = values.steps(shares, sample)
                steps[frame, row, col] = [freq << 16 | cum for freq, cum in pair]
                values.count(sample, *where)
        hits.end_band()
        values.end_band()
    return flags, steps


def fast_fold(samples, edge, mode, expected=None):
    prior = PRIOR
    hits = (mode.candidates, mode.band_rows_log2, prior.shift, prior.freq)
    quarters = mode.abundance.quarters
    return fold_abundant(samples, *PREDICTOR.kernels, edge, hits, quarters, LEARNING, expected)


def decode(payload, shape, edge, mode, streams_log2):
    prior, max_sample = PRIOR, len(mode.abundance.quarters) - 1
    return decode_tile(
        np.frombuffer(payload, np.uint8), shape, *PREDICTOR.kernels, max_sample, edge,
        prior.shift, prior.freq, streams_log2, *LEARNING, False, mode.mode,
    )  # fmt: skip


def reference_decode(payload, shape, edge, mode, streams_log2):
    """Decode sample by sample, each predicted by the definition from those before it."""
    hits, values = tables(mode)
    streams = [
        reference.RansDecoder(values.model, part)
        for part in reference.split_payload(payload, 1 << streams_log2)
    ]
    samples = np.zeros(shape, np.uint16)
    for frame, first, height in reference.bands(shape[0], shape[1], 1 << mode.band_rows_log2):
        for row, col in np.ndindex(height, shape[2]):
            row += first
            padded = nb.pad_frame(samples[frame], edge)
            at = nb.positions(*shape[1:])[row, col : col + 1]
            found = predict_reference.predict(NET, (padded,), at, shape[2], hits.max_sample)
            place, where = look(hits, padded, [array[0] for array in found], row, col)
            stream = streams[row % len(streams)]
            sample = hits.decode(stream, place)
            if sample is None:
                sample = values.decode(stream, values.shares(place, *where))
                values.count(sample, *where)
            samples[frame, row, col] = sample
        hits.end_band()
        values.end_band()
    for stream in streams:
        stream.finish()
    return samples


def outcome(read, *arguments):
    try:
        return read(*arguments).tolist()
    except CorruptStream as error:
        return type(error)


@pytest.mark.parametrize("max_sample", MAX_SAMPLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_fused_loops_equal_the_reference_in_every_mood(shape, max_sample):
    for number, (name, samples) in enumerate(moods(shape, max_sample)):
        mode = mode_of(1 + number, (4, 0, 2, 1)[number], some_quarters(max_sample, number))
        edge, streams_log2 = max_sample // 3, number
        print(name, mode)
        flags, steps = fast_fold(samples, edge, mode)
        expected = reference_fold(samples, edge, mode)
        assert np.array_equal(flags, expected[0])
        assert np.array_equal(steps, expected[1])
        payload = entropy.encode_steps(flags, steps, streams_log2=streams_log2)
        assert payload == reference.encode_steps(flags, steps, streams_log2=streams_log2)
        found = decode(payload, samples.shape, edge, mode, streams_log2)
        assert np.array_equal(found, samples)


def test_step_bits_are_what_the_coder_writes():
    samples = curved((1, 90, 110), 255)
    flags, steps = fast_fold(samples, 3, mode_of(3, 4, np.zeros(256)))
    ideal = float(entropy.step_bits(flags, steps).sum()) / 8
    assert ideal < len(entropy.encode_steps(flags, steps)) < ideal + 20


def test_expected_sums_to_what_was_seen():
    samples, expected = curved((2, 60, 50), 255), np.zeros(256)
    flags, _ = fast_fold(samples, 3, mode_of(3, 4, np.zeros(256)), expected)
    assert expected.sum() == pytest.approx((~(flags & 1).any(axis=-1)).sum())
    assert (expected > 0).sum() > 200


def small_tile(mode):
    samples = curved((1, 9, 11), 40, seed=3)
    payload = entropy.encode_steps(*fast_fold(samples, 2, mode), streams_log2=1)
    return samples, payload, (samples.shape, 2, mode, 1)


def test_every_flipped_byte_gives_the_references_outcome():
    samples, payload, where = small_tile(mode_of(3, 1, some_quarters(40)))
    assert outcome(reference_decode, payload, *where) == samples.tolist()
    kinds = set()
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 1 << at % 8
        found = outcome(decode, bytes(changed), *where)
        assert found == outcome(reference_decode, bytes(changed), *where), at
        assert found != samples.tolist()
        kinds.add(found if isinstance(found, type) else "samples")
    assert CorruptStream in kinds


def test_noise_never_gives_samples_out_of_range():
    rng = np.random.default_rng(4)
    for max_sample in (1, 17, 1023):
        mode = mode_of(4, 4, some_quarters(max_sample))
        for n in [*range(4, 40), 400, 4000]:
            noise = bytes([n & 127 | 128, n >> 7]) if n > 127 else bytes([n])
            found = outcome(decode, noise + rng.bytes(n), (2, 40, 30), 1, mode, 0)
            assert isinstance(found, type) or np.max(found) <= max_sample


def test_bad_steps_are_refused():
    flags, steps = np.zeros((1, 2, 3, 4), np.uint16), np.full((1, 2, 3, 2), 9 << 16, np.uint32)
    assert entropy.encode_steps(flags, steps)
    for bad in (steps[..., :1], steps.astype(np.int64), steps * 0, steps * 0 + (1 << 16 | 32768)):
        with pytest.raises(InvalidInput, match="steps"):
            entropy.encode_steps(flags, bad)
    with pytest.raises(InvalidInput, match="flags"):
        entropy.encode_steps(flags[..., :3], steps)


@pytest.mark.parametrize("step", [1, 4, 8])
@pytest.mark.parametrize("max_sample", [1, 14, 15, 16, 255, 1023])
def test_abundances_are_read_as_they_were_written(step, max_sample):
    values = some_quarters(max_sample).clip(-(32 // step), 24 // step).astype(np.int8)
    data = Abundance(values, step).to_bytes(PRIOR)
    fields = Fields(data, "planes")
    found = read_abundance(fields, max_sample, PRIOR)
    fields.end()
    assert found.step == step
    assert np.array_equal(found.values, values)
    for end in range(len(data)):
        with pytest.raises(CorruptStream):
            read_abundance(Fields(data[:end], "planes"), max_sample, PRIOR)


def test_bad_abundances_are_refused():
    flat = np.zeros(300, np.int8)
    assert read_abundance(Fields(b"\0", "planes"), 70000, PRIOR) is None
    for step, value in ((1, 25), (8, 4), (8, -5)):
        values = flat.copy()
        values[7] = value
        with pytest.raises(CorruptStream, match="outside"):
            read_abundance(Fields(Abundance(values, step).to_bytes(PRIOR), "planes"), 299, PRIOR)
    good = Abundance(flat + 1, 1).to_bytes(PRIOR)
    with pytest.raises(CorruptStream, match="padding"):
        read_abundance(Fields(good, "planes"), 298, PRIOR)
    for data, max_sample in ((good, 1024), (b"\x09" + good[1:], 299)):
        with pytest.raises(CorruptStream, match="step"):
            read_abundance(Fields(data, "planes"), max_sample, PRIOR)
    with pytest.raises(CorruptStream, match="scale"):
        read_abundance(Fields(good[:1] + b"\x16" + good[2:], "planes"), 299, PRIOR)


def test_fitted_abundances_name_the_values_that_are_left_out():
    seen = np.array([100.0, 0, 200, 100, 0, 200])
    found = abundance.fitted(seen, np.full(6, 100.0), 1, 0.5)
    assert found.quarters[[0, 3]].tolist() == [0, 0]
    assert found.quarters[[2, 5]].tolist() == [4, 4]
    assert (found.quarters[[1, 4]] < -25).all()
    assert abundance.bits_saved(found, seen, np.full(6, 100.0)) > 300


def test_a_second_fit_adds_to_what_the_first_one_knew():
    known = Abundance(np.array([0, -8, 4], np.int8), 1)
    expected = np.array([100.0, 100, 100])
    same = abundance.fitted(expected, expected, 1, 0.5, known)
    assert same.quarters.tolist() == [0, -8, 4]
    assert abundance.bits_saved(same, expected, expected, known) == 0
    more = abundance.fitted(np.array([100.0, 50, 200]), expected, 1, 0.0, known)
    assert more.quarters.tolist() == [0, -12, 8]


def test_choice_by_cost_takes_them_for_a_display_curve_and_not_for_noise():
    drawn = Plane(curved((1, 200, 200), 255), 255)
    rng = np.random.default_rng(1)
    plain = Plane(rng.normal(120, 9, (1, 200, 200)).astype(np.uint16), 255)
    chosen = predictor_for(drawn, 5)
    assert chosen.hits is not None
    assert chosen.hits.abundance is not None
    without = replace(chosen, hits=replace(chosen.hits, abundance=None))
    tile = next(iter(lossless.choose_tiling(drawn.samples.shape, False)))
    sizes = [
        len(lossless.encode_tile(drawn, predictor, tile, coder="ans").payload)
        for predictor in (chosen, without)
    ]
    assert sizes[0] + chosen.sent_bytes < 0.95 * sizes[1]
    other = predictor_for(plain, 5)
    assert other.hits is None or other.hits.abundance is None


@pytest.mark.parametrize("effort", [1, 8])
def test_round_trips_with_abundances_forced(monkeypatch, effort):
    def forced(plane, effort, *others):
        values = some_quarters(plane.max_sample)
        chosen = choice.choose(plane, effort)
        return replace(chosen, hits=mode_of(3, 2, values))

    monkeypatch.setattr(lossless, "predictor_for", forced)
    colour = np.stack([curved((40, 33), 255, s) for s in range(3)], axis=-1).astype(np.uint8)
    volume = curved((4, 30, 44), 900)
    for array, axes in ((colour, "YXS"), (volume, "ZYX")):
        stream = api.encode_array(array, effort=effort, axes=axes)
        assert np.array_equal(api.decode_array(stream), array)
        assert all(plane["abundances"] for plane in api.inspect(stream).planes)
