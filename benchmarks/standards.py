# SPDX-License-Identifier: Apache-2.0
"""The image standards: JPEG-LS, JPEG 2000, HTJ2K, JPEG XL, PNG."""

from __future__ import annotations

import numpy as np

from benchmarks.rivals import Rival, adapt, bits_used


class JpegLs(Rival):
    """CharLS declaring the precision the samples use, as a DICOM encoder does with Bits Stored.

    The default thresholds of JPEG-LS (ITU-T T.87, C.2.4.1.1) follow the precision, so that
    declaring 16 bits for 9-bit samples costs up to a tenth of the size.
    """

    name = "jpegls"
    _least_samples = 64

    def __init__(self) -> None:
        import jpeg_ls

        self._library = jpeg_ls
        self.version = f"pyjpegls {jpeg_ls.__version__}"

    def refusal(self, array: np.ndarray) -> str:
        if array[0].size < self._least_samples:
            return "slices too small for the buffer that pyjpegls allocates"
        return super().refusal(array)

    def encode(self, unit: np.ndarray) -> bytes:
        rows, cols = unit.shape[:2]
        planes = np.moveaxis(unit, -1, 0) if unit.ndim == 3 else unit
        return bytes(
            self._library.encode_buffer(
                planes.tobytes(),
                rows,
                cols,
                unit.shape[2] if unit.ndim == 3 else 1,
                max(2, bits_used(unit)),
                interleave_mode=0 if unit.ndim == 3 else None,
            )
        )

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        words, _ = self._library.decode_buffer(stream)
        samples = np.frombuffer(words, dtype=unit.dtype)
        if unit.ndim == 2:
            return samples.reshape(unit.shape)
        return np.moveaxis(samples.reshape(unit.shape[2], *unit.shape[:2]), 0, -1)


class _Imagecodecs(Rival):
    """Common to everything that imagecodecs wraps."""

    part: str  # the key of the wrapped library in imagecodecs' list of versions

    def __init__(self) -> None:
        import imagecodecs

        self._library = imagecodecs
        self.version = f"{self.part} {imagecodecs.version(dict)[self.part]}"


class JpegLs16(_Imagecodecs):
    """CharLS through imagecodecs, which declares 8 or 16 bits and nothing between."""

    name = "jpegls-p16"
    part = "charls"

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.jpegls_encode(unit)

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._library.jpegls_decode(stream)


class Jpeg2000(_Imagecodecs):
    """OpenJPEG, reversible 5-3 wavelet, five levels, bare codestream."""

    name = "j2k"
    part = "openjpeg"

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.jpeg2k_encode(
            unit,
            codecformat="j2k",
            reversible=True,
            resolutions=6,
            bitspersample=bits_used(unit),
            numthreads=1,
        )

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._library.jpeg2k_decode(stream, numthreads=1)


class Htj2k(_Imagecodecs):
    """OpenJPH, reversible."""

    name = "htj2k"
    part = "openjph"

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.htj2k_encode(unit, reversible=True)

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._library.htj2k_decode(stream)


class JpegXl(_Imagecodecs):
    """libjxl, modular lossless, slice by slice.

    The precision is declared when the samples use 9 to 12 bits: it shrinks streams by up to
    4 % at effort 3 and by 50 bytes a slice elsewhere. Below that the default is the smaller.
    """

    part = "libjxl"

    def __init__(self, effort: int) -> None:
        super().__init__()
        self.effort = effort
        self.name = f"jxl-e{effort}"

    def _settings(self, unit: np.ndarray) -> dict:
        bits = bits_used(unit) if unit.dtype == np.uint16 else None
        return {
            "lossless": True,
            "effort": self.effort,
            "bitspersample": bits,
            "numthreads": 1,
        }

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.jpegxl_encode(unit, **self._settings(unit))

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._library.jpegxl_decode(stream, numthreads=1)


class JpegXlSlices(JpegXl):
    """libjxl with the slices of a series as extra channels of one image, 256 at a time."""

    sample_counts = frozenset({1})
    _most_channels = 256

    def __init__(self, effort: int) -> None:
        super().__init__(effort)
        self.name = f"jxl-slices-e{effort}"

    def refusal(self, array: np.ndarray) -> str:
        return "one slice" if len(array) == 1 else super().refusal(array)

    def prepare(self, array: np.ndarray) -> list[np.ndarray]:
        n_units = -(-len(array) // self._most_channels)
        return [adapt(unit)[0] for unit in np.array_split(array, n_units)]

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.jpegxl_encode(
            unit, planar=True, photometric="minisblack", **self._settings(unit)
        )


class Png(_Imagecodecs):
    """libpng: level 9, filter chosen row by row."""

    name = "png"
    part = "libpng"
    _filtered_strategy, _all_filters = 1, 248

    def encode(self, unit: np.ndarray) -> bytes:
        return self._library.png_encode(
            unit, level=9, strategy=self._filtered_strategy, filter=self._all_filters
        )

    def decode(self, stream: bytes, unit: np.ndarray) -> np.ndarray:
        return self._library.png_decode(stream)
