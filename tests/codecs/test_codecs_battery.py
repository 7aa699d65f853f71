# SPDX-License-Identifier: Apache-2.0
"""One battery for every lossless codec: what goes in comes out, to the last bit."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import codec_arrays as arrays
import numpy as np
import pytest
from codec_arrays import random_bits, same_bits, smooth
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from stream_surgery import ENCODERS, encode_with

from medlossless.api import decode_array, encode_array, inspect
from medlossless.codecs import CODECS

CODERS = ["ans", "huffman"]
OVERHEAD_BYTES = 100  # prologue, header, table and footer of a small array


def assert_restores(array: np.ndarray, stream: bytes) -> None:
    assert same_bits(decode_array(stream), array)


def test_every_lossless_codec_is_in_the_battery():
    assert set(ENCODERS) == {codec.name for codec in CODECS if codec.kind == "lossless"}


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize("shape", arrays.SHAPES, ids=str)
@pytest.mark.parametrize("dtype", arrays.DTYPES + arrays.FLOATS)
def test_every_dtype_and_shape_comes_back(codec, dtype, shape):
    for array in (random_bits(shape, dtype), smooth(shape, dtype, 0, 1 if dtype == "bool" else 90)):
        assert_restores(array, encode_with(codec, array, effort=1))


@pytest.mark.parametrize("dtype", arrays.FLOATS)
@pytest.mark.parametrize("codec", ENCODERS)
def test_special_floats_keep_their_bits(codec, dtype):
    array = np.zeros((6, 7), dtype)
    array[0] = [np.nan, -np.nan, np.inf, -np.inf, -0.0, np.finfo(dtype).tiny, np.finfo(dtype).max]
    quiet = array.view(f"{dtype[0]}u{dtype[2]}")
    quiet[1] = quiet[0, 0] ^ np.arange(1, 8).astype(quiet.dtype)  # other payloads of NaN
    quiet[2] = quiet[0, 2] + 1  # a signalling NaN
    assert np.isnan(array[1:3]).sum() >= 7
    assert_restores(array, encode_with(codec, array, effort=1))


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("effort", [1, 3, 5])
@pytest.mark.parametrize("shape", [(37, 31), (3, 18, 31), (1, 90), (90, 1), (4, 1, 1)], ids=str)
def test_every_mood_comes_back(shape, effort, coder):
    for name, array in arrays.moods(shape):
        stream = encode_with("lossless", array, effort=effort, coder=coder)
        assert same_bits(decode_array(stream), array), name


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("effort", range(1, 10))
def test_every_effort_comes_back(effort, coder):
    array = smooth((4, 23, 31), "<i2", -1000, 3000)
    stream = encode_array(array, effort=effort, coder=coder)
    assert_restores(array, stream)
    info = inspect(stream)
    assert (info.codec, info.effort, info.coder) == ("lossless", effort, coder)


@pytest.mark.parametrize("shape", arrays.EMPTY_SHAPES, ids=str)
@pytest.mark.parametrize("dtype", ["u1", ">i2", "<f8", "bool"])
def test_nothing_comes_back_as_nothing(shape, dtype):
    array = np.zeros(shape, dtype)
    assert_restores(array, encode_array(array))


@pytest.mark.parametrize("codec", ENCODERS)
@pytest.mark.parametrize(("shape", "axes"), arrays.COLOURS, ids=str)
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">f4"])
def test_colours_come_back(codec, dtype, shape, axes):
    for array in (random_bits(shape, dtype), smooth(shape, dtype, 0, 200)):
        assert_restores(array, encode_with(codec, array, axes, effort=2))


@pytest.mark.parametrize("axes", ["TZYX", "ABYX", "AAYX"])
def test_names_of_leading_axes_are_kept(axes):
    stream = encode_array(smooth((2, 2, 9, 8)), axes=axes, effort=1)
    assert inspect(stream).axes == axes


def strided() -> dict[str, np.ndarray]:
    """Arrays whose samples do not lie one after another."""
    base = np.ascontiguousarray(smooth((24, 30, 22), "<i2", -90, 900))
    unaligned = np.zeros(2 * 30 * 22 + 1, np.uint8)[1:].view("<i2").reshape(30, 22)
    unaligned[:] = base[0]
    fields = np.zeros((30, 22), [("a", "u1"), ("b", "<i2")])
    fields["b"] = base[3]
    return {
        "transposed": base.T,
        "Fortran": np.asfortranarray(base[5]),
        "reversed": base[::-1, ::-1, ::-1],
        "every other": base[1::2, ::3, 1::2],
        "one row repeated": np.broadcast_to(base[0, 0], (9, 22)),
        "one column repeated": np.broadcast_to(base[0, :, :1], (30, 12)),
        "unaligned": unaligned,
        "a field of records": fields["b"],
        "read only": np.frombuffer(base[2].tobytes(), "<i2").reshape(30, 22),
    }


@pytest.mark.parametrize("name", strided())
@pytest.mark.parametrize("codec", ENCODERS)
def test_strides_do_not_matter(codec, name):
    array = strided()[name]
    before = array.copy()
    stream = encode_with(codec, array, effort=2)
    assert_restores(array, stream)
    assert stream == encode_with(codec, np.ascontiguousarray(array), effort=2)
    assert same_bits(array, before)


@settings(max_examples=80)
@given(
    st.sampled_from(arrays.DTYPES + arrays.FLOATS).flatmap(
        lambda dtype: st_numpy.arrays(
            dtype, st_numpy.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9)
        )
    ),
    st.sampled_from([1, 3, 5]),
    st.sampled_from(CODERS),
)
def test_any_array_comes_back(array, effort, coder):
    assert_restores(array, encode_array(array, effort=effort, coder=coder))


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize(("effort", "shape"), [(1, (5, 40, 31)), (5, (3, 33, 31))], ids=str)
def test_threads_do_not_change_the_stream(effort, shape, coder):
    array = smooth(shape, "<u2", 0, 4000)
    array = np.stack([array, array[::-1]], axis=-1)  # two planes, several tiles
    axes = "ZYXS"
    one = encode_array(array, axes=axes, effort=effort, coder=coder, threads=1)
    assert inspect(one).tiles >= 2
    assert one == encode_array(array, axes=axes, effort=effort, coder=coder, threads=2)
    for threads in (1, 2):
        assert same_bits(decode_array(one, threads=threads), array)


PROGRAM = """
import hashlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from codec_arrays import smooth
from medlossless import encode_array
for effort in (1, 3, 5):
    stream = encode_array(smooth((2, 40, 31), "<i2", -90, 900), effort=effort)
    print(hashlib.sha256(stream).hexdigest())
"""


def test_two_processes_write_the_same_bytes(repository):
    here = os.path.dirname(__file__)
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(repository)}
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM, here],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    array = smooth((2, 40, 31), "<i2", -90, 900)
    here = [hashlib.sha256(encode_array(array, effort=effort)).hexdigest() for effort in (1, 3, 5)]
    assert output.split() == here


def test_a_tuned_net_is_written_the_same_twice_and_comes_back(tuned_effort):
    array = arrays.waves((150, 160))
    one, *others = (encode_array(array, effort=tuned_effort, threads=n) for n in (1, 1, 2, 5))
    assert others == [one] * 3
    assert_restores(array, one)
    assert any("tuned" in name for name in inspect(one).nets)
    assert len(one) < len(encode_array(array, effort=2))


@pytest.mark.parametrize("shape", [(37, 31), (2, 18, 31), (1, 1), (64, 64)], ids=str)
def test_never_larger_than_stored(shape):
    for name, array in arrays.moods(shape):
        for coder in CODERS:
            size = len(encode_array(array, effort=2, coder=coder))
            assert size <= len(encode_with("stored", array)), (name, coder)
            assert size <= array.nbytes + OVERHEAD_BYTES, (name, coder)


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<i4", "<f8"])
def test_noise_is_stored(dtype):
    array = random_bits((64, 64), dtype)
    stream = encode_array(array)
    assert inspect(stream).codec == "stored"
    assert len(stream) <= array.nbytes + OVERHEAD_BYTES


def test_a_picture_is_not_stored():
    assert inspect(encode_array(smooth((64, 64)))).codec == "lossless"


def test_random_data_is_random():
    """So that the moods are what they are called."""
    assert len(np.unique(random_bits((64, 64), "<u2"))) > 3000
    found = dict(arrays.moods((37, 31)))
    assert len(np.unique(found["full range"])) > 1000
    assert np.isnan(random_bits((300,), "<f2")).any()
