# SPDX-License-Identifier: Apache-2.0
"""How series are grouped, and what medlossless wants to reach in each group."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.corpus import Series
from benchmarks.measure import JXL_BEST

SERIES_SLICES = 8  # from here on a CT or MR counts as a series
CT_MR_SERIES = "CT, MR series"
CT_MR_SINGLE = "CT, MR single"
X_RAY = "X-ray"
SCREEN = "US, SC, colour"
OTHER = "other"
GROUPS = (CT_MR_SERIES, CT_MR_SINGLE, X_RAY, SCREEN, OTHER)

_X_RAY = {"CR", "DX", "MG", "IO", "PX", "XA", "RF"}
_SCREEN = {"US", "SC"}

# effort -> (rival, largest ratio wanted for the first four groups)
GOALS = {
    1: ("jpegls", (0.93, 0.95, 0.97, 0.90)),
    3: (JXL_BEST, (0.94, 0.96, 1.00, 1.00)),
    5: (JXL_BEST, (0.90, 0.94, 0.98, 0.98)),
    7: (JXL_BEST, (0.86, 0.91, 0.96, 0.96)),
    9: (JXL_BEST, (0.83, 0.88, 0.94, 0.94)),
}

# codec, and one that it is never to exceed on any series
SMALLER_EVERYWHERE = (("medlossless-e5", "tomoz"), ("medlossless-e5", "jpegls"))

# modality -> rival -> largest ratio wanted of the shipped nets without tuning
UNTUNED_BARS = {
    "MR": {JXL_BEST: 0.97, "jpegls": 0.88, "jpegls-p16": 0.88},
    "CT": {JXL_BEST: 1.00, "jpegls": 0.88, "jpegls-p16": 0.88},
}


@dataclass(frozen=True)
class SpeedGoal:
    """MP/s wanted of a codec: a multiple of a rival's, or absolute where there is no rival."""

    codec: str
    direction: str
    rival: str
    least: float


# fmt: off
SPEED_GOALS = tuple(
    SpeedGoal(f"medlossless-{codec}", direction, rival, least)
    for codec, direction, rival, least in (
        ("e5-untuned-plain", "decode", "", 3),  # the loop without SIMD
        ("e1", "encode", "jpegls", 1.2), ("e1", "decode", "jpegls", 1.2),
        ("e3", "encode", "jpegls", 0.5), ("e3", "decode", "jpegls", 0.6),
        ("e5", "encode", "jxl-e7", 1), ("e5", "decode", "jpegls", 0.5),
        ("e5", "decode", "jxl-e7", 2), ("e5", "decode", "tomoz", 6),
        ("e5-avx2", "decode", "jpegls", 0.3),
        ("e7", "encode", "jxl-e9", 1), ("e7", "decode", "jpegls", 0.5),
        ("e7", "decode", "jxl-e7", 2),
        ("e9", "encode", "", 0.05), ("e9", "decode", "", 0.5),
    )
)
# fmt: on


def group_of(series: Series) -> str:
    """The group of the goal table a series belongs to."""
    if series.array.ndim == 4 or series.modality in _SCREEN:
        return SCREEN
    if series.modality in ("CT", "MR"):
        return CT_MR_SERIES if len(series.array) >= SERIES_SLICES else CT_MR_SINGLE
    return X_RAY if series.modality in _X_RAY else OTHER
