# SPDX-License-Identifier: Apache-2.0
"""Every flag of ``compress``, with the api replaced by a fake."""

from __future__ import annotations

import json
import os

import pytest

pytestmark = pytest.mark.usefixtures("fake_api")

RESULT_FIELDS = {
    "source",
    "status",
    "target",
    "original_bytes",
    "stream_bytes",
    "ratio",
    "format",
    "codec",
    "guarantee",
    "note",
    "verified",
    "seconds",
    "sha256",
    "output_bytes",
    "output_sha256",
}


def test_compress_writes_next_to_its_input_and_keeps_it(run, files, fake_api):
    files({"scan.dcm": b"samples"})
    end = run("compress", "scan.dcm")
    assert end.status == 0
    assert sorted(os.listdir()) == ["scan.dcm", "scan.dcm.mls"]
    assert end.stdout == b""
    assert end.stderr == (
        "scan.dcm : 614.3 % (7 -> 43 bytes, 0.16x, opaque, file-exact) -> scan.dcm.mls\n"
    )
    assert fake_api.calls == [
        (
            "compress",
            {
                "source": "scan.dcm",
                "target": "scan.dcm.mls",
                "effort": 5,
                "coder": "ans",
                "threads": 1,
                "verify": True,
                "pixels": False,
            },
        )
    ]


def test_compress_passes_coding_options(run, files, fake_api):
    files({"a": b"x"})
    words = ("-e", "9", "-T", "3", "--coder", "huffman", "--pixels", "--no-verify")
    assert run("compress", "a", *words).status == 0
    options = fake_api.calls[0][1]
    assert (options["effort"], options["threads"], options["coder"]) == (9, 3, "huffman")
    assert options["pixels"] is True
    assert options["verify"] is False


def test_compress_threads_zero_means_all_cores(run, files, fake_api):
    files({"a": b"x"})
    assert run("compress", "-T0", "a").status == 0
    assert fake_api.calls[0][1]["threads"] == 0


@pytest.mark.parametrize(
    "words",
    [
        ("-e", "0", "a"),
        ("-e", "10", "a"),
        ("-e", "five", "a"),
        ("-T", "-1", "a"),
        ("-T", "many", "a"),
        ("--coder", "lzw", "a"),
        ("--unknown", "a"),
        ("--eff", "3", "a"),
        (),
        ("--rm", "--no-verify", "a"),
        ("--rm", "-c", "a"),
        ("--rm", "-"),
        ("--json", "-c", "a"),
        ("-c", "-o", "b", "a"),
        ("-c", "a", "b"),
        ("-", "-"),
        ("-", "a", "-o", "single-file"),
        ("--filelist", "missing-list"),
    ],
)
def test_compress_wrong_call_fails_before_anything_is_done(run, files, fake_api, words):
    files({"a": b"x", "b": b"y"})
    end = run("compress", *words)
    assert end.status == 1
    assert "medlossless: " in end.stderr
    assert end.stdout == b""
    assert fake_api.calls == []
    assert sorted(os.listdir()) == ["a", "b"]


def test_compress_options_and_files_in_any_order(run, files):
    files({"a": b"1", "b": b"2", "-c": b"3"})
    assert run("compress", "a", "-e", "3", "b", "-q", "--", "-c").status == 0
    assert sorted(os.listdir()) == ["-c", "-c.mls", "a", "a.mls", "b", "b.mls"]


def test_compress_output_names_a_file(run, files):
    files({"a": b"x"})
    assert run("compress", "a", "-o", "b.stream").status == 0
    assert sorted(os.listdir()) == ["a", "b.stream"]


def test_compress_output_names_a_directory(run, files):
    files({"in/a": b"x", "b": b"y", "out/.keep": b""})
    assert run("compress", "in/a", "b", "-o", "out").status == 0
    assert sorted(os.listdir("out")) == [".keep", "a.mls", "b.mls"]


def test_compress_several_files_need_a_directory(run, files, fake_api):
    files({"a": b"x", "b": b"y"})
    end = run("compress", "a", "b", "-o", "out")
    assert end.status == 1
    assert "-o out: 2 inputs need a directory that exists" in end.stderr
    assert fake_api.calls == []


@pytest.mark.parametrize("force", [(), ("-f",)])
def test_compress_same_names_in_one_directory_never_overwrite(run, files, force):
    files({"one/a": b"1", "two/a": b"2", "out/.keep": b""})
    end = run("compress", "one/a", "two/a", "-o", "out", *force)
    assert end.status == 1
    assert "medlossless: two/a: would overwrite out/a.mls, just written from one/a" in end.stderr
    with open("out/a.mls", "rb") as stream:
        assert stream.read().endswith(b"1")


def test_compress_target_that_exists_is_skipped(run, files):
    files({"a": b"x", "b": b"y", "a.mls": b"precious"})
    end = run("compress", "a", "b")
    assert end.status == 2
    assert "medlossless: a: a.mls exists, -f overwrites it (skipped)" in end.stderr
    with open("a.mls", "rb") as stream:
        assert stream.read() == b"precious"
    assert os.path.exists("b.mls")


def test_compress_again_is_no_failure(run, files):
    files({"a": b"x", "b": b"y"})
    assert run("compress", "a", "b").status == 0
    assert run("compress", "a", "b").status == 2
    assert run("compress", "a", "b", "missing").status == 1


def test_compress_force_overwrites(run, files):
    files({"a": b"x", "a.mls": b"old"})
    assert run("compress", "-f", "a").status == 0
    with open("a.mls", "rb") as stream:
        assert stream.read().endswith(b"x")


@pytest.mark.parametrize("output", ["a", "link"])
def test_compress_never_writes_onto_its_input(run, files, output):
    files({"a": b"x"})
    os.symlink("a", "link")
    end = run("compress", "-f", "a", "-o", output)
    assert end.status == 1
    assert "input and output are the same file" in end.stderr
    with open("a", "rb") as file:
        assert file.read() == b"x"


def test_compress_streams_are_skipped_by_suffix(run, files):
    files({"a": b"x", "old.mls": b"FAKE"})
    end = run("compress", "a", "old.mls")
    assert end.status == 2
    assert "medlossless: old.mls: has the suffix .mls already" in end.stderr
    assert run("compress", "-f", "old.mls").status == 0
    assert os.path.exists("old.mls.mls")


def test_compress_directory_is_named_and_skipped(run, files):
    files({"a": b"x", "folder/b": b"y"})
    end = run("compress", "folder", "a")
    assert end.status == 2
    assert "medlossless: folder: is a directory: name the files in it, or" in end.stderr
    assert os.path.exists("a.mls")
    assert run("compress", "folder").status == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_compress_pipe_is_skipped(run, files):
    files({"a": b"x"})
    os.mkfifo("pipe")
    end = run("compress", "pipe", "a")
    assert end.status == 2
    assert "medlossless: pipe: is not a regular file" in end.stderr


def test_compress_missing_file_fails_and_the_others_go_on(run, files):
    files({"b": b"y"})
    end = run("compress", "a", "b")
    assert end.status == 1
    assert "medlossless: a: No such file or directory\n" in end.stderr
    assert os.path.exists("b.mls")


def test_compress_failed_verification_is_status_3(run, files):
    files({"a": b"unverifiable", "b": b"y"})
    end = run("compress", "missing", "a", "b")
    assert end.status == 3
    assert "medlossless: a: frame 3, row 7: found 12, expected 13\n" in end.stderr
    assert sorted(os.listdir()) == ["a", "b", "b.mls"]


def test_compress_stream_that_does_not_decode_is_status_3(run, files):
    files({"a": b"undecodable"})
    assert run("compress", "a").status == 3


def test_compress_unexpected_exception_is_a_named_failure(run, files):
    files({"a": b"bug", "b": b"y"})
    end = run("compress", "a", "b")
    assert end.status == 1
    assert "medlossless: a: internal error: ZeroDivisionError: division by zero" in end.stderr
    assert "Traceback" not in end.stderr
    assert os.path.exists("b.mls")
    assert "Traceback" in run("compress", "-v", "a").stderr


def test_compress_out_of_memory_is_a_named_failure(run, files):
    files({"a": b"memory"})
    end = run("compress", "a")
    assert end.status == 1
    assert end.stderr == "medlossless: a: not enough memory\n"


def test_compress_interrupt_is_130(run, files):
    files({"a": b"interrupt", "b": b"y"})
    end = run("compress", "a", "b")
    assert end.status == 130
    assert end.stderr.endswith("medlossless: interrupted\n")
    assert sorted(os.listdir()) == ["a", "b"]


def test_compress_rm_removes_what_is_verified(run, files):
    files({"a": b"x", "b": b"unverifiable", "c": b"y", "c.mls": b"old"})
    assert run("compress", "--rm", "a", "b", "c").status == 3
    assert sorted(os.listdir()) == ["a.mls", "b", "c", "c.mls"]


@pytest.mark.parametrize(
    ("content", "flags", "reason"),
    [
        (b"doubtful", (), "the output was not verified"),
        (b"x", ("--pixels",), "the stream is pixel-exact"),
        (b"growing", (), "it changed while it was being read"),
    ],
)
def test_compress_rm_keeps_what_cannot_be_restored(run, files, content, flags, reason):
    files({"a": content})
    end = run("compress", "--rm", *flags, "a")
    assert end.status == 2
    assert f"medlossless: a: warning: kept: {reason}" in end.stderr
    assert sorted(os.listdir()) == ["a", "a.mls"]


def test_compress_stdin_goes_to_stdout(run, files):
    end = run("compress", "-", stdin=b"bytes")
    assert end.status == 0
    assert end.stdout.endswith(b"bytes")
    assert end.stderr.startswith("- : 820.0 % (5 -> 41 bytes")
    assert end.stderr.endswith("-> stdout\n")


def test_compress_stdin_to_a_file(run, files):
    files({"out/.keep": b""})
    assert run("compress", "-", "-o", "a.mls", stdin=b"bytes").status == 0
    with open("a.mls", "rb") as stream:
        assert stream.read().endswith(b"bytes")
    assert run("compress", "-", "-o", "out", stdin=b"bytes").status == 1


@pytest.mark.parametrize("flags", [("-c",), ("-o", "-")])
def test_compress_to_stdout(run, files, flags):
    files({"a": b"x"})
    end = run("compress", "a", *flags)
    assert end.status == 0
    assert end.stdout.endswith(b"x")
    assert os.listdir() == ["a"]


def test_compress_refuses_binary_to_a_terminal(run, files):
    files({"a": b"x"})
    end = run("compress", "-c", "a", terminals="stdout")
    assert end.status == 1
    assert "stdout is a terminal" in end.stderr
    assert end.stdout == b""
    assert run("compress", "-c", "-f", "a", terminals="stdout").status == 0


def test_compress_refuses_a_terminal_as_stdin(run, files):
    end = run("compress", "-", terminals="stdin")
    assert end.status == 1
    assert "stdin is a terminal" in end.stderr


def test_compress_quiet_says_only_errors(run, files):
    files({"a": b"x", "n": b"note"})
    assert run("compress", "-q", "a", "n").stderr == ""
    end = run("compress", "-q", "missing")
    assert end.stderr == "medlossless: missing: No such file or directory\n"


def test_compress_notes_are_said(run, files):
    files({"n": b"note"})
    end = run("compress", "n")
    assert end.status == 0
    assert "medlossless: n: DICOM pixels already compressed: JPEG\n" in end.stderr


def test_compress_verbose_says_sha256(run, files):
    files({"a": b"x"})
    end = run("compress", "-v", "a")
    assert "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" in end.stderr
    assert "0.12 s" in end.stderr


def test_compress_unverified_result_says_so(run, files):
    files({"a": b"x"})
    assert ", file-exact, not verified) -> a.mls" in run("compress", "--no-verify", "a").stderr


def test_compress_several_files_get_a_total(run, files):
    files({"a": b"1234", "b": b"5678"})
    last = run("compress", "a", "b").stderr.splitlines()[-1]
    assert last == "2 files : 1000.0 % (8 -> 80 bytes, 0.10x)"


def test_compress_empty_file_has_no_share(run, files):
    files({"a": b""})
    end = run("compress", "a")
    assert end.status == 0
    assert end.stderr.startswith("a : empty (0 -> 36 bytes, 0.00x")


def test_compress_json_is_one_object_a_line(run, files):
    files({"a": b"x", "n": b"note", "folder/b": b"y", "bad": b"unverifiable"})
    end = run("compress", "--json", "a", "n", "folder", "missing", "bad")
    records = [json.loads(line) for line in end.stdout.splitlines()]
    assert [record["source"] for record in records] == ["a", "n", "folder", "missing", "bad"]
    assert [record["status"] for record in records] == [
        "ok",
        "ok",
        "skipped",
        "failed",
        "verification failed",
    ]
    assert set(records[0]) == RESULT_FIELDS
    assert records[0]["target"] == "a.mls"
    assert records[0]["stream_bytes"] == 37
    assert records[1]["note"].startswith("DICOM")
    assert records[3] == {
        "source": "missing",
        "status": "failed",
        "error": "FileNotFoundError",
        "message": "No such file or directory",
    }
    assert records[4]["error"] == "VerificationFailed"
    assert " : " not in end.stderr


def test_compress_filelist_adds_names(run, files):
    files({"a": b"1", "b c": b"2", "list": b"b c\n\n\xff\n"})
    end = run("compress", "a", "--filelist", "list")
    assert end.status == 1
    assert os.path.exists("a.mls")
    assert os.path.exists("b c.mls")
    assert "medlossless: \\udcff: No such file or directory" in end.stderr


def test_compress_filelist_from_stdin(run, files):
    files({"a": b"1", "b": b"2"})
    assert run("compress", "--filelist", "-", stdin=b"a\r\nb").status == 0
    assert sorted(os.listdir()) == ["a", "a.mls", "b", "b.mls"]
    assert run("compress", "--filelist", "-", "-", stdin=b"a").status == 1
    assert run("compress", "--filelist", "-", stdin=b"\n").status == 1
