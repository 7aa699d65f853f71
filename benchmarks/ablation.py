# SPDX-License-Identifier: Apache-2.0
"""``ablation``: what each lever of the encoder is worth, relative to effort 5 with all of them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.corpus import Series, read_corpus
from benchmarks.goals import GROUPS, group_of
from benchmarks.results import RUN, about_run, write_rows
from benchmarks.summary import geometric_mean
from benchmarks.tables import Table, short, show, skipped_lines

SUMMARY = "size without single levers (nets, third dimension, tuning, masks, hits, adaptation)"
EFFORT, WIDE_EFFORT = 5, 9
FULL = "all levers"
NO_HITS = "+ masks"
LEVERS = (
    # each adds one lever to the one before it
    "MED, no net",
    "narrow net",
    "mid net",
    "+ third dimension",
    "+ tuning",
    NO_HITS,
    FULL,  # + hits
    # each lacks one of all levers
    "no third dimension",
    "no tuning",
    "no masks",
    "no adaptation",
    "Huffman",
    # nets of higher efforts, not tuned, no hits
    "wide net",
    "wide net, third dimension",
)
COLUMNS = (*RUN, "series", "modality", "group", "lever", "bytes", "relative")


@dataclass(frozen=True)
class Coded:
    """Bytes that one set of levers makes of one series: payloads, tuned nets and recipe."""

    series: Series
    lever: str
    n_bytes: int


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or: pydicom")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row a measurement")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")


def run(args: argparse.Namespace) -> int:
    """Print a table of the levers, write the CSV."""
    series, skipped = read_corpus(args.paths)
    for line in skipped_lines(skipped):
        print(line)
    if not series:
        raise SystemExit("nothing to code")
    coded = [one for member in series for one in code_all(member)]
    for table in (lever_table(coded), series_table(coded)):
        show(table, markdown=args.markdown)
    if args.csv:
        write_rows(args.csv, COLUMNS, _rows(coded, about_run(args.command)))
        print(f"wrote {args.csv}")
    return 0


def code_all(series: Series) -> list[Coded]:
    """One series with every set of levers."""
    from medlossless import planes
    from medlossless.codecs.choice import plane_cost
    from medlossless.image import Image

    image = Image(series.array, "ZYXS" if series.array.ndim == 4 else "ZYX")
    parts, recipe = planes.split(image, cost=plane_cost(EFFORT), effort=EFFORT)
    totals = dict.fromkeys(LEVERS, len(recipe))
    for plane in parts:
        for lever, setting in settings(plane).items():
            totals[lever] += coded_bytes(plane, **setting)
    return [Coded(series, lever, n_bytes) for lever, n_bytes in totals.items()]


def settings(plane) -> dict[str, dict]:
    """For each lever the predictor of a plane, and where they differ increment and coder."""
    from medlossless.codecs.choice import choose, predictor_for, tune_to
    from medlossless.codecs.efforts import EFFORTS
    from medlossless.codecs.mask import choose_mask
    from medlossless.codecs.predictors import predictor_named

    flat = predictor_named(EFFORTS[EFFORT].plane_net)
    untuned = choose(plane, EFFORT)
    tuned = tune_to(plane, untuned, EFFORT)
    masked = replace(untuned, mask=choose_mask(plane.samples, untuned.prior))
    if masked.mask is not None:
        masked = tune_to(plane, masked, EFFORT)
    else:
        masked = tuned
    full = predictor_for(plane, EFFORT)
    flat_full = full
    if untuned.volumetric:
        flat_full = replace(tune_to(plane, flat, EFFORT), hits=full.hits)
    predictors = {
        "MED, no net": predictor_named("med"),
        "narrow net": predictor_named(EFFORTS[2].plane_net),
        "mid net": flat,
        "+ third dimension": untuned,
        "+ tuning": tuned,
        NO_HITS: masked,
        FULL: full,
        "no third dimension": flat_full,
        "no tuning": predictor_for(plane, EFFORT, tune_nets=False),
        "no adaptation": full,
        "no masks": full if full.mask is None else tuned,
        "Huffman": masked,
        "wide net": predictor_named(EFFORTS[WIDE_EFFORT].plane_net),
        "wide net, third dimension": choose(plane, WIDE_EFFORT),
    }
    found: dict[str, dict] = {lever: {"predictor": one} for lever, one in predictors.items()}
    found["no adaptation"]["increment"] = 0
    found["Huffman"]["coder"] = "huffman"
    return found


def coded_bytes(plane, predictor, **coding) -> int:
    """Payloads of all tiles of a plane, and the tuned nets."""
    from medlossless import entropy
    from medlossless.codecs.predictors import TileInput, fold
    from medlossless.codecs.tiling import choose_streams_log2, choose_tiling

    total = predictor.sent_bytes
    for tile in choose_tiling(plane.samples.shape, predictor.volumetric):
        seen = TileInput.of(predictor, plane.samples[tile.where], tile.frame0)
        folded = fold(predictor, seen, plane.max_sample)
        streams_log2 = choose_streams_log2(seen.samples.size)
        total += len(seen.pack_runs(predictor))
        if "steps" in folded:  # with abundances, which have adapted while they were folded
            total += len(entropy.encode_steps(**folded, streams_log2=streams_log2))
        else:
            total += len(entropy.encode_tile(**folded, streams_log2=streams_log2, **coding))
    return total


def relative(coded: list[Coded]) -> dict[str, dict[str, float]]:
    """Of each lever, by series, the size over that with all levers."""
    full = {one.series.name: one.n_bytes for one in coded if one.lever == FULL}
    found: dict[str, dict[str, float]] = {lever: {} for lever in LEVERS}
    for one in coded:
        found[one.lever][one.series.name] = one.n_bytes / full[one.series.name]
    return found


def lever_table(coded: list[Coded]) -> Table:
    """One row a lever: geometric means by group and over everything."""
    groups: dict[str, list[str]] = {group: [] for group in (*GROUPS, "all")}
    for one in coded:
        if one.lever == FULL:
            groups[group_of(one.series)].append(one.series.name)
            groups["all"].append(one.series.name)
    groups = {group: names for group, names in groups.items() if names}
    rows = []
    for lever, ratios in relative(coded).items():
        means = [geometric_mean([ratios[name] for name in names]) for names in groups.values()]
        rows.append([lever, *(f"{mean:.3f}" for mean in means)])
    columns = ["levers", *(f"{group} ({len(names)})" for group, names in groups.items())]
    notes = [
        "up to 'all levers' each row adds one; 'no ...' and Huffman each lack one (Huffman has no"
        " hits either: compare it with '+ masks'); the wide nets are neither tuned nor have hits",
        "bytes of payloads, tuned nets and recipes; no header, index or fallback to zstd; without"
        " adaptation hit flags still adapt",
    ]
    return Table(f"Size over effort {EFFORT} with all levers", columns, rows, notes)


def series_table(coded: list[Coded]) -> Table:
    """One row a series."""
    ratios = relative(coded)
    rows = []
    for one in coded:
        if one.lever == FULL:
            name = one.series.name
            cells = [f"{ratios[lever][name]:.3f}" for lever in LEVERS]
            rows.append([short(name), one.series.modality, *cells])
    return Table("Series by series", ["series", "modality", *LEVERS], rows)


def _rows(coded: list[Coded], about: dict[str, str]) -> list[dict]:
    ratios = relative(coded)
    return [
        about
        | {
            "series": one.series.name,
            "modality": one.series.modality,
            "group": group_of(one.series),
            "lever": one.lever,
            "bytes": one.n_bytes,
            "relative": f"{ratios[one.lever][one.series.name]:.4f}",
        }
        for one in coded
    ]
