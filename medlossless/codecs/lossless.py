# SPDX-License-Identifier: Apache-2.0
"""The codec this project is for: planes, predicted by integer nets, entropy coded tile by tile.

Sections RECIPE, PLANES and PAYLOAD; see FORMAT.md, "Codec 1: lossless".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import entropy, planes
from .._fields import Fields, varint
from ..container import Header, Section, Stream
from ..errors import ChecksumMismatch, CorruptStream, InvalidInput
from ..image import Image, Plane
from ._scan import decode_tile
from .predictors import (
    Predictor,
    ReadyNet,
    fold,
    plane_cost,
    predictor_for,
    read_net,
    tile_bits,
    tile_edge,
)
from .tiling import (
    LONGEST_TILE_SAMPLES,
    MAX_COLS,
    Tile,
    Tiling,
    choose_streams_log2,
    choose_tiling,
)

CODERS = ("ans", "huffman")
INCREMENT = 512
LIMIT = 1 << 22

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Options:
    """How to encode: effort 1-9, coder of CODERS, threads >= 1."""

    effort: int = 5
    coder: str = "ans"
    threads: int = 1
    progress: Progress | None = None


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

    def to_dict(self) -> dict[str, Any]:
        """What `inspect` tells of a plane."""
        return {
            "shape": self.shape,
            "max_sample": self.max_sample,
            "nets": self.net_names,
            "slab_frames": self.tiling.slab_frames,
            "stripe_rows": self.tiling.stripe_rows,
            "tiles": len(self.entries),
            "bytes": sum(entry.size for entry in self.entries),
        }


def encode(image: Image, options: Options) -> list[tuple[Section, bytes | list[bytes]]]:
    """Sections of an image.

    Parameters
    ----------
    image : Image
    options : Options

    Returns
    -------
    list of (Section, bytes or list of bytes)
    """
    parts, recipe = planes.split(image, cost=plane_cost(options.effort), effort=options.effort)
    chosen = [predictor_for(plane, options.effort) for plane in parts]
    jobs = [
        (plane, predictor, tiling, tile)
        for plane, predictor in zip(parts, chosen, strict=True)
        for tiling in [choose_tiling(plane.samples.shape, predictor.volumetric)]
        for tile in tiling
    ]
    coded = _run(lambda job: _encode_tile(*job, options.coder), jobs, options)
    described = _describe(jobs, coded, options.coder)
    return [
        (Section.RECIPE, recipe),
        (Section.PLANES, described),
        (Section.PAYLOAD, [payload for _, payload in coded]),
    ]


def _run(work: Callable, jobs: Sequence, options: Options) -> list:
    """Map over tiles, side by side when there are threads; the C loops release the GIL."""
    done, results = 0, []
    with ThreadPoolExecutor(max(1, options.threads)) as pool:
        for result in pool.map(work, jobs) if options.threads > 1 else map(work, jobs):
            results.append(result)
            done += 1
            if options.progress is not None:
                options.progress(done, len(jobs))
    return results


def _encode_tile(
    plane: Plane, predictor: Predictor, tiling: Tiling, tile: Tile, coder: str
) -> tuple[int, bytes]:
    """Edge and payload of one tile."""
    samples = np.ascontiguousarray(plane.samples[tile.where])
    edge = tile_edge(samples)
    symbols, contexts = fold(predictor, samples, plane.max_sample, edge)
    payload = entropy.encode_tile(
        symbols,
        contexts,
        max_sample=plane.max_sample,
        prior=predictor.prior,
        streams_log2=choose_streams_log2(samples.size),
        increment=INCREMENT,
        limit=LIMIT,
        coder=coder,
    )
    return edge, payload


def _describe(jobs: list, coded: list[tuple[int, bytes]], coder: str) -> bytes:
    """The PLANES section: nets, then each plane with its tile index."""
    nets: dict[bytes, int] = {}
    body = bytearray()
    last_plane = None
    for (plane, predictor, tiling, _), (edge, payload) in zip(jobs, coded, strict=True):
        if plane is not last_plane:
            last_plane = plane
            for net in (predictor.first, predictor.later):
                body += varint(nets.setdefault(net.written, len(nets)))
            body += bytes([CODERS.index(coder)]) + varint(INCREMENT) + varint(LIMIT)
            body += varint(tiling.slab_frames) + varint(tiling.stripe_rows)
        body += varint(edge) + varint(len(payload)) + zlib.crc32(payload).to_bytes(4, "little")
    return varint(len(nets)) + b"".join(nets) + bytes(body)


def read_index(stream: Stream) -> list[CodedPlane]:
    """The coded planes of a stream, every number checked against the others.

    Raises
    ------
    CorruptStream, WeightsMissing
    """
    fields = Fields(stream.section(Section.PLANES), "planes")
    room = len(stream.unchecked(Section.PAYLOAD))
    nets = [read_net(fields) for _ in range(fields.varint("net count", 255))]
    found, at = [], 0
    for geometry in planes.geometry(bytes(stream.section(Section.RECIPE))):
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
    predictor = Predictor(first, later)
    if first.kernel.n_frames != 1:
        raise CorruptStream(f"planes: net {first.name!r} cannot begin a slab of frames")
    coder = fields.number(1, "coder")
    if coder >= len(CODERS):
        raise CorruptStream(f"planes: coder {coder}, expected 0..{len(CODERS) - 1}")
    increment, limit = fields.varint("increment", 1 << 16), fields.varint("limit", 1 << 31)
    slab = fields.varint("slab frames", shape[0])
    stripe = fields.varint("stripe rows", shape[1])
    if slab == 0 or stripe == 0 or limit < 1 << 15:
        raise CorruptStream(f"planes: slab {slab}, stripe {stripe}, limit {limit}: too small")
    if shape[2] > MAX_COLS or slab * stripe * shape[2] > LONGEST_TILE_SAMPLES:
        raise CorruptStream(f"planes: tiles of {slab} x {stripe} x {shape[2]} samples: too large")
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


def decode(
    stream: Stream, header: Header, frames: Sequence[int] | None, options: Options
) -> np.ndarray:
    """The array of a stream, or some of its frames.

    Parameters
    ----------
    stream, header
    frames : sequence of int or None
        Frames (leading axes flattened) to decode, in this order; None for all.
    options : Options
        Threads and progress.

    Returns
    -------
    ndarray
        Of the header's shape and dtype; with `frames`, of shape (len(frames), rows, cols[, ...]).
    """
    recipe = bytes(stream.section(Section.RECIPE))
    coded = read_index(stream)
    payload = stream.unchecked(Section.PAYLOAD)
    _check_shapes(coded, header)
    wanted = range(coded[0].shape[0]) if frames is None and coded else frames
    outs, jobs = [], []
    for number, plane in enumerate(coded):
        place = {frame: at for at, frame in enumerate(wanted)}
        out = np.empty((len(wanted), *plane.shape[1:]), np.uint16)
        outs.append(out)
        for entry in plane.entries:
            inside = [f for f in range(entry.tile.frame0, entry.tile.frame1) if f in place]
            if inside:
                jobs.append((number, plane, entry, payload, out, place, inside))
    _run(lambda job: _decode_into(*job), jobs, options)
    dtype = np.dtype(header.dtype)
    if frames is None:
        return planes.join(outs, recipe, header.shape, dtype, header.axes)
    return planes.join_frames(outs, recipe, len(wanted), header.shape, dtype, header.axes)


def _check_shapes(coded: list[CodedPlane], header: Header) -> None:
    """Recipe and header must agree before anything of their size is allocated."""
    expected = planes.measure(header.shape, header.axes)[:3]
    for number, plane in enumerate(coded):
        if plane.shape != expected:
            raise CorruptStream(f"plane {number}: shape {plane.shape}, header says {expected}")


def _decode_into(number, plane, entry, payload, out, place, inside) -> None:
    """Decode one tile as far as it is wanted and put its frames in their places."""
    where = entry.tile.name(number)
    part = payload[entry.start : entry.start + entry.size]
    found = zlib.crc32(part)
    if found != entry.crc:
        raise ChecksumMismatch(f"{where}: CRC-32 {found:08x}, index says {entry.crc:08x}")
    tile = entry.tile
    shape = (tile.frame1 - tile.frame0, tile.row1 - tile.row0, plane.shape[2])
    samples = decode_tile(
        np.frombuffer(part, np.uint8),
        shape,
        *plane.predictor.kernels,
        plane.max_sample,
        entry.edge,
        plane.predictor.prior.shift,
        plane.predictor.prior.freq,
        choose_streams_log2(shape[0] * shape[1] * shape[2]),
        plane.increment,
        plane.limit,
        plane.coder == "huffman",
        where,
    )
    for frame in inside:
        out[place[frame], tile.row0 : tile.row1] = samples[frame - tile.frame0]


def check_options(options: Options) -> None:
    """Refuse parameters out of range by name."""
    if not isinstance(options.effort, int) or not 1 <= options.effort <= 9:
        raise InvalidInput(f"effort {options.effort!r}: expected 1 to 9")
    if options.coder not in CODERS:
        raise InvalidInput(f"coder {options.coder!r}: expected one of {', '.join(CODERS)}")
    if not isinstance(options.threads, int) or options.threads < 1:
        raise InvalidInput(f"threads {options.threads!r}: expected 1 or more")


def code_length_report(
    array: np.ndarray, *, axes: str | None = None, effort: int = 5, coder: str = "ans"
) -> dict[str, float]:
    """How near the coder comes to the ideal code length of its own tables.

    Returns
    -------
    dict
        ``ideal_bits`` (sum over samples of -log2 of the table's probability, plus raw bits) and
        ``payload_bytes`` (what the coder wrote, stream lengths and states included).
    """
    image = Image(array, axes or planes.default_axes(array.ndim))
    parts, _ = planes.split(image, cost=plane_cost(effort), effort=effort)
    report = {"ideal_bits": 0.0, "payload_bytes": 0.0}
    for plane in parts:
        predictor = predictor_for(plane, effort)
        tiling = choose_tiling(plane.samples.shape, predictor.volumetric)
        for tile in tiling:
            samples = plane.samples[tile.where]
            bits = tile_bits(predictor, samples, plane.max_sample)
            report["ideal_bits"] += float(bits.sum(dtype=float))
            report["payload_bytes"] += len(_encode_tile(plane, predictor, tiling, tile, coder)[1])
    return report
