# SPDX-License-Identifier: Apache-2.0
"""The dispatcher: an answer for every sequence of bytes, and the safety net below it."""

import mmap
import subprocess
import sys

import numpy as np
import pytest
from dicom_files import meta, small_file
from hypothesis import given
from hypothesis import strategies as st

from medlossless import io
from medlossless.errors import CorruptStream, InvalidInput, Unsupported
from medlossless.image import Image, Source
from medlossless.io import dicom, opaque, shell

MAGICS = [
    b"",
    b"\x93NUMPY\1\0",
    b"\x89PNG\r\n\x1a\n",
    b"II*\0",
    b"MM\0*",
    b"\x1f\x8b\x08",
    meta("1.2.840.10008.1.2"),
    b"\x5c\x01\0\0" + bytes(340) + b"n+1\0",
]


def assert_comes_back(data, **options):
    source = io.split(data, **options)
    array = None if source.image is None else source.image.array
    assert io.join(source.format, source.shell, array) == bytes(data)
    return source


@given(st.sampled_from(MAGICS), st.binary(max_size=400))
def test_any_bytes_come_back(magic, data):
    assert_comes_back(magic + data)


@pytest.mark.parametrize("data", [b"", b"\0", b"plain text\n" * 9])
def test_unknown_files_are_opaque_without_a_note(data):
    source = assert_comes_back(data)
    assert (source.format, source.image, source.note) == ("opaque", None, "")
    assert source.shell == data


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, lambda d: np.frombuffer(d, "u1")])
def test_any_buffer_is_taken(wrap):
    data, array = small_file()
    np.testing.assert_array_equal(assert_comes_back(wrap(data)).image.array, array)


def test_memory_map_is_viewed_not_copied(tmp_path):
    data, _ = small_file()
    path = tmp_path / "a.dcm"
    path.write_bytes(data)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        array = io.split(mapped).image.array
        assert np.shares_memory(array, np.frombuffer(mapped, np.uint8))


def test_opaque_bytes_are_not_copied():
    data = b"some file"
    assert io.split(data).shell is data
    assert io.join("opaque", data, None) is data


def test_scattered_buffer_is_refused():
    with pytest.raises(InvalidInput, match="contiguous"):
        io.split(memoryview(bytes(10))[::2])


def test_unknown_format_is_unsupported():
    with pytest.raises(Unsupported, match="'dwg'"):
        io.join("dwg", b"", None)


def test_opaque_file_with_an_array_is_corrupt():
    with pytest.raises(CorruptStream):
        opaque.join(b"", np.zeros((1, 1)))


@pytest.mark.parametrize("shape", [(2, 2), (3, 5)])
def test_file_that_would_not_come_back_is_kept(monkeypatch, shape):
    data, _ = small_file()
    right = dicom.split(memoryview(data))
    wrong = Source("dicom", Image(np.zeros(shape, "<i2"), "YX"), right.shell)
    monkeypatch.setattr(dicom, "split", lambda view, pixels: wrong)
    source = assert_comes_back(data)
    assert source.format == "opaque"
    assert source.note == "dicom: the joined file would differ: kept as it is"


def test_shell_numbers_and_parts_come_back():
    numbers, parts = [0, 127, 128, 2**62], [b"", b"abc", bytes(300)]
    packed = shell.pack(9, numbers, parts)
    assert shell.unpack(packed, version=9, n_numbers=4, n_parts=3) == (numbers, parts)
    for n_numbers, n_parts in ((3, 3), (4, 2), (4, 4)):
        with pytest.raises(CorruptStream):
            shell.unpack(packed, version=9, n_numbers=n_numbers, n_parts=n_parts)
    with pytest.raises(CorruptStream):
        shell.unpack(shell.pack(9, (), ())[:1], version=9, n_numbers=0, n_parts=0)
    with pytest.raises(CorruptStream):
        shell.unpack(b"\0", version=9, n_numbers=0, n_parts=0)


def test_import_brings_no_heavy_library():
    code = "import sys, medlossless.io; print({'pydicom', 'torch', 'nibabel'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
