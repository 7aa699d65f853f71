# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The fused loop of the encoder: predict and fold a tile, all samples being known.

A row is predicted 16 columns at a time. In hit mode (csrc/entropy/hits.h) each sample is also
asked whether it repeats a neighbour; those tables learn band by band, as they do in `_scan`.
"""

import numpy as np

from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t

from ..predict._kernel cimport (
    KernelNet, MLL_LANES, mll_frame_close, mll_frame_open, mll_frame_put_row, mll_frame_row,
    mll_frame_samples, mll_frame_stride, mll_net, mll_predict_fn, mll_prediction, mll_view,
    mll_view_steps,
)

from ..entropy._core cimport (
    MLL_OK, mll_abundance, mll_abundance_bytes, mll_abundance_end_band, mll_abundance_fold,
    mll_abundance_init, mll_band_rows, mll_fold, mll_hits, mll_hits_bytes, mll_hits_end_band,
    mll_hits_flag, mll_hits_init, mll_hits_look, mll_hits_place, mll_hits_reduce, mll_model_setup,
)

from ..errors import InvalidInput


# What the encoder carries from sample to sample; the pointers to results move on.
cdef struct Fold:
    int32_t rows, cols, max_sample, n_frames
    const mll_net *net
    mll_predict_fn *predict
    mll_view view
    uint16_t *padded[3]
    mll_hits *hits  # NULL: no hit mode
    mll_abundance *abundance  # NULL: samples that are no candidates have symbols
    uint16_t *symbols
    uint8_t *contexts
    uint16_t *flags
    uint32_t *steps
    double *expected  # or NULL


cdef class HitTables:
    """Tables of hit mode in their own memory, fresh."""

    def __init__(self, uint32_t n_candidates, const uint8_t[::1] shifts,
                 const uint16_t[:, ::1] freqs, const int8_t[::1] quarters=None):
        cdef mll_model_setup setup
        cdef uint8_t[::1] memory
        self.kept = shifts, quarters
        setup.shift, setup.freq, setup.n_contexts = &shifts[0], &freqs[0, 0], shifts.shape[0]
        self.memory = memory = np.empty(mll_hits_bytes(n_candidates, shifts.shape[0]), np.uint8)
        if mll_hits_init(&self.tables, &memory[0], memory.shape[0], n_candidates, &setup,
                         &quarters[0] if quarters is not None else NULL) != MLL_OK:
            raise InvalidInput(f"hits: {n_candidates} candidates, expected 1 to 4")


cdef class AbundanceTables:
    """Tables of samples that are no candidates, coded by their abundances, fresh."""

    def __init__(self, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                 const int8_t[::1] quarters, uint32_t increment, uint32_t limit):
        cdef mll_model_setup setup
        cdef uint8_t[::1] memory
        setup.shift, setup.freq, setup.n_contexts = &shifts[0], &freqs[0, 0], shifts.shape[0]
        setup.max_sample = quarters.shape[0] - 1
        setup.increment, setup.limit = increment, limit
        memory = np.empty(mll_abundance_bytes(setup.n_contexts, setup.max_sample), np.uint8)
        self.memory = memory
        if mll_abundance_init(&self.tables, &memory[0], memory.shape[0], &setup,
                              &quarters[0]) != MLL_OK:
            raise InvalidInput(f"abundances of {quarters.shape[0]} values: out of range")


cdef inline void _fold_hit(Fold *fold, const uint16_t *at, const mll_prediction *found,
                           int32_t lane) noexcept nogil:
    """Flags of the sample at `at`, and its symbol, renumbered, if it is no candidate."""
    cdef mll_hits_place place
    mll_hits_look(fold.hits, &place, at, fold.view.row_step, fold.view.col_step,
                  found.context[lane], found.prediction[lane], fold.max_sample, found.flip[lane])
    cdef bint is_hit = mll_hits_flag(fold.hits, &place, at[0], fold.flags + 4 * lane)
    if is_hit:
        fold.symbols[lane] = 0
    elif fold.abundance != NULL:
        mll_abundance_fold(fold.abundance, fold.hits, &place, found.context[lane],
                           found.prediction[lane], found.flip[lane], at[0],
                           fold.steps + 2 * lane, fold.expected)
    else:
        fold.symbols[lane] = <uint16_t>mll_hits_reduce(fold.hits, &place, fold.symbols[lane])


cdef void _fold_row(Fold *fold, int32_t row) noexcept nogil:
    """Predict the samples of a row of padded[0] and fold them."""
    cdef mll_prediction found
    cdef int32_t col = 0, lane, lanes, k
    cdef const uint16_t *samples
    while col < fold.cols:
        for k in range(fold.n_frames):
            fold.view.frame[k] = mll_frame_row(fold.padded[k], fold.cols, row) + col
        fold.predict(fold.net, &fold.view, fold.max_sample, &found)
        samples = fold.view.frame[0]
        lanes = min(<int32_t>MLL_LANES, fold.cols - col)
        for lane in range(lanes):
            fold.symbols[lane] = <uint16_t>mll_fold(samples[lane], found.prediction[lane],
                                                    fold.max_sample, found.flip[lane])
            fold.contexts[lane] = found.context[lane]
        if fold.hits != NULL:
            for lane in range(lanes):
                _fold_hit(fold, samples + lane, &found, lane)
            fold.flags += 4 * lanes
            if fold.abundance != NULL:
                fold.steps += 2 * lanes
        fold.symbols += lanes
        fold.contexts += lanes
        col += lanes


cdef void _fold_frame(Fold *fold, int32_t f, uint32_t band_rows_log2) noexcept nogil:
    """Fold all rows of padded[0], frame f of the tile; tables of hits learn after each band."""
    cdef int32_t row = 0, end
    mll_view_steps(&fold.view, fold.net, mll_frame_stride(fold.cols), 1)
    while row < fold.rows:
        end = row + <int32_t>mll_band_rows(f, row, fold.rows, band_rows_log2)
        while row < end:
            _fold_row(fold, row)
            row += 1
        if fold.hits != NULL:
            mll_hits_end_band(fold.hits)
        if fold.abundance != NULL:
            mll_abundance_end_band(fold.abundance)


cdef list frame_buffers(int32_t rows, int32_t cols):
    """Padded frames for a sample's own frame and two before."""
    return [np.zeros(mll_frame_samples(rows, cols), np.uint16) for _ in range(3)]


cdef int point(list buffers, uint16_t **pointers) except -1:
    cdef uint16_t[::1] flat
    cdef int k
    for k in range(3):
        flat = buffers[k]
        pointers[k] = &flat[0]
    return 0


cdef void next_frame(uint16_t **padded, int f) noexcept nogil:
    """Rotate: padded[0] becomes the previous frame; the second frame has itself twice before."""
    cdef uint16_t *oldest = padded[2]
    padded[2] = padded[1]
    padded[1] = padded[0]
    padded[0] = oldest


cdef int _fold_frames(Fold *fold, const uint16_t[:, :, ::1] samples, KernelNet first,
                      KernelNet later, int edge, uint32_t band_rows_log2) except -1:
    """Fold all frames of a tile; the pointers of `fold` must be set."""
    cdef uint16_t *padded[3]
    cdef KernelNet handle
    cdef int32_t f, row
    if first.n_frames != 1:
        raise InvalidInput("the first frame of a tile needs a net that looks at one frame")
    buffers = frame_buffers(fold.rows, fold.cols)
    point(buffers, padded)
    for f in range(samples.shape[0]):
        handle = later if f else first
        fold.net, fold.predict, fold.n_frames = &handle.net, handle.predict, handle.n_frames
        with nogil:
            mll_frame_open(padded[0], fold.cols, <uint16_t>edge)
            for row in range(fold.rows):
                mll_frame_put_row(padded[0], fold.cols, row, &samples[f, row, 0])
            mll_frame_close(padded[0], fold.rows, fold.cols)
            fold.padded[0], fold.padded[1] = padded[0], padded[1]
            fold.padded[2] = padded[1] if f == 1 else padded[2]
            _fold_frame(fold, f, band_rows_log2)
            next_frame(padded, f)
    return 0


def fold_tile(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later,
              int max_sample, int edge, hits=None):
    """Predict and fold every sample of a tile, all samples being known.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16, C-contiguous, none empty
        No more than max_sample.
    first, later : KernelNet
        The nets of the tile's first frame (must look at one frame only) and of the others.
    max_sample, edge : int
    hits : (candidates, band_rows_log2, shifts, freqs), optional
        Hit mode: how many candidates, the bands, and the tables the contexts start from.

    Returns
    -------
    symbols : (frames, rows, cols) uint16
    contexts : (frames, rows, cols) uint8
    flags : (frames, rows, cols, 4) uint16, or None
        What hit mode codes before the symbols, as `entropy.encode_tile` takes it.
    """
    cdef Fold fold
    cdef HitTables tables
    cdef uint16_t[:, :, :, ::1] out_flags
    shape = samples.shape[0], samples.shape[1], samples.shape[2]
    fold.rows, fold.cols, fold.max_sample = samples.shape[1], samples.shape[2], max_sample
    fold.hits, fold.abundance = NULL, NULL
    flags = None
    if hits is not None:
        tables = HitTables(hits[0], hits[2], hits[3])
        fold.hits = &tables.tables
        out_flags = flags = np.empty((*shape, 4), np.uint16)
        fold.flags = &out_flags[0, 0, 0, 0]
    symbols, contexts = np.empty(shape, np.uint16), np.empty(shape, np.uint8)
    cdef uint16_t[:, :, ::1] out_symbols = symbols
    cdef uint8_t[:, :, ::1] out_contexts = contexts
    fold.symbols, fold.contexts = &out_symbols[0, 0, 0], &out_contexts[0, 0, 0]
    _fold_frames(&fold, samples, first, later, edge, 4 if hits is None else hits[1])
    return symbols, contexts, flags


def fold_abundant(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later, int edge,
                  hits, const int8_t[::1] quarters, tuple learning, double[::1] expected=None):
    """Like `fold_tile` in hit mode with abundances.

    Parameters
    ----------
    samples, first, later, edge, hits
        As of `fold_tile`.
    quarters : (max_sample + 1,) int8
        The abundance of each value in quarter octaves, -32..24.
    learning : (increment, limit)
    expected : (max_sample + 1,) float64, optional
        How often each value was expected where no candidate was right is added.

    Returns
    -------
    flags : (frames, rows, cols, 4) uint16
    steps : (frames, rows, cols, 2) uint32
        As `entropy.encode_steps` takes them.
    """
    cdef Fold fold
    cdef HitTables tables = HitTables(hits[0], hits[2], hits[3], quarters)
    cdef AbundanceTables abundance = AbundanceTables(hits[2], hits[3], quarters, *learning)
    shape = samples.shape[0], samples.shape[1], samples.shape[2]
    fold.rows, fold.cols = samples.shape[1], samples.shape[2]
    fold.max_sample = quarters.shape[0] - 1
    fold.hits, fold.abundance = &tables.tables, &abundance.tables
    flags, steps = np.empty((*shape, 4), np.uint16), np.zeros((*shape, 2), np.uint32)
    cdef uint16_t[:, :, :, ::1] out_flags = flags
    cdef uint32_t[:, :, :, ::1] out_steps = steps
    fold.flags, fold.steps = &out_flags[0, 0, 0, 0], &out_steps[0, 0, 0, 0]
    cdef uint16_t[:, :, ::1] symbols = np.empty(shape, np.uint16)
    cdef uint8_t[:, :, ::1] contexts = np.empty(shape, np.uint8)
    fold.symbols, fold.contexts = &symbols[0, 0, 0], &contexts[0, 0, 0]
    fold.expected = &expected[0] if expected is not None else NULL
    _fold_frames(&fold, samples, first, later, edge, hits[1])
    return flags, steps
