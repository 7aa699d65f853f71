# SPDX-License-Identifier: Apache-2.0
"""Sizes of rivals kept between runs, so that tuning need not wait for slow codecs.

Only sizes that were verified when they were first made are kept, keyed by the sha256 of the
array, the codec and its version. Committed results are made without a cache.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np

from benchmarks.rivals import Rival

_COLUMNS = ("sha256", "codec", "version", "sizes")


class SizeCache:
    """A CSV file of sizes; every addition is appended at once, so a broken run loses nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes: dict[tuple[str, str, str], tuple[int, ...]] = {}
        if path.exists():
            with path.open(newline="") as file:
                for row in csv.DictReader(file):
                    key = (row["sha256"], row["codec"], row["version"])
                    self._sizes[key] = tuple(int(size) for size in row["sizes"].split())
        else:
            with path.open("w", newline="") as file:
                csv.writer(file).writerow(_COLUMNS)

    def get(self, array: np.ndarray, rival: Rival) -> tuple[int, ...] | None:
        return self._sizes.get(_key(array, rival))

    def add(self, array: np.ndarray, rival: Rival, sizes: tuple[int, ...]) -> None:
        if not rival.settled:
            return
        key = _key(array, rival)
        self._sizes[key] = sizes
        with self._path.open("a", newline="") as file:
            csv.writer(file).writerow((*key, " ".join(map(str, sizes))))


def _key(array: np.ndarray, rival: Rival) -> tuple[str, str, str]:
    digest = hashlib.sha256(f"{array.shape} {array.dtype.str} ".encode())
    digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest(), rival.name, rival.version
