# SPDX-License-Identifier: Apache-2.0
"""Where things lie in a DICOM file: a walk over the raw bytes that parses no more than it needs.

Read me first:

* Offsets come from here and from nowhere else; the file is never written again from parsed values.
* Only the top level is reported. Sequences of defined length are jumped over, those of undefined
  length are walked without recursion, so Pixel Data of an icon is never taken for the image.
* Byte order and implicit or explicit VR are read off the first element of the data set, not off
  the Transfer Syntax UID, which is missing or wrong in many real files.
* Every position is checked against the end before it is used. A file that contradicts itself
  raises NotThisFormat, never struct.error or IndexError.

Source: DICOM PS3.5 section 7 and annex A, PS3.10 section 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from ..._bytes import FileBytes
from ..formats import NotThisFormat

View = memoryview | FileBytes

UNDEFINED = 0xFFFFFFFF
FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA, PIXEL_DATA = 0x7FE00008, 0x7FE00009, 0x7FE00010

_PREAMBLE_BYTES = 128
_TRANSFER_SYNTAX_UID = 0x00020010
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_TAGS = frozenset((FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA, PIXEL_DATA))
_IMAGE_PIXEL_GROUP = 0x0028
_MAX_VALUE_BYTES = 64  # of an attribute worth keeping; Image Pixel values are far shorter

# Two reserved bytes and a 32-bit length follow these; a 16-bit length follows any other.
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

_TAG = {False: Struct("<HH"), True: Struct(">HH")}
_U16 = {False: Struct("<H"), True: Struct(">H")}
_U32 = {False: Struct("<I"), True: Struct(">I")}


class Encoding(NamedTuple):
    """How the elements of a data set are written."""

    explicit: bool
    big_endian: bool


class Element(NamedTuple):
    """A data element: `start` is the position of its value, `length` may be UNDEFINED."""

    tag: int
    vr: bytes
    start: int
    length: int


class Survey(NamedTuple):
    """What a walk over a data set found.

    `values` holds the raw values of the short attributes of group 0028, `pixels` the first of the
    three kinds of Pixel Data.
    """

    encoding: Encoding
    values: dict[int, bytes]
    pixels: Element


def starts_like_dicom(view: View) -> bool:
    """Tell from the first bytes whether this may be a DICOM file; False is certain for others."""
    if _data_set_start(view) > 0:
        return True
    if len(view) < 8:
        return False
    encoding = _guess_encoding(view, 0)
    group, _ = _TAG[encoding.big_endian].unpack(view[:4])
    if group not in (0x0002, 0x0008):
        return False
    return encoding.explicit or _read_element(view, 0, encoding).length <= len(view) - 8


def read_meta(view: View) -> tuple[str, int]:
    """Walk the File Meta Information, if there is any.

    Parameters
    ----------
    view : memoryview of bytes

    Returns
    -------
    transfer_syntax : str
        Empty when the file does not say.
    stop : int
        Position of the first element that is not of group 0002.

    Raises
    ------
    NotThisFormat
        The file ends inside the File Meta Information.
    """
    position = _data_set_start(view)
    syntax = ""
    encoding = Encoding(explicit=True, big_endian=False)
    while bytes(view[position : position + 2]) == b"\x02\x00":
        element = _read_element(view, position, encoding)
        position = _element_end(view, element, encoding)
        if element.tag == _TRANSFER_SYNTAX_UID:
            syntax = bytes(view[element.start : position]).decode("ascii", "replace").strip("\0 ")
    return syntax, position


def survey_data_set(view: View, start: int) -> Survey:
    """Find the Pixel Data of the top level of a data set and what describes it.

    Parameters
    ----------
    view : memoryview of bytes
    start : int
        Position of the first element after the File Meta Information.

    Returns
    -------
    Survey
        The value of `pixels` lies inside `view`, unless its length is UNDEFINED.

    Raises
    ------
    NotThisFormat
        The elements contradict the length of the file, or there is no Pixel Data.

    Cost
    ----
    One step an element up to Pixel Data; what lies behind it is not looked at.
    """
    encoding = _guess_encoding(view, start)
    values: dict[int, bytes] = {}
    for element in _walk(view, start, encoding):
        if element.tag in _PIXEL_TAGS:
            return Survey(encoding, values, element)
        if element.tag >> 16 == _IMAGE_PIXEL_GROUP and element.length <= _MAX_VALUE_BYTES:
            values[element.tag] = bytes(view[element.start : element.start + element.length])
    raise NotThisFormat("DICOM without Pixel Data")


def _data_set_start(view: View) -> int:
    """Position behind the prefix "DICM", or 0 when it is missing."""
    for prefix in (_PREAMBLE_BYTES, 0):
        if bytes(view[prefix : prefix + 4]) == b"DICM":
            return prefix + 4
    return 0


def _guess_encoding(view: View, start: int) -> Encoding:
    """Read the encoding off the first element: its group number is small, a VR is two letters."""
    if len(view) < start + 8:
        raise NotThisFormat("DICOM without a data set")
    (little,) = _U16[False].unpack(view[start : start + 2])
    (big,) = _U16[True].unpack(view[start : start + 2])
    vr = bytes(view[start + 4 : start + 6])
    return Encoding(explicit=vr in _LONG_VRS or vr in _SHORT_VRS, big_endian=big <= 0xFF < little)


def _read_element(view: View, position: int, encoding: Encoding) -> Element:
    if position + 8 > len(view):
        raise NotThisFormat(f"DICOM: the file ends inside the element at byte {position}")
    group, number = _TAG[encoding.big_endian].unpack(view[position : position + 4])
    tag = group << 16 | number
    vr = bytes(view[position + 4 : position + 6]) if encoding.explicit and group != 0xFFFE else b""
    # Some writers fall back to implicit VR in the middle of a data set: two letters or no VR.
    if not b"AA" <= vr <= b"ZZ":
        (length,) = _U32[encoding.big_endian].unpack(view[position + 4 : position + 8])
        return Element(tag, b"", position + 8, length)
    if vr not in _LONG_VRS:
        (length,) = _U16[encoding.big_endian].unpack(view[position + 6 : position + 8])
        return Element(tag, vr, position + 8, length)
    if position + 12 > len(view):
        raise NotThisFormat(f"DICOM: the file ends inside the element at byte {position}")
    (length,) = _U32[encoding.big_endian].unpack(view[position + 8 : position + 12])
    return Element(tag, vr, position + 12, length)


def _walk(view: View, position: int, encoding: Encoding) -> Iterator[Element]:
    """Yield the elements of the top level; the values of all but an undefined one are inside."""
    while position < len(view):
        element = _read_element(view, position, encoding)
        if element.length == UNDEFINED and element.tag in _PIXEL_TAGS:
            yield element
            return
        position = _element_end(view, element, encoding)
        if element.length != UNDEFINED:
            yield element


def _element_end(view: View, element: Element, encoding: Encoding) -> int:
    if element.length == UNDEFINED:
        return _sequence_end(view, element, encoding)
    end = element.start + element.length
    if end > len(view):
        raise NotThisFormat(
            f"DICOM: ({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}) at byte {element.start} "
            f"has {element.length} bytes, {len(view) - element.start} are left"
        )
    return end


def _sequence_end(view: View, sequence: Element, encoding: Encoding) -> int:
    """Position behind the delimiter of a sequence of undefined length, however deep it nests."""
    # An unknown VR of undefined length holds implicit VR little endian (PS3.5 6.2.2 note 2).
    inner = Encoding(False, False) if sequence.vr == b"UN" else encoding
    awaited = [(_SEQUENCE_END, inner)]
    position = sequence.start
    while awaited:
        delimiter, inner = awaited[-1]
        element = _read_element(view, position, inner)
        position = element.start
        if element.tag in (_ITEM_END, _SEQUENCE_END):
            if element.tag == delimiter:
                awaited.pop()
        elif element.length == UNDEFINED:
            if element.vr == b"UN":
                inner = Encoding(False, False)
            awaited.append((_ITEM_END if element.tag == _ITEM else _SEQUENCE_END, inner))
        else:
            position = _element_end(view, element, inner)
    return position
