# SPDX-License-Identifier: Apache-2.0
"""Masks: padding at the ends of rows is told once, costs nothing more and comes back."""

from __future__ import annotations

import numpy as np
import pytest
from codec_arrays import boxes, same_bits, smooth, waves
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_surgery import changed_sections, encode_with

from medlossless import entropy
from medlossless._fields import Fields
from medlossless.api import decode_array, inspect
from medlossless.codecs.choice import predictor_for
from medlossless.codecs.mask import MAX_COLS, Mask, choose_mask, covered, pack_runs, read_runs
from medlossless.codecs.predictors import TileInput, fold, frame_bits, predictor_named
from medlossless.container import Section
from medlossless.entropy import reference
from medlossless.errors import CorruptStream, InvalidInput, MedlosslessError
from medlossless.image import Plane
from medlossless.predict._kernel import available_kernels

PRIOR = predictor_named("med").prior


def padded_circle(shape, pad=-2000, dtype="<i2"):
    """Waves in a circle, the same in each frame, as CT slices have it."""
    _, rows, cols = shape
    row, col = np.ogrid[:rows, :cols]
    outside = np.hypot(row - rows / 2 + 0.5, col - cols / 2 + 0.5) > 0.5 * min(rows, cols)
    array = np.stack([waves(shape[1:], seed) for seed in range(shape[0])]).astype(dtype)
    array[:, outside] = pad
    return array


def bordered(shape):
    array = smooth(shape, "<u2", 20, 900)
    array[:, :3] = array[:, :, -5:] = 0
    return array


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 40), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_runs_come_back(seed, n_frames, rows, cols):
    rng = np.random.default_rng(seed)
    samples = (rng.random((n_frames, rows, cols)) < rng.random((n_frames, rows, 1))).astype("u2")
    runs = Mask(1, 0).find(samples)
    fields = Fields(pack_runs(runs, cols, PRIOR), "tile")
    assert np.array_equal(read_runs(fields, samples.shape, PRIOR), runs)
    fields.end()
    inside = covered(runs, cols)
    assert samples[inside].all()
    # What the runs leave begins and ends with another value in every row.
    for row, known in zip(samples.reshape(-1, cols), inside.reshape(-1, cols), strict=True):
        left = row[~known]
        assert left.size == 0 or (left[0] != 1 and left[-1] != 1)


def test_runs_of_the_widest_plane_come_back():
    runs = np.array([[[MAX_COLS, 0], [0, MAX_COLS], [0, 0], [1, MAX_COLS - 1]]], np.int32)
    shape = (1, 4, MAX_COLS)
    assert np.array_equal(
        read_runs(Fields(pack_runs(runs, MAX_COLS, PRIOR), "tile"), shape, PRIOR), runs
    )


@pytest.mark.parametrize(("left", "right"), [(-1, 3), (3, -1), (5, 6)])
def test_runs_outside_their_row_are_corrupt(left, right):
    packed = pack_runs(np.array([[[left, right]]], np.int32), 10, PRIOR)
    with pytest.raises(CorruptStream, match="outside their 10 columns"):
        read_runs(Fields(packed, "tile"), (1, 1, 10), PRIOR)


@pytest.mark.parametrize("coder", ["ans", "huffman"])
@pytest.mark.parametrize("effort", [1, 5])
def test_padded_slices_come_back_and_take_less(effort, coder):
    array = padded_circle((3, 96, 96))
    stream = encode_with("lossless", array, effort=effort, coder=coder)
    assert inspect(stream).planes[0]["mask"]
    assert same_bits(decode_array(stream), array)
    assert same_bits(decode_array(stream, frames=2), array[2])
    whole = Plane((array - array.min()).astype(np.uint16), int(np.ptp(array)))
    predictor = predictor_for(whole, effort, tune_nets=False, coder=coder)
    bare = predictor_named(predictor.first.name, predictor.later.name)
    saved = frame_bits(bare, whole.samples, whole.max_sample).sum()
    assert 8 * len(stream) < 0.97 * saved


def test_masked_samples_cost_nothing():
    plane = Plane(bordered((2, 40, 50)), 900)
    predictor = predictor_for(plane, 5, tune_nets=False)
    seen = TileInput.of(predictor, plane.samples)
    bits = entropy.sample_bits(**fold(predictor, seen, plane.max_sample))
    known = covered(predictor.mask.find(plane.samples), 50)
    assert known.mean() > 0.15
    assert not bits[known].any()
    assert bits[~known].all()


def test_tiles_of_stripes_and_slabs_have_masks_of_their_own():
    array = padded_circle((34, 70, 61))
    stream = encode_with("lossless", array, effort=4)
    plane = inspect(stream).planes[0]
    assert plane["mask"] and plane["tiles"] > 1
    assert same_bits(decode_array(stream), array)


@pytest.mark.parametrize("kernel", available_kernels())
def test_every_kernel_decodes_masks(kernel, monkeypatch):
    from medlossless.codecs import predictors

    array = padded_circle((2, 37, 41))
    stream = encode_with("lossless", array, effort=5)
    monkeypatch.setenv("MEDLOSSLESS_KERNEL", kernel)
    predictors.shipped_net.cache_clear()
    try:
        assert same_bits(decode_array(stream), array)
    finally:
        predictors.shipped_net.cache_clear()


def test_masks_are_chosen_where_they_pay_only():
    circle = (padded_circle((2, 60, 60)) + 2000).astype(np.uint16)
    found = choose_mask(circle, PRIOR)
    assert found is not None and found.pad == 0 and found.fill > 1000
    assert choose_mask(smooth((2, 60, 60)), PRIOR) is None
    ragged = np.where(np.random.default_rng(1).random((1, 60, 60)) < 0.4, 0, circle[:1])
    assert choose_mask(ragged.astype(np.uint16), PRIOR) is None
    assert choose_mask(np.zeros((1, 2, MAX_COLS + 1), np.uint16), PRIOR) is None


def test_hit_mode_takes_the_place_of_a_mask_where_it_pays():
    screen = boxes((1, 60, 70)).astype(np.uint16)
    screen[:, :, :9] = 0
    predictor = predictor_for(Plane(screen, 255), 5)
    assert predictor.hits is not None and predictor.mask is None


def test_damaged_runs_are_refused_or_lie_in_their_rows():
    runs = Mask(0, 1).find(padded_circle((2, 40, 40), 0).astype(np.uint16))
    packed, n_refused = pack_runs(runs, 40, PRIOR), 0
    for at in range(len(packed)):
        for flip in (1, 16, 128):
            changed = bytearray(packed)
            changed[at] ^= flip
            try:
                found = read_runs(Fields(bytes(changed), "tile"), (2, 40, 40), PRIOR)
            except CorruptStream:
                n_refused += 1
            else:
                assert found.min() >= 0 and found.sum(axis=2).max() <= 40
    assert n_refused > len(packed)


def test_changed_planes_section_is_refused_or_decodes():
    array = padded_circle((1, 60, 60))
    stream = encode_with("lossless", array, effort=1)
    assert inspect(stream).planes[0]["mask"]
    n_refused, n_other = 0, 0
    for _, _, changed in changed_sections(stream, Section.PLANES):
        try:
            n_other += not same_bits(decode_array(changed), array)
        except MedlosslessError:
            n_refused += 1
    assert n_refused > 20 and n_other > 0  # another pad or fill is no contradiction


def test_free_context_costs_nothing_in_either_coder():
    """The C core writes what the reference defines, and nothing for the context that is free."""
    rng = np.random.default_rng(3)
    free = PRIOR.with_free_context()
    symbols = rng.integers(0, 9, (2, 20, 30)).astype(np.uint16)
    contexts = rng.integers(0, PRIOR.n_contexts, symbols.shape).astype(np.uint8)
    known = rng.random(symbols.shape) < 0.3
    contexts[known], symbols[known] = PRIOR.n_contexts, 0
    learning = {"increment": 512, "limit": 1 << 22}
    for coder in entropy.CODERS:
        tile = {"max_sample": 8, "prior": free, "streams_log2": 1, "coder": coder}
        payload = entropy.encode_tile(symbols, contexts, **tile)
        assert payload == reference.encode_tile(symbols, contexts, **tile, **learning)
        assert np.array_equal(entropy.decode_tile(payload, contexts, **tile), symbols)
    bits = entropy.sample_bits(symbols, contexts, max_sample=8, prior=free)
    assert not bits[known].any() and bits[~known].all()
    symbols[known] = 1
    with pytest.raises(InvalidInput, match="free"):
        entropy.encode_tile(symbols, contexts, max_sample=8, prior=free)
