# SPDX-License-Identifier: Apache-2.0
"""``memory``: made files are what they say, peaks are real, and what is wrong fails the run."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from benchmarks import bulk, memory
from benchmarks.__main__ import main
from medlossless import io

MIB = 1 << 20


@pytest.mark.parametrize(("name", "format"), [("dcm", "dicom"), ("nii", "nifti"), ("npy", "npy")])
def test_bulk_files_are_split_into_their_frames(name, format, tmp_path):
    path = tmp_path / "bulk"
    bulk.write_bulk(path, name, 2 * MIB)
    source = io.split(path.read_bytes())
    assert (source.format, source.note) == (format, "")
    assert source.image.array.shape == (4, bulk.ROWS, bulk.COLS)
    assert np.array_equal(source.image.array, list(bulk.phantom(4)))


def test_bulk_files_are_noisy_and_the_same_each_time(tmp_path):
    frames = list(bulk.phantom(3))
    bulk.write_bulk(tmp_path / "bulk", "npy", 3 * bulk.FRAME_BYTES)
    assert (tmp_path / "bulk").read_bytes()[128:] == b"".join(frame.tobytes() for frame in frames)
    assert 300 < frames[1].max() < 4096
    noise = np.diff(frames[1][:40, :40].astype(int), axis=1) / np.sqrt(2)
    assert 5 < noise.std() < 12
    assert not np.array_equal(frames[0], frames[1])


def test_memory_measures_and_writes_what_it_found(tmp_path, capsys):
    table = tmp_path / "memory.csv"
    arguments = ["memory", "--formats", "nii,npy", "--size", "1", "--csv", str(table)]
    assert main([*arguments, "--folder", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "4 runs, 0 failures" in printed
    assert printed.count("bytes are equal") == 2
    rows = list(csv.DictReader(table.open(newline="")))
    assert [(row["verb"], row["format"]) for row in rows] == [
        (verb, format) for format in ("nii", "npy") for verb in ("compress", "decompress")
    ]
    assert all(20 < float(row["peak_mib"]) < 1024 for row in rows)
    assert rows[0]["bytes_in"] == rows[1]["bytes_out"]
    assert [path.name for path in tmp_path.iterdir()] == ["memory.csv"]


def test_memory_fails_over_the_limit(capsys):
    assert main(["memory", "--formats", "npy", "--size", "1", "--limit", "9"]) == 1
    assert "NOT OK: compress npy" in capsys.readouterr().out


def test_memory_fails_where_bytes_differ(monkeypatch, capsys):
    run_child = memory.run_child

    def run_and_bend(arguments):
        found = run_child(arguments)
        if arguments[0] == "decompress":
            with open(arguments[-1], "r+b") as file:
                file.seek(5000)
                file.write(b"bent")
        return found

    monkeypatch.setattr(memory, "run_child", run_and_bend)
    assert main(["memory", "--formats", "npy", "--size", "1"]) == 1
    assert "NOT OK: decompress npy: the restored bytes differ" in capsys.readouterr().out


def test_memory_fails_where_a_verb_does(monkeypatch, capsys):
    monkeypatch.setattr(memory, "run_child", lambda arguments: (3, MIB))
    assert main(["memory", "--formats", "npy", "--size", "1"]) == 1
    assert "NOT OK: compress npy: exit 3" in capsys.readouterr().out


def test_the_peak_is_that_of_the_child():
    """A launcher between keeps the memory of this process out of it."""
    ballast = np.ones(400 * MIB, np.uint8)
    status, peak = memory.run_child(["codecs"])
    assert status == 0
    assert 5 * MIB < peak < ballast.nbytes


@pytest.mark.parametrize("formats", ["png", ""])
def test_memory_knows_its_formats(formats, capsys):
    assert main(["memory", "--formats", formats]) == 2
    assert "expected some of dcm, nii, npy" in capsys.readouterr().err
