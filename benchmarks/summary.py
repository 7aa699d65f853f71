# SPDX-License-Identifier: Apache-2.0
"""Measurements -> tables of sizes and of ratios between codecs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from benchmarks.corpus import Series
from benchmarks.goals import GROUPS, group_of
from benchmarks.measure import JXL_BEST, Measurement
from benchmarks.tables import Table, counted, short


class Sizes:
    """The valid measurements of a run, looked up by series and codec."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self.measurements = list(measurements)
        self.series: list[Series] = []
        self.codecs: list[str] = []
        self._found: dict[tuple[str, str], Measurement] = {}
        for one in self.measurements:
            if one.series not in self.series:
                self.series.append(one.series)
            if one.codec not in self.codecs:
                self.codecs.append(one.codec)
            if one.sizes and not one.failure:
                self._found[one.series.name, one.codec] = one

    def get(self, series: Series, codec: str) -> Measurement | None:
        return self._found.get((series.name, codec))

    def ratios(self, codec: str, rival: str, members: Iterable[Series]) -> list[float]:
        """Bytes of `codec` over bytes of `rival`, for the series that both coded."""
        pairs = [(self.get(one, codec), self.get(one, rival)) for one in members]
        return [ours.n_bytes / theirs.n_bytes for ours, theirs in pairs if ours and theirs]


def geometric_mean(values: list[float]) -> float:
    """Geometric mean of positive values; nan if there are none."""
    if not values:
        return math.nan
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def series_table(sizes: Sizes) -> Table:
    """Bits per sample of every codec on every series."""
    rows = []
    for series in sizes.series:
        cells = []
        for codec in sizes.codecs:
            found = sizes.get(series, codec)
            cells.append(f"{found.bpp:.3f}" if found else "-")
        about = [series.modality, series.shape, str(series.bits), f"{series.noise_bpp:.3f}"]
        rows.append([short(series.name), *about, *cells])
    columns = ["series", "modality", "shape", "bits", "noise", *sizes.codecs]
    notes = [
        "noise: an estimate of the bits that the noise takes whatever the codec"
        " (benchmarks/noise.py says how, and how far to trust it)"
    ]
    return Table("Bits per sample", columns, rows, notes + _refusal_notes(sizes))


def _refusal_notes(sizes: Sizes) -> list[str]:
    notes = []
    for codec in sizes.codecs:
        reasons = [one.refusal for one in sizes.measurements if one.codec == codec and one.refusal]
        if reasons:
            notes.append(f"{codec} does not take {counted(reasons)}")
    return notes


def ratio_table(sizes: Sizes, rival: str) -> Table:
    """Geometric mean of the ratio to `rival`: by modality, by group, over everything."""
    rows = []
    for label, members in _partitions(sizes.series):
        cells = []
        for codec in sizes.codecs:
            values = sizes.ratios(codec, rival, members)
            short_of = f" ({len(values)})" if 0 < len(values) < len(members) else ""
            cells.append(f"{geometric_mean(values):.3f}{short_of}" if values else "-")
        rows.append([label, str(len(members)), *cells])
    notes = ["(n): over n series only; '-': the codec or the rival has none"]
    return Table(f"Size over {rival}, geometric mean", ["", "n", *sizes.codecs], rows, notes)


def _partitions(series: list[Series]) -> list[tuple[str, list[Series]]]:
    """Named subsets: modalities, groups, all; a modality is split where it has both lengths."""

    def subset(test: Callable[[Series], bool]) -> list[Series]:
        return [one for one in series if test(one)]

    parts = []
    for modality in sorted({one.modality for one in series}):
        members = subset(lambda one, modality=modality: one.modality == modality)
        parts.append((modality, members))
        groups = {group_of(one) for one in members}
        if len(groups) > 1:
            for group in sorted(groups):
                label = f"  {modality}: {group.replace('CT, MR ', '')}"
                parts.append((label, [one for one in members if group_of(one) == group]))
    parts += [(group, subset(lambda one, group=group: group_of(one) == group)) for group in GROUPS]
    parts.append(("all", series))
    return [(label, members) for label, members in parts if members]


def reference_codecs(sizes: Sizes) -> list[str]:
    """The rivals that everything is divided by, as far as they were measured."""
    return [codec for codec in (JXL_BEST, "jpegls", "jpegls-p16") if codec in sizes.codecs]
