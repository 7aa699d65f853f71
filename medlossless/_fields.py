# SPDX-License-Identifier: Apache-2.0
"""The small fields that sections are made of: integers, counted text, and a checked cursor.

An integer is written as a varint, LEB128: seven bits a byte, the lowest first; every byte but the
last has its top bit set. The last byte of a varint longer than one byte is not zero, so each
number has one spelling. A counted text is UTF-8 behind its length in bytes.
"""

from __future__ import annotations

from .errors import CorruptStream, InvalidInput, Truncated

MAX_VARINT_BYTES = 10  # 70 bits: any distance between two 64-bit integers fits
HIGHEST_BY_DEFAULT = 2**63 - 1
MAX_TEXT_BYTES = 65536


def varint(value: int) -> bytes:
    """Spell one integer, 0 <= value < 2^70."""
    spelled = bytearray()
    while value > 0x7F:
        spelled.append(value & 0x7F | 0x80)
        value >>= 7
    spelled.append(value)
    return bytes(spelled)


def text(value: str) -> bytes:
    """Spell a text of at most MAX_TEXT_BYTES bytes."""
    encoded = value.encode()
    if len(encoded) > MAX_TEXT_BYTES:
        raise InvalidInput(f"text: {len(encoded)} bytes, at most {MAX_TEXT_BYTES} can be written")
    return varint(len(encoded)) + encoded


class Fields:
    """A cursor over untrusted bytes; every read is checked and every error says where and what.

    Parameters
    ----------
    data : bytes-like
    name : str
        What error texts call these bytes.
    """

    def __init__(self, data: bytes | bytearray | memoryview, name: str) -> None:
        self.data = memoryview(data)
        self.name = name
        self.at = 0
        self._end = len(self.data)

    @property
    def left(self) -> int:
        """Number of bytes not yet read."""
        return self._end - self.at

    def corrupt(self, found: str) -> CorruptStream:
        """Make the error that says what was found before the cursor."""
        return CorruptStream(f"{self.name}, before byte {self.at}: {found}")

    def take(self, size: int, what: str) -> memoryview:
        """The next `size` bytes."""
        start, end = self.at, self.at + size
        if end > self._end:
            raise Truncated(
                f"{self.name}, byte {start}: {what} needs {size} bytes, {self.left} left"
            )
        self.at = end
        return self.data[start:end]

    def rest(self) -> memoryview:
        """All bytes that are left."""
        return self.take(self.left, "the rest")

    def number(self, size: int, what: str) -> int:
        """The next `size` bytes as a little-endian unsigned integer."""
        return int.from_bytes(self.take(size, what), "little")

    def varint(self, what: str, highest: int = HIGHEST_BY_DEFAULT, lowest: int = 0) -> int:
        """The next varint, which must be `lowest` to `highest`."""
        if self.at < self._end and self.data[self.at] < 0x80:  # one byte, as most are
            value = self.data[self.at]
            self.at += 1
        else:
            value = self._long_varint(what)
        if not lowest <= value <= highest:
            raise self.corrupt(f"{what} is {value}, expected {lowest} to {highest}")
        return value

    def _long_varint(self, what: str) -> int:
        value = 0
        for shift in range(0, 7 * MAX_VARINT_BYTES, 7):
            byte = self.take(1, what)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
        else:
            raise self.corrupt(f"{what} is longer than {MAX_VARINT_BYTES} bytes")
        if byte == 0 and shift > 0:
            raise self.corrupt(f"{what} is not in its shortest form")
        return value

    def text(self, what: str, highest: int = MAX_TEXT_BYTES) -> str:
        """The next counted text, of at most `highest` bytes."""
        raw = bytes(self.take(self.varint(f"length of {what}", highest), what))
        try:
            return raw.decode()
        except UnicodeDecodeError as cause:
            raise self.corrupt(f"{what} is not UTF-8 ({cause})") from cause

    def end(self) -> None:
        """Nothing may be left."""
        if self.left:
            raise self.corrupt(f"{self.left} bytes left, expected none")
