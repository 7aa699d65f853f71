# SPDX-License-Identifier: Apache-2.0
"""An effort that tunes small images quickly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from medlossless.codecs.efforts import EFFORTS, Tuning


@pytest.fixture
def tuned_effort(monkeypatch) -> int:
    """The number of an effort at which planes of 1000 samples are tuned, in 60 steps."""
    quick = replace(EFFORTS[3], tuning=Tuning(20_000, 60, 60, 1000))
    monkeypatch.setitem(EFFORTS, 3, quick)
    return 3
