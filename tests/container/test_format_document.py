# SPDX-License-Identifier: Apache-2.0
"""FORMAT.md says what the code does: its tables and constants against the package.

A constant or limit of the text that is not compared here fails the test, so that nothing can be
added to the text alone. The blocks are run in `test_format_blocks`.
"""

from __future__ import annotations

import inspect
import itertools
import re

import pytest
from format_text import BLOCK, TABLES, TEXT

from medlossless import _fields, _streams, _zstd, codecs, errors, planes
from medlossless.codecs import abundance, gain, index, mask, tiling, tuned
from medlossless.container import header, stream
from medlossless.entropy import coder, prior, reference_abundance, reference_hits, reference_model
from medlossless.io import dicom, nifti, npy, opaque, png, tiff
from medlossless.planes import colour, levels, palette
from medlossless.predict import delta, net, net_named, reference, shipped_names
from medlossless.predict import neighbourhood as nb

MAX_LINES, MAX_COLUMNS = 1000, 100  # a text that is read


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
        "nets of a stream": index.MAX_NETS,
        "bytes of the payload of a layer": literal(tuned.read_tuned, "payload bytes"),
        "bytes of the payload of abundances": abundance.MAX_PAYLOAD,
        "bytes of the payload of the ends of rows": mask.MAX_BYTES,
        "increment": index.MAX_INCREMENT,
        "limit": index.MAX_LIMIT,
        "cols of a coded plane": tiling.MAX_COLS,
        "slab_frames * stripe_rows * cols": tiling.LONGEST_TILE_SAMPLES,
        "inflated bytes of a net file": net.MAX_FILE_BYTES,
    }


@pytest.mark.parametrize(
    "sentence",
    [
        f"window at most 2^{_zstd.WINDOW_LOG2} bytes",
        f"increment {index.INCREMENT} and limit 2^{index.LIMIT.bit_length() - 1}",
        f"increment {coder.INCREMENT}, limit 2^{coder.LIMIT.bit_length() - 1}",
        f"step (u8, 0 to {delta.STEP_LOG2_MAX})",
        f"Weights stay within -{delta.WEIGHT_LIMIT} to {delta.WEIGHT_LIMIT}, biases within "
        f"-2^{delta.BIAS_LIMIT.bit_length() - 1} to 2^{delta.BIAS_LIMIT.bit_length() - 1}.",
        f"highest level h, 1 to 2^{(levels.HIGHEST_MAPPED + 1).bit_length() - 1} - 1",
        f"0 to {header.MAX_BITS}; Bits Stored",
        f"| number of axes | varint | 0 to {header.MAX_DIMENSIONS} |",
        f"| context | 0 to {reference.N_CONTEXTS - 1}, ",
        f"scale (u8, 0 to {reference.N_SIGNED_SCALES - 1})",
        f"the bound of an input is {reference.INPUT_LIMIT} and of an activation "
        f"{reference.HIDDEN_LIMIT}",
        f"1 to {net.MAX_UNITS}; shifts of layers are 0 to 30",
        f"minimum is -{planes.recipe.COLOUR_MINIMUM} to {planes.recipe.COLOUR_MINIMUM - 1}",
        f"tolerance (varint, 0 to {palette.MAX_TOLERANCE})",
        f"{reference_model.DUE_SHARE} times that sum is at least the sum of its new weights",
        f"row r may follow {nb.LAG} columns behind row r - 1",
        f"candidates of 13.3, 0 to {index.MAX_CANDIDATES}; 0: no hit mode",
        f"band_rows_log2 (u8, 0 to {reference_model.BAND_ROWS.bit_length() - 1}) and abundances",
        f"Abundances are only for max_sample up to {abundance.MAX_SAMPLE}.",
        f"steps are 1 to {abundance.MAX_STEP}, abundances {abundance.LEAST} to {abundance.MOST}.",
        f"rows of {abundance.ROW_VALUES} cols and",
        f"max_sample {abundance.MAX_SYMBOL}, increment {abundance.INCREMENT}, limit 2^22",
        f"groups of {reference_abundance.GROUP} values",
        f"with more than {mask.MAX_COLS} cols",
        f"of each slab u16, {gain.LEAST} to {gain.MOST})",
        f"A gain, in 1/{gain.UNIT}, brings",
        f"increment {mask.INCREMENT}, limit 2^{coder.LIMIT.bit_length() - 1}, max_sample 4 * cols",
        "are {} and {} in the first frame of the tile, {} and {} in all others".format(
            *mask.CONTEXTS.reshape(-1)
        ),
        f"neighbours {', '.join(reference_hits.CANDIDATES)}, the first `hits`",
        f"increment {reference_hits.JOINT_INCREMENT} and limit {reference_hits.JOINT_LIMIT};",
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
    assert index.CODERS == ("ans", "huffman")
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
    """Shapes only, which training leaves alone; else this prints the rows there must be."""
    head = ("net", "neighbourhood", "inputs", "units")
    expected = []
    for name in shipped_names():
        shipped = net_named(name)
        layers = (*shipped.hidden, shipped.output)
        units = " ".join(str(len(layer.biases)) for layer in layers)
        expected.append([name, shipped.neighbourhood, str(shipped.n_inputs), units])
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
    assert "takes the place of 32: 1 1 2 4 ... H H and H H (H = 1: 1 1 1)" in TEXT
    for first, height in (([1, 1, 2, 4, 8, 8], 8), ([1, 1, 2, 2], 2), ([1, 1, 1], 1)):
        frames = list(reference_model.bands(2, sum(first), height))
        assert [rows for frame, _, rows in frames if frame == 0] == first
        assert {rows for frame, _, rows in frames if frame == 1} == {height}


def test_neighbours_of_hit_mode():
    """Pairs that cells are made of, by the names that the text gives the offsets."""
    offset = {name: BLOCK[name] for name in reference_hits.NEIGHBOURS}
    assert offset == reference_hits.NEIGHBOURS
    assert BLOCK["EQUAL"] == [(offset[a], offset[b]) for a, b in reference_hits.PAIRS]
    assert BLOCK["DIFFERENCES"] == [(offset[a], offset[b]) for a, b in reference_hits.DIFFERENCES]
    assert tuple(BLOCK["EXPECTED"]) == reference_hits.HITS_EXPECTED


def test_errors():
    for name, _ in TABLES["error", "when"]:
        assert issubclass(getattr(errors, name), errors.MedlosslessError)


def test_shells():
    rows = TABLES["format", "file", "numbers after the version", "parts"]
    modules = {name: m for m in (dicom, nifti, npy, opaque, png, tiff) for name in m.NAMES}
    assert {row[0] for row in rows} == set(modules)
    for name, _, n_numbers, n_parts in rows:
        module = modules[name]
        if hasattr(module, "_N_PARTS"):
            assert (int(n_numbers), int(n_parts)) == (module._N_NUMBERS, module._N_PARTS)
        elif name != "opaque":
            assert f"n_numbers={n_numbers}, n_parts={n_parts})" in inspect.getsource(module)
        assert getattr(module, "_VERSION", 1) == 1
    dtypes = dict(TABLES["format", "dtypes, from 0"])
    assert tuple(dtypes["tiff"].split()) == tiff.DTYPES
    assert dtypes["dicom"].split() == [dtype.strip("|") for dtype in dicom.DTYPES]
