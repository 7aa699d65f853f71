# SPDX-License-Identifier: Apache-2.0
"""FORMAT.md says what the code does: its tables, constants and blocks against the package.

A constant that stands in a table of the text and is not compared here fails the test, so that
nothing can be added to the text alone.
"""

from __future__ import annotations

import inspect
import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from medlossless import _fields, _streams, _zstd, codecs, container, errors, planes
from medlossless.codecs import lossless, tiling, tuned
from medlossless.container import header, stream
from medlossless.entropy import coder, prior, reference_model
from medlossless.entropy.reference_streams import HuffmanDecoder
from medlossless.io import dicom, nifti, npy, opaque, png, tiff
from medlossless.planes import colour, levels, palette
from medlossless.predict import delta, net, net_named, reference, shipped_names
from medlossless.predict import neighbourhood as nb

FORMAT = Path(container.__file__).with_name("FORMAT.md")
TEXT = FORMAT.read_text(encoding="utf-8")
MAX_LINES, MAX_COLUMNS = 720, 100  # a text that is read


def read_tables(text: str) -> dict[tuple[str, ...], list[list[str]]]:
    """Rows of all tables by their heads; tables of one head are joined."""
    tables: dict[tuple[str, ...], list[list[str]]] = {}
    rows: list[list[str]] | None = None
    for line in [*text.splitlines(), ""]:
        cells = [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        if not cells:
            rows = None
        elif rows is None:
            rows = tables.setdefault(tuple(cells), [])
        elif not set(line) <= set("|-"):
            rows.append(cells)
    return tables


def run_blocks(text: str) -> dict:
    """The names that the python blocks define."""
    names: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, str(FORMAT), "exec"), names)
    return names


TABLES = read_tables(TEXT)
BLOCK = run_blocks(TEXT)
NET = net_named("wide3d")


def number(text: str) -> int:
    """``2^20 - 1`` and plain numbers."""
    base, _, rest = text.replace(" - ", " -").partition("^")
    power, _, less = rest.partition(" ")
    return int(base) ** int(power) + int(less or 0) if rest else int(base)


def literal(function, what: str) -> int:
    """The highest value that a function of the package lets a varint of that name have."""
    match = re.search(rf'"{what}", (\d+)(?: << (\d+))?\)', inspect.getsource(function))
    assert match, f"{function.__name__} reads no {what!r} with a limit"
    return int(match[1]) << int(match[2] or 0)


def test_text_is_narrow_and_not_long():
    lines = TEXT.splitlines()
    assert len(lines) <= MAX_LINES
    assert [line for line in lines if len(line) > MAX_COLUMNS] == []


def test_constants():
    found = dict(TABLES["constant", "value"])
    magics = {"MAGIC": stream.MAGIC, "END_MAGIC": stream.END_MAGIC, "NET_MAGIC": net.MAGIC}
    for name, value in magics.items():
        assert bytes.fromhex(found.pop(name)) == value
    assert {name: number(value) for name, value in found.items()} == {
        "VERSION": stream.VERSION,
        "NET_VERSION": net.VERSION,
        "DIGEST_BYTES": net.DIGEST_BYTES,
        "N_CONTEXTS": reference.N_CONTEXTS,
        "N_TOKENS": prior.N_TOKENS,
    }


def test_limits():
    found = {what: number(value) for what, value in TABLES["what", "at most"]}
    assert found == {
        "sections": stream.MAX_SECTIONS,
        "axes": header.MAX_DIMENSIONS,
        "samples of an array": header.MAX_SAMPLES,
        "bytes of a text": _fields.MAX_TEXT_BYTES,
        "bytes of a shell": _streams.MAX_SHELL_BYTES,
        "max_sample": planes.recipe.MAX_SAMPLE,
        "levels of a table": levels.MAX_LEVELS,
        "inflated bytes of a packed level table": levels.MAX_BODY_BYTES,
        "colours of a palette": palette.MAX_COLOURS,
        "nets of a stream": literal(lossless.read_index, "net count"),
        "bytes of the payload of a layer": literal(tuned.read_tuned, "payload bytes"),
        "increment": literal(lossless._read_plane, "increment"),
        "limit": literal(lossless._read_plane, "limit"),
        "cols of a coded plane": tiling.MAX_COLS,
        "slab_frames * stripe_rows * cols": tiling.LONGEST_TILE_SAMPLES,
        "inflated bytes of a net file": net.MAX_FILE_BYTES,
    }


@pytest.mark.parametrize(
    "sentence",
    [
        f"window at most 2^{_zstd.WINDOW_LOG2} bytes",
        f"increment {lossless.INCREMENT} and limit 2^{lossless.LIMIT.bit_length() - 1}",
        f"increment {coder.INCREMENT}, limit 2^{coder.LIMIT.bit_length() - 1}",
        f"step (u8, 0 to {delta.STEP_LOG2_MAX})",
        f"Weights stay within -{delta.WEIGHT_LIMIT} to {delta.WEIGHT_LIMIT}, biases within "
        f"-2^{delta.BIAS_LIMIT.bit_length() - 1} to 2^{delta.BIAS_LIMIT.bit_length() - 1}.",
        f"highest level h, 1 to 2^{(levels.HIGHEST_MAPPED + 1).bit_length() - 1} - 1",
        f"0 to {header.MAX_BITS}; Bits Stored",
        f"scale (u8, 0 to {reference.N_SIGNED_SCALES - 1})",
        f"the bound of an input is {reference.INPUT_LIMIT} and of an activation "
        f"{reference.HIDDEN_LIMIT}",
        f"1 to {net.MAX_UNITS}; shifts of layers are 0 to 30",
        f"minimum is -{planes.recipe.COLOUR_MINIMUM} to {planes.recipe.COLOUR_MINIMUM - 1}",
        f"tolerance (varint, 0 to {palette.MAX_TOLERANCE})",
        f"{reference_model.DUE_SHARE} times that sum is at least the sum of its new weights",
        f"row r may follow {nb.LAG} columns behind row r - 1",
    ],
)
def test_numbers_in_sentences(sentence):
    assert sentence in " ".join(TEXT.split())


def test_sections():
    rows = TABLES["number", "section", "chapter", "present"]
    assert {name: int(value) for value, name, _, _ in rows} == {s.name: s for s in stream.Section}


def test_codecs_guarantees_and_coders():
    fields = {name: meaning for name, _, meaning in TABLES["field", "type", "meaning"]}
    for codec in codecs.CODECS:
        assert f"{codec.number} {codec.name}" in fields["codec"]
    for value, name in enumerate(header.GUARANTEES):
        assert f"{value} {name}" in fields["guarantee"]
    assert lossless.CODERS == ("ans", "huffman")
    assert "coder (u8: 0 rANS, 1 Huffman)" in TEXT


def test_dtypes():
    named = re.search(r"dtype is byte order.*?\n\n", TEXT, re.DOTALL)[0]
    names = re.findall(r"\|[biu]1|\b[iuf][248]\b", named)
    spelled = [n if n[0] == "|" else order + n for n in names for order in ("<>", "|")[n[0] == "|"]]
    everything = ["".join(p) for p in itertools.product("|<>=", "biufcO", "01248")]
    legal = [dtype for dtype in everything if header._DTYPE.fullmatch(dtype)]
    assert sorted(spelled) == sorted(legal)


def test_transforms_and_forms():
    rows = TABLES["transform", "name", "samples", "channels"]
    assert [int(row[0]) for row in rows] == [*colour.Colour, planes.recipe.PALETTE]
    (forms,) = (rows for head, rows in TABLES.items() if head[0] == "form")
    numbers = {name.upper(): int(n) for n, name in (row[0].split() for row in forms)}
    assert numbers == {name: getattr(levels, name) for name in numbers}
    assert len(numbers) == 5


def test_nets():
    """When nets change, this prints the rows that FORMAT.md must have."""
    head = ("net", "digest", "neighbourhood", "inputs", "units", "shifts")
    expected = []
    for name in shipped_names():
        shipped = net_named(name)
        layers = (*shipped.hidden, shipped.output)
        units = " ".join(str(len(layer.biases)) for layer in layers)
        shifts = " ".join(str(layer.shift) for layer in layers)
        digest, inputs = shipped.digest.hex(), str(shipped.n_inputs)
        expected.append([name, digest, shipped.neighbourhood, inputs, units, shifts])
    assert TABLES[head] == expected, "\n".join(f"| {' | '.join(row)} |" for row in expected)


def test_neighbourhoods():
    found: dict[str, list[nb.Neighbour]] = {}
    for name, frame, rows in TABLES["neighbourhood", "frame", "rows and cols from the sample"]:
        members = found.setdefault(name, [])
        for row, first, last in re.findall(r"(-?\d+): (-?\d+)\.\.(-?\d+)", rows):
            cols = range(int(first), int(last) + 1)
            members += [nb.Neighbour(int(frame), int(row), col) for col in cols]
    assert {name: tuple(members) for name, members in found.items()} == nb.NEIGHBOURHOODS


def test_gradients_and_reciprocals():
    assert reference.RECIPROCAL.tolist() == BLOCK["RECIPROCAL"]
    pairs = [((a.row, a.col), (b.row, b.col)) for a, b in nb.GRADIENTS]
    assert pairs == BLOCK["GRADIENTS"]


def test_shifts_of_contexts():
    assert "Contexts 0 to 65 have shift 0, context c >= 66 has 1 + ((c - 66) >> 2)" in TEXT
    shifts = [0] * 66 + [1 + ((c - 66) >> 2) for c in range(66, 108)]
    assert reference.RAW_SHIFT.tolist() == shifts


def test_tokens():
    found = {token: (token, 0) for token in range(32)}
    for tokens, bases, extra in TABLES["tokens", "bases", "extra"]:
        for token, base in zip(tokens.split(), bases.split(), strict=True):
            found[int(token)] = int(base), int(extra)
    assert sorted(found) == list(range(prior.N_TOKENS))
    for token, (base, extra) in found.items():
        assert reference_model.token_of(base) == token
        assert reference_model.token_of(base + (1 << extra) - 1) == token
        assert reference_model.extra_bits(token) == extra
        assert reference_model.join(token, 0, 3) == base << 3


def test_bands():
    first, others = (
        [int(rows) for rows in heights.split()[:-1]]
        for _, heights in TABLES["frame of the tile", "heights of its bands [rows]"]
    )
    assert [height for _, _, height in reference_model.bands(1, sum(first))] == first
    later = [height for frame, _, height in reference_model.bands(2, sum(others)) if frame]
    assert later == others


def test_errors():
    for name, _ in TABLES["error", "when"]:
        assert issubclass(getattr(errors, name), errors.MedlosslessError)


def test_shells():
    rows = TABLES["format", "file", "numbers after the version", "parts"]
    modules = {name: m for m in (dicom, nifti, npy, opaque, png, tiff) for name in m.NAMES}
    assert {row[0] for row in rows} == set(modules)
    for name, _, n_numbers, n_parts in rows:
        if name in ("dicom", "tiff"):
            module = modules[name]
            assert (int(n_numbers), int(n_parts)) == (module._N_NUMBERS, module._N_PARTS)
            assert module._VERSION == 1
    dtypes = dict(TABLES["format", "dtypes, from 0"])
    assert tuple(dtypes["tiff"].split()) == tiff.DTYPES
    assert dtypes["dicom"].split() == [dtype.strip("|") for dtype in dicom.DTYPES]


# The blocks, run


def test_block_of_streams():
    for n_samples in (1, 8191, 8192, 16384, 65535, 65536, 1 << 28):
        assert BLOCK["streams_log2"](n_samples) == tiling.choose_streams_log2(n_samples)


@pytest.mark.parametrize("transform", [colour.Colour.SUBTRACT_GREEN, colour.Colour.YCOCG])
def test_blocks_of_colour(transform):
    rng = np.random.default_rng(transform)
    stack = rng.integers(0, 65536, (1, 9, 9, 3)).astype(np.uint16)
    undo = BLOCK[("", "undo_subtract_green", "undo_ycocg")[transform]]
    channels = [c.reshape(-1).tolist() for c in colour.forward(stack, transform)]
    assert [list(undo(*c)) for c in zip(*channels, strict=True)] == stack.reshape(-1, 3).tolist()


@pytest.mark.parametrize(("rows", "cols"), [(1, 1), (2, 1), (1, 3), (5, 7)])
def test_block_of_edges(rows, cols):
    frame = np.random.default_rng(rows * cols).integers(0, 999, (rows, cols)).astype(np.uint16)
    padded = nb.pad_frame(frame, 1000)
    for row, col in np.ndindex(padded.shape):
        found = BLOCK["sample_at"](frame.tolist(), row - nb.TOP, col - nb.SIDE, rows, cols, 1000)
        assert found == padded[row, col]


@pytest.mark.parametrize("max_sample", [1, 255, 4095, 65535])
def test_blocks_of_prediction(max_sample):
    rng = np.random.default_rng(max_sample)
    rows, cols = 6, 10
    frames = [rng.integers(0, max_sample + 1, (rows, cols)).astype(np.uint16) for _ in range(3)]
    frames[0][:3] = max_sample // 2 + rng.integers(0, 2, (3, cols))
    padded = tuple(nb.pad_frame(frame, max_sample // 3) for frame in frames)
    where = nb.positions(rows, cols).reshape(-1)
    expected = reference.predict(NET, padded, where, cols, max_sample)
    layers = [(a.weights.tolist(), a.biases.tolist(), a.shift) for a in (*NET.hidden, NET.output)]
    members = [(n.frame, n.row, n.col) for n in nb.NEIGHBOURHOODS["wide3d"]]
    for at, found in zip(np.ndindex(rows, cols), zip(*expected, strict=True), strict=True):

        def look(frame: int, row: int, col: int, at=at) -> int:
            return int(padded[frame][at[0] + row + nb.TOP, at[1] + col + nb.SIDE])

        assert BLOCK["predict"](look, members, layers, max_sample) == tuple(map(int, found))


def test_block_of_places():
    """All of the outputs' range, which real nets seldom reach."""
    rng = np.random.default_rng(70)
    n, max_sample = 3000, 65535
    m, e, f = rng.integers(0, 65536, n), rng.integers(3, 20, n), rng.integers(0, 8, n)
    outputs = rng.integers(-5000, 5001, (2, n)) >> rng.integers(0, 12, (2, n))
    expected = zip(*reference.place(m, e, f, outputs, max_sample), strict=True)
    arguments = zip(m.tolist(), e.tolist(), f.tolist(), *outputs.tolist(), strict=True)
    for given, found in zip(arguments, expected, strict=True):
        assert BLOCK["place"](*given, max_sample) == tuple(map(int, found))


@pytest.mark.parametrize("max_sample", [0, 1, 2, 7, 8])
def test_block_of_unfolding(max_sample):
    everything = range(max_sample + 1)
    for symbol, prediction, flip in itertools.product(everything, everything, (False, True)):
        expected = reference_model.unfold(symbol, prediction, max_sample, flip)
        assert BLOCK["unfold"](symbol, prediction, max_sample, flip) == expected


def random_weights(seed: int) -> list[list[int]]:
    """Lists of 1 to 54 weights: flat, steep, with many zeros, and near the limits."""
    rng = np.random.default_rng(seed)
    steep = [rng.geometric(p, n) for p in (0.5, 0.01) for n in (1, 2, 3, 4, 5, 20, 54)]
    powers = [2 ** np.arange(n, 0, -1) for n in (5, 12, 22)]
    zeros = [np.r_[share, rng.integers(1, 90, 9)] for share in (200, 900, 5000, 10**5, 10**8)]
    return [weights.tolist() for weights in [*steep, *powers, *zeros]]


def test_blocks_of_tables():
    for weight in random_weights(80):
        assert BLOCK["frequencies"](weight) == reference_model.frequencies(weight)
        count = weight[::-1]
        model = reference_model.Model(
            prior.Prior(np.array([0], np.uint8), prior.freq_from_counts(np.ones((1, 54)))),
            prior.N_TOKENS - 1,
            77,
            1 << 15,
        )
        model.weight, model.count = [weight], [count]
        model.end_band()
        expected = BLOCK["learn"](weight, count, 77, 1 << 15)
        assert model.weight == [expected]


def test_blocks_of_codes():
    seen = set()
    for weight in random_weights(81):
        table = reference_model.Table(reference_model.frequencies(weight))
        k = BLOCK["run_log2"](table.freq)
        seen.add(k)
        assert k == table.run_log2
        coded = BLOCK["word_weights"](table.freq, k) if k else table.freq
        codes = BLOCK["canonical_codes"](BLOCK["code_lengths"](coded))
        assert codes == table.codes
        if k and len(table.freq) > 4:
            codes = BLOCK["canonical_codes"](BLOCK["code_lengths"](table.freq[4:]))
            assert {t + 4: code for t, code in codes.items()} == table.escape_codes
    assert {0, 3, 12} <= seen and len(seen) > 4


def test_block_of_runs():
    """Tokens of random bits, as the reference reads them."""
    rng = np.random.default_rng(82)
    table = reference_model.Table(reference_model.frequencies([5000, 100, 50, 40, 30, 20, 10]))
    decoder = HuffmanDecoder(None, rng.bytes(600))
    expected = [decoder._run_token(0, table) for _ in range(2000)]
    decoder.at, run, found = 0, (0, 0), []

    def code(kind: str) -> int:
        if kind == "words":
            return decoder._take(table.codes)
        return decoder._take(table.escape_codes) - 4

    for _ in expected:
        token, run = BLOCK["next_token"](run, table.run_log2, code, decoder._read)
        found.append(token)
    assert found == expected
    assert set(found) == set(range(7))


def test_block_of_rans():
    table = reference_model.Table(reference_model.frequencies([9, 3, 700]))
    rng = np.random.default_rng(83)
    x = int(rng.integers(1 << 16, 1 << 32))
    for _ in range(500):
        token = table.find(x & 32767)
        start = x
        x = BLOCK["rans_step"](x, table.freq[token], table.cum[token], lambda: 4711)
        stepped = table.freq[token] * (start >> 15) + (start & 32767) - table.cum[token]
        assert x == (stepped if stepped >= 1 << 16 else stepped << 16 | 4711)
        assert 1 << 16 <= x < 1 << 32


def test_every_block_is_compared():
    """A function added to the text needs a test here."""
    named = {name for name, value in BLOCK.items() if callable(value) and name != "__builtins__"}
    source = Path(__file__).read_text(encoding="utf-8")
    helpers = {"floor_log2", "clip", "baseline", "activity", "net_inputs", "affine"}
    helpers |= {"net_outputs", "merge_lengths"}
    assert {name for name in named - helpers if f'"{name}"' not in source} == set()
