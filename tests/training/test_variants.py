# SPDX-License-Identifier: Apache-2.0
"""Variants of training series stay images of the same thing, and are drawn in equal shares."""

import numpy as np
import pytest

from medlossless.training import data, variants

SHAPE = (5, 40, 52)


@pytest.fixture
def series():
    rng = np.random.default_rng(1)
    rows, cols = np.ogrid[: SHAPE[1], : SHAPE[2]]
    smooth = 900 + 400 * np.sin(rows / 9) * np.cos(cols / 7)
    volume = np.rint(smooth + rng.normal(0, 12, SHAPE)).astype(np.uint16)
    return data.Series("one#0", "MR", volume, int(volume.max()))


def test_variants_are_valid_series_and_differ(series):
    rng = np.random.default_rng(2)
    made = [variants.variant(series, rng) for _ in range(200)]
    assert len({v.volume.tobytes() for v in made}) > 160
    for one in made:
        assert one.volume.dtype == np.uint16
        assert one.volume.flags.c_contiguous
        assert one.volume.shape[0] == variants.FRAMES
        assert one.volume.max() <= one.max_sample
        assert (one.name, one.group) == (series.name, series.group)
    levels = {int(v) for v in np.unique(series.volume)}
    untouched = [v for v in made if levels.issuperset(np.unique(v.volume).tolist())]
    assert abs(len(untouched) / len(made) - (1 - variants.ALTERED)) < 0.1


def test_the_same_seed_gives_the_same_variants(series):
    one, two = (variants.variant(series, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.volume, two.volume)


def test_small_frames_and_single_frames_survive():
    rng = np.random.default_rng(4)
    for shape in ((1, 1, 1), (1, 2, 3), (2, 1, 9), (1, 5, 1)):
        flat = data.Series("flat#0", "US", np.full(shape, 7, np.uint16), 7)
        for _ in range(40):
            made = variants.variant(flat, rng)
            assert made.volume.size
            assert made.max_sample >= 1


def test_zoom_keeps_the_mean_and_enlarges(series):
    values = series.volume.astype(np.float64)
    zoomed = variants._zoom(values, np.random.default_rng(5))
    assert np.prod(zoomed.shape) > np.prod(SHAPE)
    np.testing.assert_allclose(zoomed.mean(), values.mean(), rtol=1e-2)
    roughness = [np.abs(np.diff(v, axis=2)).mean() for v in (zoomed, values)]
    assert roughness[0] < roughness[1]


def test_a_filter_keeps_the_mean_and_changes_sharpness(series):
    values = series.volume.astype(np.float64)
    rng = np.random.default_rng(6)
    rough = []
    for _ in range(30):
        filtered = variants._filter(values, rng)
        assert filtered.shape == values.shape
        np.testing.assert_allclose(filtered.mean(), values.mean(), rtol=1e-9)
        rough.append(np.abs(np.diff(filtered, axis=2)).mean())
    plain = np.abs(np.diff(values, axis=2)).mean()
    assert min(rough) < 0.95 * plain < 1.5 * plain < max(rough)


def test_draw_takes_equal_shares_of_variants(series):
    seen = []

    def vary(one, rng):
        shifted = one.volume + np.uint16(3000 * len(seen))
        seen.append(len(seen))
        return data.Series(one.name, one.modality, shifted, int(shifted.max()))

    rng = np.random.default_rng(7)
    samples = data.draw([series], "narrow2d", 16_000, rng, vary)
    assert len(seen) == data.N_VARIANTS
    counts = np.bincount(samples.values // 3000, minlength=data.N_VARIANTS)
    assert len(set(counts)) == 1
    assert abs(counts[0] - 1000) < 100
    which = samples.values // 3000
    assert (np.diff(which) != 0).mean() > 0.8, "not shuffled"
