# SPDX-License-Identifier: Apache-2.0
"""Hit mode for a plane: whether it pays, and with which candidates, bands and abundances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np

from .. import planes
from ..image import Plane
from . import abundance
from .abundance import Abundance
from .efforts import HitsChoice
from .predictors import Hits, Predictor, frame_bits, surprises

Cost = Callable[[Predictor], float]

REPEATS = 0.2  # share of samples equal to W or N below which hit mode is not tried
UNEVEN = 0.05  # bits a sample that knowing how frequent values are must promise
FLAT = 0.005  # share of samples whose W and N differ below which there is nothing to save
LOOK_SAMPLES = 1 << 16  # looked at for either
FEW_BITS = 0.25  # a sample, below which little happens and more is looked at
LEAST_SAMPLES = 1 << 14  # tried at least, if there are so many
HITS_FRAMES = 4
HITS_BANDS_LOG2 = 4  # of the bands tried first
FITS = 2  # of the abundances: what the first one does changes what is expected


def is_promising(plane: Plane, how: HitsChoice) -> bool:
    """Whether a look at some bands says that hit mode may pay."""
    bands = planes.excerpt(plane.samples, min(LOOK_SAMPLES, how.samples))
    return _repeats(bands, how.favour) or (how.abundances and _uneven(bands, plane.max_sample))


def _repeats(bands: np.ndarray, favour: float) -> bool:
    """Whether enough samples equal W or N for hit mode to be tried.

    With `favour` that many times as many must be equal to W or N as are next to one of them,
    where W and N differ: smooth densities make about as many.
    """
    w, n, sample = bands[:, 1:, :-1], bands[:, :-1, 1:], bands[:, 1:, 1:]
    same = (sample == w) | (sample == n)
    if same.size == 0 or float(same.mean()) <= REPEATS:
        return False
    if favour == 0:
        return True
    differ = w != n
    if float(differ.mean()) < FLAT:
        return False
    one = np.uint16(1)
    near = (sample + one == w) | (sample - one == w) | (sample + one == n) | (sample - one == n)
    repeated = np.count_nonzero(same & differ)
    return bool(repeated > favour * np.count_nonzero(near & ~same & differ))


def _uneven(bands: np.ndarray, max_sample: int) -> bool:
    """Whether values are so unevenly frequent that abundances are tried."""
    if max_sample > abundance.MAX_SAMPLE:
        return False
    moved = bands[:, :, 1:][bands[:, :, 1:] != bands[:, :, :-1]]
    seen = np.bincount(moved, minlength=max_sample + 1) + 1.0
    smooth = np.convolve(np.pad(seen, 2, "edge"), np.full(5, 0.2), "valid")
    return float((seen * np.log2(seen / smooth)).sum()) > UNEVEN * seen.sum()


def cost_of(plane: Plane, how: HitsChoice, volumetric: bool) -> Cost:
    """A function Predictor -> bits of a plane, nets included, counted on a box in its middle."""
    return _cost_on(plane, _hits_box(plane, how, volumetric))


def _cost_on(plane: Plane, box: np.ndarray) -> Cost:
    n_boxes = plane.samples.size / box.size
    frame0 = (plane.samples.shape[0] - box.shape[0]) // 2  # if frames follow one another

    def bits(predictor: Predictor) -> float:
        coded = float(frame_bits(predictor, box, plane.max_sample, frame0).sum())
        return n_boxes * coded + 8 * predictor.sent_bytes

    return bits


def best_of(
    plane: Plane, chosen: Predictor, tuned_to_plane: Predictor, how: HitsChoice
) -> Predictor:
    """Hit mode where it pays, as it pays best; tuned nets may not pay any more beside it."""
    box = _hits_box(plane, how, chosen.volumetric)
    bits = _cost_on(plane, box)
    if bits(tuned_to_plane) < FEW_BITS * plane.samples.size:
        box = _hits_box(plane, replace(how, samples=4 * how.samples), chosen.volumetric)
        bits = _cost_on(plane, box)
    best, least = tuned_to_plane, bits(tuned_to_plane) * (1 - how.save)
    for base in [chosen] if chosen is tuned_to_plane else [chosen, tuned_to_plane]:
        tried = replace(base, hits=Hits(how.candidates[0], HITS_BANDS_LOG2), mask=None)
        found = bits(tried)
        if found < least:
            best, least = tried, found
    if best.hits is not None:
        best, least = _with_lower_bands(best, bits, least, how)
    if not how.abundances:
        return best
    return _with_abundance(plane, box, best, bits, least * (1 - how.save))


def _with_abundance(
    plane: Plane, box: np.ndarray, best: Predictor, bits: Cost, limit: float
) -> Predictor:
    """Abundances of the values where they save enough; hit mode comes with them."""
    if plane.max_sample > abundance.MAX_SAMPLE:
        return best
    hits, known = best.hits or Hits(3, HITS_BANDS_LOG2), None
    least = limit
    for _ in range(FITS):
        measured = replace(best, hits=replace(hits, abundance=known), mask=None)
        known = _cheapest_abundance(plane, box, measured)
        abundant = replace(best, hits=replace(hits, abundance=known), mask=None)
        found = bits(abundant)
        if found >= least:
            break
        best, least = abundant, found
    return best


def _cheapest_abundance(plane: Plane, box: np.ndarray, measured: Predictor) -> Abundance:
    """What a predictor's own abundances should have been."""
    assert measured.hits is not None
    known = measured.hits.abundance
    seen, expected = surprises(measured, box, plane.max_sample)
    candidates = []
    for step, doubt in product(abundance.STEPS, abundance.DOUBTS):
        found = abundance.fitted(seen, expected, step, doubt, known)
        saved = abundance.bits_saved(found, seen, expected, known)
        cost = 8 * len(found.to_bytes(measured.prior))
        candidates.append((saved * plane.samples.size / box.size - cost, found))
    return max(candidates, key=lambda pair: pair[0])[1]


def _with_lower_bands(
    best: Predictor, bits: Cost, least: float, how: HitsChoice
) -> tuple[Predictor, float]:
    """More candidates and lower bands where they save enough: those learn sooner."""
    for candidates in how.candidates[1:]:
        tried = replace(best, hits=Hits(candidates, HITS_BANDS_LOG2))
        found = bits(tried)
        if found < least:
            best, least = tried, found
    assert best.hits is not None
    for band_rows_log2 in how.lower:
        tried = replace(best, hits=replace(best.hits, band_rows_log2=band_rows_log2))
        found = bits(tried)
        if found > least * (1 - how.save):
            break
        best, least = tried, found
    return best, least


def _hits_box(plane: Plane, how: HitsChoice, volumetric: bool) -> np.ndarray:
    """Bands of rows from all over a plane, or whole rows of following frames in its middle."""
    n_frames, rows, cols = plane.samples.shape
    n_samples = min(how.samples, max(LEAST_SAMPLES, int(how.share * plane.samples.size)))
    if not volumetric:
        return planes.excerpt(plane.samples, n_samples)
    rows_taken = max(1, min(rows, n_samples // cols))
    frames_taken = max(1, min(n_frames, HITS_FRAMES, n_samples // (rows_taken * cols)))
    row0, frame0 = (rows - rows_taken) // 2, (n_frames - frames_taken) // 2
    return plane.samples[frame0 : frame0 + frames_taken, row0 : row0 + rows_taken]
