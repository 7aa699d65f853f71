# SPDX-License-Identifier: Apache-2.0
"""Uncompressed TIFF files come back byte for byte, wherever their samples lie."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlossless.errors import CorruptStream, MedlosslessError
from medlossless.io import tiff
from medlossless.io.formats import NotThisFormat

KINDS = {"u": 1, "i": 2, "f": 3}
SHORT, LONG, LONG8 = 3, 4, 16
FIELD_BYTES = {SHORT: 2, LONG: 4, LONG8: 8}


def make_image(shape, name, seed=0) -> np.ndarray:
    """Any bit pattern at all."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (*shape, int(name[1])), np.uint8).view(name)[..., 0]


def cut_up(page: np.ndarray, strip_rows: int, tile: tuple[int, int] | None) -> list[bytes]:
    """The strips or tiles of one page, tiles padded with ones."""
    if tile is None:
        return [page[at : at + strip_rows].tobytes() for at in range(0, len(page), strip_rows)]
    pad = [(0, -extent % step) for extent, step in zip(page.shape, tile)]
    grid = np.pad(page, pad + [(0, 0)] * (page.ndim - 2), constant_values=1)
    return [
        grid[row : row + tile[0], col : col + tile[1]].tobytes()
        for row in range(0, grid.shape[0], tile[0])
        for col in range(0, grid.shape[1], tile[1])
    ]


def make_directory(tags, at, order, big, last) -> bytes:
    """One IFD at byte `at`, values that do not fit behind it."""
    count_format, entry_bytes, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
    pointer_bytes = struct.calcsize(pointer)
    head = struct.calcsize(count_format) + entry_bytes * len(tags) + pointer_bytes
    entries, behind = b"", b""
    for tag, (field, values) in sorted(tags.items()):
        packed = b"".join(
            value.to_bytes(FIELD_BYTES[field], "little" if order == "<" else "big")
            for value in values
        )
        if len(packed) > pointer_bytes:
            place = struct.pack(order + pointer, at + head + len(behind))
            behind += packed
        else:
            place = packed.ljust(pointer_bytes, b"\xee")
        entries += struct.pack(order + "HH" + pointer, tag, field, len(values)) + place
    following = 0 if last else at + head + len(behind)
    return (struct.pack(order + count_format, len(tags)) + entries
            + struct.pack(order + pointer, following) + behind)  # fmt: skip


def make_tiff(pages, name, order="<", big=False, strip_rows=3, tile=None, gap=b"", backwards=False,
              **changed):  # fmt: skip
    """A file of `pages` (pages, rows, cols[, channels]); samples first, directories last."""
    out = bytearray({"<": b"II", ">": b"MM"}[order])
    out += struct.pack(order + ("HHHQ" if big else "HI"), *((43, 8, 0, 0) if big else (42, 0)))
    offsets = []
    for page in pages:
        parts = cut_up(page.astype(order + name), strip_rows, tile)
        places = [0] * len(parts)
        for number in reversed(range(len(parts))) if backwards else range(len(parts)):
            out += gap
            places[number] = len(out)
            out += parts[number]
        offsets.append((places, [len(part) for part in parts]))
    width = 8 if big else 4
    out[width : 2 * width] = struct.pack(order + "IQ"[big], len(out))
    rows, cols, channels = (*pages.shape[1:], 1)[:3]
    for number, (places, counts) in enumerate(offsets):
        bits = 8 * int(name[1])
        tags = {256: (SHORT, [cols]), 257: (LONG, [rows]), 258: (SHORT, [bits] * channels),
                259: (SHORT, [1]), 262: (SHORT, [2 if channels == 3 else 1]),
                277: (SHORT, [channels]), 339: (SHORT, [KINDS[name[0]]] * channels)}  # fmt: skip
        pointers = LONG8 if big else LONG
        if tile:
            tags |= {322: (SHORT, [tile[1]]), 323: (SHORT, [tile[0]]),
                     324: (pointers, places), 325: (LONG, counts)}  # fmt: skip
        else:
            tags |= {273: (pointers, places), 278: (SHORT, [strip_rows]), 279: (LONG, counts)}
        tags |= {int(tag[1:]): value for tag, value in changed.items()}
        tags = {tag: value for tag, value in tags.items() if value}
        out += make_directory(tags, len(out), order, big, number == len(offsets) - 1)
    return bytes(out)


def assert_restored(data: bytes, image=None):
    assert tiff.sniff(data)
    source = tiff.split(data)
    assert (source.format, source.guarantee, source.note) == ("tiff", "file-exact", "")
    found = source.image.array
    assert found.ndim == len(source.image.axes)
    if image is not None:
        native = found.astype(found.dtype.newbyteorder("="))
        assert (native.shape, native.dtype) == (image.shape, image.dtype)
        assert native.tobytes() == image.tobytes()
    for order in "<>":
        same = np.asfortranarray(found.astype(found.dtype.newbyteorder(order)))
        assert tiff.join(source.shell, same) == data
    return source


@pytest.mark.parametrize("name", tiff.DTYPES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_every_dtype_is_restored(name, order, big):
    image = make_image((1, 7, 5), name)
    source = assert_restored(make_tiff(image, name, order, big), image[0])
    assert source.image.axes == "YX" and source.image.bits == 8 * int(name[1])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("tile", [None, (4, 3), (16, 16)])
@pytest.mark.parametrize("pages", [1, 3])
def test_channels_pages_strips_and_tiles_are_restored(channels, tile, pages):
    shape = (pages, 9, 8) + (channels,) * (channels > 1)
    image = make_image(shape, "u2")
    source = assert_restored(make_tiff(image, "u2", tile=tile))
    assert source.image.axes == "Z" * (pages > 1) + "YX" + "S" * (channels > 1)
    inside = source.image.array[..., :9, :8] if channels == 1 else (
        source.image.array[..., :9, :8, :])  # fmt: skip
    assert np.array_equal(inside, image if pages > 1 else image[0])


@pytest.mark.parametrize("gap", [b"", b"gap"])
@pytest.mark.parametrize("backwards", [False, True])
def test_scattered_strips_are_restored(gap, backwards):
    image = make_image((2, 10, 4), "u2")
    assert_restored(make_tiff(image, "u2", gap=gap, backwards=backwards), image)


def test_samples_in_one_run_are_a_view():
    data = make_tiff(make_image((1, 10, 4), "u2"), "u2")
    array = tiff.split(memoryview(data)).image.array
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))


def test_missing_byte_counts_and_long_ones_are_taken():
    image = make_image((1, 6, 4), "u1")
    assert_restored(make_tiff(image, "u1", t279=None), image[0])
    assert_restored(make_tiff(image, "u1", t279=(LONG, [900, 900])), image[0])
    assert_restored(make_tiff(image, "u1", strip_rows=6, t278=None), image[0])
    assert_restored(make_tiff(image, "u1", strip_rows=6, t278=(LONG, [2**32 - 1])), image[0])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"t259": (SHORT, [5])}, "LZW"),
        ({"t259": (SHORT, [8])}, "Deflate"),
        ({"t259": (SHORT, [777])}, "777"),
        ({"t262": (SHORT, [6])}, "YCbCr"),
        ({"t258": (SHORT, [12])}, "12-bit"),
        ({"t258": None}, "1-bit"),
        ({"t339": (SHORT, [5])}, "format 5"),
        ({"t277": (SHORT, [5])}, "x 5 samples"),
        ({"t277": (SHORT, [3]), "t284": (SHORT, [2])}, "separate planes"),
        ({"t256": (LONG, [0])}, "samples"),
        ({"t256": None}, "256 is missing"),
        ({"t256": (LONG, [2**31])}, "a page of"),
        ({"t257": (LONG, [9])}, "one offset"),
        ({"t279": (LONG, [1, 1])}, "shorter"),
        ({"t273": (LONG, [8, 2**32 - 1])}, "outside"),
        ({"t273": (LONG, [8, 9])}, "share"),
        ({"t322": (SHORT, [0]), "t323": (SHORT, [0])}, "tiles of"),
        ({"t258": (SHORT, [8, 16])}, "differs"),
    ],
)
def test_what_cannot_be_coded_is_refused(changed, reason):
    with pytest.raises(NotThisFormat, match=reason):
        tiff.split(make_tiff(make_image((1, 6, 4), "u1"), "u1", **changed))


def test_pages_of_different_geometry_are_refused():
    first = make_tiff(make_image((2, 6, 4), "u1"), "u1")
    (directory,) = struct.unpack_from("<I", first, 4)
    at = first.index(struct.pack("<HHI", 257, LONG, 1), directory + 20) + 8
    data = first[:at] + struct.pack("<I", 5) + first[at + 4 :]
    with pytest.raises(NotThisFormat, match="different geometry"):
        tiff.split(data)


def test_circle_of_directories_is_refused():
    data = bytearray(make_tiff(make_image((1, 6, 4), "u1"), "u1"))
    (directory,) = struct.unpack_from("<I", data, 4)
    (n_entries,) = struct.unpack_from("<H", data, directory)
    struct.pack_into("<I", data, directory + 2 + 12 * n_entries, directory)
    with pytest.raises(NotThisFormat, match="circle"):
        tiff.split(bytes(data))


@pytest.mark.parametrize("big", [False, True])
def test_every_prefix_is_refused_or_restored(big):
    data = make_tiff(make_image((2, 4, 3), "u2"), "u2", big=big)
    for length in range(len(data)):
        tiff.sniff(data[:length])
        try:
            source = tiff.split(data[:length])
        except NotThisFormat:
            continue
        assert tiff.join(source.shell, source.image.array) == data[:length]


@pytest.mark.parametrize("tile", [None, (4, 3)])
def test_every_flipped_byte_is_refused_or_restored(tile):
    data = make_tiff(make_image((2, 4, 5), "u2"), "u2", tile=tile)
    restored = 0
    for at in range(4, len(data)):
        for value in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[at] ^= value
            try:
                source = tiff.split(bytes(damaged))
            except NotThisFormat:
                continue
            assert tiff.join(source.shell, source.image.array) == damaged
            restored += 1
    assert restored > 240  # at least wherever a sample was hit


@pytest.mark.parametrize("tile", [None, (4, 3)])
def test_every_damage_of_the_shell_is_a_named_error(tile):
    source = tiff.split(make_tiff(make_image((2, 9, 5), "u2"), "u2", tile=tile, gap=b"12"))
    for length in range(len(source.shell)):
        with pytest.raises(CorruptStream):
            tiff.join(source.shell[:length], source.image.array)
    for at in range(len(source.shell)):
        for value in (0x01, 0x02, 0x80, 0xFF):
            damaged = bytearray(source.shell)
            damaged[at] ^= value
            try:
                tiff.join(bytes(damaged), source.image.array)
            except MedlosslessError:
                pass


def test_another_array_is_corrupt():
    source = tiff.split(make_tiff(make_image((2, 9, 5), "u2"), "u2"))
    array = source.image.array
    for other in (None, array[:1], array[0], array.astype("i2"), array[..., :-1]):
        with pytest.raises(CorruptStream):
            tiff.join(source.shell, other)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12), st.integers(1, 4)),
    name=st.sampled_from(tiff.DTYPES),
    order=st.sampled_from("<>"),
    big=st.booleans(),
    strip_rows=st.integers(1, 12),
    tile=st.none() | st.tuples(st.integers(1, 9), st.integers(1, 9)),
    gap=st.binary(max_size=3),
    backwards=st.booleans(),
)
def test_any_file_is_restored(shape, name, order, big, strip_rows, tile, gap, backwards):
    image = make_image(shape if shape[3] > 1 else shape[:3], name)
    data = make_tiff(image, name, order, big, strip_rows, tile, gap, backwards)
    assert_restored(data, None if tile else image if shape[0] > 1 else image[0])


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("options", [{}, {"rowsperstrip": 7}, {"tile": (16, 32)}])
@pytest.mark.parametrize("name", ["u1", "u2", "i2", "f4"])
def test_image_equals_what_tifffile_reads(byteorder, bigtiff, options, name):
    tifffile = pytest.importorskip("tifffile")
    image = np.nan_to_num(make_image((3, 33, 45), name))
    file = io.BytesIO()
    tifffile.imwrite(file, image, byteorder=byteorder, bigtiff=bigtiff, photometric="minisblack",
                     description="text", **options)  # fmt: skip
    source = assert_restored(file.getvalue())
    assert np.array_equal(source.image.array[:, :33, :45], image)


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
def test_compressed_file_of_tifffile_is_refused(compression):
    tifffile = pytest.importorskip("tifffile")
    file = io.BytesIO()
    tifffile.imwrite(file, make_image((20, 20), "u2"), compression=compression)
    with pytest.raises(NotThisFormat, match="compression"):
        tiff.split(file.getvalue())


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16", "F"])
def test_image_equals_what_pillow_writes(mode):
    pillow = pytest.importorskip("PIL.Image")
    name = {"I;16": "u2", "F": "f4"}.get(mode, "u1")
    channels = {"RGB": 3, "RGBA": 4}.get(mode)
    image = np.nan_to_num(make_image((30, 21, channels) if channels else (30, 21), name))
    file = io.BytesIO()
    pillow.fromarray(image).save(file, "TIFF")
    source = assert_restored(file.getvalue())
    assert np.array_equal(source.image.array, image)
