# SPDX-License-Identifier: Apache-2.0
"""Medlossless again with one thread and with more, by the clock on the wall."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.measure import Measurement, difference
from benchmarks.rates import DIRECTIONS, Rate, number
from benchmarks.roster import own_codec
from benchmarks.tables import Table
from benchmarks.timing import Patience, timed, wall_s

LEAST_SPEEDUP = {2: 1.8}  # wanted of so many threads


def measure_threads(
    measurements: list[Measurement], n_threads: int, patience: Patience
) -> list[Measurement]:
    """Encode and decode again what a run of medlossless coded, shipped nets alone left out.

    Parameters
    ----------
    measurements : list of Measurement
    n_threads : int
        Compared with one thread; nothing is measured where it is 1 itself.
    patience : Patience

    Returns
    -------
    list of Measurement
        Codecs are called ``medlossless-e5-t1`` and so on, their seconds are of the wall clock.
        Each series is measured with one thread and at once with more, so that both see the same
        machine.
    """
    ours = [one for one in measurements if one.streams and not one.codec.endswith("-untuned")]
    counts = (1, n_threads) if n_threads > 1 else ()
    return [_measure(one, count, patience) for one in ours for count in counts]


def _measure(known: Measurement, n_threads: int, patience: Patience) -> Measurement:
    rival = own_codec(known.codec)
    rival.threads = n_threads
    units = rival.prepare(known.series.array)
    codec = f"{known.codec}-t{n_threads}"
    blank = replace(known, codec=codec, encode_s=None, decode_s=None, streams=(), clock="wall")
    try:
        streams, encode_s = timed(lambda: list(map(rival.encode, units)), patience, wall_s)
        decoded, decode_s = timed(lambda: list(map(rival.decode, streams, units)), patience, wall_s)
    except Exception as error:
        return replace(blank, sizes=(), failure=f"{type(error).__name__}: {error}")
    found = replace(blank, sizes=tuple(map(len, streams)), failure=difference(units, decoded))
    return replace(found, encode_s=encode_s, decode_s=decode_s)


def threads_table(measurements: list[Measurement]) -> Table | None:
    """One row a codec: MP a second of the wall clock with one thread and with more."""
    by_codec: dict[str, list[Measurement]] = {}
    for one in measurements:
        if one.sizes and not one.failure:
            by_codec.setdefault(one.codec, []).append(one)
    bases = {codec.removesuffix("-t1") for codec in by_codec if codec.endswith("-t1")}
    rows, most = [], 1
    for codec, found in by_codec.items():
        base, _, count = codec.rpartition("-t")
        if base not in bases or count == "1":
            continue
        most = int(count)
        row = [base]
        for direction in DIRECTIONS:
            single, many = (Rate.of(one).mp_s(direction) for one in (by_codec[f"{base}-t1"], found))
            row += [number(single), number(many), _judged(many / single, most)]
        rows.append(row)
    if not rows:
        return None
    columns = ["codec"]
    for direction in DIRECTIONS:
        columns += [f"{direction} -T 1", f"-T {most}", "speedup"]
    return Table("Threads: MP per second of the wall clock", columns, rows)


def _judged(speedup: float, n_threads: int) -> str:
    if n_threads not in LEAST_SPEEDUP:
        return f"{speedup:.2f}"
    least = LEAST_SPEEDUP[n_threads]
    return f"{speedup:.2f} / {least:.1f} {'ok' if speedup >= least else 'MISSED'}"
