# SPDX-License-Identifier: Apache-2.0
"""Forced kernels in processes of their own; the levers of the ablation table."""

import csv
import os
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import ablation
from benchmarks.__main__ import main
from benchmarks.corpus import Series
from benchmarks.forced import kernel_in_use, measure_forced
from benchmarks.measure import measure
from benchmarks.roster import Medlossless, Untuned
from benchmarks.threads import measure_threads, threads_table
from benchmarks.timing import ONCE
from medlossless.predict._kernel import available_kernels


def made_series():
    rows, cols = np.mgrid[:48, :40]
    smooth = 300 + 80 * np.sin(rows / 9) * np.cos(cols / 7)
    noise = np.random.default_rng(4).integers(-5, 6, (3, 48, 40))  # no net expects such tables
    return Series("made", "CT", np.rint(smooth + noise).astype(np.uint16), 12, (1, 1, 1))


SERIES = made_series()


def test_forced_kernel_is_timed_and_named():
    known = [measure(rival, SERIES) for rival in (Medlossless(5), Untuned(5))]
    environment = dict(os.environ)
    tuned, untuned = measure_forced(known, ["plain"], ONCE)
    assert dict(os.environ) == environment
    assert (tuned.codec, untuned.codec) == ("medlossless-e5-plain", "medlossless-e5-untuned-plain")
    assert not tuned.failure and not untuned.failure
    assert tuned.encode_s is None and untuned.encode_s > 0
    assert tuned.decode_s > 0
    assert tuned.series is SERIES
    assert tuned.sizes == known[0].sizes


def test_forced_kernel_that_is_not_there_fails():
    (found,) = measure_forced([measure(Medlossless(1), SERIES)], ["abacus"], ONCE)
    assert "abacus" in found.failure


def test_other_bytes_under_a_forced_kernel_fail():
    known = measure(Untuned(5), SERIES)
    (found,) = measure_forced([replace(known, streams=(known.streams[0] + b"x",))], ["plain"], ONCE)
    assert found.failure == "encodes to other bytes"
    assert not found.sizes


def test_kernel_in_use_is_the_forced_one(monkeypatch):
    monkeypatch.delenv("MEDLOSSLESS_KERNEL", raising=False)
    assert kernel_in_use() == available_kernels()[-1]
    monkeypatch.setenv("MEDLOSSLESS_KERNEL", "plain")
    assert kernel_in_use() == "plain"


def test_speed_runs_every_kernel(tmp_path, capsys):
    path = tmp_path / "CT" / "volume.npy"
    path.parent.mkdir()
    np.save(path, SERIES.array)
    target = tmp_path / "speed.csv"
    asked = ["speed", str(path), "--efforts", "1", "--untuned", "5", "--codecs", "medlossless"]
    assert main([*asked, "--kernels", "plain", "--csv", str(target)]) == 0
    printed = capsys.readouterr().out
    assert "medlossless-e5-untuned-plain   decode     MP/s" in printed
    with target.open(newline="") as file:
        codecs = [row["codec"] for row in csv.DictReader(file)]
    expected = ["medlossless-e1", "medlossless-e5-untuned"]
    threads = ["medlossless-e1-t1", "medlossless-e1-t2"]
    assert codecs == expected + [f"{codec}-plain" for codec in expected] + threads
    assert "speedup" in printed


def test_more_threads_are_compared_with_one():
    known = [measure(rival, SERIES) for rival in (Medlossless(1), Untuned(5))]
    found = measure_threads(known, 2, ONCE)
    assert [one.codec for one in found] == ["medlossless-e1-t1", "medlossless-e1-t2"]
    assert not any(one.failure for one in found)
    assert {one.clock for one in found} == {"wall"}
    made = [replace(one, encode_s=s, decode_s=s) for one, s in zip(found, (1.0, 0.5), strict=True)]
    (row,) = threads_table(made).rows
    assert (row[0], row[3], row[6]) == ("medlossless-e1", "2.00 / 1.8 ok", "2.00 / 1.8 ok")
    made[1] = replace(made[1], decode_s=0.6)
    assert threads_table(made).rows[0][6] == "1.67 / 1.8 MISSED"
    assert measure_threads(known, 1, ONCE) == []
    assert threads_table([]) is None


def test_ablation_codes_every_lever(tmp_path, capsys):
    path = tmp_path / "CT" / "volume.npy"
    path.parent.mkdir()
    np.save(path, SERIES.array)
    target = tmp_path / "ablation.csv"
    assert main(["ablation", str(path), "--csv", str(target)]) == 0
    assert "all levers" in capsys.readouterr().out
    with target.open(newline="") as file:
        rows = {row["lever"]: row for row in csv.DictReader(file)}
    assert tuple(rows) == ablation.LEVERS
    assert rows[ablation.FULL]["relative"] == "1.0000"
    assert float(rows["MED, no net"]["relative"]) > 1
    assert rows["no adaptation"]["bytes"] != rows[ablation.FULL]["bytes"]
    assert int(rows["Huffman"]["bytes"]) > int(rows[ablation.NO_HITS]["bytes"])


@pytest.mark.parametrize("shape", [(1, 9, 9), (1, 9, 9, 3)])
def test_ablation_takes_what_has_no_planes(shape):
    constant = Series("flat", "US", np.full(shape, 3, np.uint8), 8, (1,))
    coded = ablation.code_all(constant)
    assert len({one.n_bytes for one in coded}) == 1
    assert set(ablation.relative(coded)["no tuning"].values()) == {1.0}
