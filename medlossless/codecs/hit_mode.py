# SPDX-License-Identifier: Apache-2.0
"""Hit mode for a plane: whether it pays, and with which candidates, bands and abundances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np

from ..image import Plane
from . import abundance
from .predictors import Hits, Predictor, surprises, tile_bits

Cost = Callable[[Predictor], float]

REPEATS = 0.2  # share of samples equal to W or N below which hit mode is not tried
UNEVEN = 0.05  # bits a sample that knowing how frequent values are must promise
HITS_SAMPLES = 1 << 20  # looked at for the choice
HITS_FRAMES = 4
# Hit mode, and what is tried after it: lower bands learn sooner. Either costs a decoder time, so
# it must save a share of all bits (`Effort.hits_save`).
HITS, MORE_HITS = Hits(3, 4), Hits(4, 4)
LOWER_BANDS_LOG2 = (2, 0)


def is_promising(plane: Plane) -> bool:
    """Whether a look at the middle frame says that hit mode may pay."""
    return _repeats(plane) or _uneven(plane)


def _repeats(plane: Plane) -> bool:
    """Whether enough samples of the middle frame equal W or N for hit mode to be tried."""
    frame = plane.samples[len(plane.samples) // 2]
    same = np.zeros(frame.shape, bool)
    same[:, 1:] = frame[:, 1:] == frame[:, :-1]
    same[1:] |= frame[1:] == frame[:-1]
    return float(same.mean()) > REPEATS


def _uneven(plane: Plane) -> bool:
    """Whether values of the middle frame are so unevenly frequent that abundances are tried."""
    if plane.max_sample > abundance.MAX_SAMPLE:
        return False
    frame = plane.samples[len(plane.samples) // 2]
    moved = frame[:, 1:][frame[:, 1:] != frame[:, :-1]]
    seen = np.bincount(moved, minlength=plane.max_sample + 1) + 1.0
    smooth = np.convolve(np.pad(seen, 2, "edge"), np.full(5, 0.2), "valid")
    return float((seen * np.log2(seen / smooth)).sum()) > UNEVEN * seen.sum()


def best_of(plane: Plane, chosen: Predictor, tuned_to_plane: Predictor, saving: float) -> Predictor:
    """Hit mode where it pays, as it pays best; tuned nets may not pay any more beside it."""
    box = _hits_box(plane)
    n_boxes = plane.samples.size / box.size

    def bits(predictor: Predictor) -> float:
        coded = float(tile_bits(predictor, box, plane.max_sample).sum(dtype=float))
        return n_boxes * coded + 8 * predictor.sent_bytes

    best, least = tuned_to_plane, bits(tuned_to_plane) * (1 - saving)
    for base in [chosen] if chosen is tuned_to_plane else [chosen, tuned_to_plane]:
        found = bits(replace(base, hits=HITS))
        if found < least:
            best, least = replace(base, hits=HITS), found
    if best.hits is not None:
        best, least = _with_lower_bands(best, bits, least, saving)
    return _with_abundance(plane, box, best, bits, least * (1 - saving))


def _with_abundance(
    plane: Plane, box: np.ndarray, best: Predictor, bits: Cost, limit: float
) -> Predictor:
    """Abundances of the values where they save enough; hit mode comes with them."""
    if plane.max_sample > abundance.MAX_SAMPLE:
        return best
    hits = best.hits or HITS
    seen, expected = surprises(replace(best, hits=hits), box, plane.max_sample)
    n_boxes = plane.samples.size / box.size
    candidates = []
    for step, doubt in product(abundance.STEPS, abundance.DOUBTS):
        found = abundance.fitted(seen, expected, step, doubt)
        saved = n_boxes * abundance.bits_saved(found, seen, expected)
        candidates.append((saved - 8 * len(found.to_bytes(best.later.net)), found))
    found = max(candidates, key=lambda pair: pair[0])[1]
    abundant = replace(best, hits=replace(hits, abundance=found))
    return abundant if bits(abundant) < limit else best


def _with_lower_bands(
    best: Predictor, bits: Cost, least: float, saving: float
) -> tuple[Predictor, float]:
    """More candidates and lower bands where they save enough."""
    hits, found = MORE_HITS, bits(replace(best, hits=MORE_HITS))
    if found > least:
        hits, found = HITS, least
    least = found
    for band_rows_log2 in LOWER_BANDS_LOG2:
        lower = replace(hits, band_rows_log2=band_rows_log2)
        found = bits(replace(best, hits=lower))
        if found > least * (1 - saving):
            break
        hits, least = lower, found
    return replace(best, hits=hits), least


def _hits_box(plane: Plane) -> np.ndarray:
    """Some rows of some frames in the middle of a plane."""
    n_frames, rows, cols = plane.samples.shape
    rows_taken = max(1, min(rows, HITS_SAMPLES // cols))
    frames_taken = max(1, min(n_frames, HITS_FRAMES, HITS_SAMPLES // (rows_taken * cols)))
    row0, frame0 = (rows - rows_taken) // 2, (n_frames - frames_taken) // 2
    return plane.samples[frame0 : frame0 + frames_taken, row0 : row0 + rows_taken]
