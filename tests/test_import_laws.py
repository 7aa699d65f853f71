# SPDX-License-Identifier: Apache-2.0
"""The laws of the house that a program can check: imports, sizes, licences, one version.

Imports point one way: ``errors, image`` <- rooms <- ``codecs`` <- ``api`` <- ``cli`` and the other
faces. Rooms do not import one another and nobody imports ``training``.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "medlossless"

GROUND = {"errors", "image", "result", "_bytes", "_fields", "_files", "_zstd", "__init__"}
ROOMS = {"io", "planes", "predict", "entropy", "container", "weights"}
FACES = {"cli", "integrations", "report", "__main__"}
LAYER = {
    **dict.fromkeys(GROUND - {"__init__"}, 0),
    **dict.fromkeys(ROOMS, 1),
    "codecs": 2,
    "_jobs": 3,
    "_streams": 3,
    "api": 3,
    "__init__": 4,
    **dict.fromkeys(FACES, 5),
    "training": 6,
}

HEAVY = ("torch", "numba", "matplotlib", "pydicom", "rich", "nibabel", "zarr", "dask")
IMPORT_LIMIT_S = 0.2

MAX_FILE_LINES = 400
MAX_LINE_COLUMNS = 100
LONG_FUNCTION_LINES, MAX_FUNCTION_LINES = 40, 60

SPDX = re.compile(r"(#|//|/\*|%) ?SPDX-License-Identifier: ")


def find_sources(*suffixes: str) -> list[Path]:
    """Return the files of the repository that people write, by suffix."""
    folders = ("medlossless", "csrc", "benchmarks", "examples", "tests")
    found = [path for folder in folders for path in (REPOSITORY / folder).rglob("*")]
    found += REPOSITORY.glob("*.py")
    return sorted(path for path in found if path.suffix in suffixes and path.is_file())


def name_of(path: Path) -> str:
    """A short name for a test's parameter."""
    return path.relative_to(REPOSITORY).as_posix()


def list_imports(source: str, module: str, *, package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line number, full dotted name) of everything a Python module imports."""
    parent = module.split(".") if package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            for alias in node.names:
                yield node.lineno, ".".join([*base, alias.name])


def list_cython_imports(source: str, module: str) -> Iterator[tuple[int, str]]:
    """As `list_imports`, for Cython, whose imports are read line by line."""
    parent = module.split(".")[:-1]
    pattern = re.compile(r"\s*from\s+(\.*)([\w.]*)\s+c?import\s+(\w+)|\s*c?import\s+([\w.]+)")
    for number, line in enumerate(source.splitlines(), 1):
        match = pattern.match(line)
        if match is None:
            continue
        dots, base, name, whole = match.groups()
        if whole:
            yield number, whole
        else:
            near = parent[: len(parent) - len(dots) + 1] if dots else []
            yield number, ".".join(filter(None, [*near, base, name]))


def imports_of(path: Path) -> list[tuple[int, str]]:
    """Return (line number, full dotted name) of everything a file of the package imports."""
    relative = path.relative_to(REPOSITORY).with_suffix("")
    package = relative.name == "__init__"
    module = ".".join(relative.parent.parts if package else relative.parts)
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return list(list_imports(source, module, package=package))
    return list(list_cython_imports(source, module))


def layer_name(dotted: str) -> str:
    """``medlossless.io.dicom`` -> ``io``; a name of the package itself -> ``__init__``."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LAYER else "__init__"


def find_violations(path: Path) -> list[str]:
    """Return every import of a package file that points the wrong way."""
    relative = path.relative_to(PACKAGE)
    here = relative.parts[0] if len(relative.parts) > 1 else relative.stem
    violations = []
    for number, dotted in imports_of(path):
        if dotted.split(".")[0] != "medlossless":
            continue
        there = layer_name(dotted)
        # A face may read the version of the package, which is a name of the package itself.
        sideways = here != there and here in ROOMS | FACES and LAYER[there] == LAYER[here]
        if here == "__main__" and there == "cli":
            sideways = False
        if there == "training" != here or LAYER[there] > LAYER[here] or sideways:
            violations.append(f"{name_of(path)}:{number}: {here} imports {dotted}")
    return violations


def read_version() -> str:
    """Return the one version, without importing the package."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__version__":
            return ast.literal_eval(node.value)
    raise AssertionError("medlossless/__init__.py assigns no __version__")


def list_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (name, number of lines) of every function of a Python or Cython file.

    Lines of the docstring are not counted in Python files: a long contract is no long function.
    """
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, count_lines(node)
    else:
        yield from list_cython_functions(source.splitlines())


def count_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function less those of its docstring."""
    lines = node.end_lineno - node.lineno + 1
    if ast.get_docstring(node) is not None:
        lines -= node.body[0].end_lineno - node.body[0].lineno + 1
    return lines


def list_cython_functions(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield (name, number of lines): a function lasts while lines are indented deeper."""
    head = re.compile(r"(\s*)(?:def|cdef|cpdef)\s[^=]*?(\w+)\s*\(")
    for start, line in enumerate(lines):
        match = head.match(line)
        if match is None or line.rstrip().endswith(","):
            continue
        end = start + 1
        while end < len(lines) and is_inside(lines[end], len(match[1])):
            end += 1
        yield match[2], end - start


def is_inside(line: str, indent: int) -> bool:
    """True if a line is blank, deeper than `indent`, or closes the bracket of a signature."""
    stripped = line.lstrip()
    return not stripped or len(line) - len(stripped) > indent or stripped.startswith(")")


PACKAGE_SOURCES = [path for path in find_sources(".py", ".pyx", ".pxd") if PACKAGE in path.parents]
ALL_SOURCES = find_sources(".py", ".pyx", ".pxd", ".pxi", ".c", ".h")


def test_imports_point_one_way():
    assert [line for path in PACKAGE_SOURCES for line in find_violations(path)] == []


def test_every_part_of_the_package_has_a_layer():
    parts = {path.relative_to(PACKAGE).parts[0].split(".")[0] for path in PACKAGE_SOURCES}
    assert parts <= set(LAYER)


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("io/dicom.py", "from ..planes import axes", 1),
        ("io/dicom.py", "def f():\n    import medlossless.entropy.huffman", 1),
        ("io/dicom.py", "from . import shell\nfrom ..errors import CorruptStream", 0),
        ("io/dicom.py", "from medlossless import __version__", 1),
        ("entropy/_coder.pyx", "from medlossless.predict cimport _kernel", 1),
        ("entropy/_coder.pyx", "from libc.stdint cimport uint8_t\ncimport cython", 0),
        ("codecs/lossless.py", "from medlossless import io, entropy, image", 0),
        ("codecs/lossless.py", "from medlossless import api", 1),
        ("api.py", "from .training import fit", 1),
        ("cli/compress.py", "from medlossless import api, __version__", 0),
        ("cli/compress.py", "from medlossless.report import plots", 1),
        ("training/fit.py", "from medlossless.predict import net", 0),
        ("__init__.py", "from .api import compress", 0),
        ("__init__.py", "from .cli import main", 1),
    ],
)
def test_the_import_law_itself_sees_violations(monkeypatch, file, source, expected):
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: source)
    assert len(find_violations(PACKAGE / file)) == expected


def import_in_subprocess(module: str) -> tuple[float, set[str]]:
    """Import a module in a fresh interpreter; return CPU seconds and the top-level modules."""
    program = (
        "import json, sys, time\n"
        "start = time.process_time()\n"
        f"import {module}\n"
        "seconds = time.process_time() - start\n"
        "print(json.dumps([seconds, [name.partition('.')[0] for name in sys.modules]]))\n"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, check=True
    ).stdout
    seconds, names = json.loads(output)
    return seconds, set(names)


@pytest.mark.parametrize("module", ["medlossless", "medlossless.cli", "medlossless.api"])
def test_import_is_light(module):
    _, names = import_in_subprocess(module)
    assert "medlossless" in names
    assert not names & set(HEAVY)


@pytest.mark.neural
def test_import_is_light_beside_torch():
    """The law says most where torch could have been imported."""
    assert "torch" in import_in_subprocess("torch")[1]
    assert "torch" not in import_in_subprocess("medlossless.cli")[1]


def test_import_is_fast():
    best_s = min(import_in_subprocess("medlossless")[0] for _ in range(5))
    assert best_s < IMPORT_LIMIT_S


def read_lines(path: Path) -> list[str]:
    """The lines of a text file."""
    return path.read_text(encoding="utf-8").splitlines()


def test_sources_name_their_licence_first():
    unnamed = []
    for path in ALL_SOURCES:
        lines = [line for line in read_lines(path)[:2] if not line.startswith("#!")]
        if not lines or not SPDX.match(lines[0]):
            unnamed.append(name_of(path))
    assert unnamed == []


def test_sources_are_short():
    lengths = {name_of(path): len(read_lines(path)) for path in ALL_SOURCES}
    assert {name: n for name, n in lengths.items() if n >= MAX_FILE_LINES} == {}


def test_lines_are_narrow():
    wide = [
        f"{name_of(path)}:{number}"
        for path in ALL_SOURCES
        for number, line in enumerate(read_lines(path), 1)
        if len(line) > MAX_LINE_COLUMNS
    ]
    assert wide == []


def test_functions_are_short():
    lengths = {
        f"{name_of(path)}: {name}": n
        for path in PACKAGE_SOURCES
        for name, n in list_functions(path)
    }
    long = {name: n for name, n in lengths.items() if n > LONG_FUNCTION_LINES}
    if long:
        warnings.warn(f"functions over {LONG_FUNCTION_LINES} lines: {long}", stacklevel=1)
    assert {name: n for name, n in long.items() if n > MAX_FUNCTION_LINES} == {}


def test_function_lengths_are_measured():
    cython = ["cdef int f(", "    int a,", ") noexcept:", "    return a", "", "x = 1"]
    assert list(list_cython_functions(cython)) == [("f", 5)]
    node = ast.parse('def f():\n    """One\n    two."""\n    return 1\n').body[0]
    assert count_lines(node) == 2


def test_version_stands_in_one_place():
    version = read_version()
    assert re.fullmatch(r"\d+\.\d+\.\d+([a-z.]\w*)?", version)
    places = [
        path
        for path in [*find_sources(".py", ".pyx", ".h", ".c"), REPOSITORY / "pyproject.toml"]
        if f'"{version}"' in path.read_text(encoding="utf-8")
    ]
    assert places == [PACKAGE / "__init__.py"]


def test_installed_version_is_the_one():
    try:
        installed = importlib.metadata.version("medlossless")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("medlossless is on the path but not installed")
    assert installed == read_version()


def test_changelog_has_the_version():
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(read_version())}\b", text, re.MULTILINE)
