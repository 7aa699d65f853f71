# SPDX-License-Identifier: Apache-2.0
"""One file -> the stored samples in it, exactly as the file holds them.

Nothing is rescaled, masked or converted: bits above Bits Stored, padding values and palette
indices stay. The readers share no code with ``medlossless.io`` on purpose, so that a fault
there cannot hide in a comparison.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


class NotComparable(Exception):
    """The file holds no samples that can be compared; the text says why."""


@dataclass(frozen=True)
class Stack:
    """The samples of one file.

    Parameters
    ----------
    array : (slices, rows, cols) or (slices, rows, cols, samples) ndarray, native byte order
    bits : int
        Bits Stored where the file says so, else the width of the dtype.
    modality : str
        As the file says; empty where it does not.
    place : dict
        What orders and groups DICOM files: ``series``, ``orientation``, ``position``,
        ``instance``; empty for other formats.
    """

    array: np.ndarray
    bits: int
    modality: str = ""
    place: dict = field(default_factory=dict)


_NATIVE = {
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.1",
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
}
_RLE = "1.2.840.10008.1.2.5"
_LOSSLESS_FRAMES = {
    "1.2.840.10008.1.2.4.57": "ljpeg_decode",
    "1.2.840.10008.1.2.4.70": "ljpeg_decode",
    "1.2.840.10008.1.2.4.80": "jpegls_decode",
    "1.2.840.10008.1.2.4.90": "jpeg2k_decode",
}
_LOSSY_FRAMES = {
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.51": "JPEG extended",
    "1.2.840.10008.1.2.4.81": "near-lossless JPEG-LS",
    "1.2.840.10008.1.2.4.91": "JPEG 2000, possibly lossy",
}


def read_stack(path: Path) -> Stack:
    """Read one file of a known format.

    Parameters
    ----------
    path : Path
        A DICOM, NIfTI (.nii, .nii.gz), PNG or NPY file, told apart by their contents.

    Returns
    -------
    Stack

    Raises
    ------
    NotComparable
        For every file this benchmark leaves out, with the reason.
    """
    head = path.open("rb").read(352)
    try:
        if head[:8] == b"\x89PNG\r\n\x1a\n":
            return _read_png(path)
        if head[:6] == b"\x93NUMPY":
            return _stacked(np.load(path, allow_pickle=False))
        if path.name.endswith((".nii", ".nii.gz")):
            return _read_nifti(path)
        return _read_dicom(path)
    except NotComparable:
        raise
    except Exception as error:  # a malformed file is listed with its reason, not fatal
        raise NotComparable(f"{type(error).__name__}: {error}") from error


def _read_png(path: Path) -> Stack:
    import imagecodecs

    slice_ = imagecodecs.png_decode(path.read_bytes())
    return _stacked(slice_[None])


def _read_nifti(path: Path) -> Stack:
    import nibabel

    stored = np.asarray(nibabel.load(path).dataobj.get_unscaled())
    samples = stored.dtype.names
    if samples:
        stored = np.stack([stored[name] for name in samples], axis=-1)
        return _stacked(np.moveaxis(stored.T, 0, -1), colour=True)
    return _stacked(stored.T, colour=False)  # x runs fastest in the file: it is the cols axis


def _stacked(array: np.ndarray, *, colour: bool | None = None) -> Stack:
    """Flatten leading axes; 4-D with a last axis of 2..4 is colour unless told otherwise."""
    if array.dtype.kind not in "biuf":
        raise NotComparable(f"dtype {array.dtype}")
    if array.size == 0:
        raise NotComparable("no samples")
    if colour is None:
        colour = array.ndim == 4 and 2 <= array.shape[-1] <= 4
    inner = 3 if colour else 2
    while array.ndim < inner + 1:
        array = array[None]
    array = array.reshape(-1, *array.shape[-inner:])
    return Stack(_native(array), array.dtype.itemsize * 8)


def _native(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))


def _read_dicom(path: Path) -> Stack:
    import pydicom
    from pydicom.errors import InvalidDicomError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # malformed values are this corpus's daily bread
        try:
            dataset = pydicom.dcmread(path)
        except InvalidDicomError:
            dataset = _read_headless(path)
        array = _dicom_words(dataset)
        bits = int(dataset.get("BitsStored") or array.dtype.itemsize * 8)
        return Stack(array, bits, str(dataset.get("Modality", "")), _place(dataset))


def _read_headless(path: Path):
    """DICOM without preamble and file meta; anything else is not comparable."""
    import pydicom
    from pydicom.uid import ImplicitVRLittleEndian

    dataset = pydicom.dcmread(path, force=True)
    if "Rows" not in dataset:
        raise NotComparable("no reader for this format")
    if "TransferSyntaxUID" not in dataset.file_meta:
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    return dataset


def _dicom_words(dataset) -> np.ndarray:
    """(slices, rows, cols[, samples]) stored words of a data set."""
    if not any(word in dataset for word in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise NotComparable("DICOM without pixel data")
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    if syntax in _LOSSY_FRAMES:
        raise NotComparable(f"lossy pixels ({_LOSSY_FRAMES[syntax]})")
    if syntax in _NATIVE or syntax == _RLE:
        words = _pydicom_words(dataset, syntax)
    elif syntax in _LOSSLESS_FRAMES:
        words = _encapsulated_words(dataset, _LOSSLESS_FRAMES[syntax])
    else:
        raise NotComparable(f"no decoder for transfer syntax {syntax}")
    inner = 3 if int(dataset.get("SamplesPerPixel", 1)) > 1 else 2
    return _native(words.reshape(-1, *words.shape[-inner:]))


def _pydicom_words(dataset, syntax: str) -> np.ndarray:
    from pydicom.pixels import get_decoder

    if syntax in _NATIVE and "422" in str(dataset.get("PhotometricInterpretation", "")):
        raise NotComparable("native 4:2:2 colour: no rectangular sample array")
    words, _ = get_decoder(syntax).as_array(dataset, raw=True, correct_unused_bits=False)
    return words.astype(bool) if dataset.BitsAllocated == 1 else words


def _encapsulated_words(dataset, decoder: str) -> np.ndarray:
    import imagecodecs
    from pydicom.encaps import generate_frames

    decode = getattr(imagecodecs, decoder)
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    frames = generate_frames(dataset.PixelData, number_of_frames=n_frames)
    words = np.stack([decode(frame) for frame in frames])
    if dataset.PixelRepresentation == 1 and words.dtype.kind == "u":
        words = _sign_extended(words, int(dataset.BitsStored))
    return words


def _sign_extended(words: np.ndarray, bits: int) -> np.ndarray:
    """Two's complement of `bits` bits, widened to the whole word."""
    spare = words.dtype.itemsize * 8 - bits
    signed = np.left_shift(words, spare).view(f"i{words.dtype.itemsize}")
    return np.right_shift(signed, spare)


def _place(dataset) -> dict:
    """Where a DICOM slice belongs; unreadable values count as absent."""

    def numbers(keyword: str, count: int):
        try:
            values = tuple(float(value) for value in dataset.get(keyword) or ())
        except (TypeError, ValueError):
            return None
        return values if len(values) == count else None

    try:
        instance = int(dataset.get("InstanceNumber"))
    except (TypeError, ValueError):
        instance = None
    return {
        "series": str(dataset.get("SeriesInstanceUID", "")),
        "orientation": numbers("ImageOrientationPatient", 6),
        "position": numbers("ImagePositionPatient", 3),
        "instance": instance,
    }
