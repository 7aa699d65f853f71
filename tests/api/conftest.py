# SPDX-License-Identifier: Apache-2.0
"""A file in a working directory of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from api_scan import SCAN


@pytest.fixture
def scan(tmp_path, monkeypatch) -> Path:
    """A file with a mode and a time of its own, alone in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "scan.npy"
    path.write_bytes(SCAN)
    path.chmod(0o640)
    os.utime(path, (1_000_000_000, 1_100_000_000))
    return path
