# SPDX-License-Identifier: Apache-2.0
"""Proof vectors of a net file as frames, so that kernels, which take samples, can be tried on them.

A proof holds the inputs of a sample and what every layer gave when the net was exported. Samples
with just these inputs are drawn until the reference agrees: the activity, which is the last
input, says how far a neighbour may be from the baseline for each value of its input.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from benchmarks.moods import Case
from medlossless.predict import Net, net_named, reference
from medlossless.predict import neighbourhood as nb
from medlossless.predict.net import Proof, from_bytes

N_TRIALS = 400
ROWS, COLS = nb.TOP + 1 + nb.BOTTOM, 1 + 2 * nb.SIDE  # what one sample can look at
FREE = 64  # how far beyond the limit of the inputs a clipped one is sought


def proof_of(name: str) -> Proof:
    """The proof vectors of a shipped net."""
    data = files("medlossless.weights").joinpath(f"{name}.mlw").read_bytes()
    return from_bytes(data)[1]


def proof_cases(name: str) -> tuple[list[Case], int]:
    """Proof vectors of a shipped net as cases of one sample each, and how many gave no samples.

    Raises
    ------
    ValueError
        The reference does not give what a proof says.
    """
    net, proof = net_named(name), proof_of(name)
    cases, n_left_out = [], 0
    rng = np.random.default_rng(0)
    for number in range(proof.inputs.shape[1]):
        case = _case(f"proof {number}", name, net, proof.inputs[:, number], rng)
        if case is None:
            n_left_out += 1
            continue
        if not _agrees(case, proof.outputs[:, number : number + 1]):
            raise ValueError(f"net {name}: the reference differs from proof {number}")
        cases.append(case)
    return cases, n_left_out


def _case(
    label: str, name: str, net: Net, inputs: np.ndarray, rng: np.random.Generator
) -> Case | None:
    """A frame whose sample (TOP, SIDE) has these inputs, or None where none was found."""
    frames = _trials(net, inputs.astype(np.int64), rng)
    padded = tuple(nb.pad_frame(frame, 0) for frame in frames)
    cols = frames.shape[2]
    where = nb.positions(ROWS, cols)[nb.TOP, nb.SIDE :: COLS]
    found = reference.features(padded, where, cols, net.neighbourhood)[0]
    good = np.flatnonzero((found == inputs[:, None]).all(axis=0))
    if not len(good):
        return None
    first = good[0] * COLS
    samples = np.ascontiguousarray(frames[:, :, first : first + COLS])
    return Case(label, name, net, samples, 0, 65535)


def _trials(net: Net, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """N_TRIALS patches side by side, (n_frames, ROWS, N_TRIALS * COLS) uint16."""
    members = nb.NEIGHBOURHOODS[net.neighbourhood]
    activity = (inputs[-1] + 320) >> 3
    exponent, mantissa = int(activity >> 3), int(activity & 7)
    gaps: dict[nb.Neighbour, np.ndarray] = {}
    low, high = _interval(inputs[:-1], exponent, mantissa)
    for i, member in enumerate(members):
        gaps[member] = rng.integers(low[i], high[i] + 1, N_TRIALS)
        if low[i] <= 0 <= high[i]:
            gaps[member][::3] = 0
    if nb.NW in gaps:  # W + N - NW is the baseline of a third of all trials
        gaps[nb.NW][1::3] = (gaps[nb.W] + gaps[nb.N])[1::3]
    else:  # no input tells of the neighbours: any that have this activity will do
        v = (8 + mantissa) << exponent >> 3
        gaps[nb.NEE] = np.full(N_TRIALS, (v - 8 + 1) // 2)
    base = np.maximum(0, -np.min(list(gaps.values()), axis=0))
    frames = np.tile(np.repeat(base, COLS), (nb.frames_needed(net.neighbourhood), ROWS, 1))
    for member, gap in gaps.items():
        frames[member.frame, nb.TOP + member.row, nb.SIDE + member.col :: COLS] += gap
    return np.clip(frames, 0, 65535).astype(np.uint16)


def _interval(inputs: np.ndarray, exponent: int, mantissa: int) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sample - baseline that give each input."""
    reciprocal = int(reference.RECIPROCAL[mantissa])
    low = -((-inputs << (exponent + 4)) // reciprocal)
    high = -((-(inputs + 1) << (exponent + 4)) // reciprocal) - 1
    low = np.where(inputs == -reference.INPUT_LIMIT, low - FREE, low)
    high = np.where(inputs == reference.INPUT_LIMIT, high + FREE, high)
    return low, np.maximum(low, high)


def _agrees(case: Case, outputs: np.ndarray) -> bool:
    """Whether the reference predicts the sample from the proof's outputs and its neighbours."""
    where = nb.positions(*case.shape)[nb.TOP, nb.SIDE : nb.SIDE + 1]
    _, *local = reference.features(case.padded, where, COLS, case.net.neighbourhood)
    wanted = reference.place(*local, outputs, case.max_sample)
    given = [array[nb.TOP, nb.SIDE] for array in case.expected]
    return all(int(a[0]) == int(b) for a, b in zip(wanted, given, strict=True))
