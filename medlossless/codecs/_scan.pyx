# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The fused loops: predict and fold a tile; decode, unfold and restore a tile.

The decoder walks a band as a wavefront: lane l is row row0 + l, MLL_LAG columns behind lane l - 1,
so one call of a kernel predicts up to 16 samples (csrc/mlp/frame.h). A band of more rows than
streams is walked in pieces, as a stream's rows follow one another.
"""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

from ..predict._kernel cimport (
    KernelNet, MLL_LAG, MLL_LANES, MLL_SIDE, MLL_SKEW_BEFORE, MLL_SKEW_WIDTH, MLL_TOP,
    mll_frame_close, mll_frame_open, mll_frame_put_row, mll_frame_row, mll_frame_samples,
    mll_frame_stride, mll_net, mll_predict_fn, mll_prediction, mll_skew_load,
    mll_skew_samples, mll_skew_store, mll_view, mll_view_steps,
)

from ..errors import CorruptStream, InvalidInput, Truncated


cdef extern from "status.h" nogil:
    ctypedef enum mll_status:
        MLL_OK
        MLL_TRUNCATED
        MLL_CORRUPT
        MLL_CAPACITY
        MLL_ARGUMENT


cdef extern from "entropy/fold.h" nogil:
    uint32_t mll_fold(int32_t sample, int32_t prediction, int32_t max_sample, int flip)
    int32_t mll_unfold(uint32_t symbol, int32_t prediction, int32_t max_sample, int flip)


cdef extern from "entropy/tile.h" nogil:
    uint32_t mll_band_rows(uint32_t frame, uint32_t row, uint32_t rows)
    mll_status mll_payload_split(const uint8_t **next, const uint8_t **end, uint32_t n_streams,
                                 const uint8_t *payload, size_t payload_bytes)


cdef extern from "entropy/model.h" nogil:
    ctypedef struct mll_model_setup:
        const uint8_t *shift
        const uint16_t *freq
        uint32_t n_contexts, max_sample, increment, limit
    ctypedef struct mll_model:
        pass
    size_t mll_model_bytes(uint32_t n_contexts)
    mll_status mll_model_init(mll_model *model, void *memory, size_t memory_bytes,
                              const mll_model_setup *setup)
    void mll_model_end_band(mll_model *model)


cdef extern from "entropy/rans.h" nogil:
    ctypedef struct mll_rans_decoder:
        pass
    mll_status mll_rans_init(mll_rans_decoder *decoder, const uint8_t *next, const uint8_t *end)
    mll_status mll_rans_decode_symbol(mll_model *model, mll_rans_decoder *decoder,
                                      uint32_t context, uint32_t *symbol)
    mll_status mll_rans_finished(const mll_rans_decoder *decoder)


cdef extern from "entropy/huffman.h" nogil:
    ctypedef struct mll_huffman_code:
        pass
    ctypedef struct mll_huffman_decoder:
        pass
    size_t mll_huffman_code_bytes(uint32_t n_contexts)
    mll_status mll_huffman_code_init(mll_huffman_code *code, void *memory, size_t memory_bytes,
                                     const mll_model *model)
    void mll_huffman_end_band(mll_huffman_code *code, mll_model *model,
                              mll_huffman_decoder *decoders, uint32_t n_decoders)
    mll_status mll_huffman_init(mll_huffman_decoder *decoder, const uint8_t *next,
                                const uint8_t *end)
    mll_status mll_huffman_decode_symbol(mll_model *model, const mll_huffman_code *code,
                                         mll_huffman_decoder *decoder, uint32_t context,
                                         uint32_t *symbol)
    mll_status mll_huffman_finished(const mll_huffman_decoder *decoder)


# Everything a tile's decoder carries from sample to sample; memory belongs to Python arrays.
cdef struct Walk:
    int32_t rows, cols, max_sample, n_streams, use_huffman
    const mll_net *net
    mll_predict_fn *predict
    mll_view view
    uint16_t *padded[3]
    uint16_t *skew[3]
    int n_frames
    mll_model model
    mll_huffman_code code
    mll_rans_decoder rans[16]
    mll_huffman_decoder *huffman


cdef int _fold_frame(mll_predict_fn *predict, const mll_net *net, int n_frames,
                     uint16_t **padded, int32_t rows, int32_t cols, int32_t max_sample,
                     uint16_t *symbols, uint8_t *contexts) noexcept nogil:
    """Predict all samples of padded[0] and fold them."""
    cdef mll_view view
    cdef mll_prediction found
    cdef int32_t row, col, lane, lanes, k
    cdef const uint16_t *samples
    mll_view_steps(&view, net, mll_frame_stride(cols), 1)
    for row in range(rows):
        samples = mll_frame_row(padded[0], cols, row)
        col = 0
        while col < cols:
            for k in range(n_frames):
                view.frame[k] = mll_frame_row(padded[k], cols, row) + col
            predict(net, &view, max_sample, &found)
            lanes = min(<int32_t>MLL_LANES, cols - col)
            for lane in range(lanes):
                symbols[lane] = <uint16_t>mll_fold(samples[col + lane], found.prediction[lane],
                                                   max_sample, found.flip[lane])
                contexts[lane] = found.context[lane]
            symbols += lanes
            contexts += lanes
            col += lanes
    return 0


cdef list _frame_buffers(int32_t rows, int32_t cols):
    """Padded frames for a sample's own frame and two before."""
    return [np.zeros(mll_frame_samples(rows, cols), np.uint16) for _ in range(3)]


cdef int _point(list buffers, uint16_t **pointers) except -1:
    cdef uint16_t[::1] flat
    cdef int k
    for k in range(3):
        flat = buffers[k]
        pointers[k] = &flat[0]
    return 0


cdef void _next_frame(uint16_t **padded, int f) noexcept nogil:
    """Rotate: padded[0] becomes the previous frame; the second frame has itself twice before."""
    cdef uint16_t *oldest = padded[2]
    padded[2] = padded[1]
    padded[1] = padded[0]
    padded[0] = oldest


def fold_tile(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later,
              int max_sample, int edge):
    """Predict and fold every sample of a tile, all samples being known.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16, C-contiguous, none empty
    first, later : KernelNet
        The nets of the tile's first frame (must look at one frame only) and of the others.
    max_sample, edge : int

    Returns
    -------
    symbols : (frames, rows, cols) uint16
    contexts : (frames, rows, cols) uint8
    """
    cdef int32_t n = samples.shape[0], rows = samples.shape[1], cols = samples.shape[2]
    cdef uint16_t *padded[3]
    cdef uint16_t *looked[3]
    cdef int32_t f, row
    cdef KernelNet handle
    if first.n_frames != 1:
        raise InvalidInput("the first frame of a tile needs a net that looks at one frame")
    symbols = np.empty((n, rows, cols), np.uint16)
    contexts = np.empty((n, rows, cols), np.uint8)
    cdef uint16_t[:, :, ::1] out_symbols = symbols
    cdef uint8_t[:, :, ::1] out_contexts = contexts
    buffers = _frame_buffers(rows, cols)
    _point(buffers, padded)
    for f in range(n):
        handle = later if f else first
        with nogil:
            mll_frame_open(padded[0], cols, <uint16_t>edge)
            for row in range(rows):
                mll_frame_put_row(padded[0], cols, row, &samples[f, row, 0])
            mll_frame_close(padded[0], rows, cols)
            looked[0] = padded[0]
            looked[1] = padded[1]
            looked[2] = padded[1] if f == 1 else padded[2]
            _fold_frame(handle.predict, &handle.net, handle.n_frames, looked, rows, cols,
                        max_sample, &out_symbols[f, 0, 0], &out_contexts[f, 0, 0])
            _next_frame(padded, f)
    return symbols, contexts


cdef inline mll_status _decode_symbol(Walk *walk, int32_t stream, uint32_t context,
                                      uint32_t *symbol) noexcept nogil:
    if walk.use_huffman:
        return mll_huffman_decode_symbol(&walk.model, &walk.code, &walk.huffman[stream], context,
                                         symbol)
    return mll_rans_decode_symbol(&walk.model, &walk.rans[stream], context, symbol)


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


cdef mll_status _walk_rows(Walk *walk, int32_t row0, int32_t n_rows) noexcept nogil:
    """Decode n_rows (no more than streams) rows of the skewed band as a wavefront."""
    cdef mll_prediction found
    cdef mll_status status
    cdef uint32_t symbol = 0
    cdef int32_t step, lane, low, high, k, sample
    for step in range(walk.cols + MLL_LAG * (n_rows - 1)):
        for k in range(walk.n_frames):
            walk.view.frame[k] = (walk.skew[k] + (MLL_SKEW_BEFORE + step) * MLL_SKEW_WIDTH
                                  + MLL_TOP)
        walk.predict(walk.net, &walk.view, walk.max_sample, &found)
        low = 0
        if step >= walk.cols:
            low = (step - walk.cols) // MLL_LAG + 1
        high = min(step // MLL_LAG, n_rows - 1)
        for lane in range(low, high + 1):
            status = _decode_symbol(walk, (row0 + lane) & (walk.n_streams - 1),
                                    found.context[lane], &symbol)
            if status != MLL_OK:
                return status
            sample = mll_unfold(symbol, found.prediction[lane], walk.max_sample, found.flip[lane])
            _put(walk, step, lane, <uint16_t>sample)
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
    for lane in range(n_rows):
        mll_skew_store(walk.skew[0], walk.cols, lane, samples + <size_t>lane * walk.cols)
        mll_frame_put_row(walk.padded[0], walk.cols, row0 + lane,
                          samples + <size_t>lane * walk.cols)
    return MLL_OK


cdef mll_status _decode_frame(Walk *walk, int32_t f, uint16_t edge,
                              uint16_t *samples) noexcept nogil:
    cdef mll_status status
    cdef int32_t row = 0, end, piece
    mll_frame_open(walk.padded[0], walk.cols, edge)
    while row < walk.rows:
        end = row + <int32_t>mll_band_rows(f, row, walk.rows)
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
                unsigned int limit, bint use_huffman, str where="tile"):
    """Decode a tile from its payload; the inverse of `fold_tile` and the entropy coder.

    Parameters
    ----------
    payload : (n,) uint8
    shape : (frames, rows, cols)
    first, later : KernelNet
    max_sample, edge : int
    shifts, freqs : the tables the contexts start from
    streams_log2, increment, limit, use_huffman : as written in the stream
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
    buffers = _frame_buffers(walk.rows, walk.cols)
    cdef uint16_t *padded[3]
    _point(buffers, padded)
    skews = [np.zeros(mll_skew_samples(walk.cols), np.uint16) for _ in range(3)]
    _point(skews, walk.skew)
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
        _next_frame(padded, f)
    if status == MLL_OK:
        status = _close_streams(&walk)
    _check(status, where)
    return samples
