# SPDX-License-Identifier: Apache-2.0
"""Check what `make dist` has built: ``python tests/check_dist.py dist``.

The archives hold what they should and nothing else, and the wheel, installed alone into a new
environment, runs the demonstration outside the checkout.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
COMPILED = ("entropy/_coder", "predict/_kernel", "codecs/_scan")
DATA = ("py.typed", "container/FORMAT.md", "weights/SOURCES.md")
SOURCES = ("LICENSE", "CHANGELOG.md", "README.md", "Makefile", "setup.py", "tests/conftest.py")


def main() -> int:
    """Check the only sdist and the only wheel of a directory."""
    folder = Path(sys.argv[1])
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    problems = [*check_sdist(sdist), *check_wheel(wheel)]
    for problem in problems:
        print(f"check_dist: {problem}", file=sys.stderr)
    if problems:
        return 1
    try_wheel(wheel)
    print(f"check_dist: {sdist.name} and {wheel.name} are complete, and the wheel works")
    return 0


def check_sdist(path: Path) -> list[str]:
    """Return what is missing from the sdist, and what should not be there."""
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    expected = {*SOURCES, *(f"medlossless/{name}" for name in DATA), *list_nets()}
    for folder, suffixes in (("csrc", "ch"), ("medlossless", ("py", "pyx", "pxd"))):
        for suffix in suffixes:
            found = (REPOSITORY / folder).rglob(f"*.{suffix}")
            expected |= {path.relative_to(REPOSITORY).as_posix() for path in found}
    built = [name for name in names if name.startswith("build/") or name.endswith((".so", ".pyc"))]
    return [
        *(f"{path.name} lacks {name}" for name in sorted(expected - names)),
        *(f"{path.name} should not have {name}" for name in sorted(built)),
    ]


def check_wheel(path: Path) -> list[str]:
    """Return what is missing from the wheel, and what should not be there."""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    expected = {*(f"medlossless/{name}" for name in DATA), *list_nets()}
    found = (REPOSITORY / "medlossless").rglob("*.py")
    expected |= {path.relative_to(REPOSITORY).as_posix() for path in found}
    missing = sorted(expected - names)
    for module in COMPILED:
        if not any(name.startswith(f"medlossless/{module}.") for name in names):
            missing.append(f"medlossless/{module} (compiled)")
    foreign = [
        name
        for name in sorted(names)
        if name.endswith((".c", ".pyx", ".pyc")) or not name.startswith("medlossless")
    ]
    return [
        *(f"{path.name} lacks {name}" for name in missing),
        *(f"{path.name} should not have {name}" for name in foreign),
    ]


def list_nets() -> list[str]:
    """Return the shipped nets; there must be some."""
    nets = sorted((REPOSITORY / "medlossless" / "weights").glob("*.mlw"))
    if not nets:
        raise SystemExit("check_dist: no net in medlossless/weights")
    return [net.relative_to(REPOSITORY).as_posix() for net in nets]


def try_wheel(wheel: Path) -> None:
    """Install the wheel into an empty environment and use it from an empty directory."""
    with tempfile.TemporaryDirectory() as work:
        venv.create(Path(work) / "env", with_pip=True)
        scripts = Path(work) / "env" / ("Scripts" if sys.platform == "win32" else "bin")
        python = str(scripts / "python")
        quiet = ("--quiet", "--disable-pip-version-check")
        for words in (
            (python, "-m", "pip", "install", *quiet, str(wheel.resolve())),
            (str(scripts / "medlossless"), "--version"),
            (str(scripts / "medlossless"), "codecs"),
            (python, str(REPOSITORY / "examples" / "demo.py")),
        ):
            subprocess.run(words, cwd=work, check=True)


if __name__ == "__main__":
    sys.exit(main())
