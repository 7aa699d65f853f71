# SPDX-License-Identifier: Apache-2.0
"""``kernels``: every kernel against the reference, then how fast each predicts."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.moods import MOODS, Case, all_nets, cases_of
from benchmarks.proofs import proof_cases
from benchmarks.tables import Table, show
from benchmarks.timing import Patience, timed
from medlossless.predict import Net, net_named, shipped_names
from medlossless.predict import neighbourhood as nb
from medlossless.predict._kernel import KERNELS, KernelNet, available_kernels, predict_frame

SUMMARY = "check every kernel against the reference, then time it"
CPU_INFO = Path("/proc/cpuinfo")
FLAGS = {
    "avx2": {"avx2"},
    "avx512": {"avx2", "avx512f", "avx512bw", "avx512vl", "avx512_vnni"},
}
N_TOLD = 3  # differences of one kernel that are printed
MAX_SAMPLE = 4095  # of the frames that are timed


@dataclass
class Verdict:
    """What came of one kernel."""

    kernel: str
    n_nets: int = 0
    n_frames: int = 0
    n_samples: int = 0
    n_proofs: int = 0
    differences: list[str] = field(default_factory=list)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--side", type=int, default=512, help="rows and columns of a timed frame")
    parser.add_argument("--repeats", type=int, default=7, help="runs of which the fastest counts")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")


def run(args: argparse.Namespace) -> int:
    """Check, print, time, print; 1 if a kernel differs or one that should run did not."""
    expected, source = expected_kernels()
    print(f"kernels expected from {source}: {', '.join(expected)}")
    verdicts = {kernel: Verdict(kernel) for kernel in available_kernels()}
    n_left_out = check_all(verdicts.values())
    show(verdict_table(verdicts.values(), n_left_out), markdown=args.markdown)
    failures = [text for verdict in verdicts.values() for text in verdict.differences]
    failures += [f"kernel {name} did not run" for name in expected if name not in verdicts]
    for text in failures:
        print(f"NOT OK: {text}")
    table = speed_table(tuple(verdicts), args.side, Patience(args.repeats, enough_s=0.2))
    show(table, markdown=args.markdown)
    return int(bool(failures))


def expected_kernels(machine: str = "", cpu_info: Path = CPU_INFO) -> tuple[tuple[str, ...], str]:
    """Names of the kernels that must run here, and what says so.

    Found without the library, which would otherwise be its own witness.
    """
    machine = (machine or platform.machine()).lower()
    if machine in ("aarch64", "arm64"):
        return ("plain", "neon"), f"the machine being {machine}"
    if machine not in ("x86_64", "amd64") or not cpu_info.exists():
        return ("plain",), f"the machine being {machine}, whose flags are not known here"
    lines = cpu_info.read_text().splitlines()
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    found = [kernel for kernel in KERNELS if flags.issuperset(FLAGS.get(kernel, {"none such"}))]
    return ("plain", *found), str(cpu_info)


def check_all(verdicts: Iterable[Verdict]) -> int:
    """Fill the verdicts; the number of proofs that could not be turned into samples."""
    n_left_out = 0
    for name, net in all_nets():
        cases, proofs = list(cases_of(name, net)), []
        if name in shipped_names():
            proofs, missed = proof_cases(name)
            n_left_out += missed
        for verdict in verdicts:
            check(verdict, net, cases + proofs)
            verdict.n_nets += 1
            verdict.n_proofs += len(proofs)
    return n_left_out


def check(verdict: Verdict, net: Net, cases: Iterable[Case]) -> None:
    """Compare a kernel with the reference on cases of one net."""
    handle = KernelNet(net, verdict.kernel)
    for case in cases:
        found = predict_frame(handle, case.padded, *case.shape, case.max_sample)
        verdict.n_frames += 1
        verdict.n_samples += case.frames[0].size
        if len(verdict.differences) < N_TOLD:
            verdict.differences += difference(verdict.kernel, case, found)


def difference(kernel: str, case: Case, found: tuple[np.ndarray, ...]) -> list[str]:
    """The first place where a kernel and the reference differ, in words; nothing if they agree."""
    for what, a, b in zip(("prediction", "context", "flip"), found, case.expected, strict=True):
        wrong = np.argwhere(a != b)
        if len(wrong):
            row, col = wrong[0].tolist()
            rows, cols = case.shape
            return [
                f"kernel {kernel}, net {case.net_name}, {case.name}, {rows} x {cols}, max_sample"
                f" {case.max_sample}: {what} of sample ({row}, {col}) is {a[row, col]}, expected"
                f" {b[row, col]}; {len(wrong)} differ"
            ]
    return []


def verdict_table(verdicts: Iterable[Verdict], n_left_out: int) -> Table:
    rows = []
    for one in verdicts:
        counts = [one.n_nets, one.n_frames, one.n_samples, one.n_proofs]
        verdict = "NOT OK" if one.differences else "equal"
        rows.append([one.kernel, *map(str, counts), verdict])
    columns = ["kernel", "nets", "frames", "samples", "of which proofs", "to the reference"]
    notes = [f"moods: {', '.join(MOODS)}"]
    if n_left_out:
        notes.append(f"{n_left_out} proofs of shipped nets could not be turned into samples")
    return Table("Kernels against the reference", columns, rows, notes)


def speed_table(kernels: tuple[str, ...], side: int, patience: Patience) -> Table:
    """One row a shipped net: MP/s of each kernel and its ratio to the plain one."""
    rows = []
    for name in shipped_names():
        net = net_named(name)
        rates = {kernel: rate_mp_s(net, kernel, side, patience) for kernel in kernels}
        row = [name, "-".join(str(count) for count in widths(net))]
        for kernel, rate in rates.items():
            row.append(f"{rate:.2f}")
            row += [f"{rate / rates['plain']:.1f}"] if kernel != "plain" else []
        rows.append(row)
    columns = ["net", "layers"]
    for kernel in kernels:
        columns.append(f"{kernel} MP/s")
        columns += [f"{kernel} / plain"] if kernel != "plain" else []
    notes = [
        f"million predictions per CPU second of one thread, {side} x {side} samples, fastest of"
        f" {patience.repeats} or more; no sample waits for another, as in an encoder"
    ]
    return Table("Speed of the kernels", columns, rows, notes)


def widths(net: Net) -> tuple[int, ...]:
    """Inputs, units of each hidden layer, outputs."""
    return (net.n_inputs, *(layer.weights.shape[0] for layer in (*net.hidden, net.output)))


def rate_mp_s(net: Net, kernel: str, side: int, patience: Patience) -> float:
    rng = np.random.default_rng(side)
    frames = [MOODS["anatomy"]((side, side), MAX_SAMPLE, rng).astype(np.uint16) for _ in range(3)]
    padded = [nb.pad_frame(frame, 0) for frame in frames]
    handle = KernelNet(net, kernel)
    _, seconds = timed(lambda: predict_frame(handle, padded, side, side, MAX_SAMPLE), patience)
    return side * side / 1e6 / max(seconds, 1e-9)
