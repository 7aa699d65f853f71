# SPDX-License-Identifier: Apache-2.0
"""A target that takes a few bytes at a time gets all of them, or the operation fails."""

import io
import os
import subprocess
import sys

import pytest

import medlossless

DATA = bytes(range(256)) * 40


class Sips(io.RawIOBase):
    """Takes at most `sip` bytes a call and `most` in all."""

    def __init__(self, sip: int, most: int = 1 << 30) -> None:
        self.sip, self.most, self.taken = sip, most, bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        part = bytes(data[: min(self.sip, self.most - len(self.taken))])
        self.taken += part
        return len(part)


def test_every_byte_reaches_an_unbuffered_target():
    raw = Sips(7)
    medlossless.compress(DATA, raw)
    assert medlossless.decompress(bytes(raw.taken)).data == DATA


def test_a_full_target_is_an_error():
    with pytest.raises(OSError, match="only 100 of"):
        medlossless.decompress(medlossless.compress(DATA).data, Sips(30, 100))


def test_an_object_that_does_not_count_is_trusted():
    taken = []

    class Sink:
        def write(self, data) -> None:
            taken.append(bytes(data))

    medlossless.decompress(medlossless.compress(DATA).data, Sink())
    assert b"".join(taken) == DATA


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_device_behind_stdout_is_a_failure(tmp_path, unbuffered):
    (tmp_path / "a.bin").write_bytes(DATA)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(  # noqa: PLW1510
            [sys.executable, "-m", "medlossless", "compress", "-c", "a.bin"],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": unbuffered,
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
            },
        )
    assert done.returncode == 1
    assert b"No space left" in done.stderr
