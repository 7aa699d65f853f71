# SPDX-License-Identifier: Apache-2.0
"""Abundances: how much more often than a smooth density says each value of a plane is seen.

Display curves and scaling leave values out and double others. In hit mode a plane may say so for
each value, in quarter octaves; see FORMAT.md, "Abundances".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .. import entropy
from .._fields import Fields, varint
from ..errors import CorruptStream
from ..predict import reference

LEAST, MOST = -32, 24  # quarter octaves
MAX_SAMPLE = 1023
MAX_STEP = 8
ROW_VALUES = 16  # values are written in rows of so many, so that tables learn between them
INCREMENT, LIMIT = 4096, 1 << 22
MAX_SYMBOL = 2 * -LEAST
MAX_PAYLOAD = 1 << 16

# What an encoder tries: the step, and how many sightings it takes to believe in one.
STEPS = (1, 2, 4)
DOUBTS = (0.5, 3.0)


@dataclass(frozen=True, eq=False)
class Abundance:
    """The abundances of the values of a plane.

    Parameters
    ----------
    values : (max_sample + 1,) int8
        In steps.
    step : int, 1..8
        Quarter octaves in a step.
    """

    values: np.ndarray
    step: int

    @cached_property
    def quarters(self) -> np.ndarray:
        """Quarter octaves, (max_sample + 1,) int8, -32..24."""
        return (self.values.astype(np.int16) * self.step).astype(np.int8)

    def to_bytes(self, prior: entropy.Prior) -> bytes:
        """Step, scale and payload, coded with the tables of a net."""
        symbols = np.where(self.values < 0, -2 * self.values - 1, 2 * self.values)
        rows = -(-symbols.size // ROW_VALUES)
        tile = np.zeros((1, rows, ROW_VALUES), np.uint16)
        tile.reshape(-1)[: symbols.size] = symbols
        scales = range(0, reference.N_SIGNED_SCALES, 3)
        return bytes([self.step]) + min((_encode(tile, s, prior) for s in scales), key=len)


def _coding(prior: entropy.Prior, scale: int) -> dict:
    return {
        "max_sample": MAX_SYMBOL,
        "prior": prior.alone(reference.N_FRACTIONS * scale),
        "increment": INCREMENT,
        "limit": LIMIT,
    }


def _encode(tile: np.ndarray, scale: int, prior: entropy.Prior) -> bytes:
    contexts = np.zeros(tile.shape, np.uint8)
    payload = entropy.encode_tile(tile, contexts, **_coding(prior, scale))
    return bytes([scale]) + varint(len(payload)) + payload


def read_abundance(fields: Fields, max_sample: int, prior: entropy.Prior) -> Abundance | None:
    """Abundances as a plane of the PLANES section writes them; None where it has none.

    Raises
    ------
    CorruptStream
    """
    step = fields.number(1, "step of abundances")
    if step == 0:
        return None
    if step > MAX_STEP or max_sample > MAX_SAMPLE:
        raise CorruptStream(f"{fields.name}: abundances of {max_sample + 1} values, step {step}")
    scale = fields.number(1, "scale of abundances")
    if scale >= reference.N_SIGNED_SCALES:
        raise CorruptStream(f"{fields.name}: scale {scale} of abundances")
    payload = bytes(fields.take(fields.varint("bytes of abundances", MAX_PAYLOAD), "abundances"))
    shape = (1, -(-(max_sample + 1) // ROW_VALUES), ROW_VALUES)
    tile = entropy.decode_tile(payload, np.zeros(shape, np.uint8), **_coding(prior, scale))
    symbols = tile.reshape(-1).astype(np.int16)
    values = np.where(symbols & 1, -((symbols + 1) >> 1), symbols >> 1)
    highest = int(values.max(initial=0)) * step
    if (
        highest > MOST
        or int(values.min(initial=0)) * step < LEAST
        or values[max_sample + 1 :].any()
    ):
        raise CorruptStream(f"{fields.name}: abundances outside {LEAST} to {MOST}, or padding")
    return Abundance(values[: max_sample + 1].astype(np.int8), step)


def fitted(
    seen: np.ndarray, expected: np.ndarray, step: int, doubt: float, known: Abundance | None = None
) -> Abundance:
    """The abundances that make up for what was seen of each value against what was expected.

    Parameters
    ----------
    seen, expected : (max_sample + 1,) float64
    step : int, 1..8
    doubt : float
        Added to both.
    known : Abundance, optional
        What `expected` knew already.
    """
    octaves = np.log2((seen + doubt) / (expected + doubt))
    quarters = 4 * octaves + (0 if known is None else known.quarters)
    values = np.rint(quarters / step)
    values = np.clip(values, -(-LEAST // step), MOST // step)
    return Abundance(values.astype(np.int8), step)


def bits_saved(
    chosen: Abundance, seen: np.ndarray, expected: np.ndarray, known: Abundance | None = None
) -> float:
    """About how many bits they save: what each value gains less what the larger sum takes."""
    times = 2.0 ** ((chosen.quarters - (0.0 if known is None else known.quarters)) / 4)
    mean = float(expected @ times) / max(1e-9, float(expected.sum()))
    return float(seen @ np.log2(times)) - float(seen.sum()) * float(np.log2(max(1e-9, mean)))
