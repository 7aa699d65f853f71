# SPDX-License-Identifier: Apache-2.0
"""Transfer syntaxes: which leave Pixel Data native, and what to call the others in a note.

Source: DICOM PS3.6 table A-1.
"""

from __future__ import annotations

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
ENCAPSULATED_NATIVE = "1.2.840.10008.1.2.1.98"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
# Private to GE: implicit VR little endian, but the words of Pixel Data are big endian.
GE_BIG_PIXELS = "1.2.840.113619.5.2"

_STANDARD_ROOT = "1.2.840.10008.1.2."
_NATIVE = frozenset((IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG))

_NAMES = {
    IMPLICIT_LITTLE: "Implicit VR Little Endian",
    EXPLICIT_LITTLE: "Explicit VR Little Endian",
    ENCAPSULATED_NATIVE: "Encapsulated Uncompressed",
    DEFLATED: "Deflated Explicit VR Little Endian",
    EXPLICIT_BIG: "Explicit VR Big Endian",
    _STANDARD_ROOT + "5": "RLE Lossless",
    _STANDARD_ROOT + "8.1": "Deflated Image Frame",
    _STANDARD_ROOT + "4.50": "JPEG Baseline",
    _STANDARD_ROOT + "4.51": "JPEG Extended",
    _STANDARD_ROOT + "4.57": "JPEG Lossless",
    _STANDARD_ROOT + "4.70": "JPEG Lossless SV1",
    _STANDARD_ROOT + "4.80": "JPEG-LS Lossless",
    _STANDARD_ROOT + "4.81": "JPEG-LS Near-lossless",
    _STANDARD_ROOT + "4.90": "JPEG 2000 Lossless",
    _STANDARD_ROOT + "4.91": "JPEG 2000",
    _STANDARD_ROOT + "4.92": "JPEG 2000 Part 2 Lossless",
    _STANDARD_ROOT + "4.93": "JPEG 2000 Part 2",
    _STANDARD_ROOT + "4.100": "MPEG-2 Main Level",
    _STANDARD_ROOT + "4.101": "MPEG-2 High Level",
    _STANDARD_ROOT + "4.102": "H.264 High Profile",
    _STANDARD_ROOT + "4.103": "H.264 BD-compatible",
    _STANDARD_ROOT + "4.107": "HEVC Main",
    _STANDARD_ROOT + "4.108": "HEVC Main 10",
    _STANDARD_ROOT + "4.110": "JPEG XL Lossless",
    _STANDARD_ROOT + "4.111": "JPEG XL JPEG Recompression",
    _STANDARD_ROOT + "4.112": "JPEG XL",
    _STANDARD_ROOT + "4.201": "HTJ2K Lossless",
    _STANDARD_ROOT + "4.202": "HTJ2K Lossless RPCL",
    _STANDARD_ROOT + "4.203": "HTJ2K",
}


def is_compressed(syntax: str) -> bool:
    """Tell whether the standard says that Pixel Data of this syntax is not native.

    A private syntax, or none, says nothing: then the form of Pixel Data decides.
    """
    return syntax.startswith(_STANDARD_ROOT) and syntax not in _NATIVE


def samples_are_big_endian(syntax: str, data_set_big_endian: bool) -> bool:
    """Tell the byte order of the words of Pixel Data."""
    return data_set_big_endian or syntax == GE_BIG_PIXELS


def syntax_name(syntax: str) -> str:
    """Name a transfer syntax for people; its UID when it has no name here."""
    return _NAMES.get(syntax, syntax or "transfer syntax not given")
