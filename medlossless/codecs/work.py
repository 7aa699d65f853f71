# SPDX-License-Identifier: Apache-2.0
"""Work side by side, as far ahead of its use as memory is meant to hold."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

AHEAD = 2  # jobs a thread that are begun before the first of them is used


def in_order(work: Callable[[Any], Any], jobs: Iterable[Any], threads: int) -> Iterator[Any]:
    """The results of jobs, in their order.

    Parameters
    ----------
    work : callable (job) -> result
        Threads pay where it releases the GIL.
    jobs : iterable
        Taken one by one, no further ahead than AHEAD * threads of the result that is used.
    threads : int
        1: the caller's own.
    """
    if threads == 1:
        yield from map(work, jobs)
        return
    begun: deque[Future] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for job in jobs:
                begun.append(pool.submit(work, job))
                if len(begun) > AHEAD * threads:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            for future in begun:
                future.cancel()
