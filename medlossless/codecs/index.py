# SPDX-License-Identifier: Apache-2.0
"""The PLANES section: the nets of a stream, and of each plane how and where its tiles are coded.

See FORMAT.md, "Codec 1: lossless".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .. import planes
from .._fields import Fields, varint
from ..container import Section, Stream
from ..errors import CorruptStream
from .abundance import read_abundance
from .gain import pack_gains, read_gains
from .mask import MAX_COLS as MAX_MASK_COLS
from .mask import Mask
from .predictors import Hits, Predictor, ReadyNet, read_net
from .tiling import LONGEST_TILE_SAMPLES, MAX_COLS, Tile, Tiling

CODERS = ("ans", "huffman")
INCREMENT = 512
LIMIT = 1 << 22
MAX_NETS = 255
MAX_INCREMENT = 1 << 16
MIN_LIMIT, MAX_LIMIT = 1 << 15, 1 << 31
MAX_CANDIDATES = 4
MAX_BAND_ROWS_LOG2 = 5


@dataclass(frozen=True)
class TileEntry:
    """A tile in the index: where its payload lies and what its predictor starts from."""

    tile: Tile
    start: int
    size: int
    crc: int
    edge: int


@dataclass(frozen=True)
class CodedPlane:
    """Everything the PLANES section says of one plane."""

    shape: tuple[int, int, int]
    max_sample: int
    predictor: Predictor
    coder: str
    increment: int
    limit: int
    tiling: Tiling
    entries: tuple[TileEntry, ...]

    @property
    def net_names(self) -> tuple[str, ...]:
        """What the nets are called."""
        return tuple(dict.fromkeys((self.predictor.first.name, self.predictor.later.name)))

    def between(self, start: int, stop: int) -> tuple[TileEntry, ...]:
        """The tiles that hold frames start <= f < stop."""
        n_stripes = -(-self.tiling.rows // self.tiling.stripe_rows)
        first, last = start // self.tiling.slab_frames, -(-stop // self.tiling.slab_frames)
        return self.entries[first * n_stripes : last * n_stripes]

    def to_dict(self) -> dict[str, Any]:
        """What `inspect` tells of a plane."""
        return {
            "shape": self.shape,
            "max_sample": self.max_sample,
            "nets": self.net_names,
            "slab_frames": self.tiling.slab_frames,
            "stripe_rows": self.tiling.stripe_rows,
            "hits": self.predictor.hits is not None,
            "abundances": bool(self.predictor.hits and self.predictor.hits.abundance),
            "mask": self.predictor.mask is not None,
            "gains": self.predictor.gains is not None,
            "tiles": len(self.entries),
            "bytes": sum(entry.size for entry in self.entries),
        }


@dataclass(frozen=True)
class TileRecord:
    """What the index says of a tile: the value above its first row; of its payload size and CRC."""

    edge: int
    size: int
    crc: int


def write_index(
    coded: Iterable[tuple[Predictor, Tiling, Iterable[TileRecord]]], coder: str
) -> bytes:
    """The PLANES section: nets, then each plane with its tile index."""
    nets: dict[bytes, int] = {}
    body = bytearray()
    for predictor, tiling, tiles in coded:
        for net in (predictor.first, predictor.later):
            body += varint(nets.setdefault(net.written, len(nets)))
        body += bytes([CODERS.index(coder)]) + varint(INCREMENT) + varint(LIMIT)
        hits = predictor.hits
        body += bytes([hits.candidates, hits.band_rows_log2] if hits else [0])
        if hits:
            body += predictor.abundances or bytes(1)
        mask = predictor.mask
        body += varint(mask.pad + 1) + varint(mask.fill) if mask else b"\0"
        body += varint(tiling.slab_frames) + varint(tiling.stripe_rows)
        if tiling.slab_frames > 1:
            body += pack_gains(predictor.gains, tiling.slab_frames)
        for _, tile in zip(tiling, tiles, strict=True):
            body += varint(tile.edge) + varint(tile.size) + tile.crc.to_bytes(4, "little")
    return varint(len(nets)) + b"".join(nets) + bytes(body)


def read_index(stream: Stream, recipe: planes.Recipe | None = None) -> list[CodedPlane]:
    """The coded planes of a stream, every number checked against the others.

    The recipe is read from the stream where it is not given.

    Raises
    ------
    CorruptStream, WeightsMissing
    """
    fields = Fields(stream.section(Section.PLANES), "planes")
    room = stream.size(Section.PAYLOAD)
    nets = [read_net(fields) for _ in range(fields.varint("net count", MAX_NETS))]
    found, at = [], 0
    known = bytes(stream.section(Section.RECIPE)) if recipe is None else recipe
    for geometry in planes.geometry(known):
        if geometry.constant:
            continue
        plane = _read_plane(fields, geometry, nets, at, room)
        at = plane.entries[-1].start + plane.entries[-1].size
        found.append(plane)
    fields.end()
    if at != room:
        raise CorruptStream(f"payload: {room} bytes, the tile index accounts for {at}")
    return found


def _read_plane(
    fields: Fields, geometry: planes.PlaneGeometry, nets: list[ReadyNet], at: int, room: int
) -> CodedPlane:
    shape = (geometry.frames, geometry.rows, geometry.cols)
    first, later = (nets[fields.varint("net", len(nets) - 1)] for _ in range(2))
    if first.kernel.n_frames != 1:
        raise CorruptStream(f"planes: net {first.name!r} cannot begin a slab of frames")
    coder = fields.number(1, "coder")
    if coder >= len(CODERS):
        raise CorruptStream(f"planes: coder {coder}, expected 0..{len(CODERS) - 1}")
    increment, limit = fields.varint("increment", MAX_INCREMENT), fields.varint("limit", MAX_LIMIT)
    hits = _read_hits(fields, CODERS[coder])
    if hits:
        found = read_abundance(fields, geometry.max_sample, later.prior)
        hits = replace(hits, abundance=found)
    mask = _read_mask(fields, geometry, hits)
    slab = fields.varint("slab frames", shape[0])
    stripe = fields.varint("stripe rows", shape[1])
    if slab == 0 or stripe == 0 or limit < MIN_LIMIT:
        raise CorruptStream(f"planes: slab {slab}, stripe {stripe}, limit {limit}: too small")
    if shape[2] > MAX_COLS or slab * stripe * shape[2] > LONGEST_TILE_SAMPLES:
        raise CorruptStream(f"planes: tiles of {slab} x {stripe} x {shape[2]} samples: too large")
    gains = read_gains(fields, shape[0], slab) if slab > 1 else None
    predictor = Predictor(first, later, hits, mask, gains)
    tiling = Tiling(shape[0], shape[1], slab, stripe)
    entries = []
    for tile in tiling:
        edge = fields.varint("edge", geometry.max_sample)
        size = fields.varint("payload bytes", room - at)
        entries.append(TileEntry(tile, at, size, fields.number(4, "payload checksum"), edge))
        at += size
    return CodedPlane(
        shape, geometry.max_sample, predictor, CODERS[coder], increment, limit, tiling,
        tuple(entries),
    )  # fmt: skip


def _read_mask(fields: Fields, geometry: planes.PlaneGeometry, hits: Hits | None) -> Mask | None:
    pad = fields.varint("padding value", geometry.max_sample + 1) - 1
    if pad < 0:
        return None
    if hits is not None or geometry.cols > MAX_MASK_COLS:
        raise CorruptStream(f"planes: a mask in hit mode or of {geometry.cols} cols")
    return Mask(pad, fields.varint("fill of a mask", geometry.max_sample))


def _read_hits(fields: Fields, coder: str) -> Hits | None:
    candidates = fields.number(1, "candidates of hit mode")
    if candidates == 0:
        return None
    band_rows_log2 = fields.number(1, "band rows of hit mode")
    if candidates > MAX_CANDIDATES or band_rows_log2 > MAX_BAND_ROWS_LOG2 or coder != "ans":
        raise CorruptStream(
            f"planes: hit mode of {candidates} candidates, bands 2^{band_rows_log2}, coder {coder}"
        )
    return Hits(candidates, band_rows_log2)
