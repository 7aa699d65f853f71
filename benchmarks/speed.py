# SPDX-License-Identifier: Apache-2.0
"""``speed``: million samples per CPU second of one thread."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from benchmarks.measure import Measurement
from benchmarks.run import add_arguments, conclude, measure_all
from benchmarks.tables import Table, show
from benchmarks.timing import BEST_OF_THREE

SUMMARY = "encode and decode speed in million samples (MP) per CPU second of one thread"
REFERENCES = ("jpegls", "jpegls-p16", "jxl-e7", "tomoz")
_CLOCK_TICK_S = 1e-9  # a call may be over before the clock moves


@dataclass(frozen=True)
class Rate:
    """Samples coded and the CPU seconds spent on them."""

    n_samples: int
    encode_s: float
    decode_s: float

    @classmethod
    def of(cls, measurements: list[Measurement]) -> Rate:
        return cls(
            sum(one.series.array.size for one in measurements),
            sum(one.encode_s or 0.0 for one in measurements),
            sum(one.decode_s or 0.0 for one in measurements),
        )

    @property
    def encode_mp_s(self) -> float:
        return self.n_samples / max(self.encode_s, _CLOCK_TICK_S) / 1e6

    @property
    def decode_mp_s(self) -> float:
        return self.n_samples / max(self.decode_s, _CLOCK_TICK_S) / 1e6


def configure(parser: argparse.ArgumentParser) -> None:
    add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Measure with repetitions, print the table, write the CSV; 1 on any wrong decode."""
    measurements = measure_all(args, BEST_OF_THREE)
    show(speed_table(measurements), markdown=args.markdown)
    return conclude(args, measurements)


def speed_table(measurements: list[Measurement]) -> Table:
    """One row a codec: MP/s over all its series, and ratios to the references.

    A ratio is formed over the series that both codecs coded, so that a codec that refuses a
    slow series gains nothing by it.
    """
    coded: dict[str, dict[str, Measurement]] = {}
    for one in measurements:
        if one.sizes and not one.failure:
            coded.setdefault(one.codec, {})[one.series.name] = one
    references = [name for name in REFERENCES if name in coded]
    rows = []
    for codec, found in coded.items():
        rate = Rate.of(list(found.values()))
        n_bytes = sum(one.n_bytes for one in found.values())
        row = [codec, str(len(found)), f"{8 * n_bytes / rate.n_samples:.3f}"]
        row += [f"{rate.encode_mp_s:.2f}", f"{rate.decode_mp_s:.2f}"]
        for name in references:
            row += _ratios(found, coded[name])
        rows.append(row)
    columns = ["codec", "series", "bpp", "encode MP/s", "decode MP/s"]
    for name in references:
        columns += [f"enc / {name}", f"dec / {name}"]
    notes = ["CPU time of the process, one thread, the fastest of 3 or more runs (1 if over 8 s)"]
    return Table("Speed", columns, rows, notes)


def _ratios(ours: dict[str, Measurement], theirs: dict[str, Measurement]) -> list[str]:
    common = [name for name in ours if name in theirs]
    if not common:
        return ["-", "-"]
    our_rate = Rate.of([ours[name] for name in common])
    their_rate = Rate.of([theirs[name] for name in common])
    return [
        f"{our_rate.encode_mp_s / their_rate.encode_mp_s:.2f}",
        f"{our_rate.decode_mp_s / their_rate.decode_mp_s:.2f}",
    ]
