# SPDX-License-Identifier: Apache-2.0
"""What README.md tells a reader to type, typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

README = Path(__file__).parents[1] / "README.md"
SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return re.search(rf"^## {title}\n(.*?)^## ", README.read_text(), re.M | re.S)[1]


def commands() -> list[str]:
    """The indented lines of "Use", without their comments."""
    lines = re.findall(r"^    (\S.*)$", section("Use").split("```")[0], re.M)
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def test_the_python_example_runs(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(blocks) == 1
    names: dict = {}
    exec(compile(blocks[0], str(README), "exec"), names)
    assert np.array_equal(names["third"], names["volume"][2])
    assert capsys.readouterr().out == "file-exact\n"


@pytest.mark.skipif(os.name != "posix", reason="the commands are a POSIX shell's")
def test_the_commands_run_one_after_the_other(tmp_path):
    scan = SAMPLES / "CT_small.dcm"
    for name in ("scan.dcm", "brain.nii.gz"):
        shutil.copy(scan, tmp_path / name)
    found = commands()
    assert len(found) >= 6
    assert all("medlossless " in line for line in found)
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "medlossless"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m medlossless "$@"\n')
    tool.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tool.parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))),
    }
    for line in found:
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        # compressing *.dcm again finds scan.dcm.mls there: skipped, and said so
        assert done.returncode in ((0, 2) if "*.dcm" in line else (0,)), (line, done.stderr)
    assert (tmp_path / "again.dcm").read_bytes() == scan.read_bytes()
    assert (tmp_path / "brain.nii.gz.mls").stat().st_size > 0


def test_files_that_it_names_exist():
    for name in re.findall(
        r"`((?:medlossless|csrc|benchmarks|tests)/[\w./]+)`", README.read_text()
    ):
        assert (README.parent / name).exists(), name
