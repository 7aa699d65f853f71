# SPDX-License-Identifier: Apache-2.0
"""The definition of the prediction, in NumPy integers; every kernel must equal it bit for bit.

For each sample, from its neighbourhood (`neighbourhood.py`), all in integers, ``>>`` is floor:

1. baseline   m = median(W, N, W + N - NW), the MED of LOCO-I (Weinberger et al. 2000, eq. 1)
2. activity   v = 2 * sum |a - b| over the eight GRADIENTS + 8;  e = floor(log2 v), 3..19;
              f = (v >> (e - 3)) & 7, so that v is about (8.5 + f) * 2**(e - 3)
3. inputs     x_i = clip(((n_i - m) * RECIPROCAL[f]) >> (e + 4), -1023, 1023)
              (64 = one activity, v / 16), and last x = 8 * (8 * e + f) - 320 (64 = one octave)
4. hidden     h = clip((bias + sum weight * x) >> shift, 0, 4095), layer after layer
5. outputs    the last layer reads (h, x): o = (bias + sum weight * (h, x)) >> shift;
              o_0 = mean offset, 256 = one activity, clipped to +-4095;
              o_1 = log2 of the scale over the activity, 32 = one octave, clipped to +-255
6. mean       mean_q3 = clip(8 * m + ((o_0 * (17 + 2 * f)) shifted left by e - 13), 0, 8 * max)
7. scale      c = clip((4 * (8 * e + f) + o_1) >> 3, 0, 63): the scale of a logistic is about
              2**((c - 16) / 4) samples
8. context and prediction, see `place`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import neighbourhood as nb

if TYPE_CHECKING:
    from .net import Net

INPUT_LIMIT = 1023
HIDDEN_LIMIT = 4095
MEAN_LIMIT = 4095
SCALE_LIMIT = 255
RECIPROCAL = np.array([round(2**17 / (8.5 + f)) for f in range(8)], np.int32)

N_SCALES = 64
N_SIGNED_SCALES = 22  # scales below this code the sign inside the symbol
N_FRACTIONS = 3
N_CONTEXTS = N_SIGNED_SCALES * N_FRACTIONS + N_SCALES - N_SIGNED_SCALES
FRACTION_OF_Q3 = np.array([0, 0, 1, 2, 2], np.uint8)

RAW_SHIFT = np.array(
    [0] * (N_SIGNED_SCALES * N_FRACTIONS)
    + [1 + ((c - N_SIGNED_SCALES) >> 2) for c in range(N_SIGNED_SCALES, N_SCALES)],
    np.uint8,
)


def gather(
    frames: tuple[np.ndarray, ...], where: np.ndarray, neighbour: nb.Neighbour, cols: int
) -> np.ndarray:
    """One neighbour of many positions, as (n,) int32."""
    flat = frames[neighbour.frame].reshape(-1)
    return flat[where + nb.offset(neighbour, cols)].astype(np.int32)


def med(w: np.ndarray, n: np.ndarray, nw: np.ndarray) -> np.ndarray:
    """The median of W, N and W + N - NW (LOCO-I)."""
    low, high = np.minimum(w, n), np.maximum(w, n)
    return np.clip(w + n - nw, low, high)


def activity(
    frames: tuple[np.ndarray, ...], where: np.ndarray, cols: int
) -> tuple[np.ndarray, np.ndarray]:
    """Exponent and mantissa (e, f) of the local activity, each (n,) int32."""
    total = np.full(where.shape, 8, np.int32)
    for a, b in nb.GRADIENTS:
        total += 2 * np.abs(gather(frames, where, a, cols) - gather(frames, where, b, cols))
    exponent = np.frexp(total.astype(np.float64))[1].astype(np.int32) - 1  # exact below 2**53
    return exponent, (total >> (exponent - 3)) & 7


def features(
    frames: tuple[np.ndarray, ...], where: np.ndarray, cols: int, neighbourhood: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Steps 1 to 3.

    Returns
    -------
    inputs : (n_inputs, n) int16
    baseline, exponent, mantissa : (n,) int32
    """
    w, n, nw = (gather(frames, where, p, cols) for p in (nb.W, nb.N, nb.NW))
    baseline = med(w, n, nw)
    exponent, mantissa = activity(frames, where, cols)
    reciprocal = RECIPROCAL[mantissa]
    members = nb.NEIGHBOURHOODS[neighbourhood]
    inputs = np.empty((len(members) + 1, where.size), np.int16)
    for i, member in enumerate(members):
        difference = gather(frames, where, member, cols) - baseline
        scaled = (difference * reciprocal) >> (exponent + 4)
        inputs[i] = np.clip(scaled, -INPUT_LIMIT, INPUT_LIMIT)
    inputs[-1] = 8 * (8 * exponent + mantissa) - 320
    return inputs, baseline, exponent, mantissa


def forward(net: Net, inputs: np.ndarray) -> list[np.ndarray]:
    """Steps 4 and 5: the activations of every layer, the last being the unclipped outputs.

    Parameters
    ----------
    inputs : (n_inputs, n) int16

    Returns
    -------
    list of (n_units, n) int32
    """
    activations: list[np.ndarray] = []
    hidden = inputs
    for layer in net.hidden:
        sums = layer.weights.astype(np.int64) @ hidden + layer.biases[:, None]
        hidden = np.clip(sums >> layer.shift, 0, HIDDEN_LIMIT).astype(np.int32)
        activations.append(hidden)
    joined = np.concatenate([hidden, inputs]) if net.hidden else inputs
    sums = net.output.weights.astype(np.int64) @ joined + net.output.biases[:, None]
    activations.append((sums >> net.output.shift).astype(np.int32))
    return activations


def place(
    baseline: np.ndarray,
    exponent: np.ndarray,
    mantissa: np.ndarray,
    outputs: np.ndarray,
    max_sample: int | np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps 6 to 8: where the distribution stands and which context codes it.

    Below scale N_SIGNED_SCALES the prediction is mean_q3 rounded to nearest, `flip` says that the
    mean lies below it, and how far it lies picks one of three contexts. From there on symbols
    come in pairs (r, -r - 1), so the prediction is the sample above the mean, never flipped.

    Returns
    -------
    prediction : (n,) int32
    context : (n,) uint8
    flip : (n,) bool
    """
    offset = np.clip(outputs[0], -MEAN_LIMIT, MEAN_LIMIT) * (17 + 2 * mantissa)
    left, right = np.maximum(exponent - 13, 0), np.maximum(13 - exponent, 0)
    offset = (offset << left) >> right
    mean_q3 = np.clip(8 * baseline + offset, 0, 8 * max_sample)
    log_scale = np.clip(outputs[1], -SCALE_LIMIT, SCALE_LIMIT)
    scale = np.clip((4 * (8 * exponent + mantissa) + log_scale) >> 3, 0, N_SCALES - 1)

    nearest = (mean_q3 + 4) >> 3
    above = np.minimum((mean_q3 >> 3) + 1, max_sample)
    signed = scale < N_SIGNED_SCALES
    distance = mean_q3 - 8 * nearest
    fine = N_FRACTIONS * scale + FRACTION_OF_Q3[np.abs(distance)]
    coarse = N_SIGNED_SCALES * (N_FRACTIONS - 1) + scale
    prediction = np.where(signed, nearest, above)
    context = np.where(signed, fine, coarse).astype(np.uint8)
    return prediction, context, signed & (distance < 0)


def predict(
    net: Net, frames: tuple[np.ndarray, ...], where: np.ndarray, cols: int, max_sample: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predict the samples at some positions from what their neighbourhoods hold.

    Parameters
    ----------
    net : Net
    frames : tuple of padded frames, uint16
        The sample's own frame first, then the previous and the one before as far as the
        net's neighbourhood reaches.
    where : (n,) int64
        Positions in the flattened padded frame (`neighbourhood.positions`).
    cols : int
    max_sample : int

    Returns
    -------
    prediction : (n,) int32
    context : (n,) uint8
    flip : (n,) bool
    """
    inputs, baseline, exponent, mantissa = features(frames, where, cols, net.neighbourhood)
    outputs = forward(net, inputs)[-1]
    return place(baseline, exponent, mantissa, outputs, max_sample)
