# SPDX-License-Identifier: Apache-2.0
"""The value of Pixel Data <-> an array: which words, in which order, and what is left over.

Two steps, each with its inverse. *Words*: the bytes become a flat array of samples. A sample is
the whole word of Bits Allocated bits in the byte order of the file, whatever Bits Stored says, so
overlays and padding in the high bits survive. One bit becomes bool and 12 bits a 16-bit integer,
both lowest bit first. When `swapped`, the bytes of every 16-bit word are exchanged before: in big
endian files OW holds 1, 8 and 12 bits that way, and neighbours would not be neighbours.
*Order*: the flat array becomes (frames, rows, cols, samples).

=========== ================================ ===================================================
arrangement order in the file                array
=========== ================================ ===================================================
INTERLEAVED frame, row, col, sample          (frames, rows, cols, samples)
PLANAR      frame, sample, row, col          (frames, rows, cols, samples), a transposed view
SUBSAMPLED  frame, row, then Y Y Cb Cr       (frames, 2 * rows, cols): all Y above, below them Cb
            for every two columns            in the left half of the columns and Cr in the right
=========== ================================ ===================================================

The axis of frames is dropped when there is one frame, the axis of samples when there is one
sample. Bits of the range that belong to no sample (the end of the last byte or word) are `spare`.

Source: DICOM PS3.3 C.7.6.3, PS3.5 section 8 and annex D.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Literal

import numpy as np

from ...errors import CorruptStream
from ..formats import NotThisFormat, words_to_bytes
from .elements import DOUBLE_PIXEL_DATA, FLOAT_PIXEL_DATA, Survey

INTERLEAVED, PLANAR, SUBSAMPLED = 0, 1, 2

# The place in this list is the number in the layout record: append only.
DTYPES = (
    "|b1", "|u1", "|i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f4", "<f8",
    ">u2", ">i2", ">u4", ">i4", ">u8", ">i8", ">f4", ">f8",
)  # fmt: skip

_SAMPLES, _PHOTOMETRIC, _PLANAR = 0x00280002, 0x00280004, 0x00280006
_FRAMES, _ROWS, _COLS = 0x00280008, 0x00280010, 0x00280011
_ALLOCATED, _STORED, _REPRESENTATION = 0x00280100, 0x00280101, 0x00280103
_SUBSAMPLED_PHOTOMETRICS = ("YBR_FULL_422", "YBR_PARTIAL_422")
_WORD_BITS = (1, 8, 12, 16, 32, 64)


@dataclass(frozen=True)
class Layout:
    """How the samples lie in a range of bytes; the fields are the layout record in this order.

    `width` is Bits Allocated, `dtype` an index into DTYPES.
    """

    dtype: int
    width: int
    swapped: bool
    arrangement: int
    frames: int
    rows: int
    cols: int
    samples: int

    @property
    def n_samples(self) -> int:
        """How many samples the range holds, subsampled chroma counted as stored."""
        return self.frames * self.rows * self.cols * self.samples

    @property
    def n_bytes(self) -> int:
        """Length of the range, bits to spare included."""
        n_bytes = (self.n_samples * self.width + 7) // 8
        return n_bytes + (n_bytes & 1 if self.swapped else 0)

    @property
    def has_whole_frames(self) -> bool:
        """Whether there are several frames, each of which has bytes of its own."""
        frame_bits = self.rows * self.cols * self.samples * self.width
        return self.frames > 1 and not self.swapped and frame_bits % 8 == 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        frames = () if self.frames == 1 else (self.frames,)
        if self.arrangement == SUBSAMPLED:
            return (*frames, 2 * self.rows, self.cols)
        samples = () if self.samples == 1 else (self.samples,)
        return (*frames, self.rows, self.cols, *samples)

    @property
    def axes(self) -> str:
        """Axes of the array, as in Image."""
        colour = self.samples > 1 and self.arrangement != SUBSAMPLED
        return ("Z" if self.frames > 1 else "") + "YX" + ("S" if colour else "")

    def record(self) -> tuple[int, ...]:
        """Return the numbers of the layout record."""
        return tuple(int(number) for number in astuple(self))

    @classmethod
    def from_record(cls, numbers: list[int]) -> Layout:
        """Read a layout record, trusting nothing in it; CorruptStream when no file has it."""
        dtype, width, swapped, arrangement, frames, rows, cols, samples = numbers
        if not (
            dtype < len(DTYPES)
            and swapped <= 1
            and _dtype_width(dtype) in ((width,) if width != 12 else (16,))
            and 0 not in (frames, rows, cols, samples)
            and arrangement in (INTERLEAVED, PLANAR, SUBSAMPLED)
            and (arrangement != SUBSAMPLED or (samples == 2 and cols % 2 == 0))
        ):
            raise CorruptStream(f"DICOM shell: impossible layout {numbers}")
        return cls(dtype, width, bool(swapped), arrangement, frames, rows, cols, samples)


def read_layout(survey: Survey, *, big_endian: bool) -> tuple[Layout, int | None]:
    """Conclude from the attributes and the length of Pixel Data how the samples lie.

    The bytes decide: every frame they hold counts, and a first frame that is incomplete is cut
    to its complete rows. Number of Frames is believed only where padding could pass for a frame.

    Parameters
    ----------
    survey : Survey
        Its Pixel Data has a defined length.
    big_endian : bool
        Of the samples; not always that of the data set.

    Returns
    -------
    layout : Layout
        ``layout.n_bytes`` is at most the length of Pixel Data.
    bits : int or None
        Bits Stored.

    Raises
    ------
    NotThisFormat
        An attribute is missing, or its combination with others has no samples.
    """
    values = _Values(survey)
    n_bytes = survey.pixels.length
    rows, cols = values.number(_ROWS, "Rows"), values.number(_COLS, "Columns")
    samples = values.number(_SAMPLES, "Samples per Pixel", 1)
    if 0 in (rows, cols, samples):
        raise NotThisFormat(f"DICOM: {rows} rows, {cols} columns, {samples} samples per pixel")
    width, dtype = _word(survey.pixels.tag, values, big_endian)
    declared = max(1, values.count(_FRAMES))
    full_bytes = declared * rows * cols * samples * width // 8
    arrangement = _arrangement(values, samples, cols, is_short=n_bytes < full_bytes)
    if arrangement == SUBSAMPLED:
        samples = 2  # as many samples as columns of luma, and as many again of chroma
    frames = _frames_that_fit(8 * n_bytes, rows * cols * samples * width, declared)
    if frames == 0 and arrangement != PLANAR:
        frames, rows = 1, 8 * n_bytes // (cols * samples * width)
    if frames * rows == 0:
        raise NotThisFormat(f"DICOM: {n_bytes} bytes of Pixel Data hold no complete row or plane")
    swapped = big_endian and survey.pixels.vr == b"OW" and width in (1, 8, 12)
    layout = Layout(DTYPES.index(dtype), width, swapped, arrangement, frames, rows, cols, samples)
    if layout.n_bytes > n_bytes:
        raise NotThisFormat(f"DICOM: 16-bit words in {n_bytes} bytes of Pixel Data")
    bits = values.number(_STORED, "Bits Stored", 0)
    return layout, bits if 1 <= bits <= width else None


def unpack_samples(data: memoryview, layout: Layout) -> tuple[np.ndarray, int]:
    """Turn the bytes of Pixel Data into an array.

    Parameters
    ----------
    data : memoryview of layout.n_bytes bytes
    layout : Layout

    Returns
    -------
    array : ndarray of layout.shape
        A view of `data` unless samples are swapped, subsampled or narrower than their dtype.
    spare : int
        The bits of `data` that belong to no sample, lowest first.
    """
    if layout.swapped:
        data = _swap_pairs(data)
    end, n_bits = divmod(layout.n_samples * layout.width, 8)
    spare = int.from_bytes(data[end:], "little") >> n_bits
    return _arrange(_unpack_words(data, layout), layout), spare


def pack_samples(array: np.ndarray, layout: Layout, spare: int) -> memoryview:
    """Undo `unpack_samples`.

    Parameters
    ----------
    array : ndarray of layout.shape and of the dtype in the layout, any byte order
        The caller has checked both.
    layout : Layout
    spare : int

    Returns
    -------
    memoryview of layout.n_bytes bytes

    Raises
    ------
    OverflowError
        A sample does not fit its width, or `spare` is larger than the place for it.
    """
    data = _pack_words(_flatten(array, layout), layout)
    n_bits = layout.n_samples * layout.width % 8
    if spare or layout.n_bytes != len(data):
        whole = int(n_bits > 0)
        last = int.from_bytes(data[len(data) - whole :], "little") | spare << n_bits
        tail = last.to_bytes(layout.n_bytes - len(data) + whole, "little")
        data = memoryview(b"".join([data[: len(data) - whole], tail]))
    if layout.swapped:
        data = _swap_pairs(data)
    return data


class _Values:
    """Attributes of a survey as numbers and text; a missing one and an empty one are the same."""

    def __init__(self, survey: Survey) -> None:
        self._raw = survey.values
        self._order: Literal["big", "little"] = "big" if survey.encoding.big_endian else "little"

    def number(self, tag: int, name: str, default: int | None = None) -> int:
        raw = self._raw.get(tag, b"")[:2]
        if len(raw) == 2:
            return int.from_bytes(raw, self._order)
        if default is None:
            raise NotThisFormat(f"DICOM: {name} is missing")
        return default

    def text(self, tag: int) -> str:
        return self._raw.get(tag, b"").decode("ascii", "replace").strip("\0 ")

    def count(self, tag: int) -> int:
        text = self.text(tag)
        return int(text) if text.isascii() and text.isdigit() else 0


def _word(tag: int, values: _Values, big_endian: bool) -> tuple[int, str]:
    """Width of a sample in bits and the dtype that holds it."""
    if tag in (FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA):
        width, kind = (32 if tag == FLOAT_PIXEL_DATA else 64), "f"
    else:
        width = values.number(_ALLOCATED, "Bits Allocated")
        kind = "i" if values.number(_REPRESENTATION, "Pixel Representation", 0) == 1 else "u"
    if width not in _WORD_BITS:
        raise NotThisFormat(f"DICOM: {width} bits allocated")
    if width == 1:
        return width, "|b1"
    n_bytes = 2 if width == 12 else width // 8
    order = "|" if n_bytes == 1 else ">" if big_endian and width != 12 else "<"
    return width, f"{order}{kind}{n_bytes}"


def _arrangement(values: _Values, samples: int, cols: int, *, is_short: bool) -> int:
    subsampled = samples == 3 and values.text(_PHOTOMETRIC) in _SUBSAMPLED_PHOTOMETRICS
    if subsampled and is_short:  # with three whole samples a pixel it is not subsampled in fact
        if cols % 2:
            raise NotThisFormat(f"DICOM: subsampled colour with {cols} columns, an odd number")
        return SUBSAMPLED
    if samples > 1 and values.number(_PLANAR, "Planar Configuration", 0) == 1:
        return PLANAR
    return INTERLEAVED


def _frames_that_fit(n_bits: int, frame_bits: int, declared: int) -> int:
    frames = n_bits // frame_bits
    if 0 < (frames - declared) * frame_bits < 16:
        return declared
    return frames


def _dtype_width(dtype: int) -> int:
    return 1 if DTYPES[dtype] == "|b1" else 8 * np.dtype(DTYPES[dtype]).itemsize


def _swap_pairs(data: memoryview) -> memoryview:
    return np.frombuffer(data, np.uint16).byteswap().view(np.uint8).data


def _unpack_words(data: memoryview, layout: Layout) -> np.ndarray:
    count = layout.n_samples
    if layout.width == 1:
        bits = np.unpackbits(np.frombuffer(data, np.uint8), count=count, bitorder="little")
        return bits.view(np.bool_)
    if layout.width == 12:
        words = _unpack_12(np.frombuffer(data, np.uint8), count)
        if DTYPES[layout.dtype] == "<i2":
            words = (words.view(np.int16) ^ np.int16(0x800)) - np.int16(0x800)
        return words
    return np.frombuffer(data, DTYPES[layout.dtype], count)


def _pack_words(flat: np.ndarray, layout: Layout) -> memoryview:
    if layout.width == 1:
        return np.packbits(flat, bitorder="little").data
    if layout.width == 12:
        low, high = (-0x800, 0x7FF) if DTYPES[layout.dtype] == "<i2" else (0, 0xFFF)
        if flat.min() < low or flat.max() > high:
            raise OverflowError(f"samples {flat.min()} .. {flat.max()}, {low} .. {high} fit")
        return _pack_12(flat.astype(np.uint16) & 0xFFF)
    return words_to_bytes(flat, flat.shape, np.dtype(DTYPES[layout.dtype]))


def _unpack_12(data: np.ndarray, count: int) -> np.ndarray:
    """Three bytes hold two samples, the lowest bits first."""
    triples = np.zeros(((count + 1) // 2, 3), np.uint16)
    n_bytes = (count * 12 + 7) // 8
    triples.reshape(-1)[:n_bytes] = data[:n_bytes]
    words = np.empty((len(triples), 2), np.uint16)
    words[:, 0] = triples[:, 0] | (triples[:, 1] & 0x0F) << 8
    words[:, 1] = triples[:, 1] >> 4 | triples[:, 2] << 4
    return words.reshape(-1)[:count]


def _pack_12(words: np.ndarray) -> memoryview:
    pairs = np.zeros(((len(words) + 1) // 2, 2), np.uint16)
    pairs.reshape(-1)[: len(words)] = words
    triples = np.empty((len(pairs), 3), np.uint8)
    triples[:, 0] = pairs[:, 0] & 0xFF
    triples[:, 1] = pairs[:, 0] >> 8 | (pairs[:, 1] & 0x0F) << 4
    triples[:, 2] = pairs[:, 1] >> 4
    return triples.reshape(-1)[: (len(words) * 12 + 7) // 8].data


def _arrange(flat: np.ndarray, layout: Layout) -> np.ndarray:
    frames, rows, cols, samples = layout.frames, layout.rows, layout.cols, layout.samples
    if layout.arrangement == PLANAR:
        array = flat.reshape(frames, samples, rows, cols).transpose(0, 2, 3, 1)
    elif layout.arrangement == SUBSAMPLED:
        groups = flat.reshape(frames, rows, cols // 2, 4)
        luma = groups[..., :2].reshape(frames, rows, cols)
        chroma = np.concatenate((groups[..., 2], groups[..., 3]), axis=2)
        array = np.concatenate((luma, chroma), axis=1)
    else:
        array = flat
    return array.reshape(layout.shape)


def _flatten(array: np.ndarray, layout: Layout) -> np.ndarray:
    frames, rows, cols, samples = layout.frames, layout.rows, layout.cols, layout.samples
    if layout.arrangement == PLANAR:
        array = array.reshape(frames, rows, cols, samples).transpose(0, 3, 1, 2)
    elif layout.arrangement == SUBSAMPLED:
        stack = array.reshape(frames, 2 * rows, cols)
        groups = np.empty((frames, rows, cols // 2, 4), array.dtype)
        groups[..., :2] = stack[:, :rows].reshape(frames, rows, cols // 2, 2)
        groups[..., 2] = stack[:, rows:, : cols // 2]
        groups[..., 3] = stack[:, rows:, cols // 2 :]
        array = groups
    return np.ascontiguousarray(array).reshape(-1)
