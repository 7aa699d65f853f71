# SPDX-License-Identifier: Apache-2.0
"""``import medlossless`` gives every public name, and pays for none before it is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import medlossless
from medlossless import api


def modules_after(repository, statement: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after a statement."""
    program = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    output = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return set(json.loads(output))


def test_public_names_are_those_of_the_api_and_its_errors():
    assert set(medlossless.__all__) == {*api.__all__, "errors", "__version__"}
    assert dir(medlossless) == sorted(medlossless.__all__)


@pytest.mark.parametrize("name", sorted(set(api.__all__) - {"codecs"}))
def test_public_name_is_that_of_the_api(name):
    assert getattr(medlossless, name) is getattr(api, name)


def test_codecs_is_a_package_and_a_function():
    assert medlossless.codecs() == api.codecs()
    assert medlossless.codecs.index.CODERS == ("ans", "huffman")


def test_errors_are_there():
    assert issubclass(medlossless.errors.Truncated, medlossless.errors.CorruptStream)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'encode'"):
        medlossless.encode()


def test_import_loads_nothing_of_weight(repository):
    found = modules_after(repository, "import medlossless")
    assert {name for name in found if name.startswith("medlossless.")} == set()
    assert not found & {"numpy", "pydicom", "rich", "zstd", "concurrent.futures"}


def test_errors_load_nothing_of_weight(repository):
    found = modules_after(repository, "import medlossless; medlossless.errors.Truncated")
    assert {name for name in found if name.startswith("medlossless.")} == {"medlossless.errors"}
    assert "numpy" not in found


@pytest.mark.parametrize(
    "statement",
    [
        "from medlossless import *; codecs(); encode_array",
        "import medlossless.codecs; medlossless.codecs(); medlossless.encode_array",
        "from medlossless import codecs; codecs(); codecs.CODECS",
        "import medlossless.api; medlossless.codecs(); medlossless.errors",
        "import medlossless; medlossless.Result; medlossless.Info; medlossless.codecs()",
    ],
)
def test_order_of_imports_does_not_matter(repository, statement):
    assert "medlossless.codecs" in modules_after(repository, statement)


def test_a_result_does_not_load_the_coder(repository):
    found = modules_after(repository, "from medlossless import Result, Info")
    assert "medlossless.api" not in found
    assert "numpy" not in found
