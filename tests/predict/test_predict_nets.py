# SPDX-License-Identifier: Apache-2.0
"""Net files: what is shipped proves itself, and a damaged or unsafe net is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from random_nets import extreme_net, random_net

from medlossless import _zstd
from medlossless.errors import InvalidWeights, WeightsMissing
from medlossless.predict import (
    DIGEST_BYTES,
    Layer,
    Net,
    name_of,
    net_named,
    reference,
    shipped_names,
)
from medlossless.predict import net as net_file

PREFIX_BYTES = len(net_file.MAGIC) + 1


def make_inputs(net: Net, n: int = 9) -> np.ndarray:
    limit = reference.INPUT_LIMIT
    rng = np.random.default_rng(n)
    return rng.integers(-limit, limit + 1, (net.n_inputs, n)).astype(np.int16)


@pytest.fixture(scope="module")
def small() -> tuple[Net, bytes]:
    """A net and its file."""
    net = random_net("narrow2d", (5, 3))
    return net, net_file.to_bytes(net, make_inputs(net))


def inner(data: bytes) -> bytes:
    """The inner bytes of a net file."""
    return _zstd.decompress(data[PREFIX_BYTES:], 1 << 24)


def repacked(data: bytes, body: bytes | bytearray) -> bytes:
    """A net file with other inner bytes."""
    return data[:PREFIX_BYTES] + _zstd.compress(body, 1)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_net_reproduces_its_proof_vectors(name):
    data = files("medlossless.weights").joinpath(f"{name}.mlw").read_bytes()
    net, proof = net_file.from_bytes(data)
    assert proof.inputs.shape[1] >= 8
    assert len(np.unique(proof.inputs)) > 8
    found = reference.forward(net, proof.inputs)
    for a, b in zip(found, (*proof.hidden, proof.outputs), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_net_is_found_by_its_digest(name):
    digest = net_named(name).digest
    assert len(digest) == DIGEST_BYTES
    assert name_of(digest) == name


def test_unknown_digest_is_told_in_full():
    with pytest.raises(WeightsMissing, match="00112233445566ff"):
        name_of(bytes.fromhex("00112233445566ff"))


def test_unknown_name_is_refused():
    with pytest.raises(InvalidWeights, match="'huge5d'"):
        net_named("huge5d")


def test_file_gives_back_the_net(small):
    net, data = small
    again, proof = net_file.from_bytes(data)
    assert again.digest == net.digest
    assert again.neighbourhood == net.neighbourhood
    for a, b in zip((*again.hidden, again.output), (*net.hidden, net.output), strict=True):
        assert np.array_equal(a.weights, b.weights)
        assert np.array_equal(a.biases, b.biases)
        assert a.shift == b.shift
    assert np.array_equal(again.freqs, net.freqs)
    assert np.array_equal(proof.inputs, make_inputs(net))


def test_digest_depends_on_every_number(small):
    net, _ = small
    weights = net.output.weights.copy()
    weights[1, 2] += 1
    freqs = net.freqs.copy()
    freqs[7, 3] += 1
    freqs[7, 0] -= 1
    others = [
        replace(net, output=replace(net.output, weights=weights)),
        replace(net, output=replace(net.output, biases=net.output.biases + np.int32(1))),
        replace(net, output=replace(net.output, shift=13)),
        replace(net, freqs=freqs),
    ]
    assert len({net.digest, *(other.digest for other in others)}) == 5


def test_every_prefix_of_a_file_is_refused(small):
    _, data = small
    for size in range(len(data)):
        with pytest.raises(InvalidWeights):
            net_file.from_bytes(data[:size])


def test_every_prefix_of_the_inner_bytes_is_refused(small):
    _, data = small
    body = inner(data)
    for size in [*range(60), *range(60, len(body), 97), len(body) - 1]:
        with pytest.raises(InvalidWeights):
            net_file.from_bytes(repacked(data, body[:size]))


def test_every_changed_byte_of_a_file_is_refused_or_changes_nothing(small):
    net, data = small
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        try:
            again, _ = net_file.from_bytes(bytes(changed))
        except InvalidWeights:
            continue
        assert again.digest == net.digest, at  # a bit of the frame that means nothing


def test_every_changed_inner_byte_is_refused_or_makes_another_digest(small):
    net, data = small
    body, n_proofs = inner(data), make_inputs(net).shape[1]
    proof_bytes = 2 + n_proofs * (2 * net.n_inputs + 2 * (5 + 3) + 4 * 2)
    covered = body[: len(body) - proof_bytes]
    assert hashlib.sha256(covered).digest()[:DIGEST_BYTES] == net.digest
    tables = range(body.index(bytes(reference.RAW_SHIFT)), len(covered))
    for at in [*range(tables.start), *tables[::53]]:
        for mask in (1, 255):
            changed = bytearray(body)
            changed[at] ^= mask
            try:
                again, _ = net_file.from_bytes(repacked(data, changed))
            except InvalidWeights:
                continue
            assert again.digest != net.digest, at


def test_bytes_after_the_end_are_refused(small):
    _, data = small
    with pytest.raises(InvalidWeights, match="after the zstd frame"):
        net_file.from_bytes(data + b"\0")
    with pytest.raises(InvalidWeights, match="1 bytes left"):
        net_file.from_bytes(repacked(data, inner(data) + b"\0"))


def test_oversized_file_is_refused(monkeypatch, small):
    _, data = small
    monkeypatch.setattr(net_file, "MAX_FILE_BYTES", 100)
    with pytest.raises(InvalidWeights, match="more than the 100 bytes"):
        net_file.from_bytes(data)


def test_other_magic_and_version_are_refused(small):
    _, data = small
    with pytest.raises(InvalidWeights, match="magic"):
        net_file.from_bytes(b"\x89MLS" + data[4:])
    with pytest.raises(InvalidWeights, match="version 1"):
        net_file.from_bytes(data[:8] + b"\1" + data[9:])


@pytest.mark.parametrize("widths", [(), (1,), (30, 20), (256,), (16, 16, 16)])
@pytest.mark.parametrize("sign", [1, -1])
def test_accumulators_may_reach_the_end_of_int32_and_no_further(widths, sign):
    net = extreme_net("wide3d", widths)
    bound = np.full(net.n_inputs, reference.INPUT_LIMIT)
    for number, layer in enumerate((*net.hidden, net.output)):
        if number == len(net.hidden) > 0:
            bound = np.concatenate([bound, np.full(net.n_inputs, reference.INPUT_LIMIT)])
        room = 2**31 - 1 - np.abs(layer.weights.astype(np.int64)) @ bound
        assert with_biases(net, number, sign * room)
        with pytest.raises(InvalidWeights, match=f"layer {number}: unit 0 can reach 2147483648"):
            with_biases(net, number, sign * (room + (np.arange(len(room)) == 0)))
        bound = np.full(len(layer.biases), reference.HIDDEN_LIMIT)


def with_biases(net: Net, number: int, biases: np.ndarray) -> Net:
    """The net with other biases in one layer."""
    layers = [*net.hidden, net.output]
    layers[number] = replace(layers[number], biases=biases.astype(np.int32))
    return replace(net, hidden=tuple(layers[:-1]), output=layers[-1])


def unsafe_nets() -> dict[str, dict]:
    """What to replace in a net to make it one that is refused, by the text of the refusal."""
    net = random_net("narrow2d", (5, 3))
    first, out = net.hidden[0], net.output
    wide = Layer(np.zeros((257, 19), np.int16), np.zeros(257, np.int32), 0)
    short = net.freqs.copy()
    short[3, 0] -= 1
    zero = net.freqs.copy()
    zero[3, :2] = (606 + zero[3, 0], 0)
    return {
        "neighbourhood 'narrow4d'": {"neighbourhood": "narrow4d"},
        "expected 1..256 of 35": {"neighbourhood": "wide2d"},
        "257 units": {"hidden": (wide, net.hidden[1])},
        "expected 2 of": {"output": replace(out, weights=np.zeros((3, 22), np.int16))},
        "shift 31": {"hidden": (replace(first, shift=31), net.hidden[1])},
        "shift -1": {"output": replace(out, shift=-1)},
        "must be int16": {"output": replace(out, weights=out.weights.astype(np.int32))},
        "biases int32": {"output": replace(out, biases=out.biases.astype(np.int64))},
        "at most 3": {"hidden": (first, net.hidden[1], net.hidden[1], net.hidden[1])},
        "does not sum": {"freqs": short},
        "entries >= 1": {"freqs": zero},
        r"tables \(107, 54\)": {"freqs": net.freqs[1:]},
        r"tables \(108, 53\)": {"freqs": net.freqs[:, 1:]},
        "shifts of the format": {"shifts": np.zeros_like(net.shifts)},
    }


@pytest.mark.parametrize("text", unsafe_nets())
def test_unsafe_net_is_refused(text):
    with pytest.raises(InvalidWeights, match=text):
        replace(random_net("narrow2d", (5, 3)), **unsafe_nets()[text])


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_forward_floors_and_clips(dtype):
    """(bias + weights . inputs) >> shift by Python's integers."""
    net = random_net("narrow2d", (5,))
    inputs = make_inputs(net, 4).astype(dtype)
    hidden, outputs = reference.forward(net, inputs)
    for i in range(inputs.shape[1]):
        x = inputs[:, i].tolist()
        h = [
            min(max((b + sum(map(int.__mul__, w, x))) >> net.hidden[0].shift, 0), 4095)
            for w, b in zip(net.hidden[0].weights.tolist(), net.hidden[0].biases.tolist())
        ]
        o = [
            (b + sum(map(int.__mul__, w, h + x))) >> net.output.shift
            for w, b in zip(net.output.weights.tolist(), net.output.biases.tolist())
        ]
        assert hidden[:, i].tolist() == h
        assert outputs[:, i].tolist() == o
