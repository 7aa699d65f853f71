# SPDX-License-Identifier: Apache-2.0
"""Files and folders -> the series that are compared, and a list of what is left out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.noise import noise_floor_bpp
from benchmarks.readers import NotComparable, Stack, read_stack

# fmt: off
MODALITIES = frozenset({
    "CR", "CT", "DX", "ES", "GM", "IO", "MG", "MR", "NM", "OP", "OT", "PM", "PT", "PX", "RF",
    "RG", "RTDOSE", "RTIMAGE", "SC", "SEG", "SM", "US", "XA", "XC",
})
# fmt: on
SECTIONAL = frozenset({"CT", "MR", "NM", "PT"})  # where neighbouring files are neighbours in space
_COSINE_TOLERANCE = 1e-3  # direction cosines of one series differ by rounding only


@dataclass(frozen=True, eq=False)  # two series are the same only if they are one object
class Series:
    """Slices that belong together, or one single image.

    Parameters
    ----------
    name : str
        Path below the folder that was asked for; unique within a run.
    modality : str
        The nearest folder named like a modality, else what the file says, else ``OT``.
    array : (slices, rows, cols) or (slices, rows, cols, samples) ndarray
    bits : int
        Bits Stored.
    slices_per_file : tuple of int
        In the order of the slices, so that "best per file" can be formed.
    """

    name: str
    modality: str
    array: np.ndarray
    bits: int
    slices_per_file: tuple[int, ...]

    @property
    def shape(self) -> str:
        return "x".join(str(extent) for extent in self.array.shape)

    @cached_property
    def noise_bpp(self) -> float:
        """What the noise alone takes, estimated by `noise_floor_bpp`."""
        return noise_floor_bpp(self.array)


@dataclass(frozen=True)
class Skipped:
    """A file that is not compared, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class _Member:
    path: Path
    stack: Stack


def find_files(paths: list[str]) -> list[tuple[Path, Path]]:
    """Every regular file below the given paths.

    Parameters
    ----------
    paths : list of str
        Files and folders; the word ``pydicom`` means the test files that pydicom ships.

    Returns
    -------
    list of (root, file), sorted within each root

    Raises
    ------
    FileNotFoundError
        If a path does not exist.
    """
    found = []
    for text in paths:
        root = _pydicom_test_files() if text == "pydicom" else Path(text)
        if root.is_file():
            found.append((root.parent, root))
        elif root.is_dir():
            found += [(root, path) for path in sorted(root.rglob("*")) if path.is_file()]
        else:
            raise FileNotFoundError(f"{text}: no such file or folder")
    return found


def _pydicom_test_files() -> Path:
    import pydicom.data

    return Path(pydicom.data.__file__).parent / "test_files"


def read_corpus(paths: list[str]) -> tuple[list[Series], list[Skipped]]:
    """Read every file, group DICOM slices into series and sort them.

    Sectional DICOM files with one frame belong together when folder, Series Instance UID,
    modality, extents, dtype and orientation agree; every other file is a series of its own.
    Slices are ordered by their position along the normal, ties by Instance Number; without
    positions by Instance Number; else by file name.

    Parameters
    ----------
    paths : list of str
        As for `find_files`.

    Returns
    -------
    series : list of Series, sorted by modality and name
    skipped : list of Skipped
    """
    groups: dict[tuple, list[list[_Member]]] = {}
    skipped = []
    for root, path in find_files(paths):
        try:
            member = _Member(path, read_stack(path))
        except NotComparable as reason:
            skipped.append(Skipped(str(path), str(reason)))
            continue
        _join_group(groups.setdefault(_group_key(root, member), []), member)
    series = []
    for key, clusters in groups.items():
        series += [_series(key[0], key[2], cluster) for cluster in clusters]
    return _with_unique_names(sorted(series, key=lambda one: (one.modality, one.name))), skipped


def _group_key(root: Path, member: _Member) -> tuple:
    stack, path = member.stack, member.path
    modality = _modality(path, stack.modality)
    joins = modality in SECTIONAL and len(stack.array) == 1 and stack.place.get("series")
    return (
        root,
        path.parent,
        modality,
        stack.place.get("series", ""),
        stack.array.shape[1:],
        stack.array.dtype.str,
        None if joins else path,
    )


def _modality(path: Path, stated: str) -> str:
    for parent in path.absolute().parents:
        if parent.name in MODALITIES:
            return parent.name
    return stated if stated in MODALITIES else "OT"


def _join_group(clusters: list[list[_Member]], member: _Member) -> None:
    """Add to the cluster of the same orientation, or open a new one."""
    for cluster in clusters:
        if _same_orientation(cluster[0].stack.place, member.stack.place):
            cluster.append(member)
            return
    clusters.append([member])


def _same_orientation(one: dict, other: dict) -> bool:
    ours, theirs = one.get("orientation"), other.get("orientation")
    if ours is None or theirs is None:
        return ours is theirs
    return bool(np.allclose(ours, theirs, rtol=0, atol=_COSINE_TOLERANCE))


def _series(root: Path, modality: str, members: list[_Member]) -> Series:
    members = sorted(members, key=_order(members))
    path = members[0].path if len(members) == 1 else members[0].path.parent
    name = root.name if path == root else path.relative_to(root).as_posix()
    return Series(
        name=name,
        modality=modality,
        array=np.concatenate([member.stack.array for member in members]),
        bits=max(member.stack.bits for member in members),
        slices_per_file=tuple(len(member.stack.array) for member in members),
    )


def _order(members: list[_Member]):
    """Sort key: what every member has, positions before instance numbers before names."""
    places = [member.stack.place for member in members]
    positioned = all(place.get("position") and place.get("orientation") for place in places)
    numbered = all(place.get("instance") is not None for place in places)
    normal = None
    if positioned:
        cosines = np.array(places[0]["orientation"])
        normal = np.cross(cosines[:3], cosines[3:])

    def key(member: _Member) -> tuple:
        place = member.stack.place
        # Rounded to a thousandth of a millimetre: equal positions must tie.
        depth = round(float(normal @ place["position"]), 3) if normal is not None else 0.0
        return depth, place["instance"] if numbered else 0, member.path.name

    return key


def _with_unique_names(series: list[Series]) -> list[Series]:
    """Number the series that share a folder: ``knee#1``, ``knee#2``."""
    names = [one.name for one in series]
    seen: dict[str, int] = {}
    unique = []
    for one in series:
        if names.count(one.name) > 1:
            seen[one.name] = seen.get(one.name, 0) + 1
            one = replace(one, name=f"{one.name}#{seen[one.name]}")
        unique.append(one)
    return unique
