# SPDX-License-Identifier: Apache-2.0
"""PNG files come back byte for byte, and their images are what other readers see."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlossless.errors import CorruptStream, MedlosslessError
from medlossless.io import png, png_filter
from medlossless.io.formats import NotThisFormat

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def pack_rows(image: np.ndarray, depth: int) -> np.ndarray:
    """Samples -> (rows, row_bytes) uint8, written from the specification, slowly."""
    if depth == 16:
        return image.astype(">u2").reshape(len(image), -1).view(np.uint8)
    if depth == 8:
        return image.astype(np.uint8).reshape(len(image), -1)
    per_byte = 8 // depth
    cols = image.shape[1]
    packed = np.zeros((len(image), -(-cols // per_byte)), np.uint8)
    for col in range(cols):
        shift = 8 - depth * (col % per_byte + 1)
        packed[:, col // per_byte] |= image[:, col].astype(np.uint8) << shift
    return packed


def filter_byte(kind: int, left: int, up: int, corner: int) -> int:
    """The predictor of the specification, section 9."""
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    estimate = left + up - corner
    return min((left, up, corner), key=lambda near: abs(estimate - near))  # first of equals


def filter_rows(rows: np.ndarray, kinds, step: int) -> bytes:
    out = bytearray()
    above = [0] * rows.shape[1]
    for row, kind in zip(rows.tolist(), kinds):
        out.append(kind)
        for at, byte in enumerate(row):
            left, corner = (row[at - step], above[at - step]) if at >= step else (0, 0)
            out.append((byte - filter_byte(kind, left, above[at], corner)) & 255)
        above = row
    return bytes(out)


def make_png(image, colour=GREY, depth=8, kinds=None, level=6, cut=None, before=b"", after=b"",
             compress=None, interlace=0):  # fmt: skip
    rows, cols = image.shape[:2]
    packed = pack_rows(image, depth)
    step = max(1, depth * CHANNELS[colour] // 8)
    raw = filter_rows(packed, [row % 5 for row in range(rows)] if kinds is None else kinds, step)
    stream = compress(raw) if compress else zlib.compress(raw, level)
    parts = [stream[at : at + cut] for at in range(0, len(stream), cut)] if cut else [stream]
    header = struct.pack(">IIBBBBB", cols, rows, depth, colour, 0, 0, interlace)
    idat = b"".join(chunk(b"IDAT", part) for part in parts)
    return png.SIGNATURE + chunk(b"IHDR", header) + before + idat + after + chunk(b"IEND", b"")


def make_image(rows, cols, channels=1, bits=8, seed=0) -> np.ndarray:
    random = np.random.default_rng(seed)
    shape = (rows, cols) + (channels,) * (channels > 1)
    image = np.cumsum(random.integers(-3, 4, shape), axis=1) + (1 << (bits - 1))
    return (image & ((1 << bits) - 1)).astype(np.uint16 if bits == 16 else np.uint8)


def assert_restored(data: bytes, image=None, **options):
    assert png.sniff(data)
    source = png.split(data, **options)
    assert source.format == "png"
    if image is not None:
        assert source.image.array.dtype == image.dtype
        assert np.array_equal(source.image.array, image)
    array = source.image.array
    assert array.dtype.isnative
    for same in (array, np.asfortranarray(array), array.astype(array.dtype.newbyteorder(">"))):
        assert png.join(source.shell, same) == data
    return source


def mixed_stream(raw: bytes) -> bytes:
    """Two levels in one zlib stream."""
    half = len(raw) // 2
    first, second = zlib.compressobj(1, wbits=-15), zlib.compressobj(9, wbits=-15)
    body = first.compress(raw[:half]) + first.flush(zlib.Z_FULL_FLUSH)
    body += second.compress(raw[half:]) + second.flush()
    return b"\x78\x9c" + body + zlib.adler32(raw).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("colour", "depth"),
    [(colour, depth) for colour, depths in png.DEPTHS.items() for depth in depths],
)
@pytest.mark.parametrize("cols", [1, 7, 16])
def test_every_kind_of_samples_is_restored(colour, depth, cols):
    image = make_image(11, cols, CHANNELS[colour], depth, seed=cols)
    source = assert_restored(make_png(image, colour, depth), image)
    assert source.guarantee == "file-exact" and source.note == ""
    assert source.image.axes == ("YX" if image.ndim == 2 else "YXS")
    assert source.image.bits == depth


@pytest.mark.parametrize("level", range(10))
def test_every_level_is_restored(level):
    image = make_image(40, 33)
    assert_restored(make_png(image, level=level), image)


def test_chunks_around_and_between_are_restored():
    image = make_image(30, 31)
    before = chunk(b"pHYs", b"123456789") + chunk(b"tEXt", b"Title\0x" * 20)
    after = chunk(b"tIME", b"1234567") + b"not a chunk"
    assert_restored(make_png(image, cut=100, before=before, after=after), image)
    assert_restored(make_png(image, cut=1), image)
    empty = make_png(image, cut=50).replace(chunk(b"IEND", b""), chunk(b"IDAT", b"") + b"junk")
    assert_restored(empty, image)


def test_bytes_after_the_zlib_stream_are_restored():
    image = make_image(9, 9)
    data = make_png(image, compress=lambda raw: zlib.compress(raw) + b"padding", cut=20)
    assert_restored(data, image)


@pytest.mark.parametrize("damage", ["crc", "interlaced", "depth", "filter", "longer", "late"])
def test_what_cannot_be_coded_is_refused(damage):
    image = make_image(8, 8)
    data = make_png(image, interlace=int(damage == "interlaced"))
    if damage == "crc":
        at = data.index(b"IDAT") + 9
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    elif damage == "depth":
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 3, 0, 0, 0, 0))
        data = data[:8] + header + data[33:]
    elif damage == "filter":
        data = make_png(image, compress=lambda raw: zlib.compress(b"\x05" + raw[1:]))
    elif damage == "longer":
        data = make_png(image, compress=lambda raw: zlib.compress(raw + b"\0"))
    elif damage == "late":
        data = data[:33] + chunk(b"IDAT", b"") + chunk(b"tEXt", b"") + data[33:]
    with pytest.raises(NotThisFormat):
        png.split(data, pixels=True)


def test_padding_bits_are_refused():
    def set_last_bit(raw: bytes) -> bytes:
        return zlib.compress(raw[:-1] + bytes([raw[-1] | 1]))

    data = make_png(make_image(4, 3, bits=1), depth=1, kinds=[0] * 4, compress=set_last_bit)
    with pytest.raises(NotThisFormat, match="padding"):
        png.split(data)


def test_absurd_geometry_is_refused_without_memory():
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2**32 - 1, 2**32 - 1, 16, 6, 0, 0, 0))
    data = make_png(make_image(8, 8))
    with pytest.raises(NotThisFormat, match="cannot hold"):
        png.split(data[:8] + header + data[33:])


def test_foreign_deflate_is_kept_or_made_pixel_exact():
    image = make_image(150, 200, seed=3)
    text = chunk(b"tEXt", b"kept")
    data = make_png(image, compress=mixed_stream, cut=900, before=text)
    with pytest.raises(NotThisFormat, match="not reproducible"):
        png.split(data)
    source = png.split(data, pixels=True)
    assert source.guarantee == "pixel-exact" and "not reproducible" in source.note
    assert np.array_equal(source.image.array, image)
    made = png.join(source.shell, source.image.array)
    assert made != data and text in made
    again = png.split(made)
    assert again.guarantee == "file-exact"
    assert np.array_equal(again.image.array, image)


def test_pixels_is_not_used_where_it_is_not_needed():
    data = make_png(make_image(20, 20))
    assert png.split(data, pixels=True).guarantee == "file-exact"


def test_every_prefix_is_refused_or_restored():
    data = make_png(make_image(6, 5), cut=20, after=chunk(b"tEXt", b"end"))
    restored = 0
    for length in range(len(data) + 1):
        try:
            source = png.split(data[:length])
        except NotThisFormat:
            continue
        assert png.join(source.shell, source.image.array) == data[:length]
        restored += 1
    assert restored > 10  # all that is cut after the last IDAT


def test_every_flipped_byte_is_refused_or_restored():
    data = make_png(make_image(6, 5), cut=20)
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]
        try:
            source = png.split(damaged)
        except NotThisFormat:
            continue
        assert png.join(source.shell, source.image.array) == damaged


def test_every_damage_of_the_shell_is_a_named_error():
    source = png.split(make_png(make_image(6, 5, bits=2), depth=2, cut=20))
    for length in range(len(source.shell)):
        with pytest.raises(CorruptStream):
            png.join(source.shell[:length], source.image.array)
    for at in range(len(source.shell)):
        for value in (0x01, 0x80, 0xFF):
            damaged = bytearray(source.shell)
            damaged[at] ^= value
            try:
                png.join(bytes(damaged), source.image.array)
            except MedlosslessError:
                pass


def test_another_array_is_corrupt():
    source = png.split(make_png(make_image(6, 5, bits=2), depth=2))
    array = source.image.array
    for other in (None, array[:-1], array.astype(np.uint16), array + 4, array ^ 1):
        with pytest.raises(CorruptStream):
            png.join(source.shell, other)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (31, 31), (60, 70), (120, 61)])
@pytest.mark.parametrize("step", [1, 2, 3, 6])
@pytest.mark.parametrize("kinds", [(4,), (3,), (1,), (2,), (0, 1, 2, 3, 4)])
def test_filters_equal_the_specification(shape, step, kinds):
    rows, cols = shape
    random = np.random.default_rng(rows + step)
    image = random.integers(0, 256, (rows, cols * step), np.uint8)
    image[:, : cols // 2] = np.sort(image[:, : cols // 2], axis=1)  # both smooth and rough
    row_kinds = random.choice(kinds, rows).astype(np.uint8)
    expected = np.frombuffer(filter_rows(image, row_kinds.tolist(), step), np.uint8)
    filtered = png_filter.apply(image, row_kinds, step)
    assert np.array_equal(filtered, expected.reshape(rows, -1)[:, 1:])
    assert np.array_equal(png_filter.restore_reference(filtered, row_kinds, step), image)
    assert np.array_equal(png_filter.restore(filtered, row_kinds, step), image)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    colour=st.sampled_from(sorted(CHANNELS)),
    deep=st.booleans(),
    level=st.integers(1, 9),
    cut=st.none() | st.integers(1, 60),
    seed=st.integers(0, 2**32),
)
def test_any_image_is_restored(shape, colour, deep, level, cut, seed):
    depth = 16 if deep and colour != PALETTE else 8
    image = make_image(*shape, CHANNELS[colour], depth, seed)
    kinds = np.random.default_rng(seed).integers(0, 5, shape[0]).tolist()
    assert_restored(make_png(image, colour, depth, kinds, level, cut), image)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_image_equals_what_pillow_reads(mode, level):
    pillow = pytest.importorskip("PIL.Image")
    grey = make_image(70, 65, bits=16 if mode == "I;16" else 8, seed=level)
    picture = pillow.fromarray(grey)
    if mode != "I;16":
        picture = pillow.merge("RGB", [picture] * 3).convert(mode)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=level)
    # Pillow may carry another zlib than Python, so only the image can be promised here.
    source = png.split(file.getvalue(), pixels=True)
    assert np.array_equal(source.image.array, np.asarray(picture))
    made = png.join(source.shell, source.image.array)
    assert np.array_equal(np.asarray(pillow.open(io.BytesIO(made))), np.asarray(picture))
    if source.guarantee == "file-exact":
        assert made == file.getvalue()
