# SPDX-License-Identifier: Apache-2.0
"""An integer MLP: its numbers, the proof that they are safe, and its file (``.mlw``).

File layout, all little-endian, before a zstd frame wraps everything after the magic::

    magic          8 bytes   "\\x89MLW\\r\\n\\x1a\\n"
    version        u8        0
    -- zstd frame --
    neighbourhood  u8 length, ASCII name (`neighbourhood.NEIGHBOURHOODS`)
    n_layers       u8        hidden layers + 1
    per layer      u16 units, u16 inputs, u8 shift, i16 weights[units][inputs], i32 biases[units]
    n_contexts     u8        always `reference.N_CONTEXTS`
    n_tokens       u8
    shifts         u8[n_contexts]
    freqs          u16[n_contexts][n_tokens]
    n_proofs       u16
    proofs         i16 inputs, i16 hidden activations of each layer, i32 outputs, each [n_proofs]
                   times units

The digest that a stream carries is the first 8 bytes of the SHA-256 of everything from
`neighbourhood` up to, not including, `n_proofs`.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

import numpy as np

from .. import _zstd as zstd
from ..errors import InvalidWeights
from . import reference
from .neighbourhood import NEIGHBOURHOODS

MAGIC = b"\x89MLW\r\n\x1a\n"
VERSION = 0
DIGEST_BYTES = 8
MAX_UNITS = 256
MAX_LAYERS = 4
N_TOKENS = 54  # columns of the tables, as the entropy coder has them
MAX_FILE_BYTES = 1 << 24
ACCUMULATOR_LIMIT = 2**31 - 1


@dataclass(frozen=True)
class Layer:
    """One affine step: ``(biases + weights @ inputs) >> shift``.

    weights : (units, inputs) int16; biases : (units,) int32; shift : 0..30
    """

    weights: np.ndarray
    biases: np.ndarray
    shift: int


@dataclass(frozen=True)
class Net:
    """An integer MLP with the tables its contexts start from.

    `hidden` layers are rectified and clipped; `output` reads the last hidden layer followed by the
    inputs and has two units, mean offset and log-scale. No hidden layer and the neighbourhood
    ``none`` make the MED baseline.

    freqs : (N_CONTEXTS, n_tokens) uint16, each row sums to 32768
    """

    neighbourhood: str
    hidden: tuple[Layer, ...]
    output: Layer
    freqs: np.ndarray
    shifts: np.ndarray = field(default_factory=lambda: reference.RAW_SHIFT)

    def __post_init__(self) -> None:
        prove(self)

    @property
    def n_inputs(self) -> int:
        """Neighbours and the activity."""
        return len(NEIGHBOURHOODS[self.neighbourhood]) + 1

    @property
    def digest(self) -> bytes:
        """What a stream names this net by, 8 bytes."""
        return hashlib.sha256(_body(self)).digest()[:DIGEST_BYTES]


def prove(net: Net) -> None:
    """Show that no accumulator can leave int32 whatever the samples, or refuse the net.

    Raises
    ------
    InvalidWeights
        Names the layer, the unit, the bound found and the bound allowed.
    """
    if net.neighbourhood not in NEIGHBOURHOODS:
        raise InvalidWeights(f"net: neighbourhood {net.neighbourhood!r} is not defined")
    if len(net.hidden) >= MAX_LAYERS:
        raise InvalidWeights(f"net: {len(net.hidden)} hidden layers, at most {MAX_LAYERS - 1}")
    bounds = np.full(net.n_inputs, reference.INPUT_LIMIT, np.int64)
    inputs = bounds
    for number, layer in enumerate((*net.hidden, net.output)):
        last = number == len(net.hidden)
        if last and net.hidden:
            bounds = np.concatenate([bounds, inputs])
        _prove_layer(layer, bounds, f"net: layer {number}", 2 if last else None)
        bounds = np.full(layer.weights.shape[0], reference.HIDDEN_LIMIT, np.int64)
    tables = (reference.N_CONTEXTS, N_TOKENS)
    if net.freqs.shape != tables or not np.array_equal(net.shifts, reference.RAW_SHIFT):
        raise InvalidWeights(
            f"net: tables {net.freqs.shape}, expected {tables} with the shifts of the format"
        )
    if (net.freqs.astype(np.int64).sum(axis=1) != 32768).any() or (net.freqs < 1).any():
        raise InvalidWeights("net: a table does not sum to 32768 in entries >= 1")


def _prove_layer(layer: Layer, bounds: np.ndarray, where: str, units: int | None) -> None:
    n_units, n_inputs = layer.weights.shape
    if n_inputs != len(bounds) or not 1 <= n_units <= MAX_UNITS or (units and n_units != units):
        raise InvalidWeights(
            f"{where}: {n_units} units of {n_inputs} inputs, expected {units or '1..256'} of"
            f" {len(bounds)}"
        )
    if layer.weights.dtype != np.int16 or layer.biases.dtype != np.int32:
        raise InvalidWeights(f"{where}: weights must be int16 and biases int32")
    if not 0 <= layer.shift <= 30:
        raise InvalidWeights(f"{where}: shift {layer.shift}, expected 0..30")
    reach = np.abs(layer.weights.astype(np.int64)) @ bounds + np.abs(layer.biases.astype(np.int64))
    worst = int(reach.argmax())
    if reach[worst] > ACCUMULATOR_LIMIT:
        raise InvalidWeights(
            f"{where}: unit {worst} can reach {reach[worst]}, int32 holds {ACCUMULATOR_LIMIT}"
        )


def _body(net: Net) -> bytes:
    name = net.neighbourhood.encode()
    parts = [struct.pack("<B", len(name)), name, struct.pack("<B", len(net.hidden) + 1)]
    for layer in (*net.hidden, net.output):
        parts.append(struct.pack("<HHB", *layer.weights.shape, layer.shift))
        parts.append(layer.weights.astype("<i2").tobytes())
        parts.append(layer.biases.astype("<i4").tobytes())
    parts.append(struct.pack("<BB", *net.freqs.shape))
    parts.append(net.shifts.astype("u1").tobytes())
    parts.append(net.freqs.astype("<u2").tobytes())
    return b"".join(parts)


def to_bytes(net: Net, proof_inputs: np.ndarray) -> bytes:
    """Write a net with proof vectors.

    Parameters
    ----------
    net : Net
    proof_inputs : (n_inputs, n_proofs) int16
        Inputs for which every activation is recorded.
    """
    activations = reference.forward(net, proof_inputs)
    parts = [_body(net), struct.pack("<H", proof_inputs.shape[1])]
    parts.append(proof_inputs.T.astype("<i2").tobytes())
    parts += [a.T.astype("<i2").tobytes() for a in activations[:-1]]
    parts.append(activations[-1].T.astype("<i4").tobytes())
    return MAGIC + bytes([VERSION]) + zstd.compress(b"".join(parts), 19, checksum=True)


@dataclass(frozen=True)
class Proof:
    """What a net must answer: inputs (n_inputs, n), hidden [(units, n)], outputs (2, n)."""

    inputs: np.ndarray
    hidden: tuple[np.ndarray, ...]
    outputs: np.ndarray

    def check(self, net: Net) -> None:
        """Compare with what the reference answers.

        Raises
        ------
        InvalidWeights
            Names the first layer that differs: the file is damaged.
        """
        found = reference.forward(net, self.inputs)
        for number, (a, b) in enumerate(zip(found, (*self.hidden, self.outputs), strict=True)):
            if not np.array_equal(a, b):
                raise InvalidWeights(f"net file: layer {number} does not give its proof vectors")


class _Reader:
    """A cursor over untrusted bytes that names what is missing."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def unpack(self, form: str, what: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form), what))

    def take(self, size: int, what: str) -> bytes:
        if size > len(self.data) - self.at:
            raise InvalidWeights(
                f"net file at byte {self.at}: {what} needs {size} bytes,"
                f" {len(self.data) - self.at} left"
            )
        self.at += size
        return self.data[self.at - size : self.at]

    def array(self, dtype: str, shape: tuple[int, ...], what: str) -> np.ndarray:
        count = int(np.prod(shape, dtype=np.int64))
        raw = self.take(count * np.dtype(dtype).itemsize, what)
        return np.frombuffer(raw, dtype).reshape(shape).astype(np.dtype(dtype).newbyteorder("="))

    def end(self) -> None:
        left = len(self.data) - self.at
        if left:
            raise InvalidWeights(f"net file at byte {self.at}: {left} bytes left, expected none")


def from_bytes(data: bytes) -> tuple[Net, Proof]:
    """Read a net file, prove its bounds, try its proof vectors and return both.

    Raises
    ------
    InvalidWeights
    """
    if data[:8] != MAGIC or len(data) < 9:
        raise InvalidWeights("net file: the first 8 bytes are not the magic of a .mlw file")
    if data[8] != VERSION:
        raise InvalidWeights(f"net file: version {data[8]}, this release reads {VERSION}")
    reader = _Reader(zstd.decompress(data[9:], MAX_FILE_BYTES, InvalidWeights, "net file"))
    net = read_body(reader)
    (n_proofs,) = reader.unpack("<H", "proof count")
    inputs = reader.array("<i2", (n_proofs, net.n_inputs), "proof inputs").T
    hidden = tuple(
        reader.array("<i2", (n_proofs, layer.weights.shape[0]), "proof activations").T
        for layer in net.hidden
    )
    outputs = reader.array("<i4", (n_proofs, 2), "proof outputs").T
    reader.end()
    proof = Proof(inputs, hidden, outputs)
    proof.check(net)
    return net, proof


def read_body(reader: _Reader) -> Net:
    """The part of a net file that its digest covers."""
    (length,) = reader.unpack("<B", "name length")
    name = reader.take(length, "neighbourhood").decode("ascii", "replace")
    (n_layers,) = reader.unpack("<B", "layer count")
    if not 1 <= n_layers <= MAX_LAYERS:
        raise InvalidWeights(f"net file: {n_layers} layers, expected 1..{MAX_LAYERS}")
    layers = []
    for number in range(n_layers):
        units, inputs, shift = reader.unpack("<HHB", f"layer {number}")
        weights = reader.array("<i2", (units, inputs), f"weights of layer {number}")
        biases = reader.array("<i4", (units,), f"biases of layer {number}")
        layers.append(Layer(weights, biases, shift))
    shape = reader.unpack("<BB", "table shape")
    shifts = reader.array("u1", (shape[0],), "raw shifts")
    freqs = reader.array("<u2", shape, "tables")
    return Net(name, tuple(layers[:-1]), layers[-1], freqs, shifts)
