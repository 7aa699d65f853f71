# SPDX-License-Identifier: Apache-2.0
"""Series of a training folder, and random samples of them with their features.

A training folder has one folder a modality, each holding files or folders of one series. DICOM
(compressed syntaxes through imagecodecs) and PNG are read; what is not is named on stderr.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..codecs.predictors import tile_edge
from ..predict import neighbourhood as nb
from ..predict import reference

# How often a group of modalities is looked at; the rest shares OTHER_SHARE.
SHARES = {"CT": 0.38, "MR": 0.36, "XRAY": 0.16}
OTHER_SHARE = 0.10
GROUPS = dict.fromkeys(("CR", "DX", "IO", "MG", "PX", "XA", "RF", "RTIMAGE"), "XRAY") | {
    "CT": "CT",
    "MR": "MR",
}
N_VARIANTS = 16  # of a series, where series are varied
SKIPPED = {"SEG", "PM"}  # bilevel masks and floats are not what a shipped net is for


@dataclass(frozen=True)
class Series:
    """One stack of slices: `volume` (frames, rows, cols) uint16 holds 0..max_sample."""

    name: str
    modality: str
    volume: np.ndarray
    max_sample: int

    @property
    def group(self) -> str:
        """The key of SHARES this series counts for."""
        return GROUPS.get(self.modality, "OTHER")


def read_folder(root: Path) -> list[Series]:
    """Every series under ``root/<MODALITY>/``, in name order."""
    found = []
    for entry in sorted(root.glob("*/*")):
        modality = entry.parent.name
        if modality in SKIPPED:
            continue
        files = sorted(p for p in entry.rglob("*") if p.is_file()) if entry.is_dir() else [entry]
        for number, volume in enumerate(_volumes(files)):
            found.append(_series(f"{entry.stem}#{number}", modality, volume))
    return found


def _series(name: str, modality: str, volume: np.ndarray) -> Series:
    """Offset to zero; unused levels are closed up when more than a quarter is unused."""
    levels = np.unique(volume)
    if len(levels) * 4 <= (int(levels[-1]) - int(levels[0]) + 1) * 3:
        packed = np.searchsorted(levels, volume)
    else:
        packed = volume.astype(np.int64) - int(levels[0])
    return Series(name, modality, packed.astype(np.uint16), int(packed.max()))


def _volumes(files: list[Path]) -> Iterator[np.ndarray]:
    """Stacks of equal shape, slices by position or else by file name."""
    stacks: dict[tuple, list[tuple]] = {}
    for order, path in enumerate(files):
        try:
            array, key, place = _read(path)
        except (ValueError, AttributeError, NotImplementedError, RuntimeError) as error:
            print(f"{path}: not used ({error})", file=sys.stderr)
            continue
        stacks.setdefault((key, array.shape[1:]), []).append((place, order, array))
    for slices in stacks.values():
        slices.sort(key=lambda item: item[:2])
        yield np.concatenate([item[2] for item in slices])


def _read(path: Path) -> tuple[np.ndarray, str, float]:
    """Samples (frames, rows, cols), a key of the series and the place within it."""
    if path.suffix == ".png":
        from PIL import Image as PillowImage

        array = np.asarray(PillowImage.open(path))
        return _grey(array[None], 3 if array.ndim == 3 else 1), path.name, 0.0
    import pydicom

    dataset = pydicom.dcmread(path, force=True)
    frames = int(getattr(dataset, "NumberOfFrames", 1) or 1)
    samples = int(dataset.SamplesPerPixel)
    shape = (frames, dataset.Rows, dataset.Columns) + ((samples,) if samples > 1 else ())
    return _grey(_words(dataset, shape), samples), *_place(dataset)


def _grey(array: np.ndarray, samples: int) -> np.ndarray:
    """Of colour images the green samples."""
    return array[..., 1] if samples > 1 else array


def _place(dataset) -> tuple[str, float]:
    orientation = getattr(dataset, "ImageOrientationPatient", None)
    position = getattr(dataset, "ImagePositionPatient", None)
    place = float(getattr(dataset, "InstanceNumber", 0) or 0)
    if orientation and position:
        axes = np.array(orientation, float).reshape(2, 3)
        place = float(np.cross(*axes) @ np.array(position, float))
    return str(getattr(dataset, "SeriesInstanceUID", "")), place


def _words(dataset, shape: tuple[int, ...]) -> np.ndarray:
    syntax = getattr(dataset.file_meta, "TransferSyntaxUID", None)
    signed = dataset.PixelRepresentation == 1
    dtype = np.dtype(f"<{'i' if signed else 'u'}{dataset.BitsAllocated // 8}")
    if syntax is not None and syntax.is_encapsulated:
        return _decode_frames(dataset, syntax, shape, dtype)
    if dataset.BitsAllocated not in (8, 16):
        raise ValueError(f"{dataset.BitsAllocated} bits allocated")
    count = int(np.prod(shape))
    array = np.frombuffer(dataset.PixelData, dtype)[:count]
    if len(shape) == 4 and dataset.PlanarConfiguration == 1:
        return np.moveaxis(array.reshape(shape[0], shape[3], *shape[1:3]), 1, -1)
    return array.reshape(shape)


def _decode_frames(dataset, syntax: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    import imagecodecs
    from pydicom.encaps import generate_frames

    decoders = {
        "1.2.840.10008.1.2.4.57": imagecodecs.ljpeg_decode,
        "1.2.840.10008.1.2.4.70": imagecodecs.ljpeg_decode,
        "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_decode,
        "1.2.840.10008.1.2.4.90": imagecodecs.jpeg2k_decode,
    }
    if syntax not in decoders:
        raise ValueError(f"transfer syntax {syntax}")
    frames = [
        np.asarray(decoders[syntax](frame))
        for frame in generate_frames(dataset.PixelData, number_of_frames=shape[0])
    ]
    array = np.stack(frames).reshape(shape)
    native = dtype.newbyteorder("=")
    return array.astype(f"u{native.itemsize}").view(native)  # modulo 2**bits


@dataclass(frozen=True)
class Samples:
    """Random samples of a set of series, ready for training.

    inputs : (n, n_inputs) int16, the features; baseline, exponent, mantissa : (n,) int32;
    values, max_samples : (n,) int32; groups : (n,) index into the sorted groups.
    """

    inputs: np.ndarray
    baseline: np.ndarray
    exponent: np.ndarray
    mantissa: np.ndarray
    values: np.ndarray
    max_samples: np.ndarray

    def activity_only(self) -> Samples:
        """The same with the last input, the activity, alone: what the MED baseline sees."""
        return replace(self, inputs=self.inputs[:, -1:])


def draw(
    series: list[Series],
    neighbourhood: str,
    count: int,
    rng: np.random.Generator,
    vary: Callable[[Series, np.random.Generator], Series] | None = None,
) -> Samples:
    """Draw about `count` samples, shuffled: groups by SHARES, inside by the root of the size.

    With `vary`, N_VARIANTS results of it stand for each series.
    """
    depth = nb.frames_needed(neighbourhood)
    usable = [s for s in series if s.volume.shape[0] > (depth > 1)]
    parts = []
    for one, weight in zip(usable, _weights(usable), strict=True):
        times = 1 if vary is None else N_VARIANTS
        share = int(count * weight / times)
        for _ in range(times if share else 0):
            shown = one if vary is None else vary(one, rng)
            parts.append(_draw_series(shown, neighbourhood, share, depth, rng))
    order = rng.permutation(sum(len(part[-1]) for part in parts))
    return Samples(*(np.concatenate(column)[order] for column in zip(*parts, strict=True)))


def _weights(series: list[Series]) -> np.ndarray:
    sizes = np.array([s.volume.size**0.5 for s in series])
    groups = [s.group for s in series]
    shares = {g: SHARES.get(g, OTHER_SHARE) for g in set(groups)}
    totals = {g: sizes[[x == g for x in groups]].sum() for g in shares}
    weights = np.array([s * shares[g] / totals[g] for s, g in zip(sizes, groups, strict=True)])
    return weights / weights.sum()


def _draw_series(
    series: Series, neighbourhood: str, count: int, depth: int, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    n_frames, rows, cols = series.volume.shape
    first = 1 if depth > 1 else 0
    usable = n_frames - first
    per_frame = min(max(count // usable, min(count, 256)), rows * cols)
    chosen = rng.permutation(usable)[: max(1, round(count / per_frame))] + first
    where = nb.positions(rows, cols).ravel()
    edge = tile_edge(series.volume)
    out = []
    for frame in chosen:
        earlier = [max(0, frame - back) for back in range(depth)]
        padded = tuple(nb.pad_frame(series.volume[f], edge) for f in earlier)
        picked = rng.choice(rows * cols, per_frame, replace=False)
        inputs, *rest = reference.features(padded, where[picked], cols, neighbourhood)
        values = series.volume[frame].ravel()[picked].astype(np.int32)
        limits = np.full(per_frame, series.max_sample, np.int32)
        out.append((inputs.T, *rest, values, limits))
    return tuple(np.concatenate(column) for column in zip(*out, strict=True))
