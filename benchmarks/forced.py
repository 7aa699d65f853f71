# SPDX-License-Identifier: Apache-2.0
"""Medlossless again under forced kernels, each in a process of its own.

A process takes its kernel from the environment once, when it makes its first net ready.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

from benchmarks.measure import Measurement, difference
from benchmarks.roster import own_codec
from benchmarks.timing import Patience, timed


def kernel_in_use() -> str:
    """The kernel that this process runs where none is forced."""
    from medlossless.predict._kernel import KERNEL_VARIABLE, available_kernels

    return os.environ.get(KERNEL_VARIABLE) or available_kernels()[-1]


def measure_forced(
    measurements: list[Measurement], kernels: Iterable[str], patience: Patience
) -> list[Measurement]:
    """Decode the streams of a run again under other kernels; encode again where nothing is tuned.

    Tuning takes most of an encoder's time and runs on no kernel, so that a codec that tunes is
    not encoded again.

    Parameters
    ----------
    measurements : list of Measurement
        Those of medlossless are taken up.
    kernels : names of kernels
    patience : Patience

    Returns
    -------
    list of Measurement
        Codecs are called ``medlossless-e5-avx2``. A kernel that encodes to other bytes or decodes
        to other samples is a failure, and so is one that this processor does not run.
    """
    ours = [one for one in measurements if one.streams]
    found = []
    for kernel in kernels:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, context, initializer=_force, initargs=(kernel,)) as process:
            for one in ours:
                again = process.submit(_measure, one, patience).result()
                found.append(replace(again, series=one.series, codec=f"{one.codec}-{kernel}"))
    return found


def _force(kernel: str) -> None:
    from medlossless.predict._kernel import KERNEL_VARIABLE

    os.environ[KERNEL_VARIABLE] = kernel


def _measure(known: Measurement, patience: Patience) -> Measurement:
    """What `measurement` says, with the times of this process; without its streams."""
    rival = own_codec(known.codec)
    blank = replace(known, encode_s=None, decode_s=None, streams=())
    units = rival.prepare(known.series.array)
    try:
        if not rival.tunes:
            streams, encode_s = timed(lambda: list(map(rival.encode, units)), patience)
            if tuple(streams) != known.streams:
                return replace(blank, sizes=(), failure="encodes to other bytes")
            blank = replace(blank, encode_s=encode_s)
        decoded, decode_s = timed(lambda: list(map(rival.decode, known.streams, units)), patience)
    except Exception as error:
        return replace(blank, sizes=(), failure=f"{type(error).__name__}: {error}")
    return replace(blank, decode_s=decode_s, failure=difference(units, decoded))
