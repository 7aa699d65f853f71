# SPDX-License-Identifier: Apache-2.0
"""Frames are decoded alone: those asked for, in the order asked for, and no tile in vain."""

from __future__ import annotations

import numpy as np
import pytest
from codec_arrays import random_bits, same_bits, smooth, waves
from stream_surgery import encode_with, put_together, take_apart

from medlossless.api import decode_array, encode_array, inspect
from medlossless.codecs import Options, codec_numbered, lossless
from medlossless.container import Section, Stream, join
from medlossless.errors import ChecksumMismatch, InvalidInput
from medlossless.image import Image

IMAGES = {
    "volume": (smooth((7, 20, 31), "<i2", -90, 900), "ZYX"),
    "colours": (smooth((5, 9, 8, 3), "u1"), "ZYXS"),
    "4-D": (smooth((3, 2, 9, 11), ">u2"), "TZYX"),
    "constant": (np.full((4, 5, 6), 7, np.int16), "ZYX"),
    "noise": (random_bits((6, 8, 9), "<f4"), "ZYX"),
}
CHOICES = [0, 2, -1, slice(None), slice(1, 4), slice(None, None, -1), slice(0, 0), slice(2, 99)]
CHOICES += [[0], [2, 0, 2], [-1, 1], (1, 3), range(0, 4, 2), np.array([3, 1]), []]


def expected_frames(array, axes, frames):
    inner = array.shape[-3:] if axes.endswith("S") else array.shape[-2:]
    stack = array.reshape(-1, *inner)
    return stack[list(frames) if isinstance(frames, list | tuple | range) else frames].reshape(
        (*inner,) if isinstance(frames, int) else (-1, *inner) if inner else (-1,)
    )


@pytest.mark.parametrize("codec", ["stored", "lossless"])
@pytest.mark.parametrize("effort", [1, 5])
@pytest.mark.parametrize("name", IMAGES)
def test_frames_are_those_asked_for(name, effort, codec):
    array, axes = IMAGES[name]
    stream = encode_with(codec, array, axes, effort=effort)
    for frames in CHOICES:
        found = decode_array(stream, frames=frames)
        assert same_bits(found, expected_frames(array, axes, frames)), frames


@pytest.mark.parametrize("codec", ["stored", "lossless"])
@pytest.mark.parametrize("shape", [(9, 8), (9,), (), (1, 1)], ids=str)
def test_an_array_without_frames_is_one_frame(codec, shape):
    array = smooth(shape)
    stream = encode_with(codec, array, effort=1)
    for frame in (0, -1):
        assert same_bits(decode_array(stream, frames=frame), array)
    assert same_bits(decode_array(stream, frames=[0, 0]), np.stack([array, array]))
    with pytest.raises(InvalidInput):
        decode_array(stream, frames=1)


@pytest.mark.parametrize("shape", [(3, 0, 5), (2, 4, 0), (0, 4, 5)], ids=str)
def test_frames_of_nothing(shape):
    stream = encode_array(np.zeros(shape, np.int16))
    assert decode_array(stream, frames=slice(0, 2)).shape == (min(2, shape[0]), *shape[1:])


@pytest.mark.parametrize("frames", [7, -8, [0, 7], [-8]])
def test_a_frame_that_is_not_there_is_refused(frames):
    stream = encode_array(IMAGES["volume"][0], effort=1)
    with pytest.raises(InvalidInput, match=r"frame -?\d: the stream holds 7"):
        decode_array(stream, frames=frames)


@pytest.mark.parametrize("frames", [1.5, "1", [0.0], {1}, [[0, 1]]])
def test_frames_that_are_no_numbers_are_refused(frames):
    stream = encode_array(IMAGES["volume"][0], effort=1)
    with pytest.raises(InvalidInput, match="frames: expected int, slice or sequence"):
        decode_array(stream, frames=frames)


def unlike_frames() -> np.ndarray:
    """Three frames that say nothing about one another, so that each is a tile."""
    one = smooth((20, 31), "<u2", 0, 900)
    return np.stack([one, one[::-1, ::-1] // 2 + 99, 900 - one[:, ::-1]])


def test_other_tiles_are_not_decoded():
    """A damaged tile does not matter to those who do not want it."""
    array = unlike_frames()
    stream = encode_with("lossless", array, effort=1)
    coded = lossless.read_index(Stream(stream))
    assert inspect(stream).tiles == 3
    sections = take_apart(stream)
    payload = bytearray(sections[Section.PAYLOAD])
    payload[coded[0].entries[1].start + 5] ^= 16
    damaged = put_together({**sections, Section.PAYLOAD: bytes(payload)})
    for frame in (0, 2):
        assert np.array_equal(decode_array(damaged, frames=frame), array[frame])
    for frames in (1, [0, 1], None):
        with pytest.raises(ChecksumMismatch, match=r"plane 0, frames 1\.\.1, rows 0\.\.19"):
            decode_array(damaged, frames=frames)


def test_progress_counts_tiles():
    array = unlike_frames()
    calls: list[tuple[int, int]] = []
    options = Options(1, "ans", 1, lambda done, total: calls.append((done, total)))
    stream = Stream(encode_with("lossless", array, effort=1))
    lossless.decode(stream, stream.header(), [0, 2], options)
    assert calls == [(1, 2), (2, 2)]
    assert codec_numbered(stream.header().codec).name == "lossless"


def test_progress_counts_tuning_and_tiles_as_one_job(tuned_effort):
    calls: list[tuple[int, int]] = []
    options = Options(tuned_effort, progress=lambda done, total: calls.append((done, total)))
    image = Image(np.stack([waves((150, 160), seed) for seed in range(3)], axis=-1), "YXS")
    join(lossless.encode(image, options))
    shares = [done / total for done, total in calls]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert sum(share <= 0.25 for share in shares) >= 2  # the first of three planes' tuning
    assert len({round(share, 3) for share in shares}) >= 7
