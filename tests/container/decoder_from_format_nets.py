# SPDX-License-Identifier: Apache-2.0
"""A second decoder, part 2: chapters 9 and 10 of FORMAT.md, nets and predictions.

Written from the text and from nothing else, plain and slow, to prove that the text is enough.
"""

from __future__ import annotations

import hashlib
import struct
import sys

import numpy as np

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NET_MAGIC = bytes.fromhex("894d4c570d0a1a0a")
RECIPROCAL = [15420, 13797, 12483, 11398, 10486, 9709, 9039, 8456]
W, N, NW, NE = (0, -1), (-1, 0), (-1, -1), (-1, 1)
WW, NN, NNE, NEE, NWW = (0, -2), (-2, 0), (-2, 1), (-1, 2), (-1, -2)
GRADIENTS = [(W, WW), (W, NW), (N, NW), (N, NN), (N, NE), (NE, NNE), (NE, NEE), (NW, NWW)]

TINY = "0: -2..-1; -1: -2..2; -2: -1..1"
NARROW = "0: -3..-1; -1: -3..3; -2: -2..2; -3: -1..1"
MID = "0: -4..-1; -1: -3..3; -2: -3..3; -3: -2..2; -4: 0..0"
MID_BEFORE = "-2: 0..0; -1: -1..1; 0: -2..2; 1: -1..1; 2: 0..0"
WIDE = "0: -4..-1; -1: -4..4; -2: -4..4; -3: -3..3; -4: -2..2"
WIDE_BEFORE = "-2: -1..1; -1: -2..2; 0: -2..2; 1: -2..2; 2: -1..1"
NEIGHBOURHOODS = {
    "none": [],
    "tiny2d": [TINY],
    "tiny3d": [TINY, "-1: 0..0; 0: -1..1; 1: 0..0"],
    "narrow2d": [NARROW],
    "narrow3d": [NARROW, "-1: -1..1; 0: -1..1; 1: -1..1"],
    "mid2d": [MID],
    "mid3d": [MID, MID_BEFORE, "0: 0..0; 0: -1..-1"],
    "wide2d": [WIDE],
    "wide3d": [WIDE, WIDE_BEFORE, "0: 0..0; 0: -1..-1; -1: 0..0; 0: 1..1"],
}


class FormatError(ValueError):
    """The bytes break a rule of FORMAT.md."""


def need(condition: object, what: str) -> None:
    """Refuse bytes that break a rule."""
    if not condition:
        raise FormatError(what)


def clip(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def inflate(frame: bytes, what: str) -> bytes:
    """Exactly one zstd frame."""
    inflater = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
    content = inflater.decompress(bytes(frame))
    need(inflater.eof and not inflater.unused_data, f"{what}: not one zstd frame")
    return content


class Net:
    """Chapter 9: a net file."""

    def __init__(self, data: bytes) -> None:
        need(data[:8] == NET_MAGIC and data[8] == 0, "net: magic or version")
        self.data, self.at = inflate(data[9:], "net"), 0
        (size,) = self.unpack("B")
        self.neighbours = neighbourhood(self.unpack(f"{size}s")[0].decode("ascii"))
        self.layers = [self.read_layer() for _ in range(self.unpack("B")[0])]
        n_contexts, n_tokens = self.unpack("BB")
        self.shifts = list(self.unpack(f"{n_contexts}B"))
        self.freqs = [list(self.unpack(f"{n_tokens}H")) for _ in range(n_contexts)]
        self.digest = hashlib.sha256(self.data[: self.at]).digest()[:8]

    def unpack(self, form: str) -> tuple:
        found = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return found

    def read_layer(self) -> tuple[np.ndarray, np.ndarray, int]:
        units, inputs, shift = self.unpack("HHB")
        weights = np.array(self.unpack(f"{units * inputs}h"), np.int64).reshape(units, inputs)
        return weights, np.array(self.unpack(f"{units}i"), np.int64), shift

    def outputs(self, x: list[int]) -> tuple[int, int]:
        """Mean and log scale."""
        h = inputs = np.array(x, np.int64)
        for weights, biases, shift in self.layers[:-1]:
            h = np.clip((weights @ h + biases) >> shift, 0, 4095)
        weights, biases, shift = self.layers[-1]
        read = np.concatenate([h, inputs]) if len(self.layers) > 1 else inputs
        mean, log_scale = (weights @ read + biases) >> shift
        return int(mean), int(log_scale)


def neighbourhood(name: str) -> list[tuple[int, int, int]]:
    """Chapter 9.1: (frame, row, col) of each neighbour."""
    found = []
    for frame, rows in enumerate(NEIGHBOURHOODS[name]):
        for part in rows.split("; ") if rows else ():
            row, first, last = map(int, part.replace("..", ": ").split(": "))
            found += [(frame, row, col) for col in range(first, last + 1)]
    return found


def predict(look, net: Net, max_sample: int) -> tuple[int, int, bool]:
    """Chapter 10: prediction, context and flip."""
    w, n, nw = look(0, *W), look(0, *N), look(0, *NW)
    baseline = clip(w + n - nw, min(w, n), max(w, n))
    v = 8 + 2 * sum(abs(look(0, *a) - look(0, *b)) for a, b in GRADIENTS)
    e = v.bit_length() - 1
    f = (v >> (e - 3)) & 7
    distances = [look(*neighbour) - baseline for neighbour in net.neighbours]
    x = [clip((d * RECIPROCAL[f]) >> (e + 4), -1023, 1023) for d in distances]
    mean, log_scale = net.outputs([*x, 8 * (8 * e + f) - 320])
    offset = clip(mean, -4095, 4095) * (17 + 2 * f)
    offset = offset << (e - 13) if e >= 13 else offset >> (13 - e)
    mean_q3 = clip(8 * baseline + offset, 0, 8 * max_sample)
    scale = clip((4 * (8 * e + f) + clip(log_scale, -255, 255)) >> 3, 0, 63)
    if scale >= 22:
        return min((mean_q3 >> 3) + 1, max_sample), 44 + scale, False
    prediction = (mean_q3 + 4) >> 3
    distance = mean_q3 - 8 * prediction
    return prediction, 3 * scale + (0, 0, 1, 2, 2)[abs(distance)], distance < 0
