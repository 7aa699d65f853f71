# SPDX-License-Identifier: Apache-2.0
"""A second decoder, part 1: chapters 1 to 8 of FORMAT.md, from a stream to its array.

Written from the text and from nothing else, plain and slow, to prove that the text is enough.
Files and their shells (appendix A) are left out.
"""

from __future__ import annotations

import copy
import itertools
import math
import re
import zlib

import numpy as np
from decoder_from_format_nets import Net, inflate, need
from decoder_from_format_tiles import TileCoder, decode_tile, is_band_end

MAGIC = bytes.fromhex("894d4c530d0a1a0a")
END_MAGIC = bytes.fromhex("534c4d0a")
HEADER, RECIPE, PLANES, PAYLOAD, STORED = 1, 3, 4, 5, 7
DTYPE = re.compile(r"\|b1|\|[iu]1|[<>]([iu][248]|f[248])")
AXES = re.compile(r"(([A-RT-WZ]*Y)?X)?S?")


class Reader:
    """Chapter 1: fields one after another."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.at = bytes(data), name, 0

    def take(self, size: int) -> bytes:
        need(size <= len(self.data) - self.at, f"{self.name}: truncated")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def varint(self, highest: int = 2**63 - 1, lowest: int = 0) -> int:
        value, n_bytes, byte = 0, 0, 128
        while byte >= 128:
            byte = self.number(1)
            value |= (byte & 127) << (7 * n_bytes)
            n_bytes += 1
            need(n_bytes <= 10, f"{self.name}: long varint")
        need(byte or n_bytes == 1, f"{self.name}: varint not in its shortest form")
        need(lowest <= value <= highest, f"{self.name}: varint {value}")
        return value

    def zigzag(self, highest: int) -> int:
        value = self.varint(highest)
        return -(value + 1) // 2 if value % 2 else value // 2

    def text(self, highest: int = 65536) -> str:
        return self.take(self.varint(highest)).decode()

    def end(self) -> None:
        need(self.at == len(self.data), f"{self.name}: bytes left over")


def read_sections(stream: bytes) -> dict[int, bytes]:
    """Chapter 2."""
    need(stream[:8] == MAGIC, "magic")
    need(len(stream) > 22 and stream[8:10] == b"\0\0", "version")
    footer = Reader(stream[-12:], "footer")
    size, crc = footer.number(4), footer.number(4)
    need(footer.take(4) == END_MAGIC, "end magic")
    need(size <= len(stream) - 22, "size of the table")
    start = len(stream) - 12 - size
    need(zlib.crc32(stream[:10] + stream[start:-12]) == crc, "CRC-32 of the table")
    table, at, sections = Reader(stream[start:-12], "table"), 10, {}
    for _ in range(table.varint(64)):
        kind, size, crc = table.number(1), table.varint(start - at), table.number(4)
        need(1 <= kind <= 7 and kind not in sections, "kind of a section")
        sections[kind] = stream[at : at + size]
        need(zlib.crc32(sections[kind]) == crc, f"CRC-32 of section {kind}")
        at += size
    table.end()
    need(at == start, "sections end where the table starts")
    return sections


def read_header(data: bytes) -> dict:
    """Chapter 3."""
    reader = Reader(data, "header")
    header = {"codec": reader.number(1), "effort": reader.number(1), "guarantee": reader.number(1)}
    need(header["codec"] <= 1 and 1 <= header["effort"] <= 9 and header["guarantee"] <= 1, "header")
    header |= {name: reader.text() for name in ("format", "note", "dtype")}
    if header["dtype"]:
        need(DTYPE.fullmatch(header["dtype"]), "dtype")
        header["shape"] = [reader.varint(2**48) for _ in range(reader.varint(32))]
        need(math.prod(max(1, extent) for extent in header["shape"]) <= 2**48, "samples")
        header["axes"], header["bits"] = reader.text(32), reader.varint(64)
        header["extents"] = read_axes(header["axes"], header["shape"])
    reader.end()
    return header


def read_axes(axes: str, shape: list[int]) -> tuple[int, int, int, int]:
    """Chapter 3: frames, rows, cols, samples."""
    need(AXES.fullmatch(axes) and axes != "S" and len(axes) == len(shape), f"axes {axes}")
    extent = dict(zip(axes, shape, strict=True))
    leading = math.prod(n for letter, n in zip(axes, shape, strict=True) if letter not in "YXS")
    return leading, extent.get("Y", 1), extent.get("X", 1), extent.get("S", 1)


def read_level_table(reader: Reader, n_levels: int, highest: int) -> list[int]:
    """Chapter 7.2."""
    packed, form = divmod(reader.number(1), 8)
    need(packed <= 1 and form <= 4, "form of a level table")
    body = reader
    if packed:
        body = Reader(inflate(reader.take(reader.varint()), "level table"), "level table")
    levels = [0]
    if form == 4:
        top = body.varint(2**20 - 1, 1)
        bits = "".join(f"{byte:08b}"[::-1] for byte in body.take((top - 1 + 7) // 8))
        need("1" not in bits[top - 1 :], "padding of a level map")
        levels += [value for value in range(1, top) if bits[value - 1] == "1"] + [top]
    elif form == 0:
        stride = body.varint(2**64 - 1) + 1
        levels = [i * stride for i in range(n_levels)]
    elif form == 1:
        while len(levels) < n_levels:
            delta, run = body.varint(2**64 - 1) + 1, body.varint(n_levels - len(levels) - 1) + 1
            levels += [levels[-1] + delta * (i + 1) for i in range(run)]
    else:
        delta = 0
        for _ in range(n_levels - 1):
            step = body.varint(2**64 - 1) + 1 if form == 2 else body.zigzag(2**64 - 1)
            delta = step if form == 2 else (delta + step) % 2**64
            levels.append((levels[-1] + delta) % 2**64)
    if packed:
        body.end()
    ascending = all(a < b for a, b in itertools.pairwise(levels))
    need(ascending and len(levels) == n_levels and levels[-1] <= highest, "level table")
    return levels


def read_palette(reader: Reader, n_samples: int) -> list[list[int]]:
    """Chapter 7.3: the colours in the order of their indices."""
    n_colours = reader.varint(4096, 1)
    sort = [(reader.zigzag(2**17), reader.varint(16)) for _ in range(n_samples)]
    highest = 2 ** sum(bits for _, bits in sort) - 1
    tolerance, first = reader.varint(65536), reader.varint(highest)
    levels = read_level_table(reader, n_colours, highest - first) if n_colours > 1 else [0]
    colours = []
    for key in (first + level for level in levels):
        colour, rest = [], key
        for least, bits in sort:
            colour.append(least + rest % 2**bits)
            rest >>= bits
        spread = max(colour[:3]) - min(colour[:3])
        luma = colour[0] + 2 * colour[1] + colour[2]
        colours.append((spread > tolerance, luma, key, colour))
    return [colour for *_, colour in sorted(colours)]


def read_recipe(data: bytes, extents: tuple[int, int, int, int]) -> dict:
    """Chapter 7: what `undo` needs, and max_sample of every plane."""
    reader = Reader(data, "recipe")
    frames_rows_cols = [reader.varint() for _ in range(3)]
    samples, transform = divmod(reader.varint(2**65), 4)
    need((*frames_rows_cols, samples) == extents, "extents of the recipe")
    need(samples in ([3, 4] if transform == 3 else [3]) or transform == 0, "transform")
    recipe: dict = {"transform": transform, "channels": [], "planes": []}
    if 0 in extents:
        need(transform == 0, "transform of nothing")
    elif transform == 3:
        recipe["colours"] = read_palette(reader, samples)
        recipe["planes"] = [len(recipe["colours"]) - 1]
    else:
        for _ in range(samples):
            recipe["channels"].append(read_channel(reader, transform, recipe["planes"]))
    reader.end()
    return recipe


def read_channel(reader: Reader, transform: int, planes: list[int]) -> tuple[int, list]:
    minimum = reader.zigzag(2**18 - 1 if transform else 2**65 - 1)
    highest = 65535 if transform else 2**64 - 1
    head = reader.varint(4 * 65535 + 3)
    heads = [head]
    if head % 4 == 2:
        need(2 <= head // 4 <= 4 and not transform, "split word")
        heads, highest = [None] * (head // 4), 65535
    words = []
    for known in heads:
        max_sample, kind = divmod(reader.varint(4 * 65535 + 1) if known is None else known, 4)
        need(kind == 0 or (kind == 1 and max_sample >= 1), "word")
        words.append(read_level_table(reader, max_sample + 1, highest) if kind else None)
        planes.append(max_sample)
    return minimum, words


def read_net(reader: Reader, nets: dict[bytes, Net]) -> Net:
    """Chapter 9: a net of section PLANES."""
    kind, base = reader.number(1), nets.get(reader.take(8))
    need(kind <= 1 and base is not None, "net not known")
    if kind == 0:
        return base
    net = copy.copy(base)
    net.layers = [read_layer(reader, base, layer) for layer in base.layers]
    bounds = inputs = [1023] * (len(base.neighbours) + 1)
    for number, (weights, biases, _) in enumerate(net.layers):
        if number == len(net.layers) - 1 and number > 0:
            bounds = bounds + inputs
        sums = np.abs(weights) @ np.array(bounds) + np.abs(biases)
        need(sums.max() < 2**31, "tuned net: sums")
        bounds = [4095] * len(biases)
    return net


def read_layer(reader: Reader, base: Net, layer: tuple) -> tuple:
    """Chapter 9: a layer of a tuned net."""
    weights, biases, shift = layer
    step, top, scale = reader.number(1), reader.varint(65535), reader.number(1)
    need(step <= 12 and scale <= 21, "tuned net")
    coding = {"coder": 0, "increment": 512, "limit": 2**22, "streams_log2": 0, "hits": 0}
    coder = TileCoder(reader.take(reader.varint(2**20)), base, top, coding)
    rows, cols = weights.shape[0], weights.shape[1] + 1
    changes = np.zeros((rows, cols), np.int64)
    for row in range(rows):
        for col in range(cols):
            symbol = coder.symbol(row, 3 * scale)
            changes[row, col] = -(symbol + 1) // 2 if symbol % 2 else symbol // 2
        if is_band_end(0, row, rows):
            coder.end_band()
    coder.finish()
    weights = weights + (changes[:, :-1] << step)
    biases = biases + (changes[:, -1] << shift)
    need(abs(weights).max() <= 32767 and abs(biases).max() <= 2**30, "tuned net: range")
    return weights, biases, shift


def read_abundances(reader: Reader, max_sample: int, net: Net) -> list[int] | None:
    """Chapters 8 and 13.4: quarter octaves of each value."""
    step = reader.number(1)
    if step == 0:
        return None
    scale = reader.number(1)
    need(step <= 8 and scale <= 21 and max_sample <= 1023, "abundances")
    coding = {"coder": 0, "increment": 4096, "limit": 2**22, "streams_log2": 0, "hits": 0}
    coder = TileCoder(reader.take(reader.varint(2**16)), net, 64, coding)
    numbers: list[int] = []
    rows = -(-(max_sample + 1) // 16)
    for row in range(rows):
        symbols = [coder.symbol(row, 3 * scale) for _ in range(16)]
        numbers += [-(s + 1) // 2 if s % 2 else s // 2 for s in symbols]
        if is_band_end(0, row, rows):
            coder.end_band()
    coder.finish()
    found = [number * step for number in numbers]
    need(all(-32 <= one <= 24 for one in found), "abundances: range")
    need(not any(found[max_sample + 1 :]), "abundances: padding")
    return found[: max_sample + 1]


def read_gains(reader: Reader, frames: int, slab: int) -> list[int]:
    """Chapter 8: the gain of each frame."""
    told = reader.number(1) if slab > 1 else 0
    need(told <= 1, "gains")
    gains = [reader.number(2) if told and f % slab else 4096 for f in range(frames)]
    need(all(gain >= 256 for gain in gains), "gain")
    return gains


def read_planes(sections: dict, planes: list[int], extents, nets: dict[bytes, Net]) -> list:
    """Chapter 8: the samples of every plane, constant ones included."""
    reader, payload = Reader(sections[PLANES], "planes"), Reader(sections[PAYLOAD], "payload")
    used = [read_net(reader, nets) for _ in range(reader.varint(255))]
    frames, rows, cols, _ = extents
    found = []
    for max_sample in planes:
        samples = np.zeros((frames, rows, cols), object)
        found.append(samples)
        if max_sample == 0:
            continue
        chosen = (used[reader.varint(len(used) - 1)], used[reader.varint(len(used) - 1)])
        need(all(frame == 0 for frame, _, _ in chosen[0].neighbours), "first net")
        plane = {"max_sample": max_sample, "coder": reader.number(1)}
        plane |= {"increment": reader.varint(65536), "limit": reader.varint(2**31, 2**15)}
        plane |= {"hits": reader.number(1), "band_rows": 32}
        if plane["hits"] > 0:
            plane["band_rows"] = 1 << reader.number(1)
            plane["quarters"] = read_abundances(reader, max_sample, chosen[1])
        need(plane["coder"] <= 1 and plane["band_rows"] <= 32, "coder or bands")
        need(plane["hits"] <= (4, 0)[plane["coder"]], "hits")
        plane["pad"] = reader.varint(max_sample + 1) - 1
        if plane["pad"] >= 0:
            plane["fill"] = reader.varint(max_sample)
            need(plane["hits"] == 0 and cols <= 16383, "mask")
        slab, stripe = reader.varint(frames, 1), reader.varint(rows, 1)
        need(cols <= 2**20 and slab * stripe * cols <= 2**28, "tiles are too large")
        gains = read_gains(reader, frames, slab)
        for frame in range(0, frames, slab):
            for row in range(0, rows, stripe):
                box = samples[frame : frame + slab, row : row + stripe]
                edge, size, crc = reader.varint(max_sample), reader.varint(), reader.number(4)
                part = payload.take(size)
                need(zlib.crc32(part) == crc, "CRC-32 of a tile")
                here = plane | {"gains": gains[frame : frame + slab]}
                box[:] = decode_tile(part, box.shape, chosen, here, edge)
    reader.end()
    payload.end()
    return found


def undo(recipe: dict, planes: list, dtype: np.dtype, extents) -> np.ndarray:
    """Chapter 7.1, to integers (frames, rows, cols, samples)."""
    if 0 in extents:
        return np.zeros(extents, object)
    if recipe["transform"] == 3:
        colours = np.array(recipe["colours"], object)
        return colours[planes[0].astype(np.int64)]
    waiting, channels = list(planes), []
    for minimum, words in recipe["channels"]:
        channel = 0
        for levels in words:
            digit = waiting.pop(0)
            if levels is not None:
                digit = np.array(levels, object)[digit.astype(np.int64)]
            channel = channel * 65536 + digit
        channels.append(channel + minimum)
    need(recipe["transform"] == 0 or dtype.itemsize <= 2, "transform of a wide dtype")
    if recipe["transform"] == 1:
        g, r, b = channels
        channels = [r + g, g, b + g]
    elif recipe["transform"] == 2:
        y, co, cg = channels
        t = y - (cg >> 1)
        b = t - (co >> 1)
        channels = [b + co, cg + t, b]
    return np.stack(channels, axis=-1)


def to_values(integers: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Chapter 7.1, steps 5 and 6."""
    kind = "i" if dtype.kind == "f" else "u" if dtype.kind == "b" else dtype.kind
    word = np.dtype(f"{'>' if dtype.str[0] == '>' else '<'}{kind}{dtype.itemsize}")
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(word).min, np.iinfo(word).max)
    if integers.size:
        need(low <= integers.min() and integers.max() <= high, "value outside the dtype")
    if dtype.kind == "f":
        integers = np.where(integers < 0, integers ^ int(high), integers)
    return integers.astype(word).view(dtype)


def decode(stream: bytes, nets: dict[bytes, Net]) -> np.ndarray:
    """The array of a stream."""
    sections = read_sections(stream)
    header = read_header(sections[HEADER])
    need(header["dtype"], "no array")
    dtype = np.dtype(header["dtype"])
    if header["codec"] == 0:
        raw = inflate(sections[STORED], "stored")
        need(len(raw) == math.prod(header["shape"]) * dtype.itemsize, "size of stored")
        return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(header["shape"])
    recipe = read_recipe(sections[RECIPE], header["extents"])
    planes = read_planes(sections, recipe["planes"], header["extents"], nets)
    integers = undo(recipe, planes, dtype, header["extents"])
    return to_values(integers, dtype).reshape(header["shape"])
