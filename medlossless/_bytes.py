# SPDX-License-Identifier: Apache-2.0
"""Bytes by ranges, whether they lie in memory or in a file too large to be read at once."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, BinaryIO, overload

WHOLE_BYTES = 1 << 26  # files and arrays up to this size are taken in one piece
PIECE_BYTES = 1 << 22
WINDOW_BYTES = 1 << 16  # read at once where little is asked for: headers are read field by field
HASHED_AHEAD = 2  # pieces that wait for their hash


class FileBytes:
    """A file as far as slices of bytes go; nothing is kept but a window for small ones.

    Threads may read side by side.

    Parameters
    ----------
    file : binary file object with a descriptor
        Open for reading; what it has buffered for writing is flushed by the caller.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._descriptor = file.fileno()
        self._lock = threading.Lock()
        self._size = os.fstat(self._descriptor).st_size
        self._window: tuple[int, bytes] = (0, b"")

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, key: int) -> int: ...
    @overload
    def __getitem__(self, key: slice) -> memoryview: ...

    def __getitem__(self, key: int | slice) -> int | memoryview:
        if isinstance(key, int):
            return self[key : key + 1 or None][0]
        start, stop, step = key.indices(self._size)
        if step != 1:
            raise ValueError(f"step {step}: bytes of a file are read in order")
        stop = max(start, stop)
        if stop - start > WINDOW_BYTES:
            return memoryview(self._read(start, stop - start))
        first, window = self._window
        if not first <= start <= stop <= first + len(window):
            first, window = start, self._read(start, min(WINDOW_BYTES, self._size - start))
            self._window = first, window
        return memoryview(window)[start - first : stop - first]

    def _read(self, start: int, n_bytes: int) -> bytes:
        """Exactly so many bytes of the file.

        Raises
        ------
        OSError
            Also when the file has become shorter.
        """
        found = self._read_some(start, n_bytes)
        while len(found) < n_bytes:
            more = self._read_some(start + len(found), n_bytes - len(found))
            if not more:
                raise OSError(f"the file ends at byte {start + len(found)} of {self._size}")
            found += more
        return found

    def _read_some(self, start: int, n_bytes: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._descriptor, n_bytes, start)
        with self._lock:
            self._file.seek(start)
            return self._file.read(n_bytes)


Buffer = bytes | bytearray | memoryview
Data = Buffer | FileBytes


def view_of(data: Any) -> memoryview | FileBytes:
    """Bytes as something that can be sliced without a copy, item by item one byte.

    Raises
    ------
    TypeError
        `data` has no bytes.
    """
    return data if isinstance(data, FileBytes) else memoryview(data).cast("B")


def whole(data: Data) -> memoryview:
    """All the bytes, in memory."""
    return data[:] if isinstance(data, FileBytes) else memoryview(data)


class Sha256:
    """A SHA-256 of pieces, computed beside other work where there are threads for it."""

    def __init__(self, threads: int) -> None:
        self._hash = hashlib.sha256()
        self._pool = ThreadPoolExecutor(1) if threads > 1 else None
        self._begun: deque[Future] = deque()

    def __enter__(self) -> Sha256:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def feed(self, parts: Iterable[Buffer]) -> None:
        """Take all of `parts`, which nothing else may use up."""
        self._run(self._feed, parts)

    def update(self, piece: Buffer) -> None:
        """Take one more piece, which must not change."""
        self._run(self._hash.update, piece)

    def digest(self) -> bytes:
        """The SHA-256 of all of them, 32 bytes."""
        while self._begun:
            self._begun.popleft().result()
        return self._hash.digest()

    def _feed(self, parts: Iterable[Buffer]) -> None:
        for part in parts:
            self._hash.update(part)

    def _run(self, work: Callable[[Any], None], given: Any) -> None:
        if self._pool is None:
            work(given)
            return
        self._begun.append(self._pool.submit(work, given))
        if len(self._begun) > HASHED_AHEAD:
            self._begun.popleft().result()


def pieces(data: memoryview | FileBytes, n_bytes: int = PIECE_BYTES) -> Iterator[memoryview]:
    """All the bytes, piece after piece."""
    for start in range(0, len(data), n_bytes):
        yield data[start : start + n_bytes]
