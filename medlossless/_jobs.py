# SPDX-License-Identifier: Apache-2.0
"""What the verbs on files share: counting threads, progress of parts, telling the result."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import _files, _streams
from ._bytes import FileBytes, pieces
from .container import Stream
from .result import Result

Progress = Callable[[int, int], None]


class Parts:
    """Progress of a job of several parts, taken as equally long."""

    def __init__(self, call: Progress | None, n_parts: int) -> None:
        self.call = call
        self.n_parts = n_parts

    def report(self, number: int) -> Progress | None:
        """What part `number` calls, done and total being its own."""
        call = self.call
        if call is None:
            return None
        return lambda done, total: call(number * total + done, self.n_parts * total)

    def end(self, number: int) -> None:
        """Say that a part is over; one without tiles has said nothing so far."""
        if self.call is not None:
            self.call(number + 1, self.n_parts)


def count_threads(threads: int) -> int:
    """The number of threads meant; anything but 0 is left for `check_options` to judge."""
    if type(threads) is not int or threads != 0:
        return threads
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@dataclass(frozen=True)
class Written:
    """Size and sha256 of an output."""

    n_bytes: int = 0
    sha256: str = ""


NOTHING = Written()


def measure(data: memoryview | FileBytes) -> Written:
    """Size and sha256 of bytes."""
    found = hashlib.sha256()
    for piece in pieces(data):
        found.update(piece)
    return Written(len(data), found.hexdigest())


def recorded(stream: Stream) -> Written:
    """Size and sha256 of the file of a stream, as the stream says."""
    original = _streams.read_original(stream)
    return Written(original.size, original.sha256.hex())


def tell(
    source: Any, target: Any, stream: Stream, *, verified: bool, output: Written = NOTHING
) -> Result:
    """The result of a verb, `data` and `seconds` left out.

    Parameters
    ----------
    source, target : as given to the verb
    stream : Stream
        Read or written.
    verified : bool
        As in `Result`.
    output : Written
        What was written or returned.
    """
    info = _streams.describe(stream)
    return Result(
        source=_files.name_of(source),
        target=None if target is None else _files.name_of(target),
        original_bytes=info.original_bytes,
        stream_bytes=info.stream_bytes,
        format=info.format,
        codec=info.codec,
        guarantee=info.guarantee,
        note=info.note,
        verified=verified,
        seconds=0.0,
        sha256=info.sha256 or "",
        output_bytes=output.n_bytes,
        output_sha256=output.sha256,
    )
