# SPDX-License-Identifier: Apache-2.0
"""FORMAT.md is enough: a decoder written from it alone restores what the package encodes.

The decoder is `decoder_from_format`; all it has from the package are the bytes of the nets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from itertools import chain

import decoder_from_format
import numpy as np
import pytest
from decoder_from_format_nets import FormatError, Net
from decoder_from_format_tiles import TileCoder, decode_tile
from format_arrays import IMAGES, flat, smooth

from medlossless import api, entropy, planes
from medlossless.codecs import Options, choice, gain, lossless, mask, predictors, tiling, tuned
from medlossless.codecs._scan import decode_tile as scan_tile
from medlossless.codecs.abundance import Abundance
from medlossless.container import Header, Section, join
from medlossless.errors import CorruptStream
from medlossless.image import Image
from medlossless.predict import net_named, shipped_names, tune

CODERS = ("ans", "huffman")


@pytest.fixture(scope="module")
def nets() -> dict[bytes, Net]:
    folder = files("medlossless.weights")
    found = [Net(p.read_bytes()) for p in folder.iterdir() if p.name.endswith(".mlw")]
    return {net.digest: net for net in found}


def encode_lossless(array: np.ndarray, axes: str, effort: int, coder: str) -> bytes:
    """A stream of codec 1, even where codec 0 would be smaller."""
    sections = lossless.encode(Image(array, axes), Options(effort, coder))
    header = Header(1, effort, "array", "file-exact", "", array.dtype.str, array.shape, axes)
    return join(chain([(Section.HEADER, header.to_bytes())], sections))


def assert_decodes(stream: bytes, array: np.ndarray, nets: dict[bytes, Net]) -> None:
    for decoded in (decoder_from_format.decode(stream, nets), api.decode_array(stream)):
        assert decoded.shape == array.shape
        assert decoded.dtype.str == array.dtype.str
        assert decoded.tobytes() == array.tobytes()


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("name", IMAGES)
def test_every_kind_of_array_decodes(name, coder, nets):
    array, axes = IMAGES[name]
    assert_decodes(encode_lossless(array, axes, 1, coder), array, nets)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("effort", [3, 5, 9])  # narrow, mid and wide nets
@pytest.mark.parametrize("name", ["grey", "signed", "volume", "screen", "colour"])
def test_every_effort_decodes(name, effort, coder, nets):
    array, axes = IMAGES[name]
    assert_decodes(encode_lossless(array, axes, effort, coder), array, nets)


@pytest.mark.parametrize("name", ["grey", "noise", "nothing"])
def test_what_the_api_writes_decodes(name, nets):
    array, axes = IMAGES[name]
    assert_decodes(api.encode_array(array, axes=axes), array, nets)


def test_images_exercise_the_recipe():
    """The generators give what their names say, whatever the encoder has learned to prefer."""
    transforms, kinds = set(), set()
    for array, axes in IMAGES.values():
        _, data = planes.split(Image(array, axes), effort=1)
        extents = decoder_from_format.read_axes(axes, list(array.shape))
        recipe = decoder_from_format.read_recipe(data, extents)
        transforms.add(recipe["transform"])
        for _, words in recipe["channels"]:
            kinds.add("split" if len(words) > 1 else "plain" if words == [None] else "packed")
    assert {0, 3} < transforms
    assert kinds == {"plain", "packed", "split"}


@pytest.mark.parametrize("transform", list(planes.recipe.Colour))
def test_every_colour_transform_decodes(transform, nets, monkeypatch):
    array, axes = IMAGES["colour"]
    monkeypatch.setattr(planes.forward, "_choose_colour", lambda *_: (transform, 0.0))
    assert_decodes(encode_lossless(array, axes, 1, "ans"), array, nets)


def level_tables() -> list[np.ndarray]:
    """Tables for each of which another form is the shortest."""
    rng = np.random.default_rng(60)
    deltas = [
        np.full(8, 7),
        np.repeat([1, 9, 2], [40, 50, 30]),
        rng.integers(1, 120, 30),
        np.diff(np.arange(60) ** 3),
        rng.integers(1, 4, 60),
        np.repeat(rng.integers(1, 30, 400), rng.integers(1, 30, 400)),
        np.tile([3, 1, 4, 1, 5, 9, 2, 6], 200),
        np.tile(np.arange(1, 900), 3),
    ]
    return [np.append(0, np.cumsum(d)).astype(np.uint64) for d in deltas]


def test_every_form_of_level_table_is_read():
    forms = set()
    for table in level_tables():
        packed = planes.levels.pack_table(table)
        forms.add(packed[0])
        reader = decoder_from_format.Reader(packed, "levels")
        found = decoder_from_format.read_level_table(reader, table.size, 2**64 - 1)
        reader.end()
        assert found == table.tolist()
    assert {0, 1, 2, 3, 4, 9, 10, 11} == forms


@pytest.mark.parametrize("coder", CODERS)
def test_tiles_decode(coder, nets, monkeypatch):
    """Slabs and stripes that leave a smaller rest, with previous slices across bands."""
    array = smooth(30, (5, 21, 9), 700).astype("<u2")
    wide = ("wide2d", "wide3d")
    monkeypatch.setattr(lossless, "choose_tiling", lambda *_: tiling.Tiling(5, 21, 3, 18))
    monkeypatch.setattr(lossless, "predictor_for", lambda *_: predictors.predictor_named(*wide))
    stream = encode_lossless(array, "ZYX", 5, coder)
    assert api.inspect(stream).tiles == 4
    assert api.inspect(stream).nets == sorted(wide)
    assert_decodes(stream, array, nets)


def tune_at_random(
    base: str, steps_log2: tuple[int, ...], seed: int, share: float = 0.5
) -> predictors.ReadyNet:
    """A net with random changes, in its second layer of a share of the weights."""
    rng = np.random.default_rng(seed)
    layers = tune.layers_of(net_named(base))
    shapes = [(layer.weights.shape[0], layer.weights.shape[1] + 1) for layer in layers]
    deltas = [rng.geometric(0.4, shape) * rng.choice([-1, 0, 1], shape) for shape in shapes]
    deltas[1] *= rng.random(shapes[1]) < share
    sent = tuned.TunedNet(base, steps_log2, tuple(deltas))
    return predictors.tuned_net(sent)


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_tuned_nets_decode(share, nets, monkeypatch):
    array = smooth(31, (3, 12, 9), 700).astype("<u2")
    chosen = [
        tune_at_random("wide2d", (3, 0, 1), 32, share),
        tune_at_random("wide3d", (2, 5, 0), 33),
    ]
    monkeypatch.setattr(lossless, "predictor_for", lambda *_: predictors.Predictor(*chosen))
    stream = encode_lossless(array, "ZYX", 5, "ans")
    assert api.inspect(stream).nets == ["wide2d (tuned)", "wide3d (tuned)"]
    assert_decodes(stream, array, nets)


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize("streams_log2", [0, 1, 2, 4])
def test_payload_streams_decode(streams_log2, coder, nets):
    """Many contexts, common zeros and rare large symbols, through every part of the coders."""
    net = net_named("med")
    rng = np.random.default_rng(40 + streams_log2)
    shape, max_sample = (2, 37, 40), (1, 3, 40, 65535)[streams_log2 % 4]
    spread = rng.choice([0.02, 0.3, 3.0, 3000.0], (2, 37, 1), p=[0.6, 0.2, 0.1, 0.1])
    symbols = np.minimum(rng.exponential(spread, shape), max_sample).astype(np.uint16)
    contexts = np.minimum(rng.exponential(2, shape) + spread**0.5, 107).astype(np.uint8)
    learning = {"increment": 700, "limit": 1 << 17}
    payload = entropy.encode_tile(
        symbols,
        contexts,
        max_sample=max_sample,
        prior=entropy.Prior(net.shifts, net.freqs),
        streams_log2=streams_log2,
        coder=coder,
        **learning,
    )
    coding = {**learning, "streams_log2": streams_log2, "coder": CODERS.index(coder), "hits": 0}
    tile = TileCoder(payload, nets[net.digest], max_sample, coding)
    for frame, row in np.ndindex(shape[:2]):
        decoded = [tile.symbol(row, int(context)) for context in contexts[frame, row]]
        assert decoded == symbols[frame, row].tolist()
        if row + 1 in (32, 37) or (frame == 0 and row + 1 in (1, 2, 4, 8, 16)):
            tile.end_band()
    tile.finish()


def force_hits(monkeypatch, *mode, nets: tuple[str, ...] = ("med",)) -> None:
    predictor = replace(predictors.predictor_named(*nets), hits=predictors.Hits(*mode))
    monkeypatch.setattr(lossless, "predictor_for", lambda *_: predictor)


@pytest.mark.parametrize("band_rows_log2", range(6))
@pytest.mark.parametrize("candidates", [1, 2, 3, 4])
def test_hit_mode_decodes(candidates, band_rows_log2, nets, monkeypatch):
    """Two payload streams, so that they share the tables, and more than one frame."""
    force_hits(monkeypatch, candidates, band_rows_log2)
    array = flat(70 + candidates, (2, 75, 60)).astype("u1") // 4
    assert_decodes(encode_lossless(array, "ZYX", 1, "ans"), array, nets)


@pytest.mark.parametrize("name", IMAGES)
def test_every_kind_of_array_decodes_in_hit_mode(name, nets, monkeypatch):
    force_hits(monkeypatch, 4, 2)
    array, axes = IMAGES[name]
    assert_decodes(encode_lossless(array, axes, 1, "ans"), array, nets)


@pytest.mark.parametrize("pair", [("mid2d", "mid3d"), ("wide2d", "wide3d")])
def test_hit_mode_decodes_with_other_nets(pair, nets, monkeypatch):
    """What is close to the prediction is the later net's word, also in the first frame."""
    force_hits(monkeypatch, 3, 3, nets=pair)
    for name in ("screens", "volume"):
        array, axes = IMAGES[name]
        assert_decodes(encode_lossless(array, axes, 5, "ans"), array, nets)


def test_hit_mode_is_chosen_for_a_screen(nets):
    array = flat(80, (90, 80)).astype("u1")
    stream = encode_lossless(array, "YX", 5, "ans")
    assert api.inspect(stream).planes[0]["hits"]
    assert_decodes(stream, array, nets)


def abundance_of(max_sample: int, step: int = 1) -> Abundance:
    """Any abundance anywhere."""
    values = np.random.default_rng(max_sample).integers(-(32 // step), 24 // step + 1, 1024)
    return Abundance(values[: max_sample + 1].astype(np.int8), step)


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("max_sample", [1, 15, 16, 200, 1023])
def test_abundances_decode(max_sample, step, nets, monkeypatch):
    array = (flat(83, (2, 33, 37)) * max_sample // 255).astype("<u2")
    array += np.random.default_rng(step).integers(0, 2, array.shape, np.uint16) & (array < 9)

    def forced(plane, *others):
        hits = predictors.Hits(3, step % 3, abundance_of(plane.max_sample, step))
        return replace(predictors.predictor_named("mid2d", "mid3d"), hits=hits)

    monkeypatch.setattr(lossless, "predictor_for", forced)
    stream = encode_lossless(array, "ZYX", 5, "ans")
    assert api.inspect(stream).planes[0]["abundances"]
    assert_decodes(stream, array, nets)


def circle(seed: int, shape: tuple[int, int, int], pad: int) -> np.ndarray:
    """A surface in a circle that moves a little from frame to frame; two rows are padding."""
    frame, row, col = np.indices(shape)
    centre = shape[1] / 2 + 0.6 * frame, shape[2] / 2 - frame
    outside = np.hypot(row - centre[0], col - centre[1]) > 0.48 * shape[2]
    array = smooth(seed, shape, 2000) + 3000
    array[outside | (row // 2 == 3)] = pad
    return array


@pytest.mark.parametrize("coder", CODERS)
@pytest.mark.parametrize(("n_frames", "pad"), [(1, 0), (1, 6000), (3, -2000)])
def test_masks_decode(n_frames, pad, coder, nets, monkeypatch):
    monkeypatch.setattr(mask, "SAFETY", 0)  # so small a tile is not worth one
    array = circle(90, (n_frames, 40, 37), pad).astype("<i2")
    stream = encode_lossless(array, "ZYX", 5, coder)
    assert api.inspect(stream).planes[0]["mask"]
    assert_decodes(stream, array, nets)


@pytest.mark.parametrize("pad", [None, 0])
def test_gains_decode(pad, nets, monkeypatch):
    """Any gains, with a mask too, in slabs of two frames or more."""
    drawn = np.random.default_rng(7).integers(gain.LEAST, gain.MOST, 34).astype(np.uint16)
    monkeypatch.setattr(gain, "fit", lambda samples: drawn[: len(samples)])
    monkeypatch.setattr(choice, "GAINS_DISFAVOUR", 0)
    monkeypatch.setattr(choice, "VOLUMETRIC_FAVOUR", 0)
    monkeypatch.setattr(mask, "SAFETY", 99 if pad is None else 0)
    array = smooth(91, (34, 5, 6), 400) if pad is None else circle(92, (4, 21, 19), pad)
    stream = encode_lossless(array.astype("<u2"), "ZYX", 5, "ans")
    plane = api.inspect(stream).planes[0]
    assert plane["gains"] and plane["mask"] == (pad is not None)
    assert_decodes(stream, array.astype("<u2"), nets)


@pytest.mark.parametrize("quarters", [None, abundance_of(31).quarters], ids=["symbols", "values"])
def test_damage_in_hit_mode_is_refused_alike(quarters, nets, monkeypatch):
    """Payloads that no checksum guards: both decoders find the same samples or an error."""
    found_abundance = None if quarters is None else abundance_of(31)
    shape, edge, mode = (1, 9, 11), 2, predictors.Hits(3, 1, found_abundance)
    predictor = replace(predictors.predictor_named("med"), hits=mode)
    samples = (flat(81, shape) // 8).astype(np.uint16)
    tile = predictors.fold(predictor, predictors.TileInput(samples, edge, None, None), 31)
    payload = (entropy.encode_steps if "steps" in tile else entropy.encode_tile)(**tile)
    ours = nets[predictor.first.net.digest]
    plane = {"max_sample": 31, "coder": 0, "increment": 512, "limit": 2**22, "hits": 3}
    plane["quarters"] = quarters if quarters is None else quarters.tolist()
    prior, outcomes = predictor.prior, set()
    for at in range(len(payload)):
        changed = bytearray(payload)
        changed[at] ^= 1 << at % 8
        try:
            found = decode_tile(bytes(changed), shape, (ours, ours), plane | {"band_rows": 2}, edge)
        except FormatError:
            found = None
        try:
            expected = scan_tile(
                np.frombuffer(changed, np.uint8), shape, *predictor.kernels, 31, edge, prior.shift,
                prior.freq, 0, 512, 1 << 22, False, (3, 1, quarters),
            ).tolist()  # fmt: skip
        except CorruptStream:
            expected = None
        assert found == expected, at
        outcomes.add(found is None)
    assert True in outcomes


@pytest.mark.parametrize(
    ("coder", "mode", "known"),
    [
        ("ans", (5, 4), None),
        ("ans", (255, 0), None),
        ("ans", (2, 6), None),
        ("huffman", (1, 4), None),
        ("ans", (2, 4), mask.Mask(1, 1)),
    ],
)
def test_modes_that_the_text_excludes_are_refused(coder, mode, known, nets, monkeypatch):
    array, axes = IMAGES["screen"]
    force_hits(monkeypatch, 2, 4)
    written = lossless.write_index
    monkeypatch.setattr(lossless, "write_index", lambda coded, _: rewritten(coded))

    def rewritten(coded: Iterable) -> bytes:
        wrong = {"hits": predictors.Hits(*mode), "mask": known}
        return written([(replace(first, **wrong), *rest) for first, *rest in coded], coder)

    stream = encode_lossless(array, axes, 1, "ans")
    with pytest.raises(FormatError, match=r"hits|bands|mask"):
        decoder_from_format.decode(stream, nets)
    with pytest.raises(CorruptStream, match="hit mode"):
        api.decode_array(stream)


def test_a_tile_of_several_payload_streams_decodes(nets):
    array = smooth(50, (101, 45), 60).astype("u1")
    assert tiling.choose_streams_log2(array.size) == 1
    assert_decodes(encode_lossless(array, "YX", 1, "huffman"), array, nets)


def test_a_changed_byte_is_refused(nets):
    """Not even the reserved byte of the prologue may change."""
    stream = bytearray(encode_lossless(*IMAGES["bits"], 1, "ans"))
    for at in range(len(stream)):
        stream[at] ^= 4
        with pytest.raises(FormatError):
            decoder_from_format.decode(bytes(stream), nets)
        stream[at] ^= 4


def test_a_cut_stream_is_refused(nets):
    stream = encode_lossless(*IMAGES["bits"], 1, "ans")
    for size in range(len(stream)):
        with pytest.raises(FormatError):
            decoder_from_format.decode(stream[:size], nets)


def test_nets_are_read_as_the_package_reads_them(nets):
    assert {net_named(name).digest for name in shipped_names()} == set(nets)
