# SPDX-License-Identifier: Apache-2.0
"""The codecs that are not image standards, and the list of all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from benchmarks.rivals import Rival, adapt
from benchmarks.standards import Htj2k, Jpeg2000, JpegLs, JpegLs16, JpegXl, JpegXlSlices, Png


class _Bytes(Rival):
    """General-purpose compressors: the stored words of a slice as bytes, bool packed."""

    def refusal(self, array: np.ndarray) -> str:
        return ""

    def prepare(self, array: np.ndarray) -> list[np.ndarray]:
        if array.dtype == bool:
            return [np.packbits(slice_) for slice_ in array]
        return [np.frombuffer(slice_.tobytes(), np.uint8) for slice_ in array]


class Zstd(_Bytes):
    name = "zstd-19"

    def __init__(self) -> None:
        try:
            from compression import zstd
        except ImportError:
            from backports import zstd
        self._library = zstd
        self.version = f"zstd {zstd.zstd_version}"

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.compress(unit.tobytes(), level=19)

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return np.frombuffer(self._library.decompress(stream), np.uint8)


class Gzip(_Bytes):
    name = "gzip-9"
    version = f"zlib {zlib.ZLIB_RUNTIME_VERSION}"

    def encode(self, unit: np.ndarray) -> bytes:
        return gzip.compress(unit.tobytes(), 9, mtime=0)

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return np.frombuffer(gzip.decompress(stream), np.uint8)


class Tomoz(Rival):
    """Tomoz on the whole volume; samples of a colour image are volumes of their own."""

    name = "tomoz"
    sample_counts = frozenset({1, 2, 3, 4})
    _own_dtypes = ("uint8", "int8", "uint16", "int16")

    def __init__(self) -> None:
        import tomoz

        self._library = tomoz
        self.version = f"tomoz {tomoz.__version__}"

    def prepare(self, array: np.ndarray) -> list[np.ndarray]:
        volumes = np.moveaxis(array, -1, 0) if array.ndim == 4 else array[None]
        if array.dtype.name in self._own_dtypes:
            return [np.ascontiguousarray(volume) for volume in volumes]
        return [adapt(volume)[0] for volume in volumes]

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.encode(unit, threads=1)

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._library.decode(stream, threads=1)


class Medlossless(Rival):
    """This project: the whole series as one array, no adaptation."""

    settled = False  # it is what is being tuned
    keeps_streams = True

    def __init__(self, effort: int) -> None:
        from medlossless import __version__, decode_array, encode_array
        from medlossless.codecs.efforts import EFFORTS

        self._encode, self._decode = encode_array, decode_array
        self.effort, self.threads = effort, 1
        self.name = f"medlossless-e{effort}"
        self.version = f"medlossless {__version__}"
        self.tunes = EFFORTS[effort].tuning is not None

    def refusal(self, array: np.ndarray) -> str:
        return ""

    def prepare(self, array: np.ndarray) -> list[np.ndarray]:
        return [array]

    def encode(self, unit: np.ndarray) -> bytes:
        axes = "ZYXS" if unit.ndim == 4 else "ZYX"
        return self._encode(unit, effort=self.effort, axes=axes, threads=self.threads)

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._decode(stream, threads=self.threads)


class Untuned(Medlossless):
    """The same encoder with the shipped nets as they are."""

    def __init__(self, effort: int) -> None:
        super().__init__(effort)
        self.name = f"medlossless-e{effort}-untuned"
        self.tunes = False

    def encode(self, unit: np.ndarray) -> bytes:
        from medlossless._streams import encode_image
        from medlossless.codecs import Options
        from medlossless.image import Image

        axes = "ZYXS" if unit.ndim == 4 else "ZYX"
        return encode_image(Image(unit, axes), Options(self.effort, tune=False))


JXL_EFFORTS = (3, 7, 9)
ROSTER = {
    "jpegls": JpegLs,
    "jpegls-p16": JpegLs16,
    "j2k": Jpeg2000,
    "htj2k": Htj2k,
    **{f"jxl-e{effort}": partial(JpegXl, effort) for effort in JXL_EFFORTS},
    **{f"jxl-slices-e{effort}": partial(JpegXlSlices, effort) for effort in (7, 9)},
    "png": Png,
    "zstd-19": Zstd,
    "gzip-9": Gzip,
    "tomoz": Tomoz,
}


class NoSuchCodec(LookupError):
    """A name that matches nothing in the roster."""


def own_codecs(
    efforts: Iterable[int], untuned: Iterable[int]
) -> dict[str, Callable[[], Medlossless]]:
    """What constructs medlossless at some efforts, and at some without tuning."""
    codecs: dict[str, Callable[[], Medlossless]] = {
        f"medlossless-e{effort}": partial(Medlossless, effort) for effort in efforts
    }
    return codecs | {
        f"medlossless-e{effort}-untuned": partial(Untuned, effort) for effort in untuned
    }


def own_codec(name: str) -> Medlossless:
    """Construct medlossless as one of the names of `own_codecs` says."""
    efforts = range(1, 10)
    return own_codecs(efforts, efforts)[name]()


def select(
    names: list[str], efforts: list[int], untuned: list[int]
) -> tuple[list[Rival], dict[str, str]]:
    """Construct the codecs asked for.

    Parameters
    ----------
    names : list of str
        A whole name or the start of one up to a dash (``jxl``); empty means every codec.
    efforts, untuned : list of int
        Of medlossless, with its nets tuned and without.

    Returns
    -------
    rivals : list of Rival, in the order of the tables
    missing : dict of str to str
        Codecs that are not installed here, and what the import said.

    Raises
    ------
    NoSuchCodec
        If a name matches no codec.
    """
    roster = ROSTER | own_codecs(efforts, untuned)
    for name in names:
        if not any(_matches(known, name) for known in roster):
            raise NoSuchCodec(f"unknown codec {name!r}: known are {', '.join(roster)}")
    rivals, missing = [], {}
    for known, factory in roster.items():
        if names and not any(_matches(known, name) for name in names):
            continue
        try:
            rivals.append(factory())
        except ImportError as error:
            missing[known] = str(error)
    return rivals, missing


def _matches(known: str, name: str) -> bool:
    return known == name or known.startswith(name + "-")
