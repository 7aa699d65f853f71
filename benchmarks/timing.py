# SPDX-License-Identifier: Apache-2.0
"""Seconds that a call takes.

By default CPU time of this process: every thread it starts is charged, other processes are not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """How often a call is repeated.

    At least `repeats` times and until `enough_s` seconds have passed, but never more than
    `most` times, and a call that took longer than `slow_s` is not repeated: its noise is
    small against its length.
    """

    repeats: int = 1
    enough_s: float = 0.0
    slow_s: float = 8.0
    most: int = 100


ONCE = Patience()
BEST_OF_THREE = Patience(repeats=3, enough_s=0.2)


Clock = Callable[[], float]
cpu_s: Clock = time.process_time
wall_s: Clock = time.perf_counter


def timed(
    call: Callable[[], T], patience: Patience = ONCE, clock: Clock = cpu_s
) -> tuple[T, float]:
    """Result of the first call and the seconds of the fastest one."""
    result, best = _once(call, clock)
    total, count = best, 1
    while (
        best < patience.slow_s
        and count < patience.most
        and (count < patience.repeats or total < patience.enough_s)
    ):
        _, seconds = _once(call, clock)
        best, total, count = min(best, seconds), total + seconds, count + 1
    return result, best


def _once(call: Callable[[], T], clock: Clock) -> tuple[T, float]:
    start = clock()
    result = call()
    return result, clock() - start
