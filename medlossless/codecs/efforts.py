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
class Effort:
    """What an encoder does at an effort.

    plane_net : the net of a frame predicted alone
    volume_net : the net of a frame predicted from earlier ones too, or None
    tuning : how nets are tuned to a plane, or None
    hits_save : share of all bits that hit mode must save, as it costs a decoder time
    """

    plane_net: str
    volume_net: str | None
    tuning: Tuning | None
    hits_save: float


EFFORTS = {
    1: Effort("tiny2d", "tiny3d", None, 0.10),
    2: Effort("narrow2d", "narrow3d", None, 0.10),
    3: Effort("narrow2d", "narrow3d", Tuning(20_000, 60, 2_000, 1 << 18), 0.03),
    4: Effort("mid2d", "mid3d", Tuning(8_000, 60, 3_000, 1 << 16), 0.03),
    5: Effort("mid2d", "mid3d", Tuning(3_000, 80, 3_000, 1 << 16), 0.005),
    6: Effort("mid2d", "mid3d", Tuning(1_500, 150, 6_000, 1 << 15), 0.005),
    7: Effort("mid2d", "mid3d", Tuning(400, 300, 12_000, 1 << 14), 0.005),
    8: Effort("wide2d", "wide3d", Tuning(150, 600, 20_000, 1 << 14), 0.002),
    9: Effort("wide2d", "wide3d", Tuning(50, 1_500, 40_000, 1 << 14), 0.002),
}
