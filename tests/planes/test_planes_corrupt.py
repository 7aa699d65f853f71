# SPDX-License-Identifier: Apache-2.0
"""Damaged recipes: a named error or a wrong array of the right size, never anything else."""

import tracemalloc

import numpy as np
import pytest

from medlossless import planes
from medlossless._fields import varint
from medlossless.errors import CorruptStream
from medlossless.image import Image
from medlossless.planes.varint import zigzag

RNG = np.random.default_rng(0)


def few_colours(samples: int) -> np.ndarray:
    table = RNG.integers(0, 256, (9, samples)).astype(np.uint8)
    return table[np.add.outer(np.arange(24), np.arange(24)) // 6 % 9]


CASES = {
    "plain": (RNG.integers(-1024, 3000, (2, 12, 13)).astype("<i2"), "ZYX"),
    "levels": (RNG.integers(0, 30, (24, 24)).astype(">u2") * 1000, "YX"),
    "irregular levels": (
        np.cumsum(RNG.integers(1, 999, 60)).astype(np.int32)[RNG.integers(0, 60, (40, 40))],
        "YX",
    ),
    "words": (RNG.integers(0, 1 << 62, (9, 9)), "YX"),
    "floats": (RNG.normal(0, 1, (9, 9)).astype(">f4"), "YX"),
    "ranked floats": (RNG.integers(-9, 99, (30, 30)).astype("f8"), "YX"),
    "bool": (RNG.integers(0, 2, (9, 9)).astype(bool), "YX"),
    "constant": (np.full((9, 9), -5, "i2"), "YX"),
    "palette": (few_colours(3), "YXS"),
    "palette of four": (few_colours(4), "YXS"),
    "colour": (
        (RNG.integers(0, 200, (20, 20, 1)) + RNG.integers(0, 9, (20, 20, 3))).astype("u1"),
        "YXS",
    ),
    "empty": (np.zeros((0, 3)), "YX"),
}


@pytest.fixture(params=CASES)
def case(request):
    array, axes = CASES[request.param]
    made, recipe = planes.split(Image(array, axes))
    samples = [plane.samples for plane in made]
    assert np.array_equal(planes.join(samples, recipe, array.shape, array.dtype, axes), array)
    return array, axes, samples, recipe


def expected_error_or_array(case, recipe):
    """Join with another recipe; return whether it was refused."""
    array, axes, samples, _ = case
    try:
        sizes = planes.geometry(recipe)
        joined = planes.join(samples, recipe, array.shape, array.dtype, axes)
    except CorruptStream:
        return True
    assert sum(not size.constant for size in sizes) == len(samples)
    assert joined.shape == array.shape
    assert joined.dtype == array.dtype
    return False


def test_every_prefix_is_corrupt(case):
    recipe = case[3]
    for end in range(len(recipe)):
        with pytest.raises(CorruptStream):
            planes.geometry(recipe[:end])
    with pytest.raises(CorruptStream):
        planes.geometry(recipe + b"\0")


def test_every_flipped_byte_is_safe(case):
    recipe = case[3]
    refused = 0
    tracemalloc.start()
    for position in range(len(recipe)):
        for change in (0x01, 0x02, 0x04, 0x10, 0x40, 0x80, 0xFF):
            flipped = bytearray(recipe)
            flipped[position] ^= change
            refused += expected_error_or_array(case, bytes(flipped))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > 0
    assert peak_bytes < 1 << 24


def test_random_bytes_are_safe(case):
    rng = np.random.default_rng(3)
    for _ in range(300):
        expected_error_or_array(case, rng.bytes(int(rng.integers(0, 40))))
    head = case[3][:4]
    for _ in range(300):
        expected_error_or_array(case, head + rng.bytes(int(rng.integers(0, 40))))


def test_planes_of_other_sizes_are_corrupt():
    array = RNG.integers(0, 999, (4, 6)).astype("u2")
    (plane,), recipe = planes.split(Image(array, "YX"))
    good = plane.samples
    for wrong in ([], [good, good], [good[0]], [good[:, :3]], [good.astype("u4")]):
        with pytest.raises(CorruptStream, match="plane"):
            planes.join(wrong, recipe, (4, 6), array.dtype, "YX")
    with pytest.raises(CorruptStream, match="max_sample"):
        planes.join([good + np.uint16(1)], recipe, (4, 6), array.dtype, "YX")


@pytest.mark.parametrize("shape", [(6, 4), (4, 7), (0, 6), (4, 6, 1)])
def test_other_shapes_are_corrupt(shape):
    array = RNG.integers(0, 999, (4, 6)).astype("u2")
    made, recipe = planes.split(Image(array, "YX"))
    samples = [plane.samples for plane in made]
    with pytest.raises(CorruptStream, match="extent"):
        planes.join(samples, recipe, shape, array.dtype, planes.default_axes(len(shape)))


@pytest.mark.parametrize("dtype", ["u1", "i1", "?"])
def test_other_dtypes_are_corrupt_where_values_do_not_fit(dtype):
    array = RNG.integers(0, 999, (4, 6)).astype("u2")
    made, recipe = planes.split(Image(array, "YX"))
    with pytest.raises(CorruptStream, match="values from"):
        planes.join([plane.samples for plane in made], recipe, (4, 6), np.dtype(dtype), "YX")


@pytest.mark.parametrize("transform", [1, 2])
@pytest.mark.parametrize("minimum", [-30, 250])
def test_colours_outside_the_dtype_are_corrupt(transform, minimum):
    channels = b"".join(varint(zigzag(low)) + b"\0" for low in (minimum, 20, 20))
    recipe = bytes([1, 1, 1, 4 * 3 + transform]) + channels
    assert all(size.constant for size in planes.geometry(recipe))
    with pytest.raises(CorruptStream, match="expected 0 to 255"):
        planes.join([], recipe, (1, 1, 3), np.dtype("u1"), "YXS")


def test_colour_transforms_of_wide_dtypes_are_corrupt():
    array, axes = CASES["colour"]
    made, recipe = planes.split(Image(array, axes))
    samples = [plane.samples for plane in made]
    with pytest.raises(CorruptStream, match="colour"):
        planes.join(samples, recipe, array.shape, np.dtype("i4"), axes)


def test_claims_are_not_allocated():
    huge = b"\xff\xff\xff\xff\xff\xff\xff\x7f" * 3 + b"\x04\x00\x00"
    tracemalloc.start()
    (size,) = planes.geometry(huge)
    with pytest.raises(CorruptStream):
        planes.join([], huge, (3, 3), np.dtype("u1"), "YX")
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size.constant
    assert peak_bytes < 1 << 16
