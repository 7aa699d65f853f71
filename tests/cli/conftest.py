# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the api, so that each flag is tested apart from the coder.

The fake stream is a magic, the sha256 of the original and the original itself, so a damaged one
is noticed. What a file contains tells the fake how to behave.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from medlossless import api
from medlossless.cli import main
from medlossless.errors import (
    ChecksumMismatch,
    InvalidInput,
    NotAStream,
    Unsupported,
    VerificationFailed,
)

MAGIC = b"FAKE"
DIGEST_BYTES = 32


def make_stream(original: bytes) -> bytes:
    """Return the fake stream of a file."""
    return MAGIC + hashlib.sha256(original).digest() + original


def open_stream(stream: bytes) -> bytes:
    """Return the original of a fake stream."""
    if not stream.startswith(MAGIC):
        raise NotAStream(f"magic: found {stream[:4]!r}, expected {MAGIC!r}")
    body = stream[len(MAGIC) + DIGEST_BYTES :]
    if hashlib.sha256(body).digest() != stream[len(MAGIC) : len(MAGIC) + DIGEST_BYTES]:
        raise ChecksumMismatch("sha256 of the restored file differs")
    return body


@dataclass
class FakeApi:
    """Remembers its calls; `calls[-1]` is (verb, options)."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def compress(self, source, target=None, *, overwrite=False, progress=None, **options):
        self.calls.append(("compress", {"source": source, "target": target, **options}))
        original = read(source)
        if original == b"interrupt":
            raise KeyboardInterrupt
        if original == b"unverifiable":
            raise VerificationFailed("frame 3, row 7: found 12, expected 13")
        if original == b"undecodable":
            raise ChecksumMismatch("section 3 'payload': crc 1, expected 2")
        if original == b"bug":
            raise ZeroDivisionError("division by zero")
        if original == b"memory":
            raise MemoryError
        if progress is not None:
            progress(1, 2)
            progress(2, 2)
        stream = make_stream(original)
        write(target, stream, overwrite)
        if original == b"growing":
            with open(source, "ab") as file:
                file.write(b" on")
        return make_result(source, target, original, stream, options)

    def decompress(self, source, target=None, *, overwrite=False, progress=None, **options):
        self.calls.append(("decompress", {"source": source, "target": target, **options}))
        stream = read(source)
        original = open_stream(stream)
        write(target, original, overwrite)
        return make_result(source, target, original, stream, options)

    def verify(self, source, original=None, **options):
        self.calls.append(("verify", {"source": source, "original": original, **options}))
        stream = read(source)
        if stream == b"future":
            raise Unsupported("format version 9, this release knows 0")
        restored = open_stream(stream)
        if original is not None and read(original) != restored:
            raise VerificationFailed("byte 0 differs from the original")
        return make_result(source, None, restored, stream, options)

    def inspect(self, source):
        self.calls.append(("inspect", {"source": source}))
        stream = read(source)
        original = open_stream(stream)
        return make_info(original, stream)


def read(source: Any) -> bytes:
    """Read a path, bytes or a binary file, as the api does."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return file.read()
    return source.read() if hasattr(source, "read") else bytes(source)


def write(target: Any, data: bytes, overwrite: bool) -> None:
    """Write to a path or a binary file, as the api does."""
    if isinstance(target, str):
        if os.path.exists(target) and not overwrite:
            raise InvalidInput(f"target exists: {target}")
        with open(target, "wb") as file:
            file.write(data)
    else:
        target.write(data)


def make_result(source, target, original, stream, options) -> SimpleNamespace:
    """Return a Result; the file's content chooses its note and guarantee."""
    return SimpleNamespace(
        source=str(source),
        target=target if isinstance(target, str) else None,
        original_bytes=len(original),
        stream_bytes=len(stream),
        format="opaque",
        codec="stored",
        guarantee="pixel-exact" if options.get("pixels") else "file-exact",
        note="DICOM pixels already compressed: JPEG" if original == b"note" else "",
        verified=options.get("verify", True) and original != b"doubtful",
        seconds=0.125,
        sha256=hashlib.sha256(original).hexdigest(),
        output_bytes=len(original),
        output_sha256=hashlib.sha256(original).hexdigest(),
        data=None,
    )


def make_info(original: bytes, stream: bytes) -> SimpleNamespace:
    """Return an Info of a small image that is not there."""
    fields = {
        "version": 0,
        "codec": "lossless",
        "kind": "file",
        "format": "dicom",
        "guarantee": "file-exact",
        "note": "",
        "shape": (2, 4, 8),
        "dtype": "uint16",
        "axes": "ZYX",
        "bits": 12,
        "original_bytes": len(original),
        "stream_bytes": len(stream),
        "sha256": hashlib.sha256(original).hexdigest(),
        "name": "scan.dcm",
        "coder": "ans",
        "effort": 5,
        "nets": ["0123456789abcdef"],
        "planes": [{"shape": (2, 4, 8), "max_sample": 4095, "nets": ("wide2d", "wide3d")}],
        "tiles": 2,
        "sections": [{"name": "shell", "bytes": 120}, {"name": "payload", "bytes": 34}],
    }
    info = SimpleNamespace(**fields)
    info.to_dict = lambda: {**fields, "shape": list(fields["shape"])}
    return info


@pytest.fixture
def fake_api(monkeypatch) -> FakeApi:
    """Put the fake in the place of the api's functions."""
    fake = FakeApi()
    for name in ("compress", "decompress", "verify", "inspect"):
        monkeypatch.setattr(api, name, getattr(fake, name))
    return fake


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Work in an empty directory; `files(name=content)` fills it. Returns the function."""
    monkeypatch.chdir(tmp_path)

    def fill(contents: dict[str, bytes]) -> None:
        for name, content in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return fill


class Terminal(io.TextIOWrapper):
    """A text stream over memory that may claim to be a terminal."""

    def __init__(
        self, content: bytes = b"", *, terminal: bool = False, errors: str = "strict"
    ) -> None:
        # Python's own stderr replaces what cannot be encoded; stdout does not, and must not fail.
        super().__init__(io.BytesIO(content), encoding="utf-8", errors=errors, write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def contents(self) -> bytes:
        self.flush()
        return self.buffer.getvalue()


@pytest.fixture
def run(monkeypatch):
    """Run the command line; returns its status, stdout as bytes and stderr as text."""

    def run_main(*words, stdin: bytes = b"", terminals: str = ""):
        names = terminals.split()
        streams = {
            "stdin": Terminal(stdin, terminal="stdin" in names),
            "stdout": Terminal(terminal="stdout" in names),
            "stderr": Terminal(terminal="stderr" in names, errors="backslashreplace"),
        }
        with monkeypatch.context() as patch:
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            status = main(list(words))
        return SimpleNamespace(
            status=status,
            stdout=streams["stdout"].contents(),
            stderr=streams["stderr"].contents().decode("utf-8"),
        )

    return run_main
