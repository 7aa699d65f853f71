# SPDX-License-Identifier: Apache-2.0
"""Files too large for the memory flow in pieces, and become what small ones become.

What is large is made small here: limits of a few hundred bytes.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from api_scan import names, npy_bytes

import medlossless
from medlossless import _files, planes
from medlossless import io as formats
from medlossless._bytes import FileBytes
from medlossless.api import compress, decode_array, decompress, inspect, verify
from medlossless.errors import ChecksumMismatch, CorruptStream, VerificationFailed
from medlossless.image import Lazy

WHOLE, CHUNK = 500, 700
HOLDERS = ("_files", "codecs", "codecs.stored", "image", "planes.forward")


@pytest.fixture
def small_limits(monkeypatch):
    for module in HOLDERS:
        monkeypatch.setattr(f"medlossless.{module}.WHOLE_BYTES", WHOLE)
    for module in ("image", "codecs.stored", "codecs.tiling"):
        monkeypatch.setattr(f"medlossless.{module}.CHUNK_BYTES", CHUNK)


def waves(shape, dtype="<u2", top=900, seed=0):
    """Smooth frames with a little noise."""
    rng = np.random.default_rng(seed)
    steps = [np.arange(extent) / (5 + i) for i, extent in enumerate(shape)]
    mixed = sum(np.sin(step) for step in np.meshgrid(*steps, indexing="ij"))
    return ((mixed + rng.normal(0, 0.1, shape) + 4) / 8 * top).astype(dtype)


def dicom(array, *, allocated=None, frames=None, samples=1, value=None):
    """A multi-frame file, explicit little endian."""

    def element(tag, vr, content):
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
        long = vr in (b"OW", b"OB")
        return head + struct.pack("<HI" if long else "<H", *[0] * long, len(content)) + content

    frames = len(array) if frames is None else frames
    allocated = 8 * array.itemsize if allocated is None else allocated
    numbers = {0x00280002: samples, 0x00280010: array.shape[1], 0x00280011: array.shape[2]}
    numbers |= {0x00280100: allocated, 0x00280101: allocated, 0x00280103: 0}
    if samples > 1:
        numbers[0x00280006] = 0
    module = {tag: element(tag, b"US", struct.pack("<H", n)) for tag, n in numbers.items()}
    module[0x00280004] = element(0x00280004, b"CS", b"RGB " if samples > 1 else b"MONOCHROME2 ")
    module[0x00280008] = element(0x00280008, b"IS", f"{frames:<6}".encode())
    body = b"".join(module[tag] for tag in sorted(module))
    syntax = element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0")
    pixels = element(0x7FE00010, b"OW", array.tobytes() if value is None else value)
    return bytes(128) + b"DICM" + syntax + body + pixels + element(0xFFFCFFFC, b"OB", b"tail")


def nifti(array, code, n_axes=None):
    """A single-file NIfTI-1."""
    shape = array.shape[:n_axes]
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape[::-1], *[1] * (7 - len(shape)))
    struct.pack_into("<h", header, 70, code)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return bytes(header) + array.tobytes() + b"after"


RNG = np.random.default_rng(4)
BITS = RNG.integers(0, 2, (9, 8, 16)).astype(bool)
FEW = np.array([[7, 9, 200], [90, 3, 4], [255, 0, 0]], np.uint8)[RNG.integers(0, 3, (6, 21, 19))]
FILES = {
    "dicom": dicom(waves((9, 20, 31))),
    "dicom 8 bits": dicom(waves((9, 20, 30), "u1", 200)),
    "dicom colour": dicom(waves((5, 20, 31, 3), "u1", 200), samples=3),
    "dicom palette": dicom(FEW, samples=3),
    "dicom 1 bit": dicom(
        BITS, allocated=1, value=np.packbits(BITS.reshape(-1), bitorder="little").tobytes()
    ),
    "dicom 12 bits": dicom(
        waves((3, 20, 31)), allocated=12, value=waves((3 * 20 * 31 * 3 // 2 + 1,), "u1").tobytes()
    ),
    "nifti": nifti(waves((8, 21, 30), "<i2", 300), 4),
    "nifti 4-D": nifti(waves((3, 4, 21, 30), "<u2", 60000), 512),
    "nifti colour": nifti(waves((5, 12, 13, 3), "u1", 255), 128, 3),
    "nifti gz": gzip.compress(nifti(waves((8, 21, 30), "<i2"), 4), mtime=0),
    "npy": npy_bytes(waves((7, 20, 31), ">i2")),
    "npy 5-D": npy_bytes(waves((2, 2, 3, 9, 10), "<u4", 1 << 20)),
    "npy rows": npy_bytes(waves((60, 40), "<u2")),
    "npy fortran": npy_bytes(np.asfortranarray(waves((12, 13, 14), "<u2"))),
    "npy fortran colour": npy_bytes(np.asfortranarray(waves((20, 21, 3), "u1", 250))),
    "npy bool": npy_bytes(BITS),
    "npy float": npy_bytes(waves((5, 13, 14), "<f4")),
    "npy double of few values": npy_bytes(waves((5, 13, 14), "<i2", 30) / 7),
    "npy gaps": npy_bytes(16 * waves((7, 20, 31), "<u2")),
    "npy wide gaps": npy_bytes(waves((7, 20, 31), "<i8", 200) * 77777),
    "npy constant": npy_bytes(np.full((7, 20, 31), 3, np.int16)),
    "npy noise": npy_bytes(RNG.integers(0, 256, (7, 20, 31), np.uint8)),
    "npy mask": npy_bytes((waves((40, 20, 31)) > 450).astype(np.uint8) * 3),
    "opaque": RNG.integers(0, 4, 5000, np.uint8).tobytes(),
    "opaque large": RNG.integers(0, 250, 3_000_000, np.uint8).tobytes(),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FILES)
def test_a_large_file_comes_back(name, threads, tmp_path, small_limits):
    data = FILES[name]
    source, stream, again = (tmp_path / part for part in ("source", "stream", "again"))
    source.write_bytes(data)
    calls: list[tuple[int, int]] = []
    told = compress(
        source, stream, effort=1, threads=threads, progress=lambda *call: calls.append(call)
    )
    assert told.verified
    assert told.output_bytes == stream.stat().st_size == inspect(stream).stream_bytes
    assert calls[-1][0] == calls[-1][1]
    restored = decompress(stream, again, threads=threads)
    assert again.read_bytes() == data
    assert (restored.output_bytes, restored.output_sha256) == (len(data), told.sha256)
    assert verify(stream, source, threads=threads).verified


@pytest.mark.parametrize("name", FILES)
def test_the_stream_is_that_of_a_small_file(name, tmp_path, monkeypatch, request):
    source = tmp_path / "source"
    source.write_bytes(FILES[name])
    compress(source, tmp_path / "small", effort=1)
    request.getfixturevalue("small_limits")
    told = compress(source, tmp_path / "large", effort=1, threads=2)
    small, large = ((tmp_path / kind).read_bytes() for kind in ("small", "large"))
    if told.codec == inspect(small).codec == "lossless":  # zstd tries less where there is more
        assert large == small
    else:
        assert "stored" in (told.codec, inspect(small).codec)
        assert name.startswith(("npy", "opaque", "dicom 1 bit"))


def test_the_array_of_a_large_stream_is_decoded(tmp_path, small_limits):
    array = waves((9, 20, 31))
    stream = compress(npy_bytes(array), effort=1).data
    assert np.array_equal(decode_array(stream), array)
    assert np.array_equal(decode_array(stream, frames=[7, 2]), array[[7, 2]])
    encoded = medlossless.encode_array(array, effort=2, threads=2)
    assert medlossless.verify(encoded, threads=2).verified
    assert np.array_equal(decode_array(encoded, threads=2), array)


@pytest.mark.parametrize("kind", ["pipe", "file", "object"])
def test_large_input_of_any_kind(kind, tmp_path, small_limits):
    data = FILES["nifti"]
    (tmp_path / "data").write_bytes(data)
    if kind == "file":
        source = (tmp_path / "data").open("rb")
    elif kind == "object":
        source = io.BytesIO(data)
    else:
        reader, writer = os.pipe()  # takes all of it at once
        os.write(writer, data)
        os.close(writer)
        source = os.fdopen(reader, "rb")
    target = io.BytesIO()
    with source:
        told = compress(source, target, effort=1)
    assert told.original_bytes == len(data)
    back = io.BytesIO()
    decompress(io.BytesIO(target.getvalue()), back)
    assert back.getvalue() == data


def test_a_file_that_has_been_read_in_part_goes_on_there(tmp_path, small_limits):
    (tmp_path / "data").write_bytes(b"12345678" + FILES["npy"])
    with (tmp_path / "data").open("rb") as source:
        source.read(8)
        target = io.BytesIO()
        compress(source, target, effort=1)
    assert decompress(target.getvalue()).data == FILES["npy"]


@pytest.mark.parametrize("name", ["dicom", "npy mask", "opaque large"])
def test_damage_of_a_large_stream_leaves_no_file(name, tmp_path, small_limits, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("source").write_bytes(FILES[name])
    compress("source", "stream", effort=1)
    good = Path("stream").read_bytes()
    for at in range(40, len(good) - 40, len(good) // 9):
        damaged = bytearray(good)
        damaged[at] ^= 8
        Path("damaged").write_bytes(damaged)
        for call in (lambda: decompress("damaged", "out"), lambda: verify("damaged")):
            with pytest.raises(CorruptStream):
                call()
        assert names() == {"source", "stream", "damaged"}


def test_a_large_file_that_does_not_come_back_is_not_written(tmp_path, small_limits, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("source").write_bytes(FILES["dicom"])
    compress("source", "stream", effort=1)
    join_frames = planes.join_frames

    def join_wrongly(*given):
        frames = join_frames(*given)
        frames[0, 0, 0] ^= 1
        return frames

    monkeypatch.setattr(planes, "join_frames", join_wrongly)
    with pytest.raises(VerificationFailed, match="another file"):
        compress("source", "other", effort=1)
    with pytest.raises(ChecksumMismatch, match="restored file"):
        decompress("stream", "out")
    assert names() == {"source", "stream"}


def test_a_large_file_is_read_as_it_is_asked_for(tmp_path, small_limits):
    (tmp_path / "data").write_bytes(FILES["dicom"])
    with _files.reading(tmp_path / "data") as data:
        assert isinstance(data, FileBytes)
        source = formats.split(data)
        assert isinstance(source.image.array, Lazy)
        whole = formats.split(FILES["dicom"])
        assert source.shell == whole.shell
        assert np.array_equal(source.image.array.whole(), whole.image.array)
        assert np.array_equal(source.image.array[3, 4:6], whole.image.array[3, 4:6])
