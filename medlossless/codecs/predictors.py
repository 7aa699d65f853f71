# SPDX-License-Identifier: Apache-2.0
"""Nets made ready to code with, and the choice among them by cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from .. import entropy
from .._fields import Fields
from ..errors import CorruptStream, InvalidWeights
from ..image import Array
from ..predict import DIGEST_BYTES, Net, name_of, net_named
from ..predict._kernel import KernelNet
from . import tuned
from ._fold import encode_tile, fold_abundant, fold_tile, tile_bits
from .abundance import Abundance
from .mask import Mask, covered, pack_runs
from .tiling import choose_streams_log2

SHIPPED, TUNED = 0, 1  # how a net is written


@dataclass(frozen=True)
class ReadyNet:
    """A net made ready for the kernels; `sent` is how a stream carries it, None if shipped."""

    name: str
    net: Net
    kernel: KernelNet
    prior: entropy.Prior
    sent: tuned.TunedNet | None = None

    @cached_property
    def written(self) -> bytes:
        """The net as the stream writes it."""
        if self.sent is None:
            return bytes([SHIPPED]) + self.net.digest
        return bytes([TUNED]) + self.sent.to_bytes()


@dataclass(frozen=True)
class Hits:
    """Hit mode: flags say whether a sample repeats one of 1 to 4 neighbours (W, N, NE, NW).

    Their tables learn fast, so bands may be lower than usual: 1 << band_rows_log2 rows. The
    lower they are, the fewer rows a decoder can walk side by side. With abundances what is no
    candidate is coded by value.
    """

    candidates: int
    band_rows_log2: int
    abundance: Abundance | None = None

    @property
    def mode(self) -> tuple[int, int, np.ndarray | None]:
        """Candidates, bands, abundances in quarter octaves: what a decoder takes."""
        quarters = None if self.abundance is None else self.abundance.quarters
        return self.candidates, self.band_rows_log2, quarters


@dataclass(frozen=True)
class Predictor:
    """The nets of a plane: `first` for the first frame of a slab, `later` for the others.

    Of `hits` and `mask` one is None at least. `gains`, (frames,) uint16, bring earlier frames to
    the scale of each, see `codecs.gain`; the first of a slab is not used.
    """

    first: ReadyNet
    later: ReadyNet
    hits: Hits | None = None
    mask: Mask | None = None
    gains: np.ndarray | None = None

    @property
    def volumetric(self) -> bool:
        """Whether frames are predicted from earlier ones."""
        return self.later is not self.first

    @property
    def sent_bytes(self) -> int:
        """Bytes of tuned nets and abundances, which a stream must carry."""
        nets = (self.first, self.later) if self.volumetric else (self.first,)
        return sum(len(net.written) for net in nets if net.sent is not None) + len(self.abundances)

    @cached_property
    def abundances(self) -> bytes:
        """The abundances as the stream writes them; empty without."""
        if self.hits is None or self.hits.abundance is None:
            return b""
        return self.hits.abundance.to_bytes(self.prior)

    @property
    def kernels(self) -> tuple[KernelNet, KernelNet]:
        """Both nets as the fused loops take them."""
        return self.first.kernel, self.later.kernel

    @property
    def prior(self) -> entropy.Prior:
        """Where the tables of every tile start."""
        return self.later.prior


@cache
def shipped_net(name: str) -> ReadyNet:
    """A shipped net, named in streams by its digest."""
    net = net_named(name)
    return ReadyNet(name, net, KernelNet(net), tuned.prior_of(name))


def tuned_net(sent: tuned.TunedNet) -> ReadyNet:
    """A net that is sent in the stream."""
    net = sent.build()
    return ReadyNet(f"{sent.base} (tuned)", net, KernelNet(net), tuned.prior_of(sent.base), sent)


def read_net(fields: Fields) -> ReadyNet:
    """A net as a stream writes it.

    Raises
    ------
    CorruptStream, WeightsMissing
    """
    kind = fields.number(1, "kind of net")
    if kind == SHIPPED:
        return shipped_net(name_of(bytes(fields.take(DIGEST_BYTES, "digest of a net"))))
    if kind != TUNED:
        raise CorruptStream(f"{fields.name}: net of kind {kind}, expected 0 or 1")
    try:
        return tuned_net(tuned.read_tuned(fields))
    except InvalidWeights as error:
        raise CorruptStream(f"{fields.name}: {error}") from error


@cache
def predictor_named(first: str, later: str | None = None) -> Predictor:
    """A predictor of shipped nets; without `later` every frame is predicted alone."""
    return Predictor(shipped_net(first), shipped_net(later or first))


@dataclass(frozen=True)
class TileInput:
    """A tile as predictors see it.

    samples : (frames, rows, cols) uint16, C-contiguous, with the mask's fill for padding;
    edge : int, the value above the first row; runs : where the mask is, see `Mask.find`, or None;
    gains : those of its frames, or None.
    """

    samples: np.ndarray
    edge: int
    runs: np.ndarray | None
    gains: np.ndarray | None

    @classmethod
    def of(cls, predictor: Predictor, samples: np.ndarray, frame0: int = 0) -> TileInput:
        """The tile of some samples, frame0 of a plane and those after it, its padding found."""
        runs = None
        if predictor.mask is not None:
            runs = predictor.mask.find(samples)
            samples = predictor.mask.fill_in(samples, runs)
        gains = predictor.gains
        if gains is not None:
            gains = gains[frame0 : frame0 + len(samples)]
        return cls(np.ascontiguousarray(samples), tile_edge(samples), runs, gains)

    def pack_runs(self, predictor: Predictor) -> bytes:
        """What a payload begins with: where the mask is, if there is one."""
        if self.runs is None:
            return b""
        return pack_runs(self.runs, self.samples.shape[2], predictor.prior)


def tile_edge(samples: Array) -> int:
    """The value taken to stand above a tile: the median of its first row."""
    row = samples[0, 0]
    return int(np.partition(row, row.size // 2)[row.size // 2])


def fold(predictor: Predictor, seen: TileInput, max_sample: int) -> dict[str, Any]:
    """A tile as the entropy coder takes it: keyword arguments.

    They are those of `entropy.encode_tile`, or with abundances those of `entropy.encode_steps`.
    """
    prior, hits, kernels = predictor.prior, predictor.hits, predictor.kernels
    mode = hits and (hits.candidates, hits.band_rows_log2, prior.shift, prior.freq)
    if hits and hits.abundance:
        quarters, learning = hits.abundance.quarters, (entropy.INCREMENT, entropy.LIMIT)
        flags, steps = fold_abundant(
            seen.samples, *kernels, seen.edge, mode, quarters, learning, gains=seen.gains
        )
        return {"flags": flags, "steps": steps}
    symbols, contexts, flags = fold_tile(
        seen.samples, *kernels, max_sample, seen.edge, mode, seen.gains
    )
    if seen.runs is not None:
        known = covered(seen.runs, seen.samples.shape[2])
        prior = prior.with_free_context()
        symbols[known], contexts[known] = 0, prior.n_contexts - 1
    tile = {"symbols": symbols, "contexts": contexts, "max_sample": max_sample, "prior": prior}
    if hits:
        tile |= {"flags": flags, "band_rows_log2": hits.band_rows_log2}
    return tile


def tile_payload(predictor: Predictor, seen: TileInput, max_sample: int, coder: str) -> bytes:
    """A box of samples, coded: where the mask is, then the streams."""
    streams_log2 = choose_streams_log2(seen.samples.size)
    prior, hits = predictor.prior, predictor.hits
    learning = (entropy.INCREMENT, entropy.LIMIT)
    if coder == "ans" and not (hits and hits.abundance):
        tables = (prior.shift, prior.freq, streams_log2, *learning)
        start = (seen.samples, *predictor.kernels, max_sample, seen.edge)
        streams = encode_tile(*start, *tables, hits and hits.mode[:2], seen.gains, seen.runs)
        return seen.pack_runs(predictor) + streams.tobytes()
    folded = fold(predictor, seen, max_sample)
    if "steps" in folded:
        return entropy.encode_steps(**folded, streams_log2=streams_log2)
    return seen.pack_runs(predictor) + entropy.encode_tile(
        **folded, streams_log2=streams_log2, increment=learning[0], limit=learning[1], coder=coder
    )


def frame_bits(
    predictor: Predictor, samples: np.ndarray, max_sample: int, frame0: int = 0
) -> np.ndarray:
    """Ideal code length of each frame of a tile, (frames,) float64; of a mask nothing."""
    prior, hits = predictor.prior, predictor.hits
    seen = TileInput.of(predictor, samples, frame0)
    if hits and hits.abundance:
        folded = fold(predictor, seen, max_sample)
        return entropy.step_bits(**folded).sum(axis=(1, 2), dtype=float)
    tables = (prior.shift, prior.freq, entropy.INCREMENT, entropy.LIMIT, _freq_bits())
    start = (seen.samples, *predictor.kernels, max_sample, seen.edge)
    return tile_bits(*start, *tables, hits and hits.mode[:2], seen.gains, seen.runs) / 65536


@cache
def _freq_bits() -> np.ndarray:
    """Bits of a token by its freq, 1 to 32768, in 1/65536 bit."""
    freq = np.maximum(1, np.arange(entropy.SCALE + 1))
    return np.rint(65536 * np.log2(entropy.SCALE / freq)).astype(np.uint32)


def surprises(
    predictor: Predictor, samples: np.ndarray, max_sample: int
) -> tuple[np.ndarray, np.ndarray]:
    """How often each value was seen, and expected, where no candidate of hit mode was right.

    Returns
    -------
    seen, expected : (max_sample + 1,) float64
    """
    prior, hits = predictor.prior, predictor.hits
    assert hits is not None
    quarters = hits.mode[2]
    if quarters is None:
        quarters = np.zeros(max_sample + 1, np.int8)
    expected = np.zeros(max_sample + 1)
    mode = (hits.candidates, hits.band_rows_log2, prior.shift, prior.freq)
    samples, learning = np.ascontiguousarray(samples), (entropy.INCREMENT, entropy.LIMIT)
    flags, _ = fold_abundant(
        samples, *predictor.kernels, tile_edge(samples), mode, quarters, learning, expected
    )
    missed = samples[~(flags & 1).any(axis=-1)]
    return np.bincount(missed, minlength=max_sample + 1).astype(float), expected
