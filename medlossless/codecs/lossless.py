# SPDX-License-Identifier: Apache-2.0
"""The codec this project is for: planes, predicted by integer nets, entropy coded tile by tile.

Sections RECIPE, PLANES and PAYLOAD; see FORMAT.md, "Codec 1: lossless".
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from .. import entropy, planes
from ..container import Header, Section, Stream
from ..errors import ChecksumMismatch, CorruptStream, InvalidInput
from ..image import Image, Plane
from ._scan import decode_tile
from .choice import Progress, plane_cost, predictor_for
from .efforts import EFFORTS
from .index import (
    CODERS,
    INCREMENT,
    LIMIT,
    CodedPlane,
    TileCode,
    TileEntry,
    read_index,
    write_index,
)
from .predictors import Predictor, fold, tile_bits, tile_edge
from .tiling import Tile, choose_streams_log2, choose_tiling


@dataclass(frozen=True)
class Options:
    """How to encode: effort 1-9, coder of CODERS, threads >= 1, whether nets are tuned."""

    effort: int = 5
    coder: str = "ans"
    threads: int = 1
    progress: Progress | None = None
    tune: bool = True


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
    coded = _run(lambda job: encode_tile(*job, coder=options.coder), jobs, options)
    rest = iter(coded)
    described = write_index(
        ((p, t, islice(rest, len(t))) for p, t in zip(chosen, tilings, strict=True)),
        options.coder,
    )
    return [
        (Section.RECIPE, recipe),
        (Section.PLANES, described),
        (Section.PAYLOAD, [tile.payload for tile in coded]),
    ]


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


def encode_tile(plane: Plane, predictor: Predictor, tile: Tile, *, coder: str) -> TileCode:
    """One tile of a plane, coded."""
    samples = np.ascontiguousarray(plane.samples[tile.where])
    edge = tile_edge(samples)
    payload = entropy.encode_tile(
        **fold(predictor, samples, plane.max_sample, edge),
        streams_log2=choose_streams_log2(samples.size),
        increment=INCREMENT,
        limit=LIMIT,
        coder=coder,
    )
    return TileCode(edge, payload)


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
    wanted = list(range(coded[0].shape[0] if coded else 0)) if frames is None else list(frames)
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


def _decode_into(
    number: int,
    plane: CodedPlane,
    entry: TileEntry,
    payload: memoryview,
    out: np.ndarray,
    place: dict[int, int],
    inside: list[int],
) -> None:
    """Decode one tile as far as it is wanted and put its frames in their places."""
    where = entry.tile.name(number)
    part = payload[entry.start : entry.start + entry.size]
    found = zlib.crc32(part)
    if found != entry.crc:
        raise ChecksumMismatch(f"{where}: CRC-32 {found:08x}, index says {entry.crc:08x}")
    tile, hits = entry.tile, plane.predictor.hits
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
        hits and (hits.candidates, hits.band_rows_log2),
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
        predictor = predictor_for(plane, effort, coder=coder)
        tiling = choose_tiling(plane.samples.shape, predictor.volumetric)
        for tile in tiling:
            samples = plane.samples[tile.where]
            bits = tile_bits(predictor, samples, plane.max_sample)
            report["ideal_bits"] += float(bits.sum(dtype=float))
            report["payload_bytes"] += len(encode_tile(plane, predictor, tile, coder=coder).payload)
    return report
