# SPDX-License-Identifier: Apache-2.0
"""Tiles cover a plane once, stay within their limits, and wide rows find another way."""

from __future__ import annotations

import numpy as np
import pytest
from codec_arrays import same_bits, smooth
from hypothesis import given
from hypothesis import strategies as st
from stream_surgery import encode_with

from medlossless import codecs
from medlossless.api import decode_array, encode_array, inspect
from medlossless.codecs import tiling
from medlossless.codecs.tiling import Tiling, choose_streams_log2, choose_tiling
from medlossless.entropy.coder import STREAMS_LOG2_MAX

extents = st.integers(1, 40) | st.integers(1, 70_000)


@given(st.tuples(st.integers(1, 500), extents, st.integers(1, tiling.MAX_COLS)), st.booleans())
def test_chosen_tiles_stay_within_the_limits(shape, volumetric):
    chosen = choose_tiling(shape, volumetric)
    assert 1 <= chosen.stripe_rows <= shape[1]
    assert 1 <= chosen.slab_frames <= (min(shape[0], tiling.SLAB_FRAMES) if volumetric else 1)
    assert chosen.slab_frames * chosen.stripe_rows * shape[2] <= tiling.LONGEST_TILE_SAMPLES
    if chosen.stripe_rows < shape[1]:
        assert chosen.stripe_rows % tiling.BAND_ROWS == 0
    whole = min(shape[0], tiling.SLAB_FRAMES) if volumetric else 1
    if whole * shape[1] * shape[2] <= tiling.MAX_TILE_SAMPLES:
        assert (chosen.slab_frames, chosen.stripe_rows) == (whole, shape[1])


@given(*[st.integers(1, 30)] * 4)
def test_tiles_cover_a_plane_once(frames, rows, slab, stripe):
    count = np.zeros((frames, rows), int)
    tiles = list(Tiling(frames, rows, slab, stripe))
    assert len(tiles) == len(Tiling(frames, rows, slab, stripe))
    for tile in tiles:
        count[tile.where] += 1
    assert (count == 1).all()
    assert tiles == sorted(tiles, key=lambda tile: (tile.frame0, tile.row0))


def test_a_tile_tells_where_it_is():
    assert [tile.name(2) for tile in Tiling(3, 5, 2, 4)][-1] == "plane 2, frames 2..2, rows 4..4"


def test_streams_grow_with_the_tile():
    found = [choose_streams_log2(n) for n in (1, 4095, 4096, 8192, 16384, 32768, 2**28)]
    assert found == [0, 0, 1, 2, 3, 4, 4]
    assert max(found) <= STREAMS_LOG2_MAX


@pytest.mark.parametrize("shape", [(40, 64), (5, 300), (1, 3000), (3, 40, 64)], ids=str)
@pytest.mark.parametrize("effort", [1, 5])
def test_stripes_come_back(monkeypatch, shape, effort):
    monkeypatch.setattr(tiling, "MAX_TILE_SAMPLES", 1000)
    array = smooth(shape, "<u2", 0, 900)
    stream = encode_with("lossless", array, effort=effort)
    assert same_bits(decode_array(stream), array)
    if shape[-2] > tiling.BAND_ROWS:
        assert inspect(stream).tiles > 1
        assert inspect(stream).planes[0]["stripe_rows"] % tiling.BAND_ROWS == 0


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 5, 9])
def test_slabs_come_back(monkeypatch, n_frames):
    monkeypatch.setattr(tiling, "SLAB_FRAMES", 3)
    array = np.repeat(smooth((1, 24, 40), "<u2", 0, 4000), n_frames, axis=0)
    array += np.random.default_rng(1).integers(0, 9, array.shape, np.uint16)
    stream = encode_with("lossless", array, effort=5)
    assert same_bits(decode_array(stream), array)
    for frame in range(n_frames):
        assert np.array_equal(decode_array(stream, frames=frame), array[frame])
    if n_frames > 3:
        assert inspect(stream).planes[0]["slab_frames"] == 3


def test_rows_too_wide_for_a_decoder_are_stored(monkeypatch):
    monkeypatch.setattr(codecs, "MAX_COLS", 100)
    for shape, codec in (((20, 100), "lossless"), ((20, 101), "stored"), ((2000,), "stored")):
        array = smooth(shape)
        stream = encode_array(array, effort=1)
        assert inspect(stream).codec == codec
        assert same_bits(decode_array(stream), array)


def test_colours_are_measured_by_their_columns(monkeypatch):
    monkeypatch.setattr(codecs, "MAX_COLS", 20)
    assert inspect(encode_array(smooth((30, 20, 3)), axes="YXS", effort=1)).codec == "lossless"
    assert inspect(encode_array(smooth((30, 21, 3)), axes="YXS", effort=1)).codec == "stored"
