# SPDX-License-Identifier: Apache-2.0
"""``readme``: the results in README.md and their plot, made from the committed CSV files."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from benchmarks.corpus import Series
from benchmarks.goals import GROUPS, group_of
from benchmarks.measure import JXL_BEST
from benchmarks.rates import DIRECTIONS, Rate, by_codec, number, rate_ratio
from benchmarks.results import Results, read_results
from benchmarks.summary import Sizes, geometric_mean
from benchmarks.tables import Table

SUMMARY = "write the results in README.md and the plot from benchmarks/results/*.csv"
REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
FOLDER = REPOSITORY / "benchmarks" / "results"
PLOT = "size_speed.png"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
JPEGLS = "jpegls"
FORCED = {"avx2": "AVX2", "plain": "plain C"}  # kernels told of beside the fastest

_OURS = {f"medlossless-e{effort}": f"**medlossless -e {effort}**" for effort in (1, 3, 5, 7, 9)}
_OTHERS = {
    "j2k": "JPEG 2000",
    "htj2k": "HTJ2K",
    "png": "PNG",
    "zstd-19": "zstd -19",
    "gzip-9": "gzip -9",
}
_VOLUMES = {"jxl-slices-e9": "JPEG XL e9, slices as channels", "tomoz": "Tomoz, whole volume"}
SIZE_CODECS = {
    **_OURS,
    JXL_BEST: "JPEG XL, best of e3, e7, e9",
    **_VOLUMES,
    JPEGLS: "JPEG-LS",
    **_OTHERS,
}
SPEED_CODECS = {
    **_OURS,
    **{f"medlossless-e5-{kernel}": f"-e 5, {text} only" for kernel, text in FORCED.items()},
    JPEGLS: "JPEG-LS (CharLS)",
    **{f"jxl-e{effort}": f"JPEG XL e{effort}" for effort in (3, 7, 9)},
    "tomoz": "Tomoz",
    **_OTHERS,
}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")


def run(args: argparse.Namespace) -> int:
    """Rewrite what stands between the markers, draw the plot; with --check 1 if it differs."""
    ratio, speed = read_results(FOLDER / "ratio.csv"), read_results(FOLDER / "speed.csv")
    text = README.read_text()
    wanted = with_results(text, results_text(ratio, speed))
    if args.check:
        print("README.md is up to date" if text == wanted else "NOT OK: README.md is not")
        return int(text != wanted)
    from benchmarks.plot import draw

    README.write_text(wanted)
    draw(FOLDER / PLOT, ratio, speed)
    print(f"wrote {README.name} and {PLOT}")
    return 0


def with_results(readme: str, results: str) -> str:
    """A README with other results between its markers.

    Raises
    ------
    ValueError
        A marker is missing or stands there twice.
    """
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        raise ValueError(f"README: expected {BEGIN} and {END} once each")
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{results}{END}{after}"


def results_text(ratio: Results, speed: Results) -> str:
    """Both tables, what they mean and where they come from, as Markdown."""
    parts = [
        size_table(ratio).markdown(),
        _source(ratio),
        f"![Size against decode speed](benchmarks/results/{PLOT})\n",
        speed_table(speed).markdown(),
        _source(speed),
    ]
    return "\n" + "\n".join(parts) + "\n"


def _source(results: Results) -> str:
    run = results.run
    date = run["date"].partition("T")[0]
    return f"Measured {date} on {run['machine']}, Python {run['python']}: `{run['command']}`.\n"


def size_table(results: Results) -> Table:
    """Codec by modality group: size over the best JPEG XL, and bits per sample."""
    sizes = Sizes(results.measurements)
    groups = {group: [s for s in sizes.series if group_of(s) == group] for group in GROUPS}
    groups = {group: members for group, members in groups.items() if members}
    groups["all"] = sizes.series
    rows = [
        [label, *(_size_cell(sizes, codec, members) for members in groups.values())]
        for codec, label in SIZE_CODECS.items()
        if codec in sizes.codecs
    ]
    noise = [_mean_noise(results, members) for members in groups.values()]
    rows.append(["noise alone, estimated", *(f"({number(one)})" for one in noise)])
    notes = [
        f"Size as a multiple of the best JPEG XL's, geometric mean over the series; in brackets"
        f" bits per sample. {len(sizes.series)} series or single images that no net was trained"
        f" on; {_proof(results)}. \\*: only the series that the codec takes."
        " The last row is what the noise takes whatever the codec (how it is estimated:"
        " `benchmarks/noise.py`)."
    ]
    columns = ["", *(f"{group} ({len(members)})" for group, members in groups.items())]
    return Table("Size: smaller is better", columns, rows, notes)


def _proof(results: Results) -> str:
    """Whether every size comes with a decoded stream, or some from a cache of earlier runs."""
    made = [one for one in results.measurements if one.sizes and one.codec != JXL_BEST]
    if all(one.decode_s is not None for one in made):
        return "each stream was decoded and compared"
    return "medlossless's streams were decoded and compared, other codecs' in earlier runs"


def _size_cell(sizes: Sizes, codec: str, members: list[Series]) -> str:
    """``0.853 (2.53)``; with a star and without bits where not every series was coded."""
    ratios = sizes.ratios(codec, JXL_BEST, members)
    if not ratios:
        return "-"
    if len(ratios) < len(members):
        return f"{geometric_mean(ratios):.3f}\\*"
    n_bits = 8 * sum(sizes.get(one, codec).n_bytes for one in members)
    return f"{geometric_mean(ratios):.3f} ({n_bits / sum(s.array.size for s in members):.2f})"


def _mean_noise(results: Results, members: list[Series]) -> float:
    """Mean over the samples of all series whose noise is known."""
    known = [one for one in members if not math.isnan(results.noise_bpp[one.name])]
    if not known:
        return math.nan
    weights = [one.array.size for one in known]
    return float(np.average([results.noise_bpp[one.name] for one in known], weights=weights))


def speed_table(results: Results) -> Table:
    """Codec by direction: MP/s, and as a multiple of JPEG-LS."""
    coded = by_codec(results.measurements)
    rows = []
    for codec, label in SPEED_CODECS.items():
        if codec not in coded:
            continue
        rate = Rate.of(list(coded[codec].values()))
        row = [label, *(number(rate.mp_s(direction)) for direction in DIRECTIONS)]
        for direction in DIRECTIONS:
            row.append(number(rate_ratio(coded[codec], coded.get(JPEGLS, {}), direction)))
        rows.append(row)
    columns = ["", "encode MP/s", "decode MP/s", "encode / JPEG-LS", "decode / JPEG-LS"]
    notes = [
        "Million samples (MP) per CPU second of one thread; medlossless with the fastest kernel"
        " of the machine where no other is named (what is forced changes decoding; encoding is"
        " mostly tuning). Multiples of JPEG-LS are of the same run and the same series."
    ]
    return Table("Speed: larger is better", columns, rows, notes)
