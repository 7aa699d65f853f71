# SPDX-License-Identifier: Apache-2.0
"""The entropy coder, defined, part 2: one stream of each coder, written and read."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import CorruptStream, Truncated
from .prior import SCALE, SCALE_BITS
from .reference_model import RUN_CLASSES, RUN_PARTS_LOG2, Model, Table, extra_bits, join, split

RANS_LOW = 1 << 16


class RansEncoder:
    """One stream of the rANS coder: steps are kept, then encoded last first.

    Source: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540, range variant.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.steps: list[tuple[int, int]] = []

    def encode(self, context: int, symbol: int) -> None:
        token, raw, n_raw = split(symbol, self.model.shift[context])
        table = self.model.tables[context]
        self.steps.append((table.freq[token], table.cum[token]))
        self.steps.append((SCALE >> n_raw, raw << (SCALE_BITS - n_raw)))

    def encode_flag(self, freq: int, flag: int) -> None:
        self.steps.append(flag_step(freq, flag))

    def end_band(self) -> None:
        """Nothing of a stream ends with a band."""

    def finish(self) -> bytes:
        """The stream of all steps."""
        return rans_stream(self.steps)


def flag_step(freq: int, flag: int) -> tuple[int, int]:
    """(freq, cum) of a flag of hit mode: 1 has the first freq slots, 0 the others."""
    return (freq, 0) if flag else (SCALE - freq, freq)


def rans_stream(steps: list[tuple[int, int]]) -> bytes:
    """Steps (freq, cum) as a stream: the last state as 32 bits, then words of 16, little endian."""
    x, words = RANS_LOW, []
    for freq, cum in reversed(steps):
        if x >= freq << 17:
            words.append(x & 0xFFFF)
            x >>= 16
        x = ((x // freq) << SCALE_BITS) + x % freq + cum
    return x.to_bytes(4, "little") + b"".join(w.to_bytes(2, "little") for w in reversed(words))


class RansDecoder:
    """Reads one stream of the rANS coder."""

    def __init__(self, model: Model, data: bytes) -> None:
        self.model = model
        self.data = data
        self.at = 0
        self.state = self._read(4)
        if self.state < RANS_LOW:
            raise CorruptStream(f"rANS state {self.state} below {RANS_LOW}")

    def decode(self, context: int) -> int:
        table = self.model.tables[context]
        token = table.find(self.state & (SCALE - 1))
        self._step(table.freq[token], table.cum[token])
        shift = self.model.shift[context]
        n_raw = extra_bits(token) + shift
        raw = (self.state & (SCALE - 1)) >> (SCALE_BITS - n_raw)
        self._step(SCALE >> n_raw, raw << (SCALE_BITS - n_raw))
        self.model.count[context][token] += 1
        return join(token, raw, shift)

    def decode_flag(self, freq: int) -> int:
        flag = int(self.state & (SCALE - 1) < freq)
        if flag:
            self._step(freq, 0)
        else:
            self._step(SCALE - freq, freq)
        return flag

    def decode_one_of(self, freqs: list[int]) -> int:
        """The number of one of several frequencies of sum SCALE."""
        slot, number, cum = self.state & (SCALE - 1), 0, 0
        while cum + freqs[number] <= slot:
            cum, number = cum + freqs[number], number + 1
        self._step(freqs[number], cum)
        return number

    def end_band(self) -> None:
        """Nothing of a stream ends with a band."""

    def finish(self) -> None:
        left = len(self.data) - self.at
        if self.state != RANS_LOW or left:
            raise CorruptStream(
                f"rANS stream: state {self.state} and {left} bytes left, "
                f"expected {RANS_LOW} and none"
            )

    def _step(self, freq: int, cum: int) -> None:
        slot = self.state & (SCALE - 1)
        self.state = freq * (self.state >> SCALE_BITS) + slot - cum
        if self.state < RANS_LOW:
            self.state = self.state << 16 | self._read(2)

    def _read(self, n_bytes: int) -> int:
        if len(self.data) - self.at < n_bytes:
            raise Truncated(f"rANS stream: {len(self.data)} bytes, more needed")
        self.at += n_bytes
        return int.from_bytes(self.data[self.at - n_bytes : self.at], "little")


class HuffmanEncoder:
    """One stream of the Huffman coder: strings of bits, most significant first, joined at the end.

    A context with run_log2 > 0 codes words. A word stands before the first zero of its run (or
    before the sample itself), so its place is kept open until the run is known; r, what is left of
    the zeros after whole parts, follows the word in run_log2 - 3 bits. An escape's token is coded
    when its sample comes, by the escape code of that time. Runs live on from band to band; where
    the context stops coding words, or the tile ends, an open run is written as full and the
    decoder drops the rest of it.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.pieces: list[str] = []
        self.open: dict[int, Run] = {}

    def encode(self, context: int, symbol: int) -> None:
        token, raw, n_raw = split(symbol, self.model.shift[context])
        table = self.model.code_tables[context]
        if not table.run_log2:
            self.pieces.append(bits(*table.codes[token]))
        else:
            self._extend_run(context, table, token)
            if token >= RUN_CLASSES:
                self.pieces.append(bits(*table.escape_codes[token]))
        self.pieces.append(bits(raw, n_raw))

    def _extend_run(self, context: int, table: Table, token: int) -> None:
        if context not in self.open:
            self.open[context] = Run(len(self.pieces), table)
            self.pieces.append("")
        run = self.open[context]
        run.zeros += token == 0
        if token or run.zeros == 1 << run.table.run_log2:
            self.pieces[run.place] = run.word(token)
            del self.open[context]

    def end_band(self) -> None:
        """Cut the runs of the contexts that stop coding words."""
        for context in list(self.open):
            if self.model.code_tables[context].run_log2 == 0:
                self._cut(context)

    def _cut(self, context: int) -> None:
        run = self.open.pop(context)
        self.pieces[run.place] = run.word(0)

    def finish(self) -> bytes:
        """The stream, padded with zeros to whole bytes."""
        for context in list(self.open):
            self._cut(context)
        text = "".join(self.pieces)
        text += "0" * (-len(text) % 8)
        return bytes(int(text[i : i + 8], 2) for i in range(0, len(text), 8))


@dataclass
class Run:
    """A run of zeros not yet ended; `table` is that of its first sample."""

    place: int
    table: Table
    zeros: int = 0

    def word(self, token: int) -> str:
        """Bits of the word of this run, ended by token; 0 for a full run."""
        if token == 0:
            return bits(*self.table.codes[0])
        shift = self.table.run_log2 - RUN_PARTS_LOG2
        word = 1 + 8 * (min(token, RUN_CLASSES) - 1) + (self.zeros >> shift)
        return bits(*self.table.codes[word]) + bits(self.zeros & ((1 << shift) - 1), shift)


def bits(value: int, n_bits: int) -> str:
    """The n_bits lowest bits of value, most significant first."""
    return format(value, f"0{n_bits}b") if n_bits else ""


class HuffmanDecoder:
    """Reads one stream of the Huffman coder."""

    def __init__(self, model: Model, data: bytes) -> None:
        self.model = model
        self.text = "".join(bits(byte, 8) for byte in data)
        self.at = 0
        self.runs: dict[int, list[int]] = {}  # of a context: pending zeros, and 1 + class or 0

    def decode(self, context: int) -> int:
        table = self.model.code_tables[context]
        if table.run_log2:
            token = self._run_token(context, table)
        else:
            token = self._take(table.codes)
        shift = self.model.shift[context]
        symbol = join(token, self._read(extra_bits(token) + shift), shift)
        self.model.count[context][token] += 1
        return symbol

    def _run_token(self, context: int, table: Table) -> int:
        zeros, end = self.runs.pop(context, (0, 0))
        if not zeros and not end:
            zeros, end = self._read_run(table)
        if zeros:
            self.runs[context] = [zeros - 1, end]
            return 0
        return end if end < RUN_CLASSES else self._take(table.escape_codes)

    def _read_run(self, table: Table) -> tuple[int, int]:
        word = self._take(table.codes)
        if word == 0:
            return 1 << table.run_log2, 0
        shift = table.run_log2 - RUN_PARTS_LOG2
        parts = (word - 1) % 8
        return (parts << shift) + self._read(shift), 1 + (word - 1) // 8

    def _take(self, codes: dict[int, tuple[int, int]]) -> int:
        tokens = {code: token for token, code in codes.items()}
        code, length = 0, 0
        while (code, length) not in tokens:
            code, length = code << 1 | self._read(1), length + 1
        return tokens[code, length]

    def end_band(self) -> None:
        """Drop the runs of the contexts that stop coding words."""
        for context in list(self.runs):
            if self.model.code_tables[context].run_log2 == 0:
                del self.runs[context]

    def finish(self) -> None:
        left = self.text[self.at :]
        if len(left) >= 8 or "1" in left:
            raise CorruptStream(f"Huffman stream: bits '{left[:16]}' left, expected padding")

    def _read(self, n_bits: int) -> int:
        if len(self.text) - self.at < n_bits:
            raise Truncated(f"Huffman stream: {len(self.text)} bits, more needed")
        self.at += n_bits
        return int(self.text[self.at - n_bits : self.at] or "0", 2)
