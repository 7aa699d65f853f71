# SPDX-License-Identifier: Apache-2.0
"""A second decoder, part 4: chapters 8 and 11 to 13.2 of FORMAT.md, tiles.

Written from the text and from nothing else, plain and slow, to prove that the text is enough.
"""

from __future__ import annotations

import bisect
import itertools

from decoder_from_format_hits import Hits, read_value, value_shares, value_symbol
from decoder_from_format_nets import Net, need, predict


def unfold(symbol: int, prediction: int, max_sample: int, flip: bool) -> int:
    """Chapter 11."""
    theta = min(prediction, max_sample - prediction)
    if symbol > 2 * theta:
        rest = symbol - theta
        return prediction - rest if prediction > max_sample - prediction else prediction + rest
    magnitude = (symbol + 1) >> 1
    return prediction - magnitude if bool(symbol % 2) != flip else prediction + magnitude


def base_and_extra(token: int) -> tuple[int, int]:
    """Chapter 11: smallest shifted symbol of a token and its extra bits."""
    if token < 32:
        return token, 0
    octave, half = divmod(token - 32, 2)
    return (2 + half) << (octave + 4), octave + 4


class Context:
    """Chapter 12: one table, and 13.2: its Huffman codes, made when they are asked for."""

    def __init__(self, shift: int, freqs: list[int], max_sample: int) -> None:
        self.shift = shift
        n_tokens = sum(base_and_extra(t)[0] << shift <= max_sample for t in range(54))
        self.weight = freqs[:n_tokens]
        self.count = [0] * n_tokens
        self.learned = 0
        self.make_table()
        self.make_codes()

    def make_table(self) -> None:
        weight = self.weight
        q = ((32768 - len(weight)) << 32) // sum(weight)
        self.freq = [1 + ((w * q) >> 32) for w in weight]
        self.freq[weight.index(max(weight))] += 32768 - sum(self.freq)
        self.cum = [0, *itertools.accumulate(self.freq[:-1])]

    def make_codes(self) -> None:
        """Remember the table that the codes follow."""
        self.run_log2, freq = 0, self.freq
        if len(freq) > 1 and freq[0] >= 12288:
            fits = [k for k in range(4, 13) if (32768 - freq[0]) << k <= 65536]
            self.run_log2 = max([3, *fits])
        self.coded, self.codes = freq, {}

    def code(self, kind: str) -> dict[tuple[int, int], int]:
        """(code, length) -> token, word or escape."""
        if kind not in self.codes:
            freq = self.coded
            if kind == "words":
                freq = word_weights(freq, self.run_log2)
            elif kind == "escapes":
                freq = freq[4:]
            self.codes[kind] = canonical(code_lengths(freq))
        return self.codes[kind]

    def end_band(self, increment: int, limit: int) -> bool:
        """Learn; True where the codes are made anew."""
        if not any(self.count):
            return False
        self.weight = [w + increment * n for w, n in zip(self.weight, self.count, strict=True)]
        while sum(self.weight) > limit:
            self.weight = [(w + 1) >> 1 for w in self.weight]
        self.learned += increment * sum(self.count)
        self.count = [0] * len(self.count)
        self.make_table()
        due = 8 * self.learned >= sum(self.weight)
        if due:
            self.learned = 0
            self.make_codes()
        return due


def word_weights(freq: list[int], run_log2: int) -> list[int]:
    step = freq[0] << 15
    for _ in range(run_log2 - 3):
        step = step * step >> 30
    survive, ended = 1 << 30, []
    for _ in range(8):
        ended.append(survive - (survive * step >> 30))
        survive -= ended[-1]
    classes = freq[1:4] + ([sum(freq[4:])] if len(freq) > 4 else [])
    shares = [(of_class << 16) // (32768 - freq[0]) for of_class in classes]
    return [1 + (survive >> 15)] + [1 + (part * s >> 31) for s in shares for part in ended]


def code_lengths(freq: list[int]) -> list[int]:
    """Huffman's lengths of at most 15: rarest first, the higher token, the leaf before a node."""
    longest = 16
    while longest > 15:
        freq = [(f + 1) >> 1 for f in freq]
        lengths = [0] * len(freq)
        leaves = sorted((f, -t) for t, f in enumerate(freq))
        queues: list[list] = [[(f, [-t]) for f, t in leaves], []]
        while len(queues[0]) + len(queues[1]) > 1:
            pair = [min((q for q in queues if q), key=lambda q: q[0][0]).pop(0) for _ in range(2)]
            members = pair[0][1] + pair[1][1]
            queues[1].append((pair[0][0] + pair[1][0], members))
            for token in members:
                lengths[token] += 1
        longest = max(lengths)
    return lengths


def canonical(lengths: list[int]) -> dict[tuple[int, int], int]:
    codes, code, previous = {}, 0, 0
    for length, token in sorted((length, token) for token, length in enumerate(lengths)):
        code <<= length - previous
        codes[code, length] = token
        code, previous = code + 1, length
    return codes


class Rans:
    """Chapter 13.1: one payload stream."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.x = self.take(4)
        need(self.x >= 65536, "rANS: first state")

    def take(self, size: int) -> int:
        need(len(self.data) - self.at >= size, "rANS: truncated")
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "little")

    def step(self, freq: int, cum: int) -> None:
        self.x = freq * (self.x >> 15) + (self.x & 32767) - cum
        if self.x < 65536:
            self.x = self.x << 16 | self.take(2)

    def token(self, number: int, context: Context) -> int:
        token = bisect.bisect_right(context.cum, self.x & 32767) - 1
        self.step(context.freq[token], context.cum[token])
        return token

    def raw(self, n: int) -> int:
        raw = (self.x & 32767) >> (15 - n)
        self.step(1 << (15 - n), raw << (15 - n))
        return raw

    def flag(self, freq: int) -> bool:
        """Chapter 13.3."""
        hit = self.x & 32767 < freq
        self.step(*((freq, 0) if hit else (32768 - freq, freq)))
        return hit

    def one_of(self, freqs: list[int]) -> int:
        """Chapter 13.4."""
        cum = [0, *itertools.accumulate(freqs[:-1])]
        found = bisect.bisect_right(cum, self.x & 32767) - 1
        self.step(freqs[found], cum[found])
        return found

    def drop(self, number: int) -> None:
        """Nothing is pending."""

    def finish(self) -> None:
        need(self.x == 65536 and self.at == len(self.data), "rANS: end")


class Huffman:
    """Chapter 13.2: one payload stream."""

    def __init__(self, data: bytes) -> None:
        self.bits, self.at = "".join(f"{byte:08b}" for byte in data), 0
        self.pending: dict[int, tuple[int, int]] = {}

    def raw(self, n: int) -> int:
        need(len(self.bits) - self.at >= n, "Huffman: truncated")
        self.at += n
        return int(self.bits[self.at - n : self.at] or "0", 2)

    def read(self, codes: dict[tuple[int, int], int]) -> int:
        code, length = 0, 0
        while (code, length) not in codes:
            code, length = 2 * code + self.raw(1), length + 1
        return codes[code, length]

    def token(self, number: int, context: Context) -> int:
        k = context.run_log2
        if k == 0:
            return self.read(context.code("tokens"))
        zeros, end = self.pending.pop(number, (0, 0))
        if (zeros, end) == (0, 0):
            word = self.read(context.code("words"))
            zeros = 1 << k
            if word > 0:
                end, part = divmod(word + 7, 8)
                zeros = (part << (k - 3)) + self.raw(k - 3)
        if zeros > 0:
            self.pending[number] = zeros - 1, end
            return 0
        return end if end < 4 else 4 + self.read(context.code("escapes"))

    def drop(self, number: int) -> None:
        self.pending.pop(number, None)

    def finish(self) -> None:
        left = self.bits[self.at :]
        need(len(left) < 8 and "1" not in left, "Huffman: end")


def read_size(payload: bytes, at: int) -> tuple[int, int]:
    """A varint below 2^32, and where it ends."""
    size = shift = 0
    while True:
        need(at < len(payload), "payload: truncated")
        size += (payload[at] & 127) << shift
        at, shift = at + 1, shift + 7
        if payload[at - 1] < 128:
            break
    need(size < 1 << 32 and (payload[at - 1] or shift == 7), "payload: varint")
    return size, at


def read_ends(payload: bytes, shape: tuple, net: Net) -> tuple[list, bytes]:
    """Chapter 8.1: left and right of each row, and the rest of the payload."""
    (n_frames, rows, cols), (size, at) = shape, read_size(payload, 0)
    need(size <= 2**26 and at + size <= len(payload), "mask: truncated")
    coding = {"coder": 0, "increment": 2048, "limit": 2**22, "streams_log2": 0, "hits": 0}
    coder = TileCoder(payload[at : at + size], net, 4 * cols, coding)
    ends: list[list[tuple[int, int]]] = []
    for frame in range(n_frames):
        ends.append([])
        for row in range(rows):
            symbols = [coder.symbol(row, context) for context in ((48, 12), (0, 3))[frame > 0]]
            left, more = (-(s + 1) // 2 if s % 2 else s // 2 for s in symbols)
            if frame > 0:
                left += ends[frame - 1][row][0]
                more += ends[frame - 1][row][1] - ends[frame - 1][row][0]
            elif row > 0:
                left += 2 * ends[0][row - 1][0] - (ends[0][row - 2][0] if row > 1 else 0)
                more += ends[0][row - 1][1] - ends[0][row - 1][0]
            need(left >= 0 and left + more >= 0 and 2 * left + more <= cols, "mask")
            ends[frame].append((left, left + more))
            if is_band_end(frame, row, rows):
                coder.end_band()
    coder.finish()
    return ends, payload[at + size :]


class TileCoder:
    """Chapters 11 to 13: the symbols of a tile, whoever knows the contexts."""

    def __init__(self, payload: bytes, net: Net, max_sample: int, coding: dict) -> None:
        self.coding, self.max_sample = coding, max_sample
        self.hits = Hits(net, max_sample, coding)
        self.quarters = coding.get("quarters")
        top = 2 * max_sample if self.quarters else max_sample
        pairs = zip(net.shifts, net.freqs, strict=True)
        self.contexts = [Context(shift, freqs, top) for shift, freqs in pairs]
        sizes, at = [], 0
        for _ in range(1 << coding["streams_log2"]):
            size, at = read_size(payload, at)
            sizes.append(size)
        need(at + sum(sizes) == len(payload), "payload: sizes")
        kind = (Rans, Huffman)[coding["coder"]]
        ends = [at + sum(sizes[: i + 1]) for i in range(len(sizes))]
        self.streams = [kind(payload[e - s : e]) for s, e in zip(sizes, ends, strict=True)]

    def symbol(self, row: int, number: int, taken: tuple[int, ...] = ()) -> int:
        """The next symbol of a row, coded with a context; `taken` are those it cannot be."""
        stream, context = self.streams[row % len(self.streams)], self.contexts[number]
        token = stream.token(number, context)
        context.count[token] += 1
        base, extra = base_and_extra(token)
        symbol = (base << context.shift) + stream.raw(extra + context.shift)
        for one in sorted(set(taken)):
            symbol += one <= symbol
        need(symbol <= self.max_sample, "symbol above max_sample")
        return symbol

    def sample(self, row: int, predicted: tuple[int, int, bool], look) -> int:
        """The next sample of a row."""
        prediction, number, flip = predicted
        taken: tuple[int, ...] = ()
        if self.coding["hits"]:
            place = self.hits.place(look, predicted)
            hit = self.hits.read(self.streams[row % len(self.streams)].flag, place)
            if hit is not None:
                return hit
            if self.quarters:
                return self.value(row, predicted, place)
            taken = place.symbols
        return unfold(self.symbol(row, number, taken), prediction, self.max_sample, flip)

    def value(self, row: int, predicted: tuple[int, int, bool], place) -> int:
        """The next sample of a row, by value."""
        prediction, number, flip = predicted
        context, stream = self.contexts[number], self.streams[row % len(self.streams)]
        shares = value_shares(place, predicted, context, self.quarters)
        found = read_value(stream.one_of, shares)
        shifted = value_symbol(found, prediction, flip) >> context.shift
        tokens = range(len(context.count))
        context.count[max(t for t in tokens if base_and_extra(t)[0] <= shifted)] += 1
        return found

    def end_band(self) -> None:
        for number, context in enumerate(self.contexts):
            if context.end_band(self.coding["increment"], self.coding["limit"]):
                for stream in self.streams if context.run_log2 == 0 else ():
                    stream.drop(number)
        self.hits.end_band()

    def finish(self) -> None:
        for stream in self.streams:
            stream.finish()


def is_band_end(frame: int, row: int, rows: int, height: int = 32) -> bool:
    """Whether a band ends behind a row: heights 1 1 2 4 8 16 32 32 ... or 32 32 ..."""
    early = frame == 0 and row + 1 < height and (row & (row + 1)) == 0
    return early or (row + 1) % height == 0 or row + 1 == rows


def decode_tile(payload: bytes, shape: tuple, nets: tuple[Net, Net], plane: dict, edge: int):
    """Chapter 8: samples of a tile as lists [frame][row][col]."""
    n_frames, rows, cols = shape
    coding = {**plane, "streams_log2": min(4, (n_frames * rows * cols // 4096).bit_length())}
    masked, gains = plane.get("pad", -1) >= 0, plane.get("gains") or [4096] * n_frames
    if masked:
        ends, payload = read_ends(payload, shape, nets[1])
    coder = TileCoder(payload, nets[1], plane["max_sample"], coding)
    frames: list[list[list[int]]] = []
    for frame in range(n_frames):
        frames.append([])
        known = [frames[frame], frames[max(0, frame - 1)], frames[max(0, frame - 2)]]
        known[2] = known[1] if frame == 1 else known[2]
        for row in range(rows):
            frames[frame].append([])
            for col in range(cols):
                if masked and not ends[frame][row][0] <= col < cols - ends[frame][row][1]:
                    frames[frame][row].append(plane["fill"])
                    continue

                def bare(f: int, r: int, c: int, row=row, col=col, known=known) -> int:
                    at_row, at_col = min(row + r, rows - 1), col + c
                    if at_row < 0 or (at_row == 0 and at_col < 0):
                        return edge
                    if at_col < 0:
                        return known[f][at_row - 1][0]
                    return known[f][at_row][min(at_col, cols - 1)]

                def look(f: int, r: int, c: int, bare=bare, frame=frame) -> int:
                    found = bare(f, r, c)
                    for gain in gains[max(1, frame - f + 1) : frame + 1]:
                        found = min(plane["max_sample"], (found * gain + 2048) >> 12)
                    return found

                predicted = predict(look, nets[frame > 0], plane["max_sample"])
                frames[frame][row].append(coder.sample(row, predicted, look))
            if is_band_end(frame, row, rows, plane["band_rows"]):
                coder.end_band()
    coder.finish()
    for frame, row in itertools.product(range(n_frames if masked else 0), range(rows)):
        left, right = ends[frame][row]
        frames[frame][row][:left] = [plane["pad"]] * left
        frames[frame][row][cols - right :] = [plane["pad"]] * right
    return frames
