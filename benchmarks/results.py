# SPDX-License-Identifier: Apache-2.0
"""Measurements <-> a CSV file that is reviewed and committed like code."""

from __future__ import annotations

import csv
import datetime
import math
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.corpus import Series
from benchmarks.goals import group_of
from benchmarks.measure import Measurement

RUN = ("date", "machine", "python", "command")
COLUMNS = (
    *RUN,
    "series",
    "modality",
    "group",
    "shape",
    "dtype",
    "bits",
    "noise_bpp",
    "codec",
    "version",
    "bytes",
    "bpp",
    "encode_s",
    "decode_s",
    "remark",
)
WALL = "seconds of the wall clock"


def machine() -> str:
    """CPU model and number of cores."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} cores"


def about_run(command: str) -> dict[str, str]:
    """What every row of a CSV says of the run it comes from."""
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")
    return dict(zip(RUN, (date, machine(), platform.python_version(), command), strict=True))


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[dict]) -> None:
    """Write a CSV; its folder is made, a file of that name replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_results(path: Path, measurements: list[Measurement], command: str) -> None:
    """Write one row a measurement, refusals and failures included.

    Parameters
    ----------
    path : Path
        Overwritten; its folder is made.
    measurements : list of Measurement
    command : str
        What was run.
    """
    run = about_run(command)
    write_rows(path, COLUMNS, (run | _row(one) for one in measurements))


def _row(one: Measurement) -> dict:
    counted = bool(one.sizes) and not one.failure
    return {
        "series": one.series.name,
        "modality": one.series.modality,
        "group": group_of(one.series),
        "shape": one.series.shape,
        "dtype": one.series.array.dtype.name,
        "bits": one.series.bits,
        "noise_bpp": "" if math.isnan(one.series.noise_bpp) else f"{one.series.noise_bpp:.4f}",
        "codec": one.codec,
        "version": one.version,
        "bytes": one.n_bytes if counted else "",
        "bpp": f"{one.bpp:.4f}" if counted else "",
        "encode_s": "" if one.encode_s is None else f"{one.encode_s:.4f}",
        "decode_s": "" if one.decode_s is None else f"{one.decode_s:.4f}",
        "remark": _remark(one),
    }


def _remark(one: Measurement) -> str:
    if one.failure:
        return f"FAILED: {one.failure}"
    if one.refusal:
        return f"refused: {one.refusal}"
    if one.clock != "cpu":
        return WALL
    if one.decode_s is None:
        return "derived or cached size"
    return "not encoded again" if one.encode_s is None else ""


@dataclass(frozen=True)
class Results:
    """What a CSV file says: of its run, and of each series by name its noise."""

    run: dict[str, str]
    measurements: list[Measurement]
    noise_bpp: dict[str, float]


def read_results(path: Path) -> Results:
    """Undo `write_results`, but for samples and the sizes of single streams.

    Raises
    ------
    FileNotFoundError
    ValueError
        Other columns, or no rows.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS or not rows:
        raise ValueError(f"{path}: {len(rows)} rows of {reader.fieldnames}, expected {COLUMNS}")
    series = {row["series"]: _read_series(row) for row in rows}
    noise = {row["series"]: float(row["noise_bpp"] or "nan") for row in rows}
    found = [_read_row(row, series[row["series"]]) for row in rows]
    return Results({name: rows[0][name] for name in RUN}, found, noise)


def _read_series(row: dict[str, str]) -> Series:
    """A series of the right extents; its samples take no memory and mean nothing."""
    shape = tuple(int(extent) for extent in row["shape"].split("x"))
    array = np.broadcast_to(np.zeros((), row["dtype"]), shape)
    return Series(row["series"], row["modality"], array, int(row["bits"]), (shape[0],))


def _read_row(row: dict[str, str], series: Series) -> Measurement:
    remark = row["remark"]
    return Measurement(
        series,
        row["codec"],
        row["version"],
        sizes=(int(row["bytes"]),) if row["bytes"] else (),
        encode_s=float(row["encode_s"]) if row["encode_s"] else None,
        decode_s=float(row["decode_s"]) if row["decode_s"] else None,
        refusal=remark.partition("refused: ")[2],
        failure=remark.partition("FAILED: ")[2],
        clock="wall" if remark == WALL else "cpu",
    )
