# SPDX-License-Identifier: Apache-2.0
"""The kernels verb: what it expects, what it tries kernels on, and that it tells of a wrong one."""

import numpy as np
import pytest

from benchmarks import kernels
from benchmarks.__main__ import main
from benchmarks.moods import MAX_SAMPLES, MOODS, all_nets, cases_of, make_net
from benchmarks.proofs import proof_cases, proof_of
from medlossless.predict import net_named, reference, shipped_names
from medlossless.predict._kernel import available_kernels, predict_frame

QUICK = ["kernels", "--side", "24", "--repeats", "1"]
AVX512 = "avx avx2 avx512f avx512bw avx512vl avx512_vnni"


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "sse2", ("plain",)),
        ("AMD64", "sse2 avx avx2", ("plain", "avx2")),
        ("x86_64", AVX512, ("plain", "avx2", "avx512")),
        ("x86_64", AVX512.replace("avx512_vnni", "avx512vbmi"), ("plain", "avx2")),
        ("aarch64", "fp asimd", ("plain", "neon")),
        ("arm64", "", ("plain", "neon")),
        ("s390x", "", ("plain",)),
    ],
)
def test_flags_say_which_kernels_must_run(machine, flags, expected, tmp_path):
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: none\n")
    assert kernels.expected_kernels(machine, cpu_info)[0] == expected


def test_unknown_flags_are_told_of(tmp_path):
    expected, source = kernels.expected_kernels("x86_64", tmp_path / "nothing")
    assert expected == ("plain",)
    assert "not known" in source


def test_all_kernels_of_this_processor_run_and_are_equal(capsys):
    assert main(QUICK) == 0
    printed = capsys.readouterr().out
    assert "NOT OK" not in printed
    assert "could not be turned" not in printed
    expected, _ = kernels.expected_kernels()
    assert set(expected) <= set(available_kernels())
    assert all(f"{kernel} MP/s" in printed for kernel in expected)
    assert all(f"\n {name} " in printed for name in shipped_names())


@pytest.fixture
def one_net(monkeypatch):
    """Only one net to try, to be quick."""
    monkeypatch.setattr(
        kernels, "all_nets", lambda: [("small", make_net("none", (), full=False, seed=1))]
    )


def test_a_kernel_that_does_not_run_fails(one_net, monkeypatch, capsys):
    monkeypatch.setattr(kernels, "available_kernels", lambda: ("plain",))
    monkeypatch.setattr(kernels, "expected_kernels", lambda: (("plain", "neon"), "a test"))
    assert main(QUICK) == 1
    assert "NOT OK: kernel neon did not run" in capsys.readouterr().out


@pytest.mark.parametrize("what", [0, 1, 2])
def test_a_kernel_that_differs_in_one_sample_fails(what, one_net, monkeypatch, capsys):
    def lie(handle, frames, rows, cols, max_sample):
        found = predict_frame(handle, frames, rows, cols, max_sample)
        if (rows, max_sample) == (37, 255):
            found[what][30, 3] ^= 1
        return found

    monkeypatch.setattr(kernels, "predict_frame", lie)
    assert main(QUICK) == 1
    printed = capsys.readouterr().out
    name = ("prediction", "context", "flip")[what]
    assert f"37 x 16, max_sample 255: {name} of sample (30, 3) is " in printed
    assert "; 1 differ" in printed


@pytest.mark.parametrize("max_sample", MAX_SAMPLES)
@pytest.mark.parametrize("mood", MOODS)
def test_moods_stay_in_range_and_use_it(mood, max_sample):
    samples = MOODS[mood]((40, 50), max_sample, np.random.default_rng(2))
    assert samples.shape == (40, 50)
    assert 0 <= samples.min() <= samples.max() <= max_sample
    if mood != "constant":
        assert len(np.unique(samples)) >= min(max_sample, 1) + 1
    if mood in ("uniform", "gradient"):
        assert samples.max() - samples.min() > 0.9 * max_sample


def test_cases_reach_all_contexts_and_both_flips():
    contexts, flips = set(), set()
    for name, net in all_nets():
        for case in cases_of(name, net):
            _, context, flip = case.expected
            contexts.update(np.unique(context).tolist())
            flips.update(np.unique(flip).tolist())
    assert flips == {0, 1}
    assert len(contexts) > 0.95 * reference.N_CONTEXTS


@pytest.mark.parametrize("name", shipped_names())
def test_proofs_become_samples_with_their_very_inputs(name):
    cases, n_left_out = proof_cases(name)
    proof = proof_of(name)
    assert len(cases) + n_left_out == proof.inputs.shape[1]
    assert len(cases) > n_left_out
    wanted = {proof.inputs[:, i].tobytes() for i in range(proof.inputs.shape[1])}
    for case in cases:
        where = np.array([(4 + 4) * (case.shape[1] + 8) + 4 + 4])
        net = net_named(name)
        found = reference.features(case.padded, where, case.shape[1], net.neighbourhood)[0]
        assert found[:, 0].tobytes() in wanted
