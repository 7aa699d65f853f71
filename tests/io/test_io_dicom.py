# SPDX-License-Identifier: Apache-2.0
"""DICOM: every way native samples can lie in a file, and the file comes back."""

import zlib

import numpy as np
import pytest
from dicom_files import DEFLATED, UNDEFINED, Writer, meta, small_file

from medlossless import io
from medlossless.io import dicom

WRITERS = [Writer(True, False), Writer(False, False), Writer(True, True), Writer(False, True)]


def split_and_join(data, *, note=""):
    """Split, check that the file comes back, return the source."""
    source = io.split(data)
    assert source.note == note
    assert source.guarantee == "file-exact"
    array = None if source.image is None else np.array(source.image.array)
    assert io.join(source.format, source.shell, array) == data
    return source


def random_array(dtype, shape, seed=1):
    """Every bit random, so that a lost sign or high bit shows."""
    dtype = np.dtype(dtype)
    raw = np.random.default_rng(seed).bytes(int(np.prod(shape)) * dtype.itemsize)
    return np.frombuffer(raw, dtype).reshape(shape)


def build(writer, module, value, **pixels):
    return meta(writer.syntax) + writer.first() + module + writer.pixels(value, **pixels)


@pytest.mark.parametrize("writer", WRITERS, ids=str)
@pytest.mark.parametrize("kind", ["u", "i"])
@pytest.mark.parametrize("allocated", [8, 16, 32, 64])
@pytest.mark.parametrize("frames", [1, 3])
def test_whole_words_are_the_samples(writer, kind, allocated, frames):
    dtype = f"{writer.order}{kind}{allocated // 8}"
    array = random_array(dtype, (frames, 5, 31) if frames > 1 else (5, 31))
    module = writer.image_module(
        5, 31, allocated, frames=frames, stored=allocated - 3, signed=kind == "i"
    )
    value = array.tobytes() + bytes(array.nbytes % 2)
    vr = "OB" if allocated == 8 else "OW"
    source = split_and_join(build(writer, module, value, vr=vr))
    assert source.format == "dicom"
    assert source.image.axes == ("ZYX" if frames > 1 else "YX")
    assert source.image.bits == allocated - 3
    assert source.image.array.dtype == array.dtype
    np.testing.assert_array_equal(source.image.array, array)


@pytest.mark.parametrize("dtype, tag, vr", [("f4", 0x7FE00008, "OF"), ("f8", 0x7FE00009, "OD")])
@pytest.mark.parametrize("writer", WRITERS, ids=str)
def test_float_pixel_data_keeps_every_bit(writer, dtype, tag, vr):
    array = random_array(writer.order + dtype, (4, 3))  # NaN payloads among them
    module = writer.image_module(4, 3, 8 * array.itemsize)
    data = build(writer, module, array.tobytes(), vr=vr, tag=tag)
    source = split_and_join(data)
    assert source.image.array.tobytes() == array.tobytes()
    assert source.image.array.dtype == array.dtype
    turned = array.byteswap().view(array.dtype.newbyteorder())
    assert io.join("dicom", source.shell, turned) == data


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("allocated", [8, 16])
def test_samples_come_last_in_both_planar_configurations(planar, frames, allocated):
    writer = Writer()
    array = random_array(f"<u{allocated // 8}", (frames, 4, 6, 3))
    stored = array.transpose(0, 3, 1, 2) if planar else array
    module = writer.image_module(4, 6, allocated, samples=3, planar=planar, frames=frames)
    source = split_and_join(build(writer, module, stored.tobytes()))
    assert source.image.axes == ("ZYXS" if frames > 1 else "YXS")
    np.testing.assert_array_equal(source.image.array, array if frames > 1 else array[0])


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("dirt", [0, 0xFF])
@pytest.mark.parametrize("writer", [Writer(), Writer(big=True)], ids=str)
def test_one_bit_frames_need_not_start_on_a_byte(frames, dirt, writer):
    array = random_array("u1", (frames, 3, 7)) & 1
    value = bytearray(np.packbits(array, bitorder="little").tobytes())
    if array.size % 8:
        value[-1] |= dirt << array.size % 8 & 0xFF
    value += bytes([dirt]) * (len(value) % 2)
    if writer.big:
        value = np.frombuffer(bytes(value), "<u2").byteswap().tobytes()
    module = writer.image_module(3, 7, 1, frames=frames)
    source = split_and_join(build(writer, module, bytes(value)))
    assert source.image.array.dtype == np.bool_
    np.testing.assert_array_equal(source.image.array, array if frames > 1 else array[0])


@pytest.mark.parametrize("cols", [4, 5])
def test_bytes_in_big_endian_words_are_put_in_order(cols):
    writer = Writer(big=True)
    array = random_array("u1", (3, cols))
    value = array.tobytes() + b"\xa5" * (array.size % 2)
    swapped = np.frombuffer(value, "<u2").byteswap().tobytes()
    source = split_and_join(build(writer, writer.image_module(3, cols, 8), swapped))
    np.testing.assert_array_equal(source.image.array, array)
    source = split_and_join(build(writer, writer.image_module(3, cols, 8), value, vr="OB"))
    np.testing.assert_array_equal(source.image.array, array)


@pytest.mark.parametrize("cols", [4, 5])
@pytest.mark.parametrize("signed", [False, True])
def test_twelve_bits_allocated_are_unpacked(cols, signed):
    writer = Writer()
    array = random_array("<i2" if signed else "<u2", (3, cols)) >> 4
    bits = array.astype("<u2").reshape(-1).view("u1").reshape(-1, 2)
    value = np.packbits(np.unpackbits(bits, axis=1, bitorder="little")[:, :12], bitorder="little")
    value = value.tobytes() + bytes(len(value) % 2)
    module = writer.image_module(3, cols, 12, signed=signed)
    source = split_and_join(build(writer, module, value))
    np.testing.assert_array_equal(source.image.array, array)


@pytest.mark.parametrize("frames", [1, 2])
def test_subsampled_chroma_lies_below_luma(frames):
    writer = Writer()
    luma, chroma = random_array("u1", (frames, 4, 6), 1), random_array("u1", (frames, 4, 6), 2)
    value = np.empty((frames, 4, 3, 4), np.uint8)
    value[..., 0], value[..., 1] = luma[..., ::2], luma[..., 1::2]
    value[..., 2], value[..., 3] = chroma[..., :3], chroma[..., 3:]
    module = writer.image_module(4, 6, 8, samples=3, photometric="YBR_FULL_422", frames=frames)
    source = split_and_join(build(writer, module, value.tobytes()))
    expected = np.concatenate((luma, chroma), axis=1)
    assert source.image.axes == ("ZYX" if frames > 1 else "YX")
    np.testing.assert_array_equal(source.image.array, expected if frames > 1 else expected[0])


def test_subsampling_that_the_length_denies_is_not_believed():
    writer = Writer()
    array = random_array("u1", (4, 6, 3))
    module = writer.image_module(4, 6, 8, samples=3, photometric="YBR_FULL_422")
    source = split_and_join(build(writer, module, array.tobytes()))
    np.testing.assert_array_equal(source.image.array, array)


def test_odd_columns_cannot_be_subsampled():
    writer = Writer()
    module = writer.image_module(4, 5, 8, samples=3, photometric="YBR_FULL_422")
    note = "DICOM: subsampled colour with 5 columns, an odd number"
    split_and_join(build(writer, module, bytes(40)), note=note)


@pytest.mark.parametrize(
    "n_bytes, frames, shape",
    [
        (60, None, (5, 6)),  # exact
        (62, None, (5, 6)),  # padded
        (118, None, (5, 6)),  # a frame and most of another
        (120, None, (2, 5, 6)),  # Number of Frames is missing
        (180, 2, (3, 5, 6)),  # Number of Frames is too small
        (130, 7, (2, 5, 6)),  # and too large
        (58, None, (4, 6)),  # the last row is incomplete
        (12, 1, (1, 6)),
    ],
)
def test_bytes_decide_how_many_frames_and_rows(n_bytes, frames, shape):
    writer = Writer()
    others = {} if frames is None else {"frames": frames}
    value = random_array("u1", (n_bytes,)).tobytes()
    source = split_and_join(build(writer, writer.image_module(5, 6, 16, **others), value))
    assert source.image.array.shape == shape
    assert source.image.array.tobytes() == value[: source.image.array.nbytes]


def test_padding_does_not_pass_for_a_frame():
    writer = Writer()
    module = writer.image_module(1, 1, 8, frames=1)
    assert split_and_join(build(writer, module, b"\1\2")).image.array.shape == (1, 1)


@pytest.mark.parametrize("writer", WRITERS[:3], ids=str)
@pytest.mark.parametrize("start", [0, 128])
def test_preamble_and_meta_header_may_be_missing(writer, start):
    data, array = small_file(writer)
    source = split_and_join(data[start:])
    np.testing.assert_array_equal(source.image.array, array)
    data_set = data[data.index(writer.first()) :]
    source = split_and_join(data_set)
    np.testing.assert_array_equal(source.image.array, array)


@pytest.mark.parametrize("writer", WRITERS, ids=str)
@pytest.mark.parametrize("defined", [True, False])
def test_pixel_data_in_sequences_is_not_the_image(writer, defined):
    icon = writer.image_module(2, 2, 8) + writer.pixels(b"\1\2\3\4")
    fragments = writer.tag(0xFFFEE000, 0) + writer.tag(0xFFFEE000, 4) + b"abcd"
    compressed = writer.pixels(fragments + writer.tag(0xFFFEE0DD, 0), length=UNDEFINED)
    deep = writer.sequence(0x00081115, icon + compressed, b"", icon, defined=defined)
    extra = writer.sequence(0x00080300, deep, defined=not defined)
    extra += writer.sequence(0x00091010, icon, defined=defined)
    data, array = small_file(writer, extra=extra)
    source = split_and_join(data)
    np.testing.assert_array_equal(source.image.array, array)


def test_unknown_vr_of_undefined_length_is_implicit_inside():
    icon = Writer(explicit=False).element(0x00091011, "UN", bytes(0x4242))  # a length like "BB"
    extra = Writer().sequence(0x00091010, icon, defined=False, vr="UN")
    data, array = small_file(extra=extra)
    np.testing.assert_array_equal(split_and_join(data).image.array, array)


def test_bytes_after_pixel_data_are_kept():
    data, array = small_file(tail=b"\xfc\xff\xfc\xffOB\0\0\x03\0\0\0abc and no element")
    np.testing.assert_array_equal(split_and_join(data).image.array, array)


def test_ge_private_syntax_has_big_endian_words():
    writer = Writer(explicit=False)
    array = random_array(">u2", (3, 4))
    data_set = writer.first() + writer.image_module(3, 4, 16) + writer.pixels(array.tobytes())
    source = split_and_join(meta("1.2.840.113619.5.2") + data_set)
    np.testing.assert_array_equal(source.image.array, array)


@pytest.mark.parametrize(
    "syntax, name",
    [
        ("1.2.840.10008.1.2.4.50", "JPEG Baseline"),
        ("1.2.840.10008.1.2.4.999", "1.2.840.10008.1.2.4.999"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_compressed_pixels_are_kept_as_they_are(syntax, name):
    writer = Writer()
    fragments = writer.tag(0xFFFEE000, 0) + writer.tag(0xFFFEE000, 4) + b"\xff\xd8\xff\xd9"
    pixels = writer.pixels(fragments + writer.tag(0xFFFEE0DD, 0), vr="OB", length=UNDEFINED)
    data = meta(syntax) + writer.first() + writer.image_module(8, 8, 8) + pixels
    note = f"DICOM pixels already compressed ({name}): kept as they are"
    assert split_and_join(data, note=note).format == "opaque"


def test_compressed_syntax_with_a_defined_length_is_not_taken_for_samples():
    writer = Writer()
    data_set = writer.first() + writer.image_module(4, 4, 8) + writer.pixels(bytes(16))
    note = "DICOM pixels already compressed (RLE Lossless): kept as they are"
    split_and_join(meta("1.2.840.10008.1.2.5") + data_set, note=note)


@pytest.mark.parametrize("module, value, note", [
    ((3, 3, 24), bytes(30), "DICOM: 24 bits allocated"),
    ((0, 3, 8), bytes(30), "DICOM: 0 rows, 3 columns, 1 samples per pixel"),
    ((3, 30, 16), bytes(4), "DICOM: 4 bytes of Pixel Data hold no complete row or plane"),
    ((3, 3, 8), b"", "DICOM: 0 bytes of Pixel Data hold no complete row or plane"),
])  # fmt: skip
def test_what_has_no_samples_is_opaque_and_says_why(module, value, note):
    split_and_join(build(Writer(), Writer().image_module(*module), value), note=note)


def test_files_without_an_image_are_opaque():
    note = "DICOM without Pixel Data"
    split_and_join(meta("1.2.840.10008.1.2.1") + Writer().first(), note=note)
    split_and_join(meta("1.2.840.10008.1.2.1"), note="DICOM without a data set")


def deflated_file(squeezer):
    writer = Writer()
    array = random_array("<u2", (40, 50)) & 0x0FFF
    data_set = writer.first() + writer.image_module(40, 50, 16) + writer.pixels(array.tobytes())
    return meta(DEFLATED) + squeezer(data_set), array


def raw_deflate(level):
    return lambda data: zlib.compress(data, level, wbits=-15)


@pytest.mark.parametrize("tail", [b"", b"\0", b"more than a pad"])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_deflated_data_set_comes_back_in_the_same_bytes(level, tail):
    data, array = deflated_file(raw_deflate(level))
    source = split_and_join(data + tail)
    np.testing.assert_array_equal(source.image.array, array)


def flush_often(data):
    squeezer = zlib.compressobj(6, wbits=-15)
    pieces = []
    for i in range(0, len(data), 100):
        pieces += [squeezer.compress(data[i : i + 100]), squeezer.flush(zlib.Z_FULL_FLUSH)]
    return b"".join(pieces) + squeezer.flush()


def test_deflate_bytes_that_cannot_be_reproduced():
    data, array = deflated_file(flush_often)
    note = "DICOM: deflated in a way that cannot be reproduced"
    assert split_and_join(data, note=f"{note}: kept as it is").format == "opaque"
    source = io.split(data, pixels=True)
    assert (source.format, source.guarantee, source.note) == ("dicom", "pixel-exact", note)
    joined = io.join(source.format, source.shell, source.image.array)
    assert joined != data
    again = io.split(joined)
    assert again.guarantee == "file-exact"
    np.testing.assert_array_equal(again.image.array, array)


def test_damaged_deflate_is_opaque():
    data, _ = deflated_file(raw_deflate(6))
    assert io.split(data[:-20]).note == "DICOM: the file ends inside the deflated data set"
    start = len(meta(DEFLATED))
    assert "damaged" in io.split(data[:start] + b"\xff" * 50).note


def test_samples_are_a_view_of_the_file():
    data, _ = small_file()
    array = dicom.split(memoryview(data)).image.array
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))
