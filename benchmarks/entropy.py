# SPDX-License-Identifier: Apache-2.0
"""``entropy``: how close the entropy coders come to the ideal code length of their tables."""

from __future__ import annotations

import argparse
import math

from benchmarks.corpus import Series, read_corpus
from benchmarks.tables import Table, short, show, skipped_lines

SUMMARY = "payload of ANS and Huffman against the ideal code length of their tables"
LIMITS = {"ans": 0.003, "huffman": 0.04}  # largest overhead allowed over the whole corpus
COUNTED = (
    "ideal: sum over samples of -log2 of the probability in the tables in force, raw bits and hit"
    " flags included; bytes: payloads as written, lengths and final states of their streams"
    " included; not counted: header, tile index, tuned nets"
)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or: pydicom")
    parser.add_argument("--effort", type=int, default=5, metavar="1..9")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(args: argparse.Namespace) -> int:
    """Print both coders beside the ideal; 1 if one exceeds its limit over all series."""
    series, skipped = read_corpus(args.paths)
    for line in skipped_lines(skipped):
        print(line)
    totals = {coder: [0.0, 0] for coder in LIMITS}
    rows = []
    for one in series:
        row = [short(one.name), one.modality, one.shape]
        for coder, total in totals.items():
            ideal_bits, payload_bytes = _code_length(one, args.effort, coder)
            total[0] += ideal_bits
            total[1] += payload_bytes
            row += _cells(ideal_bits, payload_bytes)
        rows.append(row)
    rows.append(["all", "", "", *(cell for total in totals.values() for cell in _cells(*total))])
    columns = ["series", "modality", "shape"]
    for coder in LIMITS:
        columns += [f"{coder} ideal bytes", f"{coder} bytes", "over"]
    show(Table("Payload and ideal code length", columns, rows, [COUNTED]), markdown=args.markdown)
    return _judge(totals)


def _code_length(series: Series, effort: int, coder: str) -> tuple[float, int]:
    """Ideal bits and real payload bytes of a whole series."""
    from medlossless.codecs.lossless import code_length_report

    axes = "ZYXS" if series.array.ndim == 4 else "ZYX"
    report = code_length_report(series.array, axes=axes, effort=effort, coder=coder)
    return float(report["ideal_bits"]), int(report["payload_bytes"])


def _overhead(ideal_bits: float, payload_bytes: int) -> float:
    return payload_bytes * 8 / ideal_bits - 1 if ideal_bits else math.nan


def _cells(ideal_bits: float, payload_bytes: int) -> list[str]:
    overhead = _overhead(ideal_bits, payload_bytes)
    return [f"{ideal_bits / 8:.0f}", str(payload_bytes), f"{100 * overhead:+.2f} %"]


def _judge(totals: dict[str, list]) -> int:
    code = 0
    for coder, limit in LIMITS.items():
        overhead = _overhead(*totals[coder])
        ok = overhead <= limit
        verdict = "ok" if ok else "NOT OK"
        over, most = f"{100 * overhead:+.3f} %", f"{100 * limit:.1f} %"
        print(f"{coder}: {over} over its ideal, at most {most}: {verdict}")
        code |= not ok
    return int(code)
