# SPDX-License-Identifier: Apache-2.0
"""Whole tiles of symbols with known contexts <-> payloads, by the C core."""

from __future__ import annotations

import numpy as np

from ..errors import CorruptStream, InvalidInput, Truncated
from . import _coder
from .prior import SCALE, Prior

CODERS = ("ans", "huffman")
INCREMENT = 512
LIMIT = 1 << 22
MAX_TILE_SAMPLES = 1 << 28
STREAMS_LOG2_MAX = 4
BAND_ROWS_LOG2 = 5  # also the largest
MAX_FLAGS = 4

# mll_status
OK, TRUNCATED, CORRUPT = 0, 1, 2


def encode_tile(
    symbols: np.ndarray,
    contexts: np.ndarray,
    *,
    max_sample: int,
    prior: Prior,
    streams_log2: int = 0,
    increment: int = INCREMENT,
    limit: int = LIMIT,
    coder: str = "ans",
    flags: np.ndarray | None = None,
    band_rows_log2: int = BAND_ROWS_LOG2,
) -> bytes:
    """Encode a tile.

    Parameters
    ----------
    symbols : (frames, rows, cols) uint16, C-contiguous
        0..max_sample; no empty axis, at most 2^28 samples.
    contexts : (frames, rows, cols) uint8, C-contiguous
        Below prior.n_contexts.
    max_sample : int, 0..65535
    prior : Prior
    streams_log2 : int, 0..4
        log2 of the number of streams.
    increment : int, 0..65536
        Weight of a coded token against the prior's 32768; 0 does not adapt.
    limit : int, 2^15..2^31
        Sum of weights above which they are halved; a large one forgets slowly.
    coder : ``ans`` or ``huffman``
    flags : (frames, rows, cols, 4) uint16, C-contiguous, optional; ``ans`` only
        Steps coded before each symbol: 2 * freq + flag, freq being that of flag 1; 0 where there
        is none. Where a flag is 1 the symbol is not coded (`reference_hits`).
    band_rows_log2 : int, 0..5
        log2 of the rows of a band.

    Returns
    -------
    payload : bytes

    Raises
    ------
    InvalidInput
        Anything above is not so.

    Exact
    -----
    The bytes `reference.encode_tile` defines.

    Cost
    ----
    Of the order of 10 ns a sample; 8 to 10 bytes of scratch a sample.
    """
    _check_arrays(contexts, symbols, flags)
    _check_free(symbols, contexts, prior)
    learning = _learning(max_sample, increment, limit)
    rows_log2 = _rows_log2(streams_log2, band_rows_log2)
    _check_coder(coder, flags)
    status, payload = _coder.encode(
        symbols, contexts, flags, prior, learning, rows_log2, coder == "huffman"
    )
    _raise_for(status, max_sample, prior)
    return payload.tobytes()


def encode_steps(flags: np.ndarray, steps: np.ndarray, *, streams_log2: int = 0) -> bytes:
    """Encode a tile in hit mode with abundances, where every step is known.

    Parameters
    ----------
    flags : (frames, rows, cols, 4) uint16, C-contiguous
        As in `encode_tile`.
    steps : (frames, rows, cols, 2) uint32, C-contiguous
        freq << 16 | cum of group and value of each sample that no flag gives.
    streams_log2 : int, 0..4

    Returns
    -------
    payload : bytes

    Raises
    ------
    InvalidInput
    """
    _check_steps(flags, steps)
    _rows_log2(streams_log2, 0)
    _, payload = _coder.encode_steps(flags, steps, streams_log2)
    return payload.tobytes()


def step_bits(flags: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Ideal code length of every sample of such a tile, (frames, rows, cols) float32."""
    _check_steps(flags, steps)
    coded = _token_bits()[steps >> 16].sum(axis=-1)
    bits = np.where((flags & 1).any(axis=-1), 0, coded) + _flag_bits()[flags].sum(axis=-1)
    return bits.astype(np.float32)


def _check_steps(flags: np.ndarray, steps: np.ndarray) -> None:
    shape = flags.shape[:3]
    _check_flags(flags, shape)
    if steps.dtype != np.uint32 or steps.shape != (*shape, 2) or not steps.flags.c_contiguous:
        raise InvalidInput("steps: expected C-contiguous uint32, two a sample")
    _check_size(flags.size // MAX_FLAGS)
    coded = steps[~(flags & 1).any(axis=-1)]
    freq = coded >> 16
    if np.any((freq == 0) | (freq + (coded & 0xFFFF) > SCALE)):
        raise InvalidInput(f"steps: expected freq >= 1 and freq + cum <= {SCALE}")


def decode_tile(
    payload: bytes,
    contexts: np.ndarray,
    *,
    max_sample: int,
    prior: Prior,
    streams_log2: int = 0,
    increment: int = INCREMENT,
    limit: int = LIMIT,
    coder: str = "ans",
    band_rows_log2: int = BAND_ROWS_LOG2,
) -> np.ndarray:
    """Undo `encode_tile` without flags, given the same contexts and parameters.

    Returns
    -------
    symbols : (frames, rows, cols) uint16

    Raises
    ------
    Truncated, CorruptStream
        The payload ends early, goes on, or does not end in the encoder's first state. An altered
        payload may also decode to other symbols: checksums are the container's.
    InvalidInput
        A parameter is outside its range.
    """
    _check_arrays(contexts)
    learning = _learning(max_sample, increment, limit)
    rows_log2 = _rows_log2(streams_log2, band_rows_log2)
    _check_coder(coder, None)
    data = np.frombuffer(payload, np.uint8)
    status, symbols = _coder.decode(data, contexts, prior, learning, rows_log2, coder == "huffman")
    _raise_for(status, max_sample, prior, len(data))
    return symbols


def sample_bits(
    symbols: np.ndarray,
    contexts: np.ndarray,
    *,
    max_sample: int,
    prior: Prior,
    increment: int = INCREMENT,
    limit: int = LIMIT,
    flags: np.ndarray | None = None,
    band_rows_log2: int = BAND_ROWS_LOG2,
) -> np.ndarray:
    """Ideal code length of every sample under the adaptive tables, without a coder's losses.

    Parameters
    ----------
    symbols, contexts, max_sample, prior, increment, limit, flags, band_rows_log2
        As in `encode_tile`.

    Returns
    -------
    bits : (frames, rows, cols) float32
    """
    _check_arrays(contexts, symbols, flags)
    _check_free(symbols, contexts, prior)
    learning = _learning(max_sample, increment, limit)
    rows_log2 = _rows_log2(0, band_rows_log2)
    status, steps = _coder.trace(symbols, contexts, flags, prior, learning, rows_log2)
    _raise_for(status, max_sample, prior)
    bits = _token_bits()[steps >> 16]
    raw = raw_bits(symbols, np.where(prior.is_free, 0, prior.shift)[contexts])
    if flags is None:
        return bits + raw
    bits += np.where((flags & 1).any(axis=-1), 0, raw)
    bits += _flag_bits()[flags].sum(axis=-1)
    return bits


def ideal_bits(
    symbols: np.ndarray,
    contexts: np.ndarray,
    *,
    max_sample: int,
    prior: Prior,
    increment: int = INCREMENT,
    limit: int = LIMIT,
) -> float:
    """Sum of `sample_bits`."""
    bits = sample_bits(
        symbols, contexts, max_sample=max_sample, prior=prior, increment=increment, limit=limit
    )
    return float(bits.sum(dtype=np.float64))


def raw_bits(symbols: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Number of raw bits of each symbol, uint8: its shift, and above 31 << shift its octave's."""
    # The exponent of a float is the floor of the log2 of an integer.
    exponent = np.frexp((symbols >> shifts).astype(np.float32))[1]
    return (shifts + np.maximum(exponent - 2, 0) * (exponent > 5)).astype(np.uint8)


def _token_bits() -> np.ndarray:
    """Bits of a token by its freq, 1..32768."""
    freq = np.arange(1 << 15 | 1, dtype=np.float64)
    freq[0] = 1
    return (15 - np.log2(freq)).astype(np.float32)


def _flag_bits() -> np.ndarray:
    """Bits of a flag by 2 * freq + flag; none for 0."""
    freq = np.maximum(1, np.arange(1 << 15, dtype=np.float64))
    bits = np.stack([15 - np.log2((1 << 15) - freq), 15 - np.log2(freq)], axis=1)
    bits[0] = 0
    return bits.reshape(-1).astype(np.float32)


def _check_arrays(
    contexts: np.ndarray, symbols: np.ndarray | None = None, flags: np.ndarray | None = None
) -> None:
    wanted: list[tuple[str, np.ndarray, type]] = [("contexts", contexts, np.uint8)]
    if symbols is not None:
        wanted.append(("symbols", symbols, np.uint16))
    for name, array, dtype in wanted:
        if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 3:
            raise InvalidInput(f"{name}: expected (frames, rows, cols) {np.dtype(dtype).name}")
        if not array.flags.c_contiguous or array.shape != contexts.shape:
            raise InvalidInput(f"{name}: expected C-contiguous of shape {contexts.shape}")
    if flags is not None:
        _check_flags(flags, contexts.shape)
    _check_size(contexts.size)


def _check_flags(flags: np.ndarray, shape: tuple[int, ...]) -> None:
    wanted = (*shape, MAX_FLAGS)
    if flags.dtype != np.uint16 or flags.shape != wanted or not flags.flags.c_contiguous:
        raise InvalidInput(f"flags: expected C-contiguous uint16, {MAX_FLAGS} a sample")


def _check_size(n_samples: int) -> None:
    if not 1 <= n_samples <= MAX_TILE_SAMPLES:
        raise InvalidInput(f"tile: {n_samples} samples, expected 1..{MAX_TILE_SAMPLES}")


def _check_free(symbols: np.ndarray, contexts: np.ndarray, prior: Prior) -> None:
    """A free context has no code for another symbol than 0."""
    for context in np.flatnonzero(prior.is_free):
        if symbols[contexts == context].any():
            raise InvalidInput(f"context {context} is free: expected symbols 0 only")


def _learning(max_sample: int, increment: int, limit: int) -> tuple[int, int, int]:
    ranges = (
        ("max_sample", max_sample, 0, 65535),
        ("increment", increment, 0, 1 << 16),
        ("limit", limit, 1 << 15, 1 << 31),
    )
    for name, value, low, high in ranges:
        if not low <= value <= high:
            raise InvalidInput(f"{name} {value}, expected {low}..{high}")
    return int(max_sample), int(increment), int(limit)


def _rows_log2(streams_log2: int, band_rows_log2: int) -> tuple[int, int]:
    if not 0 <= streams_log2 <= STREAMS_LOG2_MAX:
        raise InvalidInput(f"streams_log2 {streams_log2}, expected 0..{STREAMS_LOG2_MAX}")
    if not 0 <= band_rows_log2 <= BAND_ROWS_LOG2:
        raise InvalidInput(f"band_rows_log2 {band_rows_log2}, expected 0..{BAND_ROWS_LOG2}")
    return int(streams_log2), int(band_rows_log2)


def _check_coder(coder: str, flags: np.ndarray | None) -> None:
    if coder not in CODERS:
        raise InvalidInput(f"coder {coder!r}, expected one of {', '.join(CODERS)}")
    if coder != "ans" and flags is not None:
        raise InvalidInput(f"coder {coder!r}: flags need 'ans'")


def _raise_for(status: int, max_sample: int, prior: Prior, n_bytes: int = 0) -> None:
    if status == OK:
        return
    if status == TRUNCATED:
        raise Truncated(f"payload: {n_bytes} bytes, the samples need more")
    if status == CORRUPT:
        raise CorruptStream(f"payload: {n_bytes} bytes, its streams do not end as they should")
    raise InvalidInput(
        f"a symbol is above max_sample {max_sample} or a context is not one of {prior.n_contexts}"
    )
