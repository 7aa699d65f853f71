# SPDX-License-Identifier: Apache-2.0
"""The command line over the real api, on real and on awkward files."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest

IMAGES = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture
def scan(files):
    """The CT image that pydicom ships, under the name scan.dcm, with a mode and a time."""
    content = (IMAGES / "CT_small.dcm").read_bytes()
    files({"scan.dcm": content})
    os.chmod("scan.dcm", 0o640)
    os.utime("scan.dcm", (1_000_000_000, 1_000_000_000))
    return content


@pytest.mark.parametrize("coder", ["ans", "huffman"])
@pytest.mark.parametrize("effort", ["1", "9"])
def test_real_round_trip_restores_every_byte(run, scan, coder, effort):
    end = run("compress", "--rm", "--coder", coder, "-e", effort, "scan.dcm")
    assert end.status == 0, end.stderr
    assert "dicom, file-exact) -> scan.dcm.mls" in end.stderr
    assert os.listdir() == ["scan.dcm.mls"]
    assert os.path.getsize("scan.dcm.mls") < 0.7 * len(scan)
    assert run("decompress", "--rm", "scan.dcm.mls").status == 0
    assert os.listdir() == ["scan.dcm"]
    assert Path("scan.dcm").read_bytes() == scan


def test_real_outputs_keep_mode_and_time(run, scan):
    assert run("compress", "scan.dcm").status == 0
    os.remove("scan.dcm")
    assert run("decompress", "scan.dcm.mls").status == 0
    for name in ("scan.dcm", "scan.dcm.mls"):
        status = os.stat(name)
        assert status.st_mode & 0o777 == 0o640
        assert status.st_mtime == 1_000_000_000


def test_real_threads_do_not_change_the_stream(run, scan):
    one = run("compress", "-c", "scan.dcm", "-T", "1").stdout
    assert one == run("compress", "-c", "scan.dcm", "-T", "3").stdout
    assert hashlib.sha256(run("decompress", "-", "-T2", stdin=one).stdout).digest() == (
        hashlib.sha256(scan).digest()
    )


def test_real_json_tells_the_truth(run, scan):
    record = json.loads(run("compress", "--json", "scan.dcm").stdout)
    assert record["original_bytes"] == len(scan)
    assert record["stream_bytes"] == os.path.getsize("scan.dcm.mls")
    assert record["sha256"] == hashlib.sha256(scan).hexdigest()
    assert record["verified"] is True
    info = json.loads(run("inspect", "--json", "scan.dcm.mls").stdout)
    assert info["sha256"] == record["sha256"]
    assert info["name"] == "scan.dcm"
    assert info["shape"][-2:] == [128, 128]
    assert info["guarantee"] == "file-exact"
    text = run("inspect", "scan.dcm.mls").stdout.decode()
    assert record["sha256"] in text
    assert "sections" in text


@pytest.mark.usefixtures("scan")
def test_real_damage_is_found(run):
    assert run("compress", "scan.dcm").status == 0
    stream = bytearray(Path("scan.dcm.mls").read_bytes())
    Path("cut.mls").write_bytes(stream[:-1])
    stream[len(stream) // 2] ^= 4
    Path("bad.mls").write_bytes(stream)
    for name in ("bad.mls", "cut.mls"):
        assert run("verify", name).status == 3
        assert run("decompress", name).status == 1
        assert not os.path.exists(name.removesuffix(".mls"))
    assert run("verify", "scan.dcm.mls", "--against", "scan.dcm").status == 0
    Path("other.dcm").write_bytes(Path("scan.dcm").read_bytes() + b"\0")
    assert run("verify", "scan.dcm.mls", "--against", "other.dcm").status == 3


@pytest.mark.parametrize("content", [b"", b"x", b"DICM" * 1000, bytes(range(256)) * 33])
def test_real_any_bytes_come_back(run, files, content):
    files({"notes.txt": content})
    assert run("compress", "notes.txt").status == 0
    assert run("decompress", "-c", "notes.txt.mls").stdout == content
    assert run("inspect", "notes.txt.mls").status == 0


def test_real_array_stream_is_inspected_and_verified(run, files):
    from medlossless import api

    files({"a.mls": api.encode_array(np.arange(600, dtype=np.int16).reshape(2, 15, 20))})
    assert "2 x 15 x 20" in run("inspect", "a.mls").stdout.decode()
    assert run("verify", "a.mls").status == 0
    assert run("decompress", "a.mls").status == 1


def test_real_device_needs_no_force(run, scan):
    if not os.path.exists("/dev/null"):
        pytest.skip("no null device on this system")
    end = run("compress", "scan.dcm", "-o", "/dev/null")
    assert end.status == 0, end.stderr
    assert end.stderr.endswith("-> /dev/null\n")
    assert not os.path.isfile("/dev/null")


def repackage_png(grey: np.ndarray) -> bytes:
    """A PNG whose deflate stream has flushes that its reader cannot reproduce."""
    packer = zlib.compressobj(6)
    body = b""
    for i, row in enumerate(grey):
        body += packer.compress(b"\0" + row.tobytes())
        body += packer.flush((zlib.Z_FULL_FLUSH, zlib.Z_SYNC_FLUSH)[i % 2])
    head = b"".join(side.to_bytes(4, "big") for side in grey.shape[::-1]) + b"\x08\0\0\0\0"
    chunks = ((b"IHDR", head), (b"IDAT", body + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in chunks
    )


def test_real_pixel_exact_output_is_not_called_the_original(run, files):
    content = repackage_png((np.add.outer(np.arange(60), np.arange(70)) % 256).astype(np.uint8))
    files({"a.png": content})
    assert json.loads(run("compress", "--pixels", "--json", "a.png").stdout)["verified"] is True
    end = run("decompress", "--json", "a.png.mls", "-o", "b.png")
    record, restored = json.loads(end.stdout), Path("b.png").read_bytes()
    assert restored != content
    assert (record["guarantee"], record["verified"]) == ("pixel-exact", False)
    assert (record["original_bytes"], record["output_bytes"]) == (len(content), len(restored))
    assert record["sha256"] == hashlib.sha256(content).hexdigest()
    assert record["output_sha256"] == hashlib.sha256(restored).hexdigest()
    end = run("decompress", "-f", "-v", "--rm", "a.png.mls", "-o", "b.png")
    assert f"a.png.mls : {len(restored)} bytes (png, pixel-exact) -> b.png" in end.stderr
    assert f"sha256 of the original file {record['sha256']}" in end.stderr
    assert "kept: the stream is pixel-exact" in end.stderr
    end = run("verify", "a.png.mls")
    assert f"ok ({len(content)} bytes in the original, png, pixel-exact)" in end.stderr


# A process started in the background may have inherited that interrupts are ignored.
INTERRUPTED_PROGRAM = """
import signal, sys
from medlossless import api
from medlossless.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)
compress = api.compress

def announce_and_compress(*arguments, **options):
    print("begun", flush=True)
    return compress(*arguments, **options)

api.compress = announce_and_compress
sys.exit(main(["compress", "large.npy"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals are sent to a process")
def test_real_interrupt_leaves_no_half_written_file(files):
    rng = np.random.default_rng(7)
    files({})
    np.save("large.npy", rng.integers(0, 4096, (40, 512, 512), np.uint16))
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED_PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == b"begun\n"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=120)[1]
    assert (process.returncode, message) == (130, b"medlossless: interrupted\n")
    assert os.listdir() == ["large.npy"]
