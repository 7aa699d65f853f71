# SPDX-License-Identifier: Apache-2.0
"""The cross verb: the C program finds what differs, and nothing is left out in silence."""

import subprocess
from pathlib import Path

import pytest

from benchmarks import cross
from benchmarks.__main__ import main
from benchmarks.moods import all_nets, cases_of
from benchmarks.proof_file import proof_file, tiles

NATIVE = cross.TARGETS["native"]


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    """The check, compiled for this processor."""
    path = cross.compile_for(NATIVE, tmp_path_factory.mktemp("cross") / "check")
    assert path is not None
    return path


@pytest.fixture(scope="module")
def proofs() -> bytes:
    """Two frames of one net and one tile."""
    name, net = next(pair for pair in all_nets() if pair[0] == "made none-2")
    return proof_file([list(cases_of(name, net))[:2]], list(tiles())[1:2])


def check(program, data: bytes, tmp_path, *kernels: str) -> tuple[int, str]:
    """Status and output of the program on a proof file."""
    path = tmp_path / "proofs"
    path.write_bytes(data)
    done = subprocess.run(
        [program, path, *kernels], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


@pytest.mark.slow
def test_this_processor_agrees_with_the_whole_proof_file(capfd):
    assert main(["cross", "native"]) == 0
    printed = capfd.readouterr().out
    assert "all equal to the reference" in printed
    assert printed.endswith("cross: all equal\n")


def test_equal_frames_and_tiles_pass(program, proofs, tmp_path):
    status, text = check(program, proofs, tmp_path, "plain")
    assert status == 0
    assert "2 frames" in text and "1 tiles: all equal" in text


def test_a_kernel_that_did_not_run_fails(program, proofs, tmp_path):
    status, text = check(program, proofs, tmp_path, "plain", "abacus")
    assert status == 1
    assert "NOT OK: kernel abacus did not run" in text


@pytest.mark.parametrize("from_end", [1, 2, 100])
def test_another_payload_fails(from_end, program, proofs, tmp_path):
    altered = bytearray(proofs)
    altered[-1 - from_end] ^= 1
    status, text = check(program, altered, tmp_path)
    assert status == 1
    assert "NOT OK: tile ans 1 x 37 x 19 of 255" in text


def test_another_prediction_context_or_flip_fails(program, proofs, tmp_path):
    name, net = next(pair for pair in all_nets() if pair[0] == "made none-2")
    case = next(cases_of(name, net))
    for expected in case.expected:
        at = proofs.index(expected.tobytes())
        altered = bytearray(proofs)
        altered[at] ^= 1
        status, text = check(program, altered, tmp_path)
        assert status == 1
        assert "near zero, 17 x 33, max_sample 1: sample (0, 0), lane 0" in text


@pytest.mark.parametrize("cut", [0, 7, 8, 300, -2, -1])
def test_a_proof_file_that_ends_early_is_no_proof(cut, program, proofs, tmp_path):
    assert check(program, proofs[:cut], tmp_path)[0] == 2
    assert check(program, proofs + b"\0", tmp_path)[0] == 2


def test_a_missing_compiler_fails_and_is_named(monkeypatch, capsys):
    absent = cross.Target("no-such-cc", "gcc-no-such qemu-user", emulator="no-such-qemu")
    monkeypatch.setattr(cross, "TARGETS", {"moon": absent})
    monkeypatch.setattr(cross, "full_proof_file", lambda: b"")
    assert main(["cross"]) == 1
    printed = capsys.readouterr().out
    assert "moon: NOT TRIED: no-such-cc and no-such-qemu missing: apt-get install" in printed
    assert printed.endswith("cross: NOT OK: moon\n")


def test_an_unknown_target_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["cross", "moon"])
    assert stopped.value.code == 2
    assert "no target 'moon', there are native" in capsys.readouterr().err
