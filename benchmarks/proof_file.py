# SPDX-License-Identifier: Apache-2.0
"""What the reference says, as a file that a program without Python can compare the C core with.

``tests/cross`` is that program. All numbers are little-endian; a name is u8 length, ASCII::

    magic "MLPROOF0", records, u8 0
    net:   u8 1, name, u8 n_neighbours, i8 (frame, row, col)[n_neighbours], u8 n_hidden,
           per layer: u16 units, u16 inputs, u8 shift, i16 weights[units][inputs], i32 biases[units]
           (inputs padded with zeros to a multiple of 8; those of the outputs in two parts),
           u16 n_frames, per frame: name, u16 rows, cols, max_sample, edge, u16 samples of the frame
           itself and of each before it that the net looks at, u16 prediction, u8 context, u8 flip,
           [rows][cols] each
    tile:  u8 2, name, u8 huffman, u8 streams_log2, u8 band_rows_log2, u16 frames, rows, cols,
           max_sample, u32 increment, limit, u16 n_contexts, u8 shift[n_contexts],
           u16 freq[n_contexts][54], then of all samples: u16 sample, u16 prediction, u8 flip,
           u8 context, u16 symbol; u32 payload bytes, payload
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.moods import Case, all_nets, cases_of
from benchmarks.proofs import proof_cases
from medlossless.entropy import Prior, reference
from medlossless.predict import Layer, Net, net_named, shipped_names
from medlossless.predict import neighbourhood as nb

MAGIC = b"MLPROOF0"
END, NET, TILE = b"\0", b"\1", b"\2"
INPUT_STEP = 8
PRIOR_NET = "narrow2d"  # whose tables the tiles start from
# frames, rows, cols; streams_log2; band_rows_log2; max_sample; increment, limit
TILES = (
    ((1, 1, 1), 0, 4, 255, 512, 1 << 22),
    ((1, 37, 19), 0, 5, 255, 512, 1 << 22),
    ((2, 33, 12), 4, 4, 65535, 512, 1 << 22),
    ((1, 40, 30), 2, 0, 4095, 65536, 1 << 17),
    ((3, 18, 7), 3, 2, 1, 4096, 1 << 16),
)


@dataclass(frozen=True)
class Tile:
    """A tile of samples with what predicts them, and the payload the reference writes."""

    coder: str
    streams_log2: int
    band_rows_log2: int
    max_sample: int
    increment: int
    limit: int
    samples: np.ndarray
    predictions: np.ndarray
    flips: np.ndarray
    contexts: np.ndarray

    @property
    def symbols(self) -> np.ndarray:
        fold = np.frompyfunc(reference.fold, 4, 1)
        symbols = fold(
            self.samples.astype(object), self.predictions.astype(object), self.max_sample,
            self.flips.astype(object),
        )  # fmt: skip
        return symbols.astype(np.uint16)

    def payload(self, prior: Prior) -> bytes:
        return reference.encode_tile(
            self.symbols,
            self.contexts,
            max_sample=self.max_sample,
            prior=prior,
            streams_log2=self.streams_log2,
            band_rows_log2=self.band_rows_log2,
            increment=self.increment,
            limit=self.limit,
            coder=self.coder,
        )


def full_proof_file() -> bytes:
    """Every net in every mood, proofs of the shipped ones, and tiles of both coders."""
    groups = []
    for name, net in all_nets():
        proofs = proof_cases(name)[0] if name in shipped_names() else []
        groups.append([*cases_of(name, net), *proofs])
    return proof_file(groups, tiles())


def proof_file(groups: Iterable[list[Case]], tiles: Iterable[Tile]) -> bytes:
    """A file of cases, those of each group being of one net, and of tiles."""
    parts = [MAGIC]
    for cases in groups:
        first = cases[0]
        parts += [NET, _name(first.net_name), *net_parts(first.net)]
        parts.append(struct.pack("<H", len(cases)))
        parts += [part for case in cases for part in case_parts(case)]
    net = net_named(PRIOR_NET)
    prior = Prior(net.shifts, net.freqs)
    for tile in tiles:
        parts += [TILE, *tile_parts(tile, prior)]
    return b"".join([*parts, END])


def net_parts(net: Net) -> Iterator[bytes]:
    members = nb.NEIGHBOURHOODS[net.neighbourhood]
    yield struct.pack("<B", len(members))
    for member in members:
        yield struct.pack("<bbb", member.frame, member.row, member.col)
    yield struct.pack("<B", len(net.hidden))
    for layer in net.hidden:
        yield from _layer_parts(layer, [layer.weights])
    last = net.output.weights
    split = last.shape[1] - net.n_inputs
    yield from _layer_parts(net.output, [last[:, :split], last[:, split:]] if split else [last])


def _layer_parts(layer: Layer, parts: Iterable[np.ndarray]) -> Iterator[bytes]:
    padded = [np.pad(part, ((0, 0), (0, -part.shape[1] % INPUT_STEP))) for part in parts]
    weights = np.concatenate(padded, axis=1)
    yield struct.pack("<HHB", *weights.shape, layer.shift)
    yield weights.astype("<i2").tobytes()
    yield layer.biases.astype("<i4").tobytes()


def case_parts(case: Case) -> Iterator[bytes]:
    yield _name(case.name)
    yield struct.pack("<HHHH", *case.shape, case.max_sample, case.edge)
    yield case.frames.astype("<u2").tobytes()
    prediction, context, flip = case.expected
    yield prediction.astype("<u2").tobytes() + context.tobytes() + flip.tobytes()


def tiles() -> Iterator[Tile]:
    """Tiles of both coders in every shape, near and far predictions mixed, with long runs."""
    rng = np.random.default_rng(4)
    n_contexts = len(net_named(PRIOR_NET).shifts)
    for coder in ("ans", "huffman"):
        for shape, *rows_log2, max_sample, increment, limit in TILES:
            samples = rng.integers(0, max_sample + 1, shape)
            near = np.clip(samples + rng.integers(-3, 4, shape), 0, max_sample)
            chance = rng.random(shape)
            predictions = np.where(chance < 0.6, samples, np.where(chance < 0.95, near, 0))
            arrays = samples, predictions, rng.integers(0, 2, shape)
            contexts = rng.integers(0, n_contexts, shape)
            contexts[:, :, 4:] = 2  # one context sees most samples and learns fastest
            yield Tile(
                coder, *rows_log2, max_sample, increment, limit,
                *(array.astype(np.uint16) for array in arrays), contexts.astype(np.uint8),
            )  # fmt: skip


def tile_parts(tile: Tile, prior: Prior) -> Iterator[bytes]:
    shape = tile.samples.shape
    yield _name(f"{tile.coder} {' x '.join(map(str, shape))} of {tile.max_sample}")
    yield struct.pack("<BBB", tile.coder == "huffman", tile.streams_log2, tile.band_rows_log2)
    yield struct.pack("<HHHHII", *shape, tile.max_sample, tile.increment, tile.limit)
    yield struct.pack("<H", prior.n_contexts) + prior.shift.tobytes()
    yield prior.freq.astype("<u2").tobytes()
    yield tile.samples.astype("<u2").tobytes() + tile.predictions.astype("<u2").tobytes()
    yield tile.flips.astype(np.uint8).tobytes() + tile.contexts.tobytes()
    yield tile.symbols.astype("<u2").tobytes()
    payload = tile.payload(prior)
    yield struct.pack("<I", len(payload)) + payload


def _name(text: str) -> bytes:
    return struct.pack("<B", len(text)) + text.encode("ascii")
