# SPDX-License-Identifier: Apache-2.0
"""NIfTI files, plain and gzipped, come back byte for byte; samples are the raw words."""

from __future__ import annotations

import gzip
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlossless.errors import CorruptStream, MedlosslessError
from medlossless.io import nifti
from medlossless.io.formats import NotThisFormat

CODES = {"u1": 2, "i1": 256, "i2": 4, "u2": 512, "i4": 8, "u4": 768, "i8": 1024, "u8": 1280,
         "f4": 16, "f8": 64}  # fmt: skip


def make_header(version, order, dim, code, offset) -> bytes:
    """A header of the given version, every unused byte 0x5A so that losing one is noticed."""
    size = {1: 348, 2: 540}[version]
    header = bytearray(b"\x5a" * size + b"\0\0\0\0")
    dims = [len(dim), *dim] + [1] * (7 - len(dim))
    struct.pack_into(order + "i", header, 0, size)
    if version == 1:
        struct.pack_into(order + "8h", header, 40, *dims)
        struct.pack_into(order + "h", header, 70, code)
        struct.pack_into(order + "f", header, 108, offset)
        header[344:348] = b"n+1\0"
    else:
        header[4:12] = b"n+2\0\r\n\x1a\n"
        struct.pack_into(order + "h", header, 12, code)
        struct.pack_into(order + "8q", header, 16, *dims)
        struct.pack_into(order + "q", header, 168, offset)
    return bytes(header)


def make_words(shape, name, seed=0) -> np.ndarray:
    """Any bit pattern at all, NaN payloads too."""
    random = np.random.default_rng(seed)
    size = int(name[1])
    words = random.integers(0, 256, (*shape, size), np.uint8)
    words[..., size // 2 :] &= 3
    return words.view(name)[..., 0]


def make_nifti(array, name, version=1, order="<", extension=b"", after=b"", code=None, dim=None):
    dim = array.shape[::-1] if dim is None else dim
    start = {1: 352, 2: 544}[version] + len(extension)
    header = make_header(version, order, dim, CODES[name] if code is None else code, start)
    return header + extension + array.astype(order + name).tobytes() + after


def make_gzip(content, level=6, name=b"", extra=b"", comment=b"", crc=b"", xfl=0) -> bytes:
    flags = 8 * bool(name) + 4 * bool(extra) + 16 * bool(comment) + 2 * bool(crc)
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\x01\x02\x03\x04" + bytes([xfl, 3])
    header += struct.pack("<H", len(extra)) + extra if extra else b""
    header += name + b"\0" * bool(name) + comment + b"\0" * bool(comment) + crc
    squeezer = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = squeezer.compress(content) + squeezer.flush()
    return header + body + struct.pack("<II", zlib.crc32(content), len(content))


def bits_of(array) -> np.ndarray:
    return np.ascontiguousarray(array).view(f"u{array.dtype.itemsize}")


def assert_restored(data: bytes, array=None):
    assert nifti.sniff(data)
    source = nifti.split(data)
    assert (source.format, source.guarantee, source.note) == ("nifti", "file-exact", "")
    found = source.image.array
    if array is not None:
        native = found.astype(found.dtype.newbyteorder("="))
        assert native.shape == array.shape and native.dtype == array.dtype
        assert np.array_equal(bits_of(native), bits_of(array))
    for order in "<>":
        same = np.asfortranarray(found.astype(found.dtype.newbyteorder(order)))
        assert nifti.join(source.shell, same) == data
    return source


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("version", [1, 2])
def test_every_datatype_is_restored(name, order, version):
    array = make_words((3, 5, 7), name)
    source = assert_restored(make_nifti(array, name, version, order), array)
    assert source.image.axes == "ZYX"


@pytest.mark.parametrize(
    ("dim", "shape", "axes"),
    [
        ((9,), (1, 9), "YX"),
        ((9, 4), (4, 9), "YX"),
        ((9, 4, 1), (1, 4, 9), "ZYX"),
        ((5, 4, 3, 2), (2, 3, 4, 5), "TZYX"),
        ((5, 4, 3, 2, 2), (2, 2, 3, 4, 5), "UTZYX"),
        ((5, 4, 3, 2, 1, 2, 3), (3, 2, 1, 2, 3, 4, 5), "WVUTZYX"),
    ],
)
def test_first_dim_runs_fastest(dim, shape, axes):
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    source = assert_restored(make_nifti(array, "i2", dim=dim), array)
    assert source.image.axes == axes


@pytest.mark.parametrize(("code", "channels"), [(128, 3), (2304, 4)])
def test_colour_is_samples_last(code, channels):
    array = make_words((2, 3, 5, channels), "u1")
    data = make_nifti(array, "u1", code=code, dim=(5, 3, 2))
    assert assert_restored(data, array).image.axes == "ZYXS"


def test_extensions_and_trailing_bytes_are_restored():
    array = make_words((3, 4, 5), "i2")
    extension = b"\1\0\0\0" + struct.pack("<ii", 32, 6) + b"x" * 24
    for wrap in (bytes, make_gzip):
        assert_restored(wrap(make_nifti(array, "i2", extension=extension, after=b"odd")), array)


@pytest.mark.parametrize("version", [1, 2])
def test_offset_inside_the_header_means_after_it(version):
    array = make_words((3, 4), "u2")
    data = bytearray(make_nifti(array, "u2", version))
    at, size = {1: (108, 4), 2: (168, 8)}[version]
    data[at : at + size] = bytes(size)
    assert_restored(bytes(data), array)


def test_plain_image_is_a_view():
    data = make_nifti(make_words((3, 4, 5), "i2"), "i2")
    source = nifti.split(memoryview(data))
    assert np.shares_memory(source.image.array, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("level", range(10))
def test_every_gzip_level_is_restored(level):
    array = np.cumsum(np.random.default_rng(level).integers(-9, 9, (9, 50, 60)), 2).astype("i2")
    content = make_nifti(array, "i2")
    assert_restored(make_gzip(content, level, xfl={9: 2, 1: 4}.get(level, 0)), array)
    file = io.BytesIO()
    with gzip.GzipFile("brain.nii", "wb", level, file) as writer:
        writer.write(content[:1000])
        writer.write(content[1000:])
    assert_restored(file.getvalue(), array)


def test_every_gzip_header_field_and_what_follows_is_restored():
    content = make_nifti(make_words((3, 4, 5), "i2"), "i2")
    data = make_gzip(content, name=b"b.nii", extra=b"1234", comment=b"c", crc=b"12")
    assert_restored(data)
    assert_restored(data + bytes(100))
    assert_restored(data + make_gzip(b"a second member"))


def test_samples_over_several_members_are_refused():
    content = make_nifti(make_words((3, 40, 50), "i2"), "i2")
    with pytest.raises(NotThisFormat, match="samples end"):
        nifti.split(make_gzip(content[:4000]) + make_gzip(content[4000:]))


@pytest.mark.parametrize("code", [0, 1, 32, 1536, 1792, 2048, 7777])
def test_other_datatypes_are_refused(code):
    with pytest.raises(NotThisFormat, match="NIfTI"):
        nifti.split(make_nifti(make_words((2, 2), "u1"), "u1", code=code))


@pytest.mark.parametrize("dim", [(), (0, 4), (-3, 4), (200, 4), (1,) * 8])
def test_dims_without_samples_or_past_the_file_are_refused(dim):
    data = bytearray(make_nifti(make_words((4, 4), "u1"), "u1"))
    struct.pack_into("<8h", data, 40, *([len(dim), *dim] + [1] * 8)[:8])
    for wrap in (bytes, make_gzip):
        with pytest.raises(NotThisFormat):
            nifti.split(wrap(bytes(data)))


@pytest.mark.parametrize("offset", [float("nan"), float("inf"), 352.5, 1e30, 353.0])
def test_absurd_offset_is_refused(offset):
    data = bytearray(make_nifti(make_words((4, 4), "u1"), "u1"))
    struct.pack_into("<f", data, 108, offset)
    for wrap in (bytes, make_gzip):
        with pytest.raises(NotThisFormat):
            nifti.split(wrap(bytes(data)))


def test_absurd_size_is_refused_without_memory():
    data = bytearray(make_nifti(make_words((4, 4), "f8"), "f8", 2))
    struct.pack_into("<8q", data, 16, 7, *[2**62] * 7)
    with pytest.raises(NotThisFormat, match="cannot hold"):
        nifti.split(make_gzip(bytes(data)))


def test_separate_header_is_not_ours():
    data = bytearray(make_nifti(make_words((4, 4), "u1"), "u1"))
    data[344:348] = b"ni1\0"
    assert not nifti.sniff(data)
    assert not nifti.sniff(gzip.compress(b"something else"))
    assert not nifti.sniff(b"\x1f\x8b\x08 not gzip at all")


def test_foreign_deflate_is_kept_or_made_pixel_exact():
    array = np.cumsum(np.random.default_rng(1).integers(-9, 9, (9, 80, 90)), 2).astype("i2")
    content = make_nifti(array, "i2", after=b"end")
    half = len(content) // 2
    first, second = zlib.compressobj(1, wbits=-15), zlib.compressobj(9, wbits=-15)
    body = first.compress(content[:half]) + first.flush(zlib.Z_FULL_FLUSH)
    body += second.compress(content[half:]) + second.flush()
    data = make_gzip(b"", name=b"brain.nii")[:20] + body
    data += struct.pack("<II", zlib.crc32(content), len(content))
    assert gzip.decompress(data) == content
    with pytest.raises(NotThisFormat, match="not reproducible"):
        nifti.split(data)
    source = nifti.split(data, pixels=True)
    assert source.guarantee == "pixel-exact" and "not reproducible" in source.note
    assert np.array_equal(source.image.array, array)
    made = nifti.join(source.shell, source.image.array)
    assert gzip.decompress(made) == content and made[:20] == data[:20]


@pytest.mark.parametrize("wrap", [bytes, make_gzip])
def test_every_prefix_is_refused_or_restored(wrap):
    data = wrap(make_nifti(make_words((3, 4), "i2"), "i2", extension=b"12345678", after=b"xyz"))
    restored = []
    for length in range(len(data) + 1):
        nifti.sniff(data[:length])
        try:
            source = nifti.split(data[:length])
        except NotThisFormat:
            continue
        assert nifti.join(source.shell, source.image.array) == data[:length]
        restored.append(length)
    assert restored[-1] == len(data)


@pytest.mark.parametrize("wrap", [bytes, make_gzip])
@pytest.mark.parametrize("version", [1, 2])
def test_every_flipped_byte_is_refused_or_restored(wrap, version):
    data = wrap(make_nifti(make_words((3, 4), "i2"), "i2", version))
    for at in range(len(data)):
        for value in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[at] ^= value
            nifti.sniff(damaged)
            try:
                source = nifti.split(bytes(damaged))
            except NotThisFormat:
                continue
            assert nifti.join(source.shell, source.image.array) == damaged


@pytest.mark.parametrize("wrap", [bytes, make_gzip])
def test_every_damage_of_the_shell_is_a_named_error(wrap):
    source = nifti.split(wrap(make_nifti(make_words((3, 4), "i2"), "i2")))
    for length in range(len(source.shell)):
        with pytest.raises(CorruptStream):
            nifti.join(source.shell[:length], source.image.array)
    for at in range(len(source.shell)):
        for value in (0x01, 0x80, 0xFF):
            damaged = bytearray(source.shell)
            damaged[at] ^= value
            try:
                nifti.join(bytes(damaged), source.image.array)
            except MedlosslessError:
                pass


def test_another_array_is_corrupt():
    array = make_words((3, 4), "i2")
    for wrap in (bytes, make_gzip):
        source = nifti.split(wrap(make_nifti(array, "i2")))
        for other in (None, array[:-1], array.T, array.astype("u2"), array.astype("i4")):
            with pytest.raises(CorruptStream):
                nifti.join(source.shell, other)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=1, max_size=7),
    name=st.sampled_from(sorted(CODES)),
    version=st.sampled_from([1, 2]),
    order=st.sampled_from("<>"),
    extension=st.binary(max_size=40),
    after=st.binary(max_size=9),
    level=st.none() | st.integers(0, 9),
    seed=st.integers(0, 2**32),
)
def test_any_file_is_restored(shape, name, version, order, extension, after, level, seed):
    array = make_words(tuple(shape), name, seed)
    data = make_nifti(array, name, version, order, extension, after)
    expected = array.reshape(1, -1) if array.ndim == 1 else array
    assert_restored(data if level is None else make_gzip(data, level), expected)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("name", ["u1", "i2", "f4", ">i2"])
def test_words_equal_what_nibabel_reads(version, suffix, name, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    words = make_words((6, 5, 4, 3), name[-2:]).astype(name)
    if name == "f4":
        words = np.nan_to_num(words)
    kind = nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image
    header = kind.header_class(endianness=">" if name[0] == ">" else "<")
    header.set_data_dtype(words.dtype)
    picture = kind(words, np.diag([2, 3, 4, 1]), header)
    picture.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"hello"))
    picture.header.set_slope_inter(2.5, -7)
    path = tmp_path / f"brain{suffix}"
    nibabel.save(picture, path)
    source = assert_restored(path.read_bytes())
    expected = nibabel.load(path).dataobj.get_unscaled()
    assert np.array_equal(source.image.array, expected.T)
