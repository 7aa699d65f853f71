# SPDX-License-Identifier: Apache-2.0
"""Compress and restore the DICOM images that pydicom ships; compare digests and sizes.

Ends with status 1 if any file does not come back byte for byte. With imagecodecs installed
(``pip install imagecodecs``) a column for JPEG-LS appears.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from rich.console import Console
from rich.table import Table

import medlossless

try:
    import imagecodecs
except ImportError:
    imagecodecs = None

IMAGES = {
    "CT_small.dcm": "CT 128 x 128, 16 bits",
    "MR_small.dcm": "MR 64 x 64, 16 bits",
    "examples_overlay.dcm": "MR 300 x 484, overlay",
    "US1_UNCR.dcm": "US 480 x 640, RGB",
    "examples_rgb_color.dcm": "US 240 x 320, RGB",
    "examples_palette.dcm": "US 350 x 800, palette",
    "ExplVR_BigEnd.dcm": "US 60 x 80, big endian",
    "liver_1frame.dcm": "SEG 512 x 512, 1 bit",
    "rtdose.dcm": "RTDOSE 15 x 10 x 10",
    "image_dfl.dcm": "OT 512 x 512, deflated",
}
"""Native (not encapsulated) images; a release of pydicom may lack some."""

LEAST_IMAGES = 3
PIPE_COLUMNS = 110
WIDE_COLUMNS = 100
"""Narrower terminals do without the column that says what each image is."""


@dataclass(frozen=True)
class Row:
    """Sizes in bytes of one file in each form; `jpegls` is None where it does not apply."""

    name: str
    about: str
    original: int
    zlib: int
    jpegls: int | None
    stream: int
    restored: bool


def main() -> int:
    """Run the demonstration and return the exit status."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    paths = [folder / name for name in IMAGES if (folder / name).is_file()]
    if len(paths) < LEAST_IMAGES:
        print(f"demo: {len(paths)} images in {folder}, expected {LEAST_IMAGES}", file=sys.stderr)
        return 1
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        rows = [measure(path, Path(work)) for path in paths]
    draw(rows, time.perf_counter() - started)
    return 0 if all(row.restored for row in rows) else 1


def measure(path: Path, work: Path) -> Row:
    """Send one file through its stream and back."""
    stream, restored = work / f"{path.name}.mls", work / path.name
    medlossless.compress(path, stream)
    medlossless.decompress(stream, restored)
    content = path.read_bytes()
    equal = digest(content) == digest(restored.read_bytes())
    return Row(
        name=path.name,
        about=IMAGES[path.name],
        original=len(content),
        zlib=len(zlib.compress(content, 9)),
        jpegls=measure_jpegls(path),
        stream=stream.stat().st_size,
        restored=equal,
    )


def digest(content: bytes) -> str:
    """The sha256 of a file's content."""
    return hashlib.sha256(content).hexdigest()


def measure_jpegls(path: Path) -> int | None:
    """Bytes of the file with its raw samples replaced by JPEG-LS, one image a frame.

    None without imagecodecs, and for samples that JPEG-LS does not take.
    """
    if imagecodecs is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
    samples = read_samples(dataset)
    if samples is None:
        return None
    coded_bytes = 0
    for frame in samples:
        coded = imagecodecs.jpegls_encode(frame)
        if not np.array_equal(imagecodecs.jpegls_decode(coded), frame):
            raise RuntimeError(f"{path.name}: JPEG-LS did not restore its samples")
        coded_bytes += len(coded)
    return path.stat().st_size - len(dataset.PixelData) + coded_bytes


def read_samples(dataset: pydicom.Dataset) -> np.ndarray | None:
    """The raw words of a native image as unsigned (frames, rows, cols[, samples]), or None."""
    syntax = dataset.file_meta.TransferSyntaxUID
    n_samples = dataset.SamplesPerPixel
    planar = n_samples > 1 and dataset.PlanarConfiguration == 1
    if dataset.BitsAllocated not in (8, 16) or syntax.is_deflated or planar:
        return None
    order = "<" if syntax.is_little_endian else ">"
    shape = (int(dataset.get("NumberOfFrames", 1)), dataset.Rows, dataset.Columns)
    words = np.frombuffer(dataset.PixelData, f"{order}u{dataset.BitsAllocated // 8}")
    samples = words[: int(np.prod(shape)) * n_samples]
    samples = samples.reshape(shape if n_samples == 1 else (*shape, n_samples))
    return np.ascontiguousarray(samples, samples.dtype.newbyteorder("="))


def draw(rows: list[Row], seconds: float) -> None:
    """Print the table and the verdict."""
    console = Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS)
    table = Table(box=None, pad_edge=False)
    table.add_column("file", no_wrap=True)
    if console.width >= WIDE_COLUMNS:
        table.add_column("image", no_wrap=True)
    for heading in ("bytes", "zlib -9", "JPEG-LS", "medlossless", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("sha256", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            *([row.about] if console.width >= WIDE_COLUMNS else []),
            str(row.original),
            str(row.zlib),
            "-" if row.jpegls is None else str(row.jpegls),
            str(row.stream),
            f"{row.original / row.stream:.2f}x",
            "equal" if row.restored else "DIFFERENT",
        )
    console.print(table)
    n_restored = sum(row.restored for row in rows)
    print(f"restored {n_restored} of {len(rows)} files byte for byte in {seconds:.1f} s")
    if imagecodecs is None:
        print("JPEG-LS is measured when imagecodecs is installed: make demo WITH_BENCH=1")


if __name__ == "__main__":
    sys.exit(main())
