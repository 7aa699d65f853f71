# SPDX-License-Identifier: Apache-2.0
"""What each effort does, as one table: which nets, how long they are tuned, when hits pay."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """One step of tuning for so many samples; at least and at most so many steps.

    Planes of fewer than `min_samples` are not tuned: there the net would not pay for itself, or
    not for the time.
    """

    samples_a_step: int
    least_steps: int
    most_steps: int
    min_samples: int


@dataclass(frozen=True)
class HitsChoice:
    """How hit mode is chosen.

    save : share of all bits that it must save, as it costs a decoder time
    samples, share : how many are looked at for the choice, at most this and this share of all
    candidates : how many neighbours are asked, each number that is tried
    lower : log2 of the rows of lower bands, tried in turn while they save that share again
    abundances : whether they are tried
    favour : how many times as many samples must repeat a neighbour as are next to one for it to
        be tried, or 0
    """

    save: float
    samples: int
    candidates: tuple[int, ...] = (3, 4)
    lower: tuple[int, ...] = (2, 0)
    abundances: bool = True
    favour: float = 0
    share: float = 1


@dataclass(frozen=True)
class Effort:
    """What an encoder does at an effort.

    plane_net : the net of a frame predicted alone
    volume_net : the net of a frame predicted from earlier ones too, or None
    tuning : how nets are tuned to a plane, or None
    hits : how hit mode is chosen
    larger : nets of a frame alone and of later frames that are tuned beside the others; the
        cheaper pair is kept, the larger one costing more to send
    """

    plane_net: str
    volume_net: str | None
    tuning: Tuning | None
    hits: HitsChoice
    larger: tuple[str, str] | None = None


_HASTY = HitsChoice(0.10, 1 << 16, (4,), (), abundances=False, favour=1.2, share=0.5)
_QUICK = HitsChoice(0.10, 1 << 16, (4,), (0,), abundances=False, favour=1.2)
_BRISK = HitsChoice(0.03, 1 << 16, lower=(2,), favour=1)
_USUAL = HitsChoice(0.005, 1 << 18, lower=(2,), favour=0.8)
_CAREFUL = HitsChoice(0.005, 1 << 20)
_THOROUGH = HitsChoice(0.002, 1 << 20)
_LARGE = ("large2d", "large3d")

EFFORTS = {
    1: Effort("tiny2d", "tiny3d", None, _HASTY),
    2: Effort("narrow2d", "narrow3d", None, _QUICK),
    3: Effort("narrow2d", "narrow3d", Tuning(2_500, 120, 4_000, 1 << 15), _BRISK),
    4: Effort("mid2d", "mid3d", Tuning(3_000, 100, 6_000, 1 << 14), _BRISK),
    5: Effort("mid2d", "mid3d", Tuning(450, 150, 8_000, 1 << 14), _USUAL),
    6: Effort("mid2d", "mid3d", Tuning(150, 300, 16_000, 1 << 14), _USUAL),
    7: Effort("mid2d", "mid3d", Tuning(50, 1_000, 30_000, 1 << 14), _CAREFUL),
    8: Effort("wide2d", "wide3d", Tuning(40, 1_200, 40_000, 1 << 14), _THOROUGH),
    9: Effort("wide2d", "wide3d", Tuning(25, 2_000, 80_000, 1 << 14), _THOROUGH, _LARGE),
}
