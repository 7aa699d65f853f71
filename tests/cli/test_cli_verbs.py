# SPDX-License-Identifier: Apache-2.0
"""Every flag of ``decompress``, ``verify``, ``inspect`` and ``codecs``, with a fake api."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import medlossless

pytestmark = pytest.mark.usefixtures("fake_api")


@pytest.fixture
def streams(fake_api, files, run):
    """Files a and b and their streams; only the streams are left."""
    files({"a": b"first", "b": b"second"})
    assert run("compress", "-q", "--rm", "a", "b").status == 0
    assert sorted(os.listdir()) == ["a.mls", "b.mls"]


def damage(name: str) -> None:
    """Change the last byte of a file."""
    with open(name, "r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read(1)[0]
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last ^ 1]))


@pytest.mark.usefixtures("streams")
def test_decompress_restores_next_to_the_stream(run, fake_api):
    end = run("decompress", "a.mls", "-T", "2", "b.mls")
    assert end.status == 0
    assert end.stderr.splitlines() == [
        "a.mls : 5 bytes (opaque, file-exact) -> a",
        "b.mls : 6 bytes (opaque, file-exact) -> b",
    ]
    assert fake_api.calls[-1] == (
        "decompress",
        {"source": "b.mls", "target": "b", "threads": 2},
    )
    with open("a", "rb") as restored:
        assert restored.read() == b"first"


@pytest.mark.usefixtures("streams")
def test_decompress_to_stdout_concatenates(run):
    assert run("decompress", "-c", "a.mls", "b.mls").stdout == b"firstsecond"


@pytest.mark.usefixtures("streams")
def test_decompress_stdin(run):
    with open("a.mls", "rb") as stream:
        content = stream.read()
    assert run("decompress", "-", stdin=content).stdout == b"first"


@pytest.mark.usefixtures("streams")
def test_decompress_into_a_directory(run):
    os.mkdir("out")
    assert run("decompress", "-o", "out", "a.mls", "b.mls").status == 0
    assert sorted(os.listdir("out")) == ["a", "b"]


@pytest.mark.usefixtures("streams")
def test_decompress_without_suffix_needs_an_output(run):
    os.rename("a.mls", "a.stream")
    end = run("decompress", "a.stream")
    assert end.status == 1
    assert "does not end in .mls: name the output with -o" in end.stderr
    assert run("decompress", "a.stream", "-o", "a").status == 0


@pytest.mark.usefixtures("streams")
def test_decompress_skips_targets_that_exist(run, files):
    files({"a": b"precious"})
    assert run("decompress", "a.mls", "b.mls").status == 2
    with open("a", "rb") as kept:
        assert kept.read() == b"precious"
    assert run("decompress", "-f", "a.mls").status == 0
    with open("a", "rb") as restored:
        assert restored.read() == b"first"


@pytest.mark.usefixtures("streams")
def test_decompress_rm_removes_the_stream(run):
    damage("b.mls")
    assert run("decompress", "--rm", "a.mls", "b.mls").status == 1
    assert sorted(os.listdir()) == ["a", "b.mls"]


@pytest.mark.usefixtures("streams")
def test_decompress_corrupt_stream_is_a_failure(run):
    damage("a.mls")
    end = run("decompress", "a.mls")
    assert end.status == 1
    assert end.stderr == "medlossless: a.mls: sha256 of the restored file differs\n"
    assert not os.path.exists("a")


@pytest.mark.usefixtures("streams")
def test_decompress_json(run):
    record = json.loads(run("decompress", "--json", "a.mls").stdout)
    assert record["target"] == "a"
    assert record["status"] == "ok"
    assert record["original_bytes"] == 5


@pytest.mark.usefixtures("streams")
def test_decompress_quiet_and_terminal(run):
    assert run("decompress", "-q", "a.mls").stderr == ""
    assert run("decompress", "-c", "b.mls", terminals="stdout").status == 1
    assert run("decompress", "--rm", "-c", "b.mls").status == 1


@pytest.mark.usefixtures("streams")
def test_verify_good_streams(run, fake_api):
    end = run("verify", "a.mls", "b.mls", "-T", "2")
    assert end.status == 0
    assert end.stderr.splitlines()[0] == "a.mls : ok (5 bytes, opaque, file-exact)"
    assert sorted(os.listdir()) == ["a.mls", "b.mls"]
    assert fake_api.calls[-1] == ("verify", {"source": "b.mls", "original": None, "threads": 2})


@pytest.mark.usefixtures("streams")
def test_verify_damage_is_status_3(run):
    damage("a.mls")
    end = run("verify", "-q", "a.mls", "b.mls")
    assert end.status == 3
    assert end.stderr == "medlossless: a.mls: sha256 of the restored file differs\n"


def test_verify_what_is_no_stream_is_status_3(run, files):
    files({"a": b"text"})
    assert run("verify", "a").status == 3


def test_verify_what_cannot_be_judged_is_status_1(run, files):
    files({"a.mls": b"future"})
    assert run("verify", "a.mls").status == 1
    assert run("verify", "missing.mls").status == 1


@pytest.mark.usefixtures("streams")
def test_verify_against_a_file(run, files):
    files({"same": b"first", "other": b"fisrt"})
    end = run("verify", "a.mls", "--against", "same")
    assert end.status == 0
    assert "equal to same" in end.stderr
    assert run("verify", "a.mls", "--against", "other").status == 3
    missing = run("verify", "a.mls", "--against", "missing")
    assert missing.status == 1
    assert "medlossless: a.mls: missing: No such file or directory\n" in missing.stderr
    assert run("verify", "a.mls", "b.mls", "--against", "same").status == 1


@pytest.mark.usefixtures("streams")
def test_verify_stdin_json_and_verbose(run):
    with open("a.mls", "rb") as stream:
        content = stream.read()
    end = run("verify", "-v", "--json", "-", stdin=content)
    record = json.loads(end.stdout)
    assert record["source"] == "-"
    assert record["target"] is None
    assert record["verified"] is True
    assert record["sha256"] in end.stderr


@pytest.mark.usefixtures("streams")
def test_inspect_prints_facts(run):
    end = run("inspect", "a.mls", "b.mls")
    assert end.status == 0
    text = end.stdout.decode()
    for fact in (
        "a.mls\n",
        "b.mls\n",
        "file scan.dcm",
        "2 x 4 x 8 uint16, axes ZYX",
        "file-exact",
        "0123456789abcdef",
        "coder            ans\n",
    ):
        assert fact in text
    assert re.search(r"max_sample  nets *\n +2 x 4 x 8 +4095  wide2d, wide3d", text)
    assert re.search(r"payload\s+34", text)


@pytest.mark.usefixtures("streams")
def test_inspect_json(run, files):
    files({"bad.mls": b"text"})
    end = run("inspect", "--json", "a.mls", "bad.mls")
    assert end.status == 1
    good, bad = (json.loads(line) for line in end.stdout.splitlines())
    assert good["shape"] == [2, 4, 8]
    assert good["source"] == "a.mls"
    assert bad["error"] == "NotAStream"


def test_inspect_needs_a_file(run, files):
    files({})
    assert run("inspect").status == 1
    assert run("inspect", ".").status == 1


def test_codecs_lists_them(run):
    text = run("codecs").stdout.decode()
    assert re.search(r"name +number +kind +guarantee +source", text)
    assert re.search(r"\nlossless +1 +lossless +exact +\S", text)
    records = [json.loads(line) for line in run("codecs", "--json").stdout.splitlines()]
    assert {record["name"]: record["number"] for record in records} == {"stored": 0, "lossless": 1}


def test_version_is_the_package_version(run):
    end = run("--version")
    assert end.status == 0
    assert end.stdout.decode() == f"medlossless {medlossless.__version__}\n"


@pytest.mark.parametrize("verb", ["compress", "decompress", "verify", "inspect", "codecs"])
def test_help_documents_the_exit_status(run, verb):
    end = run(verb, "--help")
    assert end.status == 0
    text = end.stdout.decode()
    assert "exit status:" in text
    assert "examples:" in text
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("words", [(), ("explode",), ("--verbose",)])
def test_wrong_words_are_status_1(run, words):
    end = run(*words)
    assert end.status == 1
    assert "usage: medlossless" in end.stderr


def test_compress_into_a_folder_that_is_not_there_names_it(run, files, fake_api):
    files({"a": b"x"})
    end = run("compress", "a", "-o", "nodir/")
    assert (end.status, end.stderr) == (1, "medlossless: a: nodir: no such directory\n")
    end = run("compress", "a", "-o", "a/b")
    assert end.stderr == "medlossless: a: a: not a directory\n"
    assert fake_api.calls == []


def test_compress_into_a_folder_that_cannot_be_written_names_it(run, files, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", "out/.medlossless-0123")

    files({"a": b"x", "out/.keep": b""})
    monkeypatch.setattr("medlossless.api.compress", refuse)
    end = run("compress", "a", "-o", "out")
    assert end.stderr == "medlossless: a: directory out: Permission denied\n"


@pytest.mark.parametrize("verb", ["compress", "decompress", "verify", "inspect"])
def test_words_after_two_dashes_are_files(run, files, verb):
    files({"-x.dcm.mls": b"FAKE"})
    end = run(verb, "--", "-x.dcm.mls", "--json")
    assert "-x.dcm.mls: " in end.stderr
    assert "medlossless: --json: No such file" in end.stderr
    assert run("codecs", "--", "word").status == 1


def test_progress_is_drawn_on_a_terminal_only(run, files, monkeypatch):
    monkeypatch.setattr("medlossless.cli.console.PATIENCE_S", -1.0)
    monkeypatch.setenv("TERM", "xterm")
    files({"a": b"x", "b": b"x", "c": b"x"})
    assert "100%" in run("compress", "a", terminals="stderr").stderr
    assert "100%" not in run("compress", "b").stderr
    assert "100%" not in run("compress", "-q", "c", terminals="stderr").stderr


def test_reader_that_goes_away_is_a_quiet_failure():
    """A real pipe: what matters is that Python's own flush at exit stays quiet."""
    program = "import sys; from medlossless.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "codecs", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    message = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), message) == (1, b"")
