# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The fused loop of the decoder: predict, decode and unfold a tile.

The decoder walks a band as a wavefront: lane l is row row0 + l, MLL_LAG columns behind lane l - 1,
so one call of a kernel predicts up to 16 samples (csrc/mlp/frame.h). A band of more rows than
streams is walked in pieces, as a stream's rows follow one another.
"""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

from ..predict._kernel cimport (
    KernelNet, MLL_LAG, MLL_SIDE, MLL_SKEW_BEFORE, MLL_SKEW_WIDTH, MLL_TOP, mll_frame_close,
    mll_frame_open, mll_frame_put_row, mll_frame_row, mll_net, mll_predict_fn, mll_prediction,
    mll_skew_load, mll_skew_samples, mll_skew_store, mll_view, mll_view_steps,
)

from ..entropy._core cimport (
    MLL_CORRUPT, MLL_OK, MLL_TRUNCATED, mll_band_rows, mll_hits, mll_hits_decode,
    mll_hits_end_band, mll_hits_look, mll_hits_place, mll_hits_restore, mll_huffman_code,
    mll_huffman_code_bytes, mll_huffman_code_init, mll_huffman_decode_symbol,
    mll_huffman_decoder, mll_huffman_end_band, mll_huffman_finished, mll_huffman_init, mll_model,
    mll_model_bytes, mll_model_end_band, mll_model_init, mll_model_setup, mll_payload_split,
    mll_rans_decode_symbol, mll_rans_decoder, mll_rans_finished, mll_rans_init, mll_status,
    mll_unfold,
)
from ._fold cimport HitTables, frame_buffers, next_frame, point

from ..errors import CorruptStream, Truncated


cdef extern from "entropy/lanes.h" nogil:
    ctypedef struct mll_lanes_source:
        mll_model *model
        mll_rans_decoder *streams
        uint32_t first_stream, stream_mask
    ctypedef mll_status mll_lanes_decode_fn(const mll_lanes_source *source, int32_t low,
                                            int32_t high, const mll_prediction *found,
                                            uint16_t *samples)
    mll_lanes_decode_fn *mll_lanes_decoder(int32_t kernel)


# Everything a tile's decoder carries from sample to sample; memory belongs to Python arrays.
cdef struct Walk:
    int32_t rows, cols, max_sample, n_streams, use_huffman, use_hits
    uint32_t band_rows_log2
    const mll_net *net
    mll_predict_fn *predict
    mll_view view
    uint16_t *padded[3]
    uint16_t *skew[3]
    int n_frames
    mll_model model
    mll_hits hits
    mll_huffman_code code
    mll_rans_decoder rans[16]
    mll_lanes_decode_fn *decode_lanes
    mll_huffman_decoder *huffman


cdef inline void _put(Walk *walk, int32_t step, int32_t lane, uint16_t sample) noexcept nogil:
    """Store a sample in the skewed band, and in the pads that repeat it."""
    cdef uint16_t *at = walk.skew[0] + (MLL_SKEW_BEFORE + step) * MLL_SKEW_WIDTH + MLL_TOP + lane
    cdef int32_t col = step - MLL_LAG * lane, k
    at[0] = sample
    if col == 0:  # left pad of the next lane
        for k in range(1, MLL_SIDE + 1):
            at[(MLL_LAG - k) * MLL_SKEW_WIDTH + 1] = sample
    if col == walk.cols - 1:
        for k in range(1, MLL_SIDE + 1):
            at[k * MLL_SKEW_WIDTH] = sample


cdef inline mll_status _decode_hit(Walk *walk, int32_t stream, int32_t lane,
                                   const mll_prediction *found, uint16_t *sample) noexcept nogil:
    """The sample of a lane in hit mode: a candidate, or what its renumbered symbol says."""
    cdef mll_hits_place place
    cdef uint32_t candidate = 0, symbol = 0
    cdef const uint16_t *at = walk.view.frame[0] + lane
    mll_hits_look(&walk.hits, &place, at, walk.view.row_step, walk.view.col_step,
                  found.context[lane], found.prediction[lane], walk.max_sample, found.flip[lane])
    cdef mll_status status = mll_hits_decode(&walk.hits, &place, &walk.rans[stream], &candidate)
    if status != MLL_OK:
        return status
    if candidate < walk.hits.n_candidates:
        sample[0] = place.value[candidate]
        return MLL_OK
    status = mll_rans_decode_symbol(&walk.model, &walk.rans[stream], found.context[lane], &symbol)
    if status != MLL_OK:
        return status
    symbol = mll_hits_restore(&walk.hits, &place, symbol)
    if symbol > <uint32_t>walk.max_sample:
        return MLL_CORRUPT
    sample[0] = <uint16_t>mll_unfold(symbol, found.prediction[lane], walk.max_sample,
                                     found.flip[lane])
    return MLL_OK


cdef inline mll_status _decode_huffman(Walk *walk, int32_t stream, int32_t lane,
                                       const mll_prediction *found,
                                       uint16_t *sample) noexcept nogil:
    cdef uint32_t symbol = 0
    cdef mll_status status = mll_huffman_decode_symbol(
        &walk.model, &walk.code, &walk.huffman[stream], found.context[lane], &symbol)
    if status == MLL_OK:
        sample[0] = <uint16_t>mll_unfold(symbol, found.prediction[lane], walk.max_sample,
                                         found.flip[lane])
    return status


cdef inline mll_status _decode_lanes(Walk *walk, const mll_prediction *found, int32_t row0,
                                     int32_t low, int32_t high,
                                     uint16_t *samples) noexcept nogil:
    """Decode one sample in each of the lanes low..high."""
    cdef mll_lanes_source source
    cdef mll_status status
    cdef int32_t lane, stream
    if not walk.use_huffman and not walk.use_hits:
        source.model = &walk.model
        source.streams = walk.rans
        source.first_stream, source.stream_mask = row0, walk.n_streams - 1
        return walk.decode_lanes(&source, low, high, found, samples)
    for lane in range(low, high + 1):
        stream = (row0 + lane) & (walk.n_streams - 1)
        if walk.use_hits:
            status = _decode_hit(walk, stream, lane, found, &samples[lane])
        else:
            status = _decode_huffman(walk, stream, lane, found, &samples[lane])
        if status != MLL_OK:
            return status
    return MLL_OK


cdef mll_status _walk_rows(Walk *walk, int32_t row0, int32_t n_rows) noexcept nogil:
    """Decode n_rows (no more than streams) rows of the skewed band as a wavefront."""
    cdef mll_prediction found
    cdef mll_status status
    cdef uint16_t samples[16]
    cdef int32_t step, lane, low, high, k
    for step in range(walk.cols + MLL_LAG * (n_rows - 1)):
        for k in range(walk.n_frames):
            walk.view.frame[k] = (walk.skew[k] + (MLL_SKEW_BEFORE + step) * MLL_SKEW_WIDTH
                                  + MLL_TOP)
        walk.predict(walk.net, &walk.view, walk.max_sample, &found)
        low = 0
        if step >= walk.cols:
            low = (step - walk.cols) // MLL_LAG + 1
        high = min(step // MLL_LAG, n_rows - 1)
        status = _decode_lanes(walk, &found, row0, low, high, samples)
        if status != MLL_OK:
            return status
        for lane in range(low, high + 1):
            _put(walk, step, lane, samples[lane])
    return MLL_OK


cdef mll_status _decode_piece(Walk *walk, int32_t row0, int32_t n_rows,
                              uint16_t *samples) noexcept nogil:
    """Bring what rows row0 .. row0 + n_rows - 1 look at into the skewed band and decode them."""
    cdef mll_status status
    cdef int32_t lane, k
    cdef uint16_t *left = mll_frame_row(walk.padded[0], walk.cols, row0) - MLL_SIDE
    mll_skew_load(walk.skew[0], walk.padded[0], walk.cols, row0, -MLL_TOP, 0)
    for k in range(MLL_SIDE):
        walk.skew[0][(MLL_SKEW_BEFORE - MLL_SIDE + k) * MLL_SKEW_WIDTH + MLL_TOP] = left[k]
    for k in range(1, walk.n_frames):
        mll_skew_load(walk.skew[k], walk.padded[k], walk.cols, row0, -2, n_rows + 2)
    status = _walk_rows(walk, row0, n_rows)
    if status != MLL_OK:
        return status
    mll_skew_store(walk.skew[0], walk.cols, n_rows, samples)
    for lane in range(n_rows):
        mll_frame_put_row(walk.padded[0], walk.cols, row0 + lane,
                          samples + <size_t>lane * walk.cols)
    return MLL_OK


cdef mll_status _decode_frame(Walk *walk, int32_t f, uint16_t edge,
                              uint16_t *samples) noexcept nogil:
    cdef mll_status status
    cdef int32_t row = 0, end, piece
    mll_frame_open(walk.padded[0], walk.cols, edge)
    while row < walk.rows:
        end = row + <int32_t>mll_band_rows(f, row, walk.rows, walk.band_rows_log2)
        while row < end:
            piece = min(walk.n_streams, end - row)
            status = _decode_piece(walk, row, piece, samples + <size_t>row * walk.cols)
            if status != MLL_OK:
                return status
            row += piece
        if walk.use_huffman:
            mll_huffman_end_band(&walk.code, &walk.model, walk.huffman, walk.n_streams)
        else:
            mll_model_end_band(&walk.model)
        if walk.use_hits:
            mll_hits_end_band(&walk.hits)
    mll_frame_close(walk.padded[0], walk.rows, walk.cols)
    return MLL_OK


cdef mll_status _open_streams(Walk *walk, const uint8_t[::1] payload) noexcept nogil:
    cdef const uint8_t *next[16]
    cdef const uint8_t *end[16]
    cdef int32_t i
    cdef mll_status status = mll_payload_split(next, end, walk.n_streams, &payload[0],
                                               payload.shape[0])
    for i in range(walk.n_streams):
        if status != MLL_OK:
            return status
        if walk.use_huffman:
            status = mll_huffman_init(&walk.huffman[i], next[i], end[i])
        else:
            status = mll_rans_init(&walk.rans[i], next[i], end[i])
    return status


cdef mll_status _close_streams(Walk *walk) noexcept nogil:
    cdef int32_t i
    cdef mll_status status = MLL_OK
    for i in range(walk.n_streams):
        if status == MLL_OK and walk.use_huffman:
            status = mll_huffman_finished(&walk.huffman[i])
        elif status == MLL_OK:
            status = mll_rans_finished(&walk.rans[i])
    return status


cdef object _check(mll_status status, str where):
    if status == MLL_TRUNCATED:
        raise Truncated(f"{where}: the payload ends before its samples do")
    if status == MLL_CORRUPT:
        raise CorruptStream(f"{where}: the payload contradicts itself")
    if status != MLL_OK:
        raise CorruptStream(f"{where}: coding parameters out of range (status {<int>status})")


def decode_tile(const uint8_t[::1] payload, shape, KernelNet first, KernelNet later,
                int max_sample, int edge, const uint8_t[::1] shifts,
                const uint16_t[:, ::1] freqs, int streams_log2, unsigned int increment,
                unsigned int limit, bint use_huffman, hits=None, str where="tile"):
    """Decode a tile from its payload; the inverse of `fold_tile` and the entropy coder.

    Parameters
    ----------
    payload : (n,) uint8
    shape : (frames, rows, cols)
    first, later : KernelNet
    max_sample, edge : int
    shifts, freqs : the tables the contexts start from
    streams_log2, increment, limit, use_huffman : as written in the stream
    hits : (candidates, band_rows_log2), optional
        Hit mode; not with use_huffman.
    where : str
        What error texts call this tile.

    Returns
    -------
    (frames, rows, cols) uint16

    Raises
    ------
    Truncated, CorruptStream
    """
    cdef Walk walk
    cdef mll_model_setup setup
    cdef mll_status status
    cdef int32_t n, f
    cdef KernelNet handle
    n, walk.rows, walk.cols = shape
    if first.n_frames != 1 or payload.shape[0] == 0:
        raise CorruptStream(f"{where}: empty, or the first frame's net looks at several frames")
    walk.max_sample, walk.n_streams, walk.use_huffman = max_sample, 1 << streams_log2, use_huffman
    buffers = frame_buffers(walk.rows, walk.cols)
    cdef uint16_t *padded[3]
    point(buffers, padded)
    skews = [np.zeros(mll_skew_samples(walk.cols), np.uint16) for _ in range(3)]
    point(skews, walk.skew)
    walk.decode_lanes = mll_lanes_decoder(first.number)
    setup.shift, setup.freq = &shifts[0], &freqs[0, 0]
    setup.n_contexts, setup.max_sample = shifts.shape[0], max_sample
    setup.increment, setup.limit = increment, limit
    cdef uint8_t[::1] memory = np.zeros(mll_model_bytes(setup.n_contexts), np.uint8)
    _check(mll_model_init(&walk.model, &memory[0], memory.shape[0], &setup), where)
    cdef uint8_t[::1] decoders
    cdef uint8_t[::1] codes
    if use_huffman:
        decoders = np.zeros(16 * sizeof(mll_huffman_decoder), np.uint8)
        walk.huffman = <mll_huffman_decoder *>&decoders[0]
        codes = np.zeros(mll_huffman_code_bytes(setup.n_contexts), np.uint8)
        _check(mll_huffman_code_init(&walk.code, &codes[0], codes.shape[0], &walk.model), where)
    cdef HitTables tables
    walk.use_hits, walk.band_rows_log2 = hits is not None, 4
    if hits is not None and use_huffman:
        raise CorruptStream(f"{where}: hit mode with Huffman codes")
    if hits is not None:
        tables = HitTables(hits[0], shifts, freqs)
        walk.hits, walk.band_rows_log2 = tables.tables, hits[1]
    samples = np.empty((n, walk.rows, walk.cols), np.uint16)
    cdef uint16_t[:, :, ::1] out = samples
    status = _open_streams(&walk, payload)
    for f in range(n):
        if status != MLL_OK:
            break
        handle = later if f else first
        walk.net, walk.predict, walk.n_frames = &handle.net, handle.predict, handle.n_frames
        walk.padded[0], walk.padded[1] = padded[0], padded[1]
        walk.padded[2] = padded[1] if f == 1 else padded[2]
        mll_view_steps(&walk.view, walk.net, MLL_LAG * MLL_SKEW_WIDTH + 1, MLL_SKEW_WIDTH)
        with nogil:
            status = _decode_frame(&walk, f, <uint16_t>edge, &out[f, 0, 0])
        next_frame(padded, f)
    if status == MLL_OK:
        status = _close_streams(&walk)
    _check(status, where)
    return samples
