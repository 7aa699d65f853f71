# SPDX-License-Identifier: Apache-2.0
"""DICOM: files cut, bent and real; shells that lie."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from dicom_files import Writer, meta, small_file
from hypothesis import given
from hypothesis import strategies as st

from medlossless import io
from medlossless.errors import CorruptStream, FormatVersion, MedlosslessError
from medlossless.io import dicom

N_NATIVE_SAMPLES = 30  # of pydicom's test files at least so many are not opaque


def busy_file(writer=None):
    """A small file with sequences of both kinds before and an element after the image."""
    writer = writer or Writer()
    icon = writer.image_module(2, 2, 8) + writer.pixels(b"\1\2\3\4")
    extra = writer.sequence(0x00081115, icon, defined=False)
    extra += writer.sequence(0x00091010, icon, defined=True)
    return small_file(writer, extra=extra)[0]


def assert_comes_back(data):
    source = io.split(data)
    array = None if source.image is None else source.image.array
    assert io.join(source.format, source.shell, array) == data
    return source


@pytest.mark.parametrize("writer", [Writer(), Writer(False), Writer(big=True)], ids=str)
def test_every_prefix_is_opaque_and_comes_back(writer):
    data = busy_file(writer)
    assert assert_comes_back(data).format == "dicom"
    for n_bytes in range(len(data)):
        assert assert_comes_back(data[:n_bytes]).format == "opaque"


@pytest.mark.parametrize("writer", [Writer(), Writer(False), Writer(big=True)], ids=str)
@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_every_bent_byte_comes_back(writer, flip):
    data = bytearray(busy_file(writer))
    for i in range(len(data)):
        data[i] ^= flip
        assert_comes_back(bytes(data))
        data[i] ^= flip


@given(st.binary(max_size=200), st.booleans())
def test_any_data_set_comes_back(data, with_meta):
    head = meta("1.2.840.10008.1.2.1") if with_meta else b"\x08\0\x05\0CS\0\0"
    assert_comes_back(head + data)


def join_or_error(shell, array):
    """Any answer is good but an exception that is not ours."""
    try:
        return dicom.join(shell, array)
    except MedlosslessError:
        return None


def shells():
    writer = Writer(big=True)
    data, _ = small_file()
    bits = writer.first() + writer.image_module(3, 7, 1) + writer.pixels(b"\xff" * 4)
    twelve = writer.first() + writer.image_module(3, 5, 12) + writer.pixels(b"\xff" * 24)
    return [io.split(data), io.split(bits), io.split(twelve)]


@pytest.mark.parametrize("source", shells(), ids=lambda source: str(source.image.array.dtype))
def test_bent_shells_raise_only_named_errors(source):
    shell = bytearray(source.shell)
    head = 16  # the record and the first lengths
    for i in range(head):
        for value in range(256):
            bent = bytes(shell[:i]) + bytes([value]) + bytes(shell[i + 1 :])
            join_or_error(bent, source.image.array)
    for n_bytes in range(len(shell)):
        with pytest.raises(MedlosslessError):
            dicom.join(bytes(shell[:n_bytes]), source.image.array)


def test_array_that_does_not_belong_to_the_shell_is_refused():
    source = io.split(small_file()[0])
    array = source.image.array
    for wrong in (None, array[1:], array.T, array.astype("i4"), array.view("u2"), array[None]):
        with pytest.raises(CorruptStream):
            dicom.join(source.shell, wrong)


def test_samples_wider_than_twelve_bits_are_refused():
    source = shells()[2]
    with pytest.raises(CorruptStream, match="fit"):
        dicom.join(source.shell, source.image.array + np.uint16(1))


def test_shell_of_a_later_version_is_refused():
    source = io.split(small_file()[0])
    shell = bytearray(source.shell)
    assert shell[1] == 1  # after the length of the record its first number, the version
    shell[1] = 2
    with pytest.raises(FormatVersion):
        dicom.join(bytes(shell), source.image.array)


def test_array_may_have_any_byte_order_and_strides():
    data, _ = small_file()
    source = io.split(data)
    array = source.image.array.astype(">i2")
    assert io.join("dicom", source.shell, np.asfortranarray(array)) == data


def pydicom_files():
    pydicom = pytest.importorskip("pydicom")
    root = Path(pydicom.__file__).parent / "data" / "test_files"
    return sorted(path for path in root.rglob("*") if path.is_file())


def reference_array(path):
    """The samples as pydicom sees them, or None where it sees none."""
    import pydicom
    from pydicom.pixels import pixel_array
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(path, force=True)
        implicit, little = data_set.original_encoding
        if "TransferSyntaxUID" not in data_set.file_meta:
            explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
            data_set.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
        try:
            return pixel_array(data_set, raw=True), data_set
        except ValueError:
            return None, data_set


def assert_same_samples(image, expected, data_set):
    if data_set.PhotometricInterpretation == "YBR_FULL_422":
        np.testing.assert_array_equal(image.array[: len(image.array) // 2], expected[..., 0])
        return
    if image.array.dtype.kind in "iu":  # pydicom clears the bits above Bits Stored
        mask = (1 << data_set.BitsStored) - 1
        np.testing.assert_array_equal(image.array.astype("i8") & mask, expected.astype("i8") & mask)
    else:
        np.testing.assert_array_equal(image.array, expected)


def test_files_of_pydicom_come_back_and_their_samples_are_right():
    n_native = 0
    for path in pydicom_files():
        source = assert_comes_back(path.read_bytes())
        if source.format != "dicom":
            continue
        n_native += 1
        expected, data_set = reference_array(path)
        if expected is not None:
            assert_same_samples(source.image, expected, data_set)
    assert n_native >= N_NATIVE_SAMPLES


@pytest.mark.corpus
def test_files_of_the_corpus_come_back():
    default = Path(__file__).parents[2].parent / "shared" / "corpus" / "lossless"
    root = Path(os.environ.get("MEDLOSSLESS_CORPUS", default))
    paths = [path for path in root.rglob("*") if path.is_file()]
    if not paths:
        pytest.skip(f"no corpus at {root}")
    for path in sorted(paths)[::7]:
        assert_comes_back(path.read_bytes())
