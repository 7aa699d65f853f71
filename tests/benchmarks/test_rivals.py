# SPDX-License-Identifier: Apache-2.0
"""Every installed rival restores every mood of data, or refuses it with a reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.rivals import adapt, bits_used
from benchmarks.roster import ROSTER, Medlossless, NoSuchCodec, select
from medlossless import inspect
from medlossless.predict import shipped_names

RANDOM = np.random.default_rng(11)


def moods():
    """Name -> (slices, rows, cols[, samples]) array."""
    return {
        "12-bit": RANDOM.integers(0, 4096, (2, 20, 17)).astype(np.uint16),
        "9-bit": RANDOM.integers(0, 400, (2, 20, 17)).astype(np.uint16),
        "16-bit full range": RANDOM.integers(0, 65536, (2, 20, 17)).astype(np.uint16),
        "signed full range": RANDOM.integers(-32768, 32768, (2, 20, 17)).astype(np.int16),
        "signed narrow": RANDOM.integers(-9, 90, (1, 20, 17)).astype(np.int16),
        "bool": RANDOM.integers(0, 2, (3, 20, 17)).astype(bool),
        "colour": RANDOM.integers(0, 256, (1, 20, 17, 3)).astype(np.uint8),
        "narrow range of 32 bits": RANDOM.integers(7_000_000, 7_000_300, (2, 20, 17)),
        "constant": np.full((2, 20, 17), 77, np.uint16),
        "one row": RANDOM.integers(0, 4096, (1, 1, 100)).astype(np.uint16),
        "floats": RANDOM.random((1, 20, 17)).astype(np.float32),
    }


@pytest.mark.parametrize("name", ROSTER)
def test_rival_restores_every_mood_or_says_why_not(name):
    try:
        rival = ROSTER[name]()
    except ImportError as error:
        pytest.skip(f"{name}: {error}")
    refused = []
    for mood, array in moods().items():
        if reason := rival.refusal(array):
            refused.append((mood, reason))
            continue
        for unit in rival.prepare(array):
            stream = rival.encode(unit)
            decoded = rival.decode(stream, unit)
            assert isinstance(stream, bytes) and len(stream) > 0
            assert (decoded.shape, decoded.dtype) == (unit.shape, unit.dtype), mood
            assert np.array_equal(decoded, unit), mood
    allowed = {"floats", "colour", "signed narrow", "one row"}  # the last two: one slice only
    assert {mood for mood, _ in refused} <= allowed, refused


@given(
    array=arrays(np.int64, st.tuples(*3 * [st.integers(1, 5)]), elements=st.integers(0, 65535)),
    offset=st.integers(-(2**40), 2**40),
)
def test_adapt_is_reversible(array, offset):
    samples, taken = adapt(array + offset)
    assert samples.dtype in (np.uint8, np.uint16)
    assert np.array_equal(samples.astype(np.int64) + taken, array + offset)


@pytest.mark.parametrize(("value", "bits"), [(0, 1), (1, 1), (2, 2), (255, 8), (256, 9)])
def test_bits_used(value, bits):
    assert bits_used(np.array([[0, value]])) == bits


def test_more_than_16_bits_are_refused():
    wide = np.array([[[0, 70_000]]], np.int32)
    rivals, _ = select([], [], [])
    refusals = {rival.name: rival.refusal(wide) for rival in rivals}
    assert {name for name, reason in refusals.items() if not reason} <= {"zstd-19", "gzip-9"}


def test_jxl_slices_joins_slices_in_one_stream():
    pytest.importorskip("imagecodecs")
    (rival,), _ = select(["jxl-slices-e7"], [], [])
    volume = RANDOM.integers(0, 4096, (300, 4, 4)).astype(np.uint16)
    units = rival.prepare(volume)
    assert [len(unit) for unit in units] == [150, 150]
    assert np.array_equal(rival.decode(rival.encode(units[0]), units[0]), units[0])


def test_a_name_selects_what_starts_with_it():
    rivals, missing = select(["jxl", "gzip"], [5], [])
    names = {rival.name for rival in rivals} | missing.keys()
    assert names == {"jxl-e3", "jxl-e7", "jxl-e9", "jxl-slices-e7", "jxl-slices-e9", "gzip-9"}


def test_an_unknown_codec_is_an_error():
    with pytest.raises(NoSuchCodec, match="zip"):
        select(["zip"], [], [])


def test_medlossless_is_offered_at_every_effort():
    rivals, missing = select([], [1, 5], [])
    assert {"medlossless-e1", "medlossless-e5"} <= {one.name for one in rivals} | missing.keys()
    assert not Medlossless.settled


def test_untuned_codec_names_shipped_nets_only():
    rows, cols = np.mgrid[:300, :300]
    volume = (9 * np.sin(rows / 9) * np.cos(cols / 7) + RANDOM.normal(40, 2, (1, 300, 300))) * 20
    volume = np.clip(volume, 0, 4095).astype(np.uint16)
    (untuned,), _ = select(["medlossless-e7-untuned"], [], [7])
    (tuned,), _ = select(["medlossless-e7"], [7], [])
    streams = {rival.name: rival.encode(volume) for rival in (tuned, untuned)}
    assert np.array_equal(untuned.decode(streams["medlossless-e7-untuned"], volume), volume)
    nets = {name: inspect(stream).nets for name, stream in streams.items()}
    assert set(nets["medlossless-e7-untuned"]) <= set(shipped_names())
    assert not set(nets["medlossless-e7"]) <= set(shipped_names())
    assert (tuned.tunes, untuned.tunes) == (True, False)
