# SPDX-License-Identifier: Apache-2.0
"""What the api checks, refuses and tells: verification, guarantees, information, progress."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from api_scan import RAMP, SCAN, names, npy_bytes

import medlossless
from medlossless import _streams, api
from medlossless.errors import (
    ChecksumMismatch,
    CorruptStream,
    InvalidInput,
    MedlosslessError,
    NotAStream,
    VerificationFailed,
)


def test_nothing_is_written_when_the_stream_does_not_decode(scan, monkeypatch):
    def fail(*arguments):
        raise ChecksumMismatch("tile 3")

    monkeypatch.setattr(_streams, "decode_lazily", fail)
    with pytest.raises(VerificationFailed, match="does not decode: tile 3"):
        api.compress(scan)
    assert names() == {"scan.npy"}
    assert api.compress(scan, verify=False).verified is False


def test_nothing_is_written_when_the_stream_decodes_to_another_file(scan, monkeypatch):
    for other in (SCAN + b"\0", SCAN[:-1], b"\0" + SCAN[1:]):
        restored = [other[:700], other[700:]]
        monkeypatch.setattr(_streams, "restore", lambda *_, restored=restored: restored)
        with pytest.raises(VerificationFailed, match="decodes to another file"):
            api.compress(scan)
        assert names() == {"scan.npy"}


def test_nothing_is_restored_that_has_another_sha256(scan, monkeypatch):
    api.compress(scan)
    restore = _streams.restore
    monkeypatch.setattr(_streams, "restore", lambda *given: [*[*restore(*given)][:-1], b"!"])
    with pytest.raises(ChecksumMismatch, match=r"restored file: \d+ bytes, sha256 .*expected"):
        api.decompress("scan.npy.mls", "again.npy")
    assert "again.npy" not in names()


def test_verify_compares_with_an_original(scan):
    api.compress(scan)
    assert api.verify("scan.npy.mls").verified
    assert api.verify("scan.npy.mls", scan).sha256 == hashlib.sha256(SCAN).hexdigest()
    for other in (SCAN + b"\0", SCAN[:-1], b"", SCAN[:-1] + b"\1"):
        with pytest.raises(VerificationFailed, match="-: differs from what the stream restores"):
            api.verify("scan.npy.mls", other)


def test_verify_finds_damage_that_nobody_would_read(scan):
    stream = bytearray(api.compress(SCAN).data)
    at = stream.index(b"\x28\xb5\x2f\xfd") + 9  # inside the shell
    stream[at] ^= 1
    assert np.array_equal(api.decode_array(stream), RAMP)
    with pytest.raises(ChecksumMismatch, match="shell"):
        api.verify(stream)


def test_the_array_of_a_file_is_decoded_from_its_stream(scan):
    api.compress(scan)
    assert np.array_equal(api.decode_array(Path("scan.npy.mls").read_bytes()), RAMP)
    with pytest.raises(InvalidInput, match=r"file without samples \(opaque\)"):
        api.decode_array(api.compress(b"text").data)


def test_a_stream_of_an_array_is_verified_but_restores_no_file():
    stream = api.encode_array(RAMP)
    result = api.verify(stream)
    assert (result.format, result.sha256) == ("array", "")
    assert result.original_bytes == RAMP.nbytes
    for call in (api.decompress, lambda stream: api.verify(stream, SCAN)):
        with pytest.raises(InvalidInput, match="made from an array"):
            call(stream)


def test_what_is_no_stream_is_named():
    for call in (api.decompress, api.verify, api.inspect, api.decode_array):
        with pytest.raises(NotAStream):
            call(SCAN)


def test_info_says_everything_and_is_json(scan):
    api.compress(scan, effort=7, coder="huffman")
    info = api.inspect("scan.npy.mls")
    assert json.loads(json.dumps(info.to_dict()))["shape"] == [24, 31]
    assert (info.version, info.kind, info.name) == (0, "file", "scan.npy")
    assert (info.effort, info.coder, info.axes, info.dtype) == (7, "huffman", "YX", "<i2")
    assert info.original_bytes == len(SCAN)
    assert info.stream_bytes == os.path.getsize("scan.npy.mls")
    found = [part["name"] for part in info.sections]
    assert found == ["header", "shell", "recipe", "payload", "planes", "original"]
    assert sum(part["bytes"] for part in info.sections) < info.stream_bytes
    assert info.tiles == sum(plane["tiles"] for plane in info.planes) == 1
    assert info.nets == list(info.planes[0]["nets"])


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("data", [SCAN, npy_bytes(np.ones((9, 9))), b"opaque", b""])
def test_progress_is_told_to_the_end(data, verify):
    for call in ("compress", "decompress"):
        calls: list[tuple[int, int]] = []
        options = {"progress": lambda done, total, calls=calls: calls.append((done, total))}
        if call == "compress":
            result = api.compress(data, verify=verify, **options)
        else:
            api.decompress(result.data, **options)
        shares = [done / total for done, total in calls]
        assert shares
        assert shares == sorted(shares)
        assert calls[-1][0] == calls[-1][1]
        assert all(0 < share <= 1 for share in shares)


def test_progress_counts_the_tiles_twice_where_they_are_verified():
    rng, calls = np.random.default_rng(0), []
    volume = np.cumsum(rng.integers(-3, 4, (4, 20, 30)), axis=2).astype(np.int16)
    api.compress(npy_bytes(volume), effort=1, progress=lambda *call: calls.append(call))
    assert calls == [(1, 8), (2, 8), (3, 8), (4, 8), (1, 2), (5, 8), (6, 8), (7, 8), (8, 8), (2, 2)]


def test_an_exception_in_progress_stops_the_work(scan):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.compress(scan, progress=stop)
    assert names() == {"scan.npy"}


def strange_png(grey: np.ndarray) -> bytes:
    """A PNG whose deflate stream no zlib would make: stored blocks and Huffman ones by turns."""
    rows, cols = grey.shape
    raw = b"".join(b"\0" + row.tobytes() for row in grey)
    packer = zlib.compressobj(6)
    parts = []
    for i in range(0, len(raw), 700):
        parts.append(packer.compress(raw[i : i + 700]))
        parts.append(packer.flush(zlib.Z_FULL_FLUSH if i % 1400 else zlib.Z_SYNC_FLUSH))
    body = b"".join([*parts, packer.flush()])

    def chunk(kind: bytes, data: bytes) -> bytes:
        signed = kind + data
        size, crc = len(data).to_bytes(4, "big"), zlib.crc32(signed).to_bytes(4, "big")
        return size + signed + crc

    head = cols.to_bytes(4, "big") + rows.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_pixel_exact_only_when_asked_for():
    grey = (np.add.outer(np.arange(60), np.arange(70)) % 256).astype(np.uint8)
    data = strange_png(grey)
    exact = api.compress(data)
    assert exact.guarantee == "file-exact"
    assert api.decompress(exact.data).data == data
    pixels = api.compress(data, pixels=True)
    assert (pixels.guarantee, pixels.format) == ("pixel-exact", "png")
    assert pixels.sha256 == hashlib.sha256(data).hexdigest()
    restored = api.decompress(pixels.data)
    assert restored.data != data
    assert restored.guarantee == "pixel-exact"
    assert np.array_equal(api.decode_array(pixels.data), grey)
    assert not restored.verified and pixels.verified
    assert (restored.original_bytes, restored.sha256) == (len(data), pixels.sha256)
    assert restored.output_bytes == len(restored.data)
    assert restored.output_sha256 == hashlib.sha256(restored.data).hexdigest()
    assert api.verify(pixels.data, restored.data).verified
    assert not api.verify(pixels.data).verified
    with pytest.raises(VerificationFailed, match="pixel-exact"):
        api.verify(pixels.data, data)


def test_pixel_exact_is_verified_by_its_samples(monkeypatch):
    grey = (np.add.outer(np.arange(60), np.arange(70)) % 256).astype(np.uint8)
    data, other = strange_png(grey), strange_png(grey ^ 1)
    monkeypatch.setattr(_streams, "restore", lambda stream, options: [other])
    with pytest.raises(VerificationFailed, match="other samples"):
        api.compress(data, pixels=True)


def test_an_image_that_no_stream_describes_is_kept_as_it_is(monkeypatch):
    monkeypatch.setattr("medlossless.codecs.MAX_DIMENSIONS", 2)
    data = npy_bytes(np.zeros((2, 3, 4), np.uint8))
    result = api.compress(data)
    assert (result.format, result.note) == ("opaque", "npy: array: 3 axes, at most 2 are coded")
    assert api.decompress(result.data).data == data


@pytest.mark.parametrize(
    ("option", "value"),
    [("effort", 0), ("effort", 10), ("effort", 2.5), ("coder", "zip"), ("threads", -1)],
)
def test_options_out_of_range_are_refused_before_any_work(scan, option, value):
    with pytest.raises(InvalidInput, match=f"{option} "):
        api.compress(scan, **{option: value})
    with pytest.raises(InvalidInput, match=f"{option} "):
        api.encode_array(RAMP, **{option: value})
    assert names() == {"scan.npy"}


def test_threads_are_checked_by_decoders_too(scan):
    stream = api.compress(SCAN).data
    for call in (api.decompress, api.verify, api.decode_array):
        with pytest.raises(InvalidInput, match="threads -1"):
            call(stream, threads=-1)


def test_no_threads_are_all_cores(scan):
    stream = api.compress(SCAN, threads=0).data
    assert stream == api.compress(SCAN).data
    for call in (api.decompress, api.verify, api.decode_array):
        call(stream, threads=0)
    assert api.encode_array(RAMP, threads=0) == api.encode_array(RAMP)


@pytest.mark.parametrize("stream", ["scan.mls", Path("scan.mls"), io.BytesIO(b""), None])
def test_an_array_is_decoded_from_bytes_only(stream):
    with pytest.raises(InvalidInput, match=r"expected bytes; open\(name, 'rb'\)\.read\(\)"):
        api.decode_array(stream)


@pytest.mark.parametrize(
    ("data", "found"), [(b"", "is empty"), (b"DICM", "begins with 44 49 43 4d")]
)
def test_what_is_no_stream_is_told_so(data, found):
    with pytest.raises(NotAStream, match=f"^not a medlossless stream: {found}"):
        api.inspect(data)


def test_every_error_of_the_api_has_one_root():
    assert issubclass(InvalidInput, ValueError)
    for error in (CorruptStream, InvalidInput, VerificationFailed):
        assert issubclass(error, MedlosslessError)
    assert medlossless.errors.MedlosslessError is MedlosslessError
