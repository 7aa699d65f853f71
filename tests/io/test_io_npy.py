# SPDX-License-Identifier: Apache-2.0
"""NPY: every dtype, order, version and shape; damaged files; shells that lie."""

import contextlib
import io as std_io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless import io
from medlossless.errors import CorruptStream, MedlosslessError
from medlossless.io import npy, shell

DTYPES = ["?", "u1", "i1", *(f"{o}{k}{n}" for o in "<>" for k in "iu" for n in (2, 4, 8))]
DTYPES += [f"{order}f{n}" for order in "<>" for n in (2, 4, 8)]


def npy_bytes(array, version=None):
    stream = std_io.BytesIO()
    np.lib.format.write_array(stream, array, version=version, allow_pickle=True)
    return stream.getvalue()


def random_array(dtype, shape, seed=1):
    rng = np.random.default_rng(seed)
    if dtype == "?":
        return rng.integers(0, 2, shape).astype(bool)
    dtype = np.dtype(dtype)
    return np.frombuffer(rng.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)


def split_and_join(data):
    source = io.split(data)
    array = None if source.image is None else np.array(source.image.array)
    assert io.join(source.format, source.shell, array) == data
    return source


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fortran", [False, True])
def test_samples_keep_dtype_and_every_bit(dtype, fortran):
    array = random_array(dtype, (5, 31))
    source = split_and_join(npy_bytes(np.asfortranarray(array) if fortran else array))
    assert (source.format, source.image.axes) == ("npy", "YX")
    expected = array.T if fortran else array
    assert source.image.array.dtype == array.dtype
    assert source.image.array.tobytes() == expected.tobytes()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_are_read(version):
    array = random_array("<u2", (4, 5))
    np.testing.assert_array_equal(split_and_join(npy_bytes(array, version)).image.array, array)


@pytest.mark.parametrize(
    "shape, axes, in_file",
    [
        ((1,), "YX", (1, 1)),
        ((7,), "YX", (1, 7)),
        ((7, 9), "YX", (7, 9)),
        ((1, 9), "YX", (1, 9)),
        ((5, 7, 9), "ZYX", (5, 7, 9)),
        ((5, 7, 3), "YXS", (5, 7, 3)),
        ((5, 7, 4), "YXS", (5, 7, 4)),
        ((5, 3, 3), "ZYX", (5, 3, 3)),
        ((2, 5, 7, 9), "TZYX", (2, 5, 7, 9)),
        ((2, 5, 7, 3), "ZYXS", (2, 5, 7, 3)),
        ((2, 2, 5, 7, 9), "TTZYX", (2, 2, 5, 7, 9)),
    ],
)
@pytest.mark.parametrize("fortran", [False, True])
def test_axes_follow_the_shape(shape, axes, in_file, fortran):
    array = random_array("<i2", shape)
    image = split_and_join(npy_bytes(np.asfortranarray(array) if fortran else array)).image
    assert image.axes == axes
    if fortran and len(shape) > 1 and 1 not in shape and "S" not in axes:
        in_file, array = in_file[::-1], array.T
    np.testing.assert_array_equal(image.array, array.reshape(in_file))


@pytest.mark.parametrize(
    "array, note",
    [
        (np.zeros((3, 3), "c8"), "NPY: samples of type '<c8'"),
        (np.zeros((3, 3), [("a", "u1")]), "NPY: samples of type \"[('a', '|u1')]\""),
        (np.array([[None]]), "NPY: samples of type '|O'"),
        (np.zeros((3, 3), "M8[s]"), "NPY: samples of type '<M8[s]'"),
        (np.float64(3).reshape(()), "NPY: array of shape ()"),
        (np.zeros((3, 0, 4), "u1"), "NPY: array of shape (3, 0, 4)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_arrays_that_are_no_image_are_opaque_and_say_why(array, note):
    source = split_and_join(npy_bytes(array))
    assert (source.format, source.note) == ("opaque", note)


def test_bool_with_other_bytes_is_opaque():
    data = npy_bytes(np.ones((2, 2), bool))
    source = split_and_join(data[:-1] + b"\2")
    assert (source.format, source.note) == (
        "opaque",
        "NPY: bool array with bytes other than 0 and 1",
    )


def test_bytes_after_the_array_are_kept():
    assert split_and_join(npy_bytes(random_array("u1", (3, 4))) + b"more").format == "npy"


def test_every_prefix_is_opaque_and_comes_back():
    data = npy_bytes(random_array("<u2", (3, 4)))
    for n_bytes in range(len(data)):
        assert split_and_join(data[:n_bytes]).format == "opaque"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("flip", [0x01, 0x10, 0x7C, 0xFF])
def test_every_bent_byte_comes_back(flip):
    data = bytearray(npy_bytes(random_array("<u2", (3, 4))))
    for i in range(len(data)):
        data[i] ^= flip
        split_and_join(bytes(data))
        data[i] ^= flip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<u2', 'fortran_order': False, 'shape': (10**30, 2)}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (1000000000000000000000, 2)}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (True, 2)}",
        "{'descr': '<u2', 'fortran_order': False, 'shape': (-1, -2)}",
        "{'descr': '<u2', 'fortran_order': 0, 'shape': (1, 2)}",
        "{'descr': '\\d2', 'fortran_order': False, 'shape': (1, 2)}",
        "{'descr': '<u3', 'fortran_order': False, 'shape': (1, 2)}",
        "[" * 5000,
        "-" * 9000 + "1",
        "{[]: 1}",
        "",
    ],
    ids=lambda text: text[:70],
)
def test_headers_that_lie_are_opaque(text):
    header = text.encode()
    data = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + bytes(64)
    assert split_and_join(data).format == "opaque"


@given(st.binary(max_size=300), st.sampled_from([0, 1, 2, 3, 255]))
def test_any_bytes_behind_the_magic_come_back(data, version):
    split_and_join(b"\x93NUMPY" + bytes([version, 0]) + data)


def test_samples_are_a_view_of_the_file():
    data = npy_bytes(random_array("<u2", (3, 4)))
    array = npy.split(memoryview(data)).image.array
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))


def test_bent_shells_raise_only_named_errors():
    source = io.split(npy_bytes(random_array("<u2", (3, 4))))
    bent = bytearray(source.shell)
    for i in range(len(bent)):
        with pytest.raises(MedlosslessError):
            npy.join(bytes(bent[:i]), source.image.array)
        for flip in (1, 0x10, 0x80):
            bent[i] ^= flip
            with contextlib.suppress(MedlosslessError):
                npy.join(bytes(bent), source.image.array)
            bent[i] ^= flip


def test_array_that_does_not_belong_to_the_shell_is_refused():
    source = io.split(npy_bytes(random_array("<u2", (3, 4))))
    array = source.image.array
    for wrong in (None, array[1:], array.T, array.view("i2"), array.astype("u4"), array[None]):
        with pytest.raises(CorruptStream):
            npy.join(source.shell, wrong)


def test_shell_with_more_than_a_header_before_the_samples_is_refused():
    source = io.split(npy_bytes(random_array("<u2", (3, 4))))
    _, (head, tail) = shell.unpack(source.shell, version=1, n_numbers=0, n_parts=2)
    with pytest.raises(CorruptStream, match="header"):
        npy.join(shell.pack(1, (), (head + b"more", tail)), source.image.array)
