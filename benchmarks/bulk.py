# SPDX-License-Identifier: Apache-2.0
"""Files of any size, written frame by frame: a noisy phantom that changes from slice to slice."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROWS = COLS = 512
FRAME_BYTES = 2 * ROWS * COLS
N_NOISES, SHIFTS = 16, 128  # frames of noise, of which each slice sees another part
SIGMA = 9.0


def write_bulk(path: Path, format: str, n_bytes: int) -> None:
    """Write a file of about `n_bytes`, the same each time.

    Parameters
    ----------
    path : Path
    format : str
        One of FORMATS.
    n_bytes : int
        At least one frame of 512 KiB is written.
    """
    n_frames = max(1, n_bytes // FRAME_BYTES)
    with path.open("wb") as file:
        file.write(FORMATS[format](n_frames))
        for frame in phantom(n_frames):
            file.write(frame.tobytes())


def phantom(n_frames: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Slices through ellipsoids in a body in air, in noise.

    Yields
    ------
    (512, 512) uint16, values of about 0 to 2000
    """
    rng = np.random.default_rng(seed)
    x = np.linspace(-1, 1, COLS, dtype=np.float32)
    y = np.linspace(-1, 1, ROWS, dtype=np.float32)[:, None]
    drawn = rng.normal(0, SIGMA, (N_NOISES, ROWS + SHIFTS, COLS + SHIFTS))
    noises = np.rint(drawn).astype(np.int16)
    body = np.where((x / 0.9) ** 2 + (y / 0.7) ** 2 < 1, 1024, 24).astype(np.int16)
    organs = rng.uniform([-0.5, -0.4, 0.1, -60], [0.5, 0.4, 0.3, 150], (6, 4))
    from_centres = [
        np.hypot(x - np.float32(at_x), y - np.float32(at_y)) for at_x, at_y, *_ in organs
    ]
    for number in range(n_frames):
        image = body.copy()
        for i, (distance, organ) in enumerate(zip(from_centres, organs, strict=True)):
            radius = organ[2] * (1.2 + np.sin(number / 40 + i))
            image[distance < radius] += np.int16(organ[3])
        row, col = rng.integers(0, SHIFTS, 2)
        image += noises[number % N_NOISES, row : row + ROWS, col : col + COLS]
        yield np.clip(image, 0, 4095).astype("<u2")


def _npy_header(n_frames: int) -> bytes:
    text = f"{{'descr': '<u2', 'fortran_order': False, 'shape': ({n_frames}, {ROWS}, {COLS}), }}"
    padded = text + " " * (-(10 + len(text) + 1) % 64) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(padded)) + padded.encode()


def _nifti_header(n_frames: int) -> bytes:
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, COLS, ROWS, n_frames, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 512, 16)  # uint16
    struct.pack_into("<8f", header, 76, 1, 0.7, 0.7, 1.5, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    header[344:348] = b"n+1\0"
    return bytes(header)


def _dicom_header(n_frames: int) -> bytes:
    """All of a multi-frame file in explicit little endian up to the samples."""
    if n_frames * FRAME_BYTES >= 1 << 32:
        raise ValueError(f"{n_frames} frames: Pixel Data has less than 4 GiB")
    multi_frame = b"1.2.840.10008.5.1.4.1.1.7.3\0"  # grayscale word secondary capture
    meta = _element(0x00020001, b"OB", b"\0\1") + _element(0x00020002, b"UI", multi_frame)
    meta += _element(0x00020003, b"UI", b"1.2.3.4\0")
    meta += _element(0x00020010, b"UI", b"1.2.840.10008.1.2.1\0")
    start = _element(0x00020000, b"UL", struct.pack("<I", len(meta))) + meta
    body = _element(0x00080016, b"UI", multi_frame) + _element(0x00080018, b"UI", b"1.2.3.4\0")
    body += _element(0x00280002, b"US", struct.pack("<H", 1))
    body += _element(0x00280004, b"CS", b"MONOCHROME2 ")
    body += _element(0x00280008, b"IS", f"{n_frames:<6}".encode())
    for tag, number in (
        (0x10, ROWS),
        (0x11, COLS),
        (0x100, 16),
        (0x101, 12),
        (0x102, 11),
        (0x103, 0),
    ):
        body += _element(0x00280000 + tag, b"US", struct.pack("<H", number))
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, n_frames * FRAME_BYTES)
    return bytes(128) + b"DICM" + start + body + pixels


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    size = struct.pack("<HI", 0, len(value)) if vr == b"OB" else struct.pack("<H", len(value))
    return head + size + value


FORMATS = {"dcm": _dicom_header, "nii": _nifti_header, "npy": _npy_header}
