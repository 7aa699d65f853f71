# SPDX-License-Identifier: Apache-2.0
"""What every test may use: the corpus, and the rules for tests that need something extra.

A test marked ``corpus`` or ``neural`` is skipped where its need is missing, unless the need is
named in MEDLOSSLESS_REQUIRE (as in ``MEDLOSSLESS_REQUIRE=corpus,neural``): then it fails, so that
a run that is meant to cover it cannot pass without it.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent
CORPUS = Path(
    os.environ.get("MEDLOSSLESS_CORPUS", REPOSITORY.parent / "shared" / "corpus" / "lossless")
)
REQUIRED = {word for word in os.environ.get("MEDLOSSLESS_REQUIRE", "").split(",") if word}

# Two busy cores make any deadline a coin toss.
settings.register_profile("medlossless", deadline=None, print_blob=True)
settings.load_profile("medlossless")


def find_missing(need: str) -> str:
    """Say why a need is not met, or nothing if it is."""
    if need == "corpus" and not CORPUS.is_dir():
        return f"no corpus at {CORPUS}"
    if need == "neural" and importlib.util.find_spec("torch") is None:
        return "torch is not installed"
    return ""


def pytest_configure() -> None:
    unknown = REQUIRED - {"corpus", "neural"}
    if unknown:
        raise pytest.UsageError(f"MEDLOSSLESS_REQUIRE: no such need: {', '.join(sorted(unknown))}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for need in ("corpus", "neural"):
        if item.get_closest_marker(need) is None:
            continue
        reason = find_missing(need)
        if reason and need in REQUIRED:
            pytest.fail(f"{reason}, and MEDLOSSLESS_REQUIRE says it must be there")
        if reason:
            pytest.skip(reason)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The directory of real images; tests that use it are marked ``corpus``."""
    return CORPUS
