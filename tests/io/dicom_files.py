# SPDX-License-Identifier: Apache-2.0
"""Small DICOM files, written byte by byte so that they may also be wrong."""

import struct
from dataclasses import dataclass

import numpy as np

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
LONG_VRS = ("OB", "OW", "OF", "OD", "SQ", "UN", "UT")
UNDEFINED = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True)
class Writer:
    """Writes elements in one encoding."""

    explicit: bool = True
    big: bool = False

    @property
    def order(self):
        return ">" if self.big else "<"

    @property
    def syntax(self):
        if self.explicit:
            return "1.2.840.10008.1.2.2" if self.big else EXPLICIT_LITTLE
        return "1.2.840.10008.1.2"

    def tag(self, tag, length):
        return struct.pack(self.order + "HHI", tag >> 16, tag & 0xFFFF, length)

    def element(self, tag, vr, value, length=None):
        if length is None:
            length = len(value)
        if not self.explicit:
            return self.tag(tag, length) + value
        head = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF) + vr.encode()
        if vr in LONG_VRS:
            return head + struct.pack(self.order + "HI", 0, length) + value
        return head + struct.pack(self.order + "H", length) + value

    def u16(self, tag, *numbers):
        return self.element(tag, "US", struct.pack(f"{self.order}{len(numbers)}H", *numbers))

    def text(self, tag, vr, text):
        return self.element(tag, vr, text.encode() + b" " * (len(text) % 2))

    def sequence(self, tag, *items, defined=True, vr="SQ"):
        if defined:
            body = b"".join(self.tag(0xFFFEE000, len(item)) + item for item in items)
            return self.element(tag, vr, body)
        body = b"".join(
            self.tag(0xFFFEE000, UNDEFINED) + item + self.tag(0xFFFEE00D, 0) for item in items
        )
        return self.element(tag, vr, body + self.tag(0xFFFEE0DD, 0), UNDEFINED)

    def image_module(self, rows, cols, allocated, *, samples=1, **others):
        """Group 0028; others: photometric, planar, frames, stored, signed."""
        parts = [self.u16(0x00280002, samples)]
        parts.append(self.text(0x00280004, "CS", others.get("photometric", "MONOCHROME2")))
        if samples > 1:
            parts.append(self.u16(0x00280006, others.get("planar", 0)))
        if "frames" in others:
            parts.append(self.text(0x00280008, "IS", str(others["frames"])))
        parts += [self.u16(0x00280010, rows), self.u16(0x00280011, cols)]
        parts.append(self.u16(0x00280100, allocated))
        parts.append(self.u16(0x00280101, others.get("stored", allocated)))
        parts.append(self.u16(0x00280103, int(others.get("signed", False))))
        return b"".join(parts)

    def pixels(self, value, *, vr="OW", tag=PIXEL_DATA, length=None):
        return self.element(tag, vr, value, length)

    def first(self):
        return self.text(0x00080005, "CS", "ISO_IR 100")


def meta(syntax):
    """Preamble, prefix and File Meta Information."""
    writer = Writer()
    uid = syntax.encode() + b"\0" * (len(syntax) % 2)
    body = writer.element(0x00020001, "OB", b"\0\1") + writer.element(0x00020010, "UI", uid)
    length = writer.element(0x00020000, "UL", struct.pack("<I", len(body)))
    return bytes(128) + b"DICM" + length + body


def small_file(writer=None, *, extra=b"", tail=b"", rows=3, cols=5):
    """A complete file with int16 samples, `extra` elements before the image, `tail` behind it."""
    writer = writer or Writer()
    array = np.arange(-7, rows * cols - 7, dtype=writer.order + "i2").reshape(rows, cols)
    data_set = writer.first() + extra + writer.image_module(rows, cols, 16, stored=12, signed=True)
    return meta(writer.syntax) + data_set + writer.pixels(array.tobytes()) + tail, array
