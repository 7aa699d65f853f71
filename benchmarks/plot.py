# SPDX-License-Identifier: Apache-2.0
"""The plot of size against decode speed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import JXL_BEST
from benchmarks.rates import Rate, by_codec
from benchmarks.results import Results
from benchmarks.summary import Sizes, geometric_mean

LADDERS = {"medlossless-e": ("tab:red", "medlossless -e "), "jxl-e": ("tab:blue", "JPEG XL e")}
LABELS = {
    "jpegls": "JPEG-LS",
    "j2k": "JPEG 2000",
    "htj2k": "HTJ2K",
    "png": "PNG",
    "zstd-19": "zstd -19",
    "gzip-9": "gzip -9",
    "tomoz": "Tomoz",
}


@dataclass(frozen=True)
class Point:
    """One codec: decode speed in MP/s, size over that of the best JPEG XL."""

    codec: str
    mp_s: float
    size: float


def points(ratio: Results, speed: Results) -> list[Point]:
    """Every codec of which both are known and that codes every series."""
    sizes, coded = Sizes(ratio.measurements), by_codec(speed.measurements)
    found = []
    for codec in sizes.codecs:
        ratios = sizes.ratios(codec, JXL_BEST, sizes.series)
        if codec in coded and len(ratios) == len(sizes.series):
            rate = Rate.of(list(coded[codec].values()))
            found.append(Point(codec, rate.mp_s("decode"), geometric_mean(ratios)))
    return found


def draw(path: Path, ratio: Results, speed: Results) -> None:
    """Write the plot as PNG; needs matplotlib."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    found = points(ratio, speed)
    for start, (colour, words) in LADDERS.items():
        steps = [one for one in found if one.codec.removeprefix(start).isdigit()]
        axes.plot([p.mp_s for p in steps], [p.size for p in steps], "o-", color=colour)
        for one in steps:
            _label(axes, one, words + one.codec.removeprefix(start), colour)
    for one in found:
        if one.codec in LABELS:
            axes.plot([one.mp_s], [one.size], "o", color="tab:gray")
            _label(axes, one, LABELS[one.codec], "tab:gray")
    axes.axhline(1, color="tab:blue", linewidth=0.6, linestyle=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("decode speed, million samples per CPU second of one thread")
    axes.set_ylabel("size over the best JPEG XL, geometric mean over series")
    axes.set_title("Smaller is lower, faster is further right")
    axes.margins(x=0.12)
    axes.grid(alpha=0.3, which="both")
    figure.savefig(path, dpi=120, metadata={"Software": None})


def _label(axes, point: Point, text: str, colour: str) -> None:
    axes.annotate(
        text, (point.mp_s, point.size), (-5, 5), textcoords="offset points",
        ha="right", fontsize=8, color=colour,
    )  # fmt: skip
