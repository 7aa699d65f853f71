# SPDX-License-Identifier: Apache-2.0
"""The codec this project is for: planes, predicted by integer nets, entropy coded tile by tile.

Sections RECIPE, PLANES and PAYLOAD; see FORMAT.md, "Codec 1: lossless".
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from math import prod
from typing import NamedTuple

import numpy as np

from .. import planes
from .._fields import Fields
from ..container import Header, Section, Stream
from ..errors import ChecksumMismatch, CorruptStream, InvalidInput
from ..image import Image, Plane
from ._scan import decode_tile
from .choice import Progress, plane_cost, predictor_for
from .efforts import EFFORTS
from .index import CODERS, CodedPlane, TileEntry, TileRecord, read_index, write_index
from .mask import covered, read_runs
from .predictors import Predictor, TileInput, frame_bits, tile_payload
from .tiling import Tile, choose_streams_log2, choose_tiling, iterate_chunks
from .work import in_order

Content = bytes | Iterable[bytes]


@dataclass(frozen=True)
class Options:
    """How to encode: effort 1-9, coder of CODERS, threads >= 1, whether nets are tuned."""

    effort: int = 5
    coder: str = "ans"
    threads: int = 1
    progress: Progress | None = None
    tune: bool = True


@dataclass(frozen=True)
class TileCode:
    """What the encoder made of a tile: the value above its first row, and its payload."""

    edge: int
    payload: bytes


def encode(image: Image, options: Options) -> Iterator[tuple[Section, Content]]:
    """Sections of an image.

    Parameters
    ----------
    image : Image
    options : Options

    Yields
    ------
    (Section, bytes or iterator of bytes)
        The index of tiles comes after their payloads, which must be used up before.
    """
    parts, recipe = planes.split(image, cost=plane_cost(options.effort), effort=options.effort)
    *tells, tell_tiles = _stages(options, len(parts))
    chosen = [
        predictor_for(plane, options.effort, options.tune, options.coder, options.threads, tell)
        for plane, tell in zip(parts, tells, strict=True)
    ]
    tilings = [
        choose_tiling(plane.samples.shape, predictor.volumetric)
        for plane, predictor in zip(parts, chosen, strict=True)
    ]
    jobs = [
        (plane, predictor, tile)
        for plane, predictor, tiling in zip(parts, chosen, tilings, strict=True)
        for tile in tiling
    ]
    options = replace(options, progress=tell_tiles)
    records: list[TileRecord] = []
    yield Section.RECIPE, recipe
    yield Section.PAYLOAD, _encode_tiles(jobs, records, options)
    rest = iter(records)
    coded = [(p, t, islice(rest, len(t))) for p, t in zip(chosen, tilings, strict=True)]
    yield Section.PLANES, write_index(coded, options.coder)


def _stages(options: Options, n_planes: int) -> list[Progress | None]:
    """What the tuning of each plane calls, then the coding of all tiles: equal shares of the job,
    all of it the tiles' where nothing is tuned."""
    call = options.progress
    if call is None or not (options.tune and EFFORTS[options.effort].tuning):
        return [None] * n_planes + [call]
    n_stages = n_planes + 1

    def stage(number: int) -> Progress:
        return lambda done, total: call(number * total + done, n_stages * total)

    return [stage(number) for number in range(n_stages)]


def _encode_tiles(
    jobs: list[tuple[Plane, Predictor, Tile]], records: list[TileRecord], options: Options
) -> Iterator[bytes]:
    """The payloads of tiles; what the index will say of them is appended to `records`."""
    work = partial(_encode_job, options.coder)
    for done, tile in enumerate(in_order(work, jobs, options.threads), 1):
        records.append(TileRecord(tile.edge, len(tile.payload), zlib.crc32(tile.payload)))
        yield tile.payload
        if options.progress is not None:
            options.progress(done, len(jobs))


def _encode_job(coder: str, job: tuple[Plane, Predictor, Tile]) -> TileCode:
    return encode_tile(*job, coder=coder)


def encode_tile(plane: Plane, predictor: Predictor, tile: Tile, *, coder: str) -> TileCode:
    """One tile of a plane, coded."""
    seen = TileInput.of(predictor, plane.samples[tile.where], tile.frame0)
    return TileCode(seen.edge, tile_payload(predictor, seen, plane.max_sample, coder))


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
    recipe, coded = _read_planes(stream, header)
    wanted = range(header.frames[0]) if frames is None else list(frames)
    outs, jobs = _list_jobs(stream, coded, wanted)
    for done, _ in enumerate(in_order(_decode_job, jobs, options.threads), 1):
        if options.progress is not None:
            options.progress(done, len(jobs))
    dtype = np.dtype(header.dtype)
    if frames is None:
        return planes.join(outs, recipe, header.shape, dtype, header.axes)
    return planes.join_frames(outs, recipe, len(wanted), header.shape, dtype, header.axes)


def decode_chunks(stream: Stream, header: Header, options: Options) -> Iterator[np.ndarray]:
    """The array of a stream, some frames after others, so that few are in memory.

    Yields
    ------
    (n, rows, cols[, samples]) ndarray of the header's dtype
    """
    recipe, coded = _read_planes(stream, header)
    dtype, (n_frames, inner) = np.dtype(header.dtype), header.frames
    tilings = [plane.tiling for plane in coded]
    total = sum(len(plane.entries) for plane in coded)

    def jobs() -> Iterator[tuple[DecodeJob | None, tuple | None]]:
        for chunk in iterate_chunks(tilings, n_frames, prod(inner) * dtype.itemsize):
            outs, of_chunk = _list_jobs(stream, coded, chunk)
            yield from ((job, None) for job in of_chunk[:-1])
            yield of_chunk[-1] if of_chunk else None, (outs, len(chunk))

    def work(job: tuple[DecodeJob | None, tuple | None]) -> tuple | None:
        if job[0] is not None:
            _decode_job(job[0])
        return job[1]

    for done, ended in enumerate(in_order(work, jobs(), options.threads), 1):
        if options.progress is not None and total:
            options.progress(done, total)
        if ended is not None:
            yield planes.join_frames(ended[0], recipe, ended[1], header.shape, dtype, header.axes)


def _read_planes(stream: Stream, header: Header) -> tuple[planes.Recipe, list[CodedPlane]]:
    """The index; it must agree with the header before anything of its size is allocated."""
    recipe = planes.unpack(bytes(stream.section(Section.RECIPE)))
    coded = read_index(stream, recipe)
    expected = planes.measure(header.shape, header.axes)[:3]
    for number, plane in enumerate(coded):
        if plane.shape != expected:
            raise CorruptStream(f"plane {number}: shape {plane.shape}, header says {expected}")
    return recipe, coded


class DecodeJob(NamedTuple):
    """A tile, and the places of those of its frames that are wanted."""

    stream: Stream
    number: int
    plane: CodedPlane
    entry: TileEntry
    out: np.ndarray
    place: dict[int, int]
    inside: list[int]


def _list_jobs(
    stream: Stream, coded: list[CodedPlane], wanted: Sequence[int]
) -> tuple[list[np.ndarray], list[DecodeJob]]:
    """Room for some frames of each plane, and the tiles that will fill it."""
    outs, jobs = [], []
    place = {frame: at for at, frame in enumerate(wanted)} if coded else {}
    for number, plane in enumerate(coded):
        out = np.empty((len(wanted), *plane.shape[1:]), np.uint16)
        outs.append(out)
        for entry in plane.between(min(place), max(place) + 1) if place else ():
            inside = [f for f in range(entry.tile.frame0, entry.tile.frame1) if f in place]
            if inside:
                jobs.append(DecodeJob(stream, number, plane, entry, out, place, inside))
    return outs, jobs


def _decode_job(job: DecodeJob) -> None:
    """Decode one tile as far as it is wanted and put its frames in their places."""
    plane, entry = job.plane, job.entry
    where = entry.tile.name(job.number)
    part = job.stream.unchecked(Section.PAYLOAD, entry.start, entry.size)
    found = zlib.crc32(part)
    if found != entry.crc:
        raise ChecksumMismatch(f"{where}: CRC-32 {found:08x}, index says {entry.crc:08x}")
    tile, hits = entry.tile, plane.predictor.hits
    shape = (tile.frame1 - tile.frame0, tile.row1 - tile.row0, plane.shape[2])
    places = [job.place[frame] for frame in job.inside]
    target = None
    if places == list(range(places[0], places[0] + shape[0])):  # all frames, in their order
        target = job.out[places[0] : places[-1] + 1, tile.row0 : tile.row1]
    fields, mask, gains = Fields(part, where), plane.predictor.mask, plane.predictor.gains
    runs = read_runs(fields, shape, plane.predictor.prior) if mask else None
    samples = decode_tile(
        np.frombuffer(fields.take(fields.left, "payload"), np.uint8),
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
        hits and hits.mode,
        mask and (runs, mask.fill),
        where,
        target,
        gains if gains is None else gains[tile.frame0 : tile.frame1],
    )
    if mask is not None and runs is not None:
        samples[covered(runs, shape[2])] = mask.pad
    if target is not None:
        return
    for frame, place in zip(job.inside, places, strict=True):
        job.out[place, tile.row0 : tile.row1] = samples[frame - tile.frame0]


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
        predictor = predictor_for(plane, effort, coder=coder)
        tiling = choose_tiling(plane.samples.shape, predictor.volumetric)
        for tile in tiling:
            samples = plane.samples[tile.where]
            bits = frame_bits(predictor, samples, plane.max_sample, tile.frame0)
            report["ideal_bits"] += float(bits.sum())
            report["payload_bytes"] += len(encode_tile(plane, predictor, tile, coder=coder).payload)
    return report
