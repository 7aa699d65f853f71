# SPDX-License-Identifier: Apache-2.0
"""split and join: every array comes back bit for bit, and the cheaper way is taken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from medlossless import planes
from medlossless.errors import InvalidInput
from medlossless.image import Image
from medlossless.planes import recipe as recipes
from medlossless.planes.colour import Colour

CODES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]


def round_trip(array, axes=None, **options):
    """Split, check everything that is promised, join, compare; return planes and recipe."""
    array = np.asarray(array)
    axes = planes.default_axes(array.ndim) if axes is None else axes
    before = array.tobytes()
    made, recipe = planes.split(Image(array, axes), **options)
    expected = [plane for plane in planes.geometry(recipe) if not plane.constant]
    assert len(made) == len(expected)
    for plane, size in zip(made, expected, strict=True):
        assert plane.samples.dtype == np.uint16
        assert plane.samples.flags.c_contiguous
        assert plane.samples.shape == size[:3]
        assert plane.samples.max() == plane.max_sample == size.max_sample > 0
    samples = [plane.samples for plane in made]
    copies = [plane.copy() for plane in samples]
    joined = planes.join(copies, recipe, array.shape, array.dtype, axes)
    assert joined.dtype == array.dtype
    assert joined.dtype.byteorder == array.dtype.byteorder
    assert joined.shape == array.shape
    assert joined.flags.c_contiguous
    assert joined.tobytes() == before == array.tobytes()
    return made, recipe


def smooth(shape, low, high, seed=0):
    """Return a smooth float image with noise between two values."""
    rng = np.random.default_rng(seed)
    rows, cols = shape[-2:]
    waves = np.sin(np.arange(rows) / 9)[:, None] * np.cos(np.arange(cols) / 11)
    mixed = waves + rng.normal(0, 0.03, shape)
    return low + (high - low) * np.clip((mixed + 1.2) / 2.4, 0, 1)


@st.composite
def arrays(draw):
    """Any dtype, byte order, shape and strides, with a few values or many bits."""
    dtype = np.dtype(draw(st.sampled_from(CODES))).newbyteorder(draw(st.sampled_from("<>")))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=6))
    n = int(np.prod(shape, dtype=int))
    seed = draw(st.integers(0, 1 << 32))
    bits = np.random.default_rng(seed).integers(0, 256, n * dtype.itemsize, np.uint8)
    if dtype.kind == "b":
        bits &= 1
    array = bits.view(dtype).reshape(shape)
    if n and draw(st.booleans()):
        array = array.reshape(-1)[np.arange(n) % draw(st.integers(1, 9)) % n].reshape(shape)
    order = draw(st.permutations(range(array.ndim)))
    steps = [draw(st.sampled_from([1, -1, 2])) for _ in shape]
    return array.transpose(order)[tuple(slice(None, None, step) for step in steps)]


@given(arrays(), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_array_round_trips(array, samples_last):
    letters = planes.default_axes(array.ndim)
    if samples_last and array.ndim >= 2:
        letters = planes.default_axes(array.ndim - 1) + "S"
    round_trip(array, letters)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("code", CODES[9:])
def test_special_floats_round_trip(code, order):
    dtype = np.dtype(code).newbyteorder(order)
    width = dtype.itemsize * 8
    exponent = {16: 0x7C00, 32: 0x7F800000, 64: 0x7FF0 << 48}[width]
    sign = 1 << (width - 1)
    patterns = [0, sign, 1, sign + 1, exponent, exponent + sign]  # zeros, tiny, infinities
    patterns += [exponent + 1, exponent + sign + 5, exponent + (exponent >> 1), sign - 1]  # NaNs
    words = np.array(patterns * 40, f"u{dtype.itemsize}").astype(f"{order}u{dtype.itemsize}")
    round_trip(words.view(dtype).reshape(20, 20))


@pytest.mark.parametrize("code", CODES)
def test_extremes_of_each_dtype_round_trip(code):
    dtype = np.dtype(code)
    if dtype.kind in "iu":
        ends = [np.iinfo(dtype).min, np.iinfo(dtype).max]
    else:
        ends = [False, True] if dtype.kind == "b" else [-np.inf, np.inf]
    array = np.array(ends, dtype)[np.random.default_rng(0).integers(0, 2, (9, 31))]
    made, _ = round_trip(array)
    assert [plane.max_sample for plane in made] == [1]


@pytest.mark.parametrize(
    "shape", [(1, 300), (300, 1), (17, 31), (1, 1), (3, 1, 31), (2, 3, 4, 5), (64,), ()]
)
@pytest.mark.parametrize("code", ["u1", "i2", "f4"])
def test_odd_shapes_round_trip(shape, code):
    n = int(np.prod(shape, dtype=int))
    round_trip((np.random.default_rng(0).normal(0, 50, n) + 60).astype(code).reshape(shape))


@pytest.mark.parametrize(
    ("shape", "axes"), [((0, 4), "YX"), ((3, 0, 4), "ZYX"), ((2, 2, 0), "YXS"), ((0,), "X")]
)
def test_arrays_of_size_zero_have_no_planes(shape, axes):
    made, recipe = round_trip(np.zeros(shape, ">f8"), axes)
    assert made == []
    assert planes.geometry(recipe) == []


def test_constant_arrays_have_no_planes():
    for value in (np.int16(-2000), np.float64("nan"), np.uint64(1 << 63), np.bool_(True)):
        made, recipe = round_trip(np.full((3, 40, 50), value))
        assert made == []
        assert [plane.constant for plane in planes.geometry(recipe)] == [True]
        assert len(recipe) <= 15


def test_plain_ct_has_one_plane_and_a_short_recipe():
    ct = smooth((120, 64, 64), -1024, 3071).astype(np.int16)
    ct[0, 0, :2] = -1024, 3071
    made, recipe = round_trip(ct)
    assert len(made) == 1
    assert made[0].max_sample == 4095
    assert np.array_equal(made[0].samples, ct + 1024)
    assert len(recipe) < 12


def test_bool_is_one_plane_of_one_bit():
    made, _ = round_trip(smooth((40, 50), 0, 1) > 0.5)
    assert [plane.max_sample for plane in made] == [1]


def levels_of(recipe):
    return [word.levels for c in recipes.unpack(recipe).channels for word in c.words]


def test_sparse_levels_are_packed_and_cheaper():
    sparse = smooth((2, 80, 90), 0, 400).astype(np.uint16) * 7 + 3
    made, recipe = round_trip(sparse)
    (table,) = levels_of(recipe)
    assert table is not None
    assert made[0].max_sample == np.unique(sparse).size - 1
    plain = planes.split(Image(sparse // 7, "ZYX"))[0]
    unpacked = type(plain[0])(sparse - sparse.min(), int(sparse.max() - sparse.min()))
    packed_bits = planes.estimate_bits(made[0]) + 8 * len(recipe)
    assert packed_bits < 0.8 * planes.estimate_bits(unpacked)


def test_dense_levels_are_not_packed():
    dense = smooth((2, 80, 90), 0, 400).astype(np.uint16)
    assert np.unique(dense).size > 0.85 * 400
    _, recipe = round_trip(dense)
    assert levels_of(recipe) == [None]


def test_levels_are_not_packed_where_their_table_costs_more():
    rng = np.random.default_rng(0)
    tiny = np.sort(rng.choice(65536, 400, replace=False)).astype(np.uint16).reshape(20, 20)
    _, recipe = round_trip(tiny)
    assert levels_of(recipe) == [None]


def test_padding_far_below_the_image_is_packed_away():
    ct = smooth((200, 200), 0, 200).astype(np.int16)
    circle = np.hypot(*np.ogrid[-100:100, -100:100])
    ct[circle > 100] = -2000
    made, recipe = round_trip(ct)
    assert made[0].max_sample <= 200
    assert len(recipe) < 40


def test_given_cost_decides():
    sparse = smooth((80, 90), 0, 400).astype(np.uint16) * 2
    seen = []

    def dislike_packed(plane):
        seen.append(plane.max_sample)
        return 1e9 - plane.max_sample

    _, recipe = round_trip(sparse, cost=dislike_packed)
    assert levels_of(recipe) == [None]
    assert len(seen) == 2


@pytest.mark.parametrize("effort", [1, 5, 9])
def test_every_effort_round_trips(effort):
    round_trip(smooth((3, 200, 210), -500, 900).astype("<i2") * 2, effort=effort)


def test_integer_floats_become_ranks():
    image = smooth((64, 64), -100, 900).astype(np.int16)
    for dtype in (">f4", "f8", "f2"):
        made, _ = round_trip(image.astype(dtype))
        assert len(made) == 1
        assert made[0].max_sample < 1000


def test_noisy_floats_become_words():
    made, recipe = round_trip(np.random.default_rng(0).normal(0, 1, (300, 300)).astype("f4"))
    assert len(made) == 2
    assert len(planes.geometry(recipe)) == 2


def test_ranks_must_pay_for_their_table():
    for n_values, n_planes in ((400, 2), (9, 1)):
        drawn = np.random.default_rng(0).integers(0, 1 << 32, n_values, np.uint32)
        made, _ = round_trip(np.resize(drawn, (20, 20)))
        assert len(made) == n_planes


def test_wide_integers_of_narrow_range_are_one_plane():
    image = smooth((64, 64), 0, 900).astype(np.int64) + (1 << 60)
    made, _ = round_trip(image)
    assert [plane.max_sample for plane in made] == [int(image.max() - image.min())]


def test_words_of_wide_integers_are_reduced_themselves():
    drawn = np.random.default_rng(0).integers(0, 1 << 24, (300, 300)).astype(np.uint32)
    made, _ = round_trip(drawn << np.uint32(8))
    assert len(made) == 2
    assert made[1].max_sample == 255  # the low word is a multiple of 256


def photo(n_rows=90, n_cols=100):
    """Return a noisy RGB image whose samples go together."""
    grey = smooth((n_rows, n_cols), 40, 210)
    rng = np.random.default_rng(1)
    rgb = grey[..., None] + [6, 0, -9] + rng.normal(0, 2.5, (n_rows, n_cols, 3))
    return rgb.clip(0, 255).astype(np.uint8)


def screen(n_colours=16):
    """Return an RGB screenshot: rectangles and letters in a few colours."""
    rng = np.random.default_rng(2)
    table = rng.integers(0, 256, (n_colours, 3)).astype(np.uint8)
    indices = np.zeros((120, 160), int)
    for i in range(300):
        row, col = rng.integers(0, 110), rng.integers(0, 150)
        indices[row : row + rng.integers(2, 12), col : col + rng.integers(2, 12)] = i % n_colours
    return table[indices]


def test_palette_is_chosen_for_a_screenshot():
    made, recipe = round_trip(screen(), "YXS")
    assert recipes.unpack(recipe).palette.keys.size == 16
    assert [plane.max_sample for plane in made] == [15]
    assert len(recipe) < 70


def test_palette_is_chosen_with_alpha():
    rgba = np.dstack([screen(), np.full((120, 160), 255, np.uint8)])
    _, recipe = round_trip(rgba, "YXS")
    assert recipes.unpack(recipe).palette.keys.size == 16


def test_palette_of_one_colour_has_no_plane():
    array = np.broadcast_to(np.array([3, 200, 7], np.uint8), (20, 20, 3))
    made, _ = round_trip(array, "YXS")
    assert made == []


def test_palette_must_pay_for_its_table():
    for n_colours, chosen in ((16, True), (300, False)):
        _, recipe = round_trip(screen(n_colours), "YXS", cost=lambda plane: 1000.0)
        assert (recipes.unpack(recipe).palette is not None) == chosen


def test_palette_is_not_tried_for_few_samples_a_colour():
    _, recipe = round_trip(photo(8, 8), "YXS", cost=lambda plane: 1e9)
    assert recipes.unpack(recipe).palette is None


def test_colour_transform_is_chosen_for_a_photo():
    _, recipe = round_trip(photo(), "YXS")
    plan = recipes.unpack(recipe)
    assert plan.palette is None
    assert plan.colour != Colour.NONE


def test_independent_samples_stay_apart():
    rgb = np.random.default_rng(0).integers(0, 256, (60, 70, 3)).astype(np.uint8)
    _, recipe = round_trip(rgb, "YXS")
    assert recipes.unpack(recipe).colour == Colour.NONE


def test_grey_in_three_samples_costs_one_plane():
    grey = np.repeat(smooth((60, 70), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    made, recipe = round_trip(grey, "YXS")
    assert len(made) == 1
    assert len(planes.geometry(recipe)) in (1, 3)


def test_colour_of_16_bits_never_wraps():
    rng = np.random.default_rng(0)
    wide = smooth((60, 70), 0, 65535)[..., None] + rng.normal(0, 20, (60, 70, 3))
    wide = wide.clip(0, 65535).astype(np.uint16)
    _, recipe = round_trip(wide, "YXS")
    assert recipes.unpack(recipe).colour != Colour.NONE
    wide[0, :2] = [[65535, 0, 65535], [0, 65535, 0]]  # differences of 17 bits
    _, recipe = round_trip(wide, "YXS")
    assert recipes.unpack(recipe).colour == Colour.NONE


def test_rare_wide_colours_are_noticed_outside_the_excerpt():
    wide = np.repeat(smooth((300, 400), 0, 65535).astype(np.uint16)[..., None], 3, axis=2)
    assert recipes.unpack(round_trip(wide, "YXS", effort=1)[1]).colour != Colour.NONE
    wide[0, :2] = [[65535, 0, 65535], [0, 65535, 0]]
    assert recipes.unpack(round_trip(wide, "YXS", effort=1)[1]).colour == Colour.NONE


def test_planar_and_reversed_views_round_trip():
    rgb = photo()
    round_trip(np.moveaxis(np.ascontiguousarray(np.moveaxis(rgb, 2, 0)), 0, 2), "YXS")
    round_trip(rgb[::-1, ::2, ::-1], "YXS")
    round_trip(np.stack([rgb, rgb[::-1]]), "ZYXS")


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_other_numbers_of_samples_are_planes_of_their_own(samples):
    array = np.stack([smooth((20, 30), 0, 200, seed) for seed in range(samples)], axis=-1)
    made, _ = round_trip(array.astype(np.uint8), "YXS")
    assert len(made) == samples


def test_read_only_and_broadcast_arrays_are_accepted():
    array = np.broadcast_to(smooth((20, 30), 0, 200).astype(np.uint8), (4, 20, 30))
    round_trip(array)
    array = np.frombuffer(bytes(range(100)), ">u2").reshape(5, 10)
    round_trip(array)


def test_unsupported_input_is_refused():
    with pytest.raises(InvalidInput, match="dtype"):
        planes.split(Image(np.zeros((2, 2), np.complex64), "YX"))
    with pytest.raises(InvalidInput, match="axes"):
        planes.split(Image(np.zeros((2, 2)), "ZYX"))


def test_splitting_is_repeatable():
    array = smooth((3, 70, 80), 0, 900).astype(np.uint16) * 3
    first, second = (planes.split(Image(array, "ZYX"))[1] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("n_frames", [0, 1, 3])
@pytest.mark.parametrize("code", [">i2", "f4", "u1", "?"])
def test_join_frames_restores_a_run_of_frames(code, n_frames):
    array = smooth((2, 3, 20, 30), 0, 99).astype(np.int16).astype(code)
    made, recipe = planes.split(Image(array, "TZYX"))
    part = [plane.samples[2 : 2 + n_frames] for plane in made]
    joined = planes.join_frames(part, recipe, n_frames, array.shape, array.dtype, "TZYX")
    assert joined.dtype == array.dtype
    assert joined.tobytes() == array.reshape(6, 20, 30)[2 : 2 + n_frames].tobytes()
    assert joined.shape == (n_frames, 20, 30)


@pytest.mark.parametrize("image", [photo, screen])
def test_join_frames_restores_colour(image):
    array = np.stack([image(), image()[::-1], image()])
    made, recipe = planes.split(Image(array, "ZYXS"))
    part = [plane.samples[1:2] for plane in made]
    joined = planes.join_frames(part, recipe, 1, array.shape, array.dtype, "ZYXS")
    assert np.array_equal(joined, array[1:2])
