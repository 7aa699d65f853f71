# SPDX-License-Identifier: Apache-2.0
"""Files through the api: every byte comes back, and no half-written file has a final name."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from api_scan import SCAN, names
from hypothesis import given
from hypothesis import strategies as st

from medlossless import _files, _streams, api
from medlossless.errors import InvalidInput


def test_default_names_and_what_the_results_say(scan):
    result = api.compress(scan)
    assert names() == {"scan.npy", "scan.npy.mls"}
    assert (result.source, result.target) == (str(scan), f"{scan}.mls")
    assert result.original_bytes == len(SCAN)
    assert result.stream_bytes == os.path.getsize("scan.npy.mls") < len(SCAN) / 2
    assert result.sha256 == hashlib.sha256(SCAN).hexdigest()
    assert (result.format, result.codec, result.note) == ("npy", "lossless", "")
    assert (result.guarantee, result.verified, result.data) == ("file-exact", True, None)
    assert result.seconds >= 0
    scan.unlink()
    again = api.decompress("scan.npy.mls")
    assert scan.read_bytes() == SCAN
    assert (again.source, again.target) == ("scan.npy.mls", "scan.npy")
    assert again.stream_bytes == result.stream_bytes
    assert again.original_bytes == len(SCAN)
    assert again.sha256 == result.sha256


def test_mode_and_time_are_those_of_the_source(scan):
    api.compress(scan)
    scan.unlink()
    api.decompress("scan.npy.mls")
    for name in ("scan.npy", "scan.npy.mls"):
        status = os.stat(name)
        assert stat.S_IMODE(status.st_mode) == 0o640
        assert status.st_mtime == 1_100_000_000


def test_mode_of_what_comes_from_bytes_is_the_umask(scan):
    before = os.umask(0o027)
    try:
        api.compress(SCAN, "a.mls")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("a.mls").st_mode) == 0o640


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_and_files_in_bytes_out(kind):
    result = api.compress(kind(SCAN))
    assert (result.source, result.target) == ("-", None)
    restored = api.decompress(kind(result.data))
    assert restored.data == SCAN
    assert restored.target is None
    assert api.inspect(kind(result.data)).name == ""
    assert api.verify(kind(result.data), kind(SCAN)).verified


def test_file_objects_are_written_to(scan):
    with open("a.mls", "wb") as stream, open(scan, "rb") as source:
        result = api.compress(source, stream)
    assert (result.source, result.target) == (str(scan), "a.mls")
    assert result.data is None
    out = io.BytesIO()
    assert api.decompress("a.mls", out).target == "-"
    assert out.getvalue() == SCAN


def test_a_view_of_other_items_is_read_as_bytes():
    words = memoryview(bytearray(SCAN + bytes(-len(SCAN) % 4))).cast("I")
    assert api.decompress(api.compress(words).data).data == bytes(words)
    every_other = memoryview(SCAN)[::2]
    assert api.decompress(api.compress(every_other).data).data == SCAN[::2]


@pytest.mark.parametrize("source", [None, 5, ["a"], io.StringIO("text")])
def test_what_is_no_source_is_refused(source):
    for call in (api.compress, api.decompress, api.verify, api.inspect):
        with pytest.raises(InvalidInput, match="expected a path, bytes or a binary file object"):
            call(source)


@given(st.binary(max_size=400))
def test_any_bytes_come_back(data):
    result = api.compress(data, effort=1)
    assert api.decompress(result.data).data == data
    assert (result.format, result.codec) == ("opaque", "stored")
    assert result.original_bytes == len(data)
    info = api.inspect(result.data)
    assert (info.kind, info.shape, info.dtype, info.tiles) == ("file", (), "", 0)


@pytest.mark.parametrize("effort", [1, 5, 9])
def test_a_large_opaque_file_comes_back(effort):
    data = np.random.default_rng(0).integers(0, 4, 1_500_000, np.uint8).tobytes()
    result = api.compress(data, effort=effort)
    assert len(result.data) < 0.4 * len(data)
    assert api.decompress(result.data).data == data


def test_an_existing_target_is_refused_before_any_work(scan, monkeypatch):
    Path("scan.npy.mls").write_bytes(b"precious")
    monkeypatch.setattr(_files, "reading", lambda source: pytest.fail("the source was read"))
    with pytest.raises(InvalidInput, match=r"target exists: .*scan\.npy\.mls"):
        api.compress(scan)
    with pytest.raises(InvalidInput, match="target exists"):
        api.decompress("scan.npy.mls", scan)
    assert Path("scan.npy.mls").read_bytes() == b"precious"


def test_a_target_that_appears_meanwhile_is_not_overwritten(scan, monkeypatch):
    encode_file = _streams.encode_file

    def encode_and_be_overtaken(*arguments, **options):
        Path("scan.npy.mls").write_bytes(b"precious")
        return encode_file(*arguments, **options)

    monkeypatch.setattr(_streams, "encode_file", encode_and_be_overtaken)
    with pytest.raises(InvalidInput, match="target exists"):
        api.compress(scan)
    monkeypatch.setattr(_files, "check_target", lambda *arguments: None)
    with pytest.raises(InvalidInput, match="target exists"):
        api.compress(scan)
    assert Path("scan.npy.mls").read_bytes() == b"precious"
    assert names() == {"scan.npy", "scan.npy.mls"}


def test_a_link_that_leads_nowhere_counts_as_a_target(scan):
    os.symlink("nowhere", "scan.npy.mls")
    with pytest.raises(InvalidInput, match="target exists"):
        api.compress(scan)
    api.compress(scan, overwrite=True)
    assert not os.path.islink("scan.npy.mls")
    assert not os.path.exists("nowhere")


def test_overwrite_replaces_the_file_and_not_what_it_is_linked_to(scan):
    Path("old").write_bytes(b"old")
    os.link("old", "scan.npy.mls")
    api.compress(scan, overwrite=True)
    assert Path("old").read_bytes() == b"old"
    assert api.decompress("scan.npy.mls", io.BytesIO()).sha256


def test_a_device_is_written_to_and_stays_a_device(scan):
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    for overwrite in (False, True):
        api.compress(scan, "pipe", overwrite=overwrite)
        assert api.decompress(os.read(reader, 1 << 16)).data == SCAN
    os.close(reader)
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


@pytest.mark.parametrize("broken", ["fsync", "link", "utime"])
def test_a_failure_while_writing_leaves_nothing(scan, monkeypatch, broken):
    def fail(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, fail)
    if broken == "link":  # a file system without hard links: renaming does as well
        api.compress(scan)
        assert names() == {"scan.npy", "scan.npy.mls"}
        return
    with pytest.raises(OSError, match="No space left"):
        api.compress(scan)
    assert names() == {"scan.npy"}


def test_a_folder_that_is_not_there_is_named(scan):
    with pytest.raises(FileNotFoundError) as caught:
        api.compress(scan, "missing/scan.mls")
    assert "missing" in caught.value.filename
    with pytest.raises(FileNotFoundError):
        api.compress("missing.npy")
    assert names() == {"scan.npy"}


@pytest.mark.parametrize("name", ["scan.npy", "mls", ".mls"])
def test_a_name_without_suffix_needs_a_target(scan, name):
    Path(name).write_bytes(api.compress(SCAN).data)
    with pytest.raises(InvalidInput, match="name the target"):
        api.decompress(name)
    assert api.decompress(name, "out.npy").target == "out.npy"


def test_a_name_that_is_no_text_is_recorded_as_far_as_it_is(scan):
    name = b"scan-\xff.npy"
    try:
        os.rename(scan, os.fsencode(str(scan.parent)) + b"/" + name)
    except OSError:
        pytest.skip("the file system wants names to be text")
    result = api.compress(os.fsdecode(name))
    assert api.inspect(result.target).name == "scan-?.npy"
    assert names() == {os.fsdecode(name), os.fsdecode(name + b".mls")}


def test_the_name_has_no_folders(scan):
    api.compress(scan.resolve(), "a.mls")
    assert api.inspect("a.mls").name == "scan.npy"
