# SPDX-License-Identifier: Apache-2.0
"""Effort 9 tunes two sizes of nets and keeps the pair that costs less, their sending included."""

import numpy as np
import pytest
from codec_arrays import smooth

from medlossless.codecs import choice
from medlossless.codecs.efforts import EFFORTS
from medlossless.image import Plane


def plane(shape=(3, 24, 30)):
    samples = smooth(shape).astype(np.uint16)
    return Plane(samples, int(samples.max()))


@pytest.mark.parametrize("cheaper", ["wide2d", "large2d"])
@pytest.mark.parametrize("shape", [(1, 24, 30), (3, 24, 30)])
def test_the_cheaper_pair_is_kept(cheaper, shape, monkeypatch):
    seen = []

    def cost_of(*_):
        def bits(predictor):
            seen.append((predictor.first.name, predictor.volumetric))
            return 1.0 if predictor.first.name == cheaper else 2.0

        return bits

    monkeypatch.setattr(choice.hit_mode, "cost_of", cost_of)
    monkeypatch.setattr(choice.hit_mode, "is_promising", lambda *_: False)
    found = choice.predictor_for(plane(shape), 9, tune_nets=False)
    assert found.first.name == cheaper
    assert {name for name, _ in seen} == {"wide2d", "large2d"}
    assert len({deep for _, deep in seen}) == 1, "both of as many dimensions"
    if found.volumetric:
        assert found.later.name == cheaper.replace("2d", "3d")


def test_progress_counts_both_tunings(monkeypatch):
    def tune_to(_, start, effort, threads, progress):
        for done in (1, 2, 3):
            progress(done, 3)
        return start

    monkeypatch.setattr(choice, "tune_to", tune_to)
    calls = []
    choice.predictor_for(plane(), 9, progress=lambda *call: calls.append(call))
    assert calls == [(done, 6) for done in range(1, 7)]
    assert EFFORTS[9].larger == ("large2d", "large3d")
