# SPDX-License-Identifier: Apache-2.0
"""A decoder of one tile made of the definitions alone: the fused decoder must agree with it.

`predict.reference` predicts one sample from what is known so far, `entropy.reference` reads its
symbol: no wavefront, no kernel, no C. What is not known yet is filled with random samples.
"""

from __future__ import annotations

import numpy as np
import pytest
from codec_arrays import moods, smooth

from medlossless import entropy
from medlossless.codecs._fold import fold_tile
from medlossless.codecs._scan import decode_tile
from medlossless.entropy import reference as entropy_reference
from medlossless.errors import CorruptStream
from medlossless.predict import Net, net_named, shipped_names
from medlossless.predict import neighbourhood as nb
from medlossless.predict import reference as predict_reference
from medlossless.predict._kernel import KernelNet, available_kernels

FLAT = [n for n in shipped_names() if nb.frames_needed(net_named(n).neighbourhood) == 1]
DEEP = [name for name in shipped_names() if name not in FLAT]
LEARNING = {"increment": 512, "limit": 1 << 22}


def decode_by_definition(payload, shape, first: Net, later: Net, max_sample, edge, **coding):
    """Samples of a tile, one after another in raster order."""
    decoder = entropy_reference.TileDecoder(payload, max_sample=max_sample, **coding)
    n_frames, rows, cols = shape
    unknown = np.random.default_rng(7).integers(0, max_sample + 1, shape)
    samples = unknown.astype(np.uint16)
    where = nb.positions(rows, cols)
    for frame, row0, height in entropy_reference.bands(n_frames, rows):
        net = later if frame else first
        # the second frame has the first one twice before it
        before = [samples[max(0, frame - 1)], samples[max(0, frame - 2)]]
        past = [nb.pad_frame(past_frame, edge) for past_frame in before]
        for row in range(row0, row0 + height):
            for col in range(cols):
                frames = (nb.pad_frame(samples[frame], edge), *past)
                found = predict_reference.predict(
                    net, frames, where[row, col : col + 1], cols, max_sample
                )
                prediction, context, flip = (int(array[0]) for array in found)
                symbol = decoder.decode(row % len(decoder.streams), context)
                samples[frame, row, col] = entropy_reference.unfold(
                    symbol, prediction, max_sample, bool(flip)
                )
        decoder.end_band()
    decoder.finish()
    return samples


def encode(samples, first, later, max_sample, edge, streams_log2, coder, kernel=None):
    """Payload of a tile, and what decoders need to know."""
    kernels = KernelNet(net_named(first), kernel), KernelNet(net_named(later), kernel)
    net = net_named(later)
    prior = entropy.Prior(net.shifts, net.freqs)
    folded = fold_tile(samples, *kernels, max_sample, edge)
    coding = {"prior": prior, "streams_log2": streams_log2, "coder": coder, **LEARNING}
    return entropy.encode_tile(*folded[:2], max_sample=max_sample, **coding), coding


def decode_fused(payload, shape, first, later, max_sample, edge, coding, kernel=None):
    return decode_tile(
        np.frombuffer(payload, np.uint8),
        shape,
        KernelNet(net_named(first), kernel),
        KernelNet(net_named(later), kernel),
        max_sample,
        edge,
        coding["prior"].shift,
        coding["prior"].freq,
        coding["streams_log2"],
        coding["increment"],
        coding["limit"],
        coding["coder"] == "huffman",
    )


def make_tile(shape, max_sample):
    return smooth(shape, "<u2", 0, max_sample)


CASES = [
    *[(name, name, (1, 19, 7)) for name in FLAT],
    *[(FLAT[0], name, (3, 6, 7)) for name in DEEP],
    (FLAT[-1], (DEEP or FLAT)[-1], (4, 1, 9)),
    (FLAT[-1], (DEEP or FLAT)[-1], (2, 18, 1)),
    (FLAT[-1], FLAT[-1], (2, 3, 4)),
]


@pytest.mark.parametrize("coder", ["ans", "huffman"])
@pytest.mark.parametrize(("first", "later", "shape"), CASES, ids=str)
def test_definition_and_fused_decoder_give_the_samples(first, later, shape, coder):
    for streams_log2, max_sample in ((0, 65535), (2, 300), (4, 1)):
        samples, edge = make_tile(shape, max_sample), max_sample // 3
        payload, coding = encode(samples, first, later, max_sample, edge, streams_log2, coder)
        nets = net_named(first), net_named(later)
        found = decode_by_definition(payload, shape, *nets, max_sample, edge, **coding)
        assert np.array_equal(found, samples), (streams_log2, max_sample)
        fused = decode_fused(payload, shape, first, later, max_sample, edge, coding)
        assert np.array_equal(fused, samples), (streams_log2, max_sample)


@pytest.mark.parametrize("coder", ["ans", "huffman"])
def test_definition_takes_every_mood(coder):
    for name, array in moods((1, 6, 7)):
        samples = array.view(np.uint16) if array.dtype.itemsize == 2 else array.astype(np.uint16)
        payload, coding = encode(samples, FLAT[0], FLAT[0], 65535, 5, 1, coder)
        net = net_named(FLAT[0])
        found = decode_by_definition(payload, samples.shape, net, net, 65535, 5, **coding)
        assert np.array_equal(found, samples), name


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("coder", ["ans", "huffman"])
@pytest.mark.parametrize("streams_log2", range(5))
def test_every_kernel_decodes_what_the_plain_one_encoded(streams_log2, coder, kernel):
    deep = (DEEP or FLAT)[-1]
    for shape, later in (
        *(((3, 37, 41), deep), ((2, 16, 3), deep), ((1, 5, 70), FLAT[-1])),
        *(((2, 83, 90), deep), ((2, 67, 21), FLAT[-1]), ((1, 70, 100), FLAT[0])),
    ):
        first = FLAT[-1]
        samples = make_tile(shape, 4000)
        payload, coding = encode(samples, first, later, 4000, 9, streams_log2, coder, "plain")
        again, _ = encode(samples, first, later, 4000, 9, streams_log2, coder, kernel)
        assert payload == again
        found = decode_fused(payload, shape, first, later, 4000, 9, coding, kernel)
        assert np.array_equal(found, samples), shape


@pytest.mark.parametrize("kernel", available_kernels())
@pytest.mark.parametrize("coder", ["ans", "huffman"])
def test_a_damaged_payload_never_gives_samples_out_of_range(coder, kernel):
    """Checksums stand before this decoder: whatever gets past them must not break it."""
    rng = np.random.default_rng(5)
    shape, name = (2, 21, 19), FLAT[-1]
    samples = make_tile(shape, 1000)
    payload, coding = encode(samples, name, name, 1000, 9, 2, coder, kernel)
    n_refused = 0
    for _ in range(150):
        changed = bytearray(payload)
        for at in rng.integers(0, len(payload), rng.integers(1, 4)):
            changed[at] = rng.integers(0, 256)
        cut = changed[: rng.integers(1, 2 * len(payload))]
        try:
            found = decode_fused(bytes(cut), shape, name, name, 1000, 9, coding, kernel)
        except CorruptStream:
            n_refused += 1
        else:
            assert found.max() <= 1000
    assert n_refused > 100


@pytest.mark.parametrize("coder", ["ans", "huffman"])
def test_every_prefix_of_a_payload_is_refused(coder):
    shape, name = (1, 9, 11), FLAT[0]
    payload, coding = encode(make_tile(shape, 200), name, name, 200, 9, 1, coder)
    for size in range(len(payload)):
        with pytest.raises(CorruptStream):
            decode_fused(payload[:size], shape, name, name, 200, 9, coding)
    with pytest.raises(CorruptStream):
        decode_fused(payload + b"\0", shape, name, name, 200, 9, coding)
