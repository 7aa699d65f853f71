# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The fused loop of the encoder: predict, fold and record a tile, all samples being known.

A row is predicted 16 columns at a time. In hit mode (csrc/entropy/hits.h) each sample is also
asked whether it repeats a neighbour; those tables learn band by band, as they do in `_scan`.
What becomes of the folded samples is a mode: symbols and contexts as they are (`fold_tile`),
records that the rANS coder then takes backwards (`encode_tile`), only the bits they would take
(`tile_bits`), or with abundances two steps each (`fold_abundant`).
"""

import numpy as np

from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t

from ..predict._kernel cimport (
    KernelNet, MLL_LANES, mll_frame_close, mll_frame_open, mll_frame_put_row, mll_frame_row,
    mll_frame_stride, mll_net, mll_predict_fn, mll_prediction, mll_view, mll_view_steps,
)

from ..entropy._core cimport (
    MLL_BAND_ROWS_LOG2_MAX, MLL_NO_RAW, MLL_NO_STEP, MLL_OK, MLL_RECORD_SLACK, mll_abundance,
    mll_abundance_end_band, mll_abundance_fold, mll_band_rows, mll_fold, mll_hits,
    mll_hits_band_bits, mll_hits_end_band, mll_hits_flag, mll_hits_place, mll_hits_reduce,
    mll_model, mll_model_band_bits, mll_model_end_band, mll_model_record, mll_rans_bound,
    mll_rans_encode_records, mll_rans_rows, mll_records, mll_status, mll_tile_shape,
)
from ._frames cimport frame_buffers, next_frame, point, scale_earlier
from ._tables cimport AbundanceTables, HitTables, ModelTables

from ..errors import InvalidInput


cdef enum Mode:
    SYMBOLS
    RECORDS
    BITS
    ABUNDANT


# What the encoder carries from sample to sample; the pointers to the mode's results move on.
cdef struct Fold:
    Mode mode
    int32_t rows, cols, max_sample, n_frames
    uint32_t band_rows_log2
    const int32_t *runs  # [rows][2]: samples at both ends that are known; or NULL
    const mll_net *net
    mll_predict_fn *predict
    mll_view view
    uint16_t *padded[3]
    mll_hits *hits  # NULL: no hit mode
    mll_abundance *abundance
    mll_model *model  # for records and bits
    mll_record_fn *record
    mll_look_fn *look  # in hit mode
    mll_hits_place places[16]
    uint16_t *symbols  # 16 in the other modes, as are the contexts
    uint8_t *contexts
    uint16_t *flags  # 4 * 16 for bits, as are the records
    mll_records records
    uint32_t *both_steps  # of a sample with abundances
    double *expected  # or NULL
    const uint32_t *freq_bits
    uint64_t bits


cdef inline int _fold_hit(Fold *fold, uint16_t sample, const mll_prediction *found,
                          int32_t lane) noexcept nogil:
    """Flags of a sample, and its symbol, renumbered, if it is no candidate (0)."""
    cdef mll_hits_place *place = &fold.places[lane]
    cdef int hit = mll_hits_flag(fold.hits, place, sample, fold.flags + 4 * lane)
    if hit:
        fold.symbols[lane] = 0
    elif fold.mode == ABUNDANT:
        mll_abundance_fold(fold.abundance, fold.hits, place, found.context[lane],
                           found.prediction[lane], found.flip[lane], sample,
                           fold.both_steps + 2 * lane, fold.expected)
    else:
        fold.symbols[lane] = <uint16_t>mll_hits_reduce(fold.hits, place, fold.symbols[lane])
    return hit


cdef void _fold_lanes(Fold *fold, const uint16_t *samples, const mll_prediction *found,
                      int32_t lanes) noexcept nogil:
    """Fold the samples of one call of the kernel, one after another."""
    cdef int32_t lane
    cdef int hit = 0
    if fold.hits != NULL:
        fold.look(fold.hits, samples, fold.view.row_step, found, fold.max_sample, fold.places)
    for lane in range(lanes):
        fold.symbols[lane] = <uint16_t>mll_fold(samples[lane], found.prediction[lane],
                                                fold.max_sample, found.flip[lane])
        fold.contexts[lane] = found.context[lane]
        if fold.hits != NULL:
            hit = _fold_hit(fold, samples[lane], found, lane)
        if fold.model == NULL:
            continue
        if hit:
            fold.records.steps[lane], fold.records.raws[lane] = MLL_NO_STEP, MLL_NO_RAW
        else:
            mll_model_record(fold.model, found.context[lane], fold.symbols[lane],
                             &fold.records.steps[lane], &fold.records.raws[lane])


cdef void _skip(Fold *fold, int32_t n_samples) noexcept nogil:
    """Samples that are known have records that code nothing."""
    cdef int32_t i
    if fold.mode == RECORDS:
        for i in range(n_samples):
            fold.records.steps[i], fold.records.raws[i] = MLL_NO_STEP, MLL_NO_RAW
        fold.records.steps += n_samples
        fold.records.raws += n_samples


cdef void _fold_row(Fold *fold, int32_t row) noexcept nogil:
    """Predict the samples of a row of padded[0] and fold them."""
    cdef mll_prediction found
    cdef int32_t col = 0, end = fold.cols, lanes, k
    if fold.runs != NULL:
        col, end = fold.runs[2 * row], fold.cols - fold.runs[2 * row + 1]
        _skip(fold, col)
    while col < end:
        for k in range(fold.n_frames):
            fold.view.frame[k] = mll_frame_row(fold.padded[k], fold.cols, row) + col
        fold.predict(fold.net, &fold.view, fold.max_sample, &found)
        lanes = min(<int32_t>MLL_LANES, end - col)
        if fold.model == NULL or fold.hits != NULL:
            _fold_lanes(fold, fold.view.frame[0], &found, lanes)
        else:
            fold.record(fold.model, fold.view.frame[0], &found, lanes, fold.records.steps,
                        fold.records.raws)
        if fold.mode == SYMBOLS:
            fold.symbols += lanes
            fold.contexts += lanes
        elif fold.mode == RECORDS:
            fold.records.steps += lanes
            fold.records.raws += lanes
        elif fold.mode == ABUNDANT:
            fold.both_steps += 2 * lanes
        if fold.hits != NULL and fold.mode != BITS:
            fold.flags += 4 * lanes
        col += lanes
    _skip(fold, fold.cols - end)


cdef void _end_band(Fold *fold) noexcept nogil:
    """All tables learn."""
    if fold.mode == BITS:
        fold.bits += mll_model_band_bits(fold.model, fold.freq_bits)
        if fold.hits != NULL:
            fold.bits += mll_hits_band_bits(fold.hits, fold.freq_bits)
    if fold.model != NULL:
        mll_model_end_band(fold.model)
    if fold.hits != NULL:
        mll_hits_end_band(fold.hits)
    if fold.abundance != NULL:
        mll_abundance_end_band(fold.abundance)


cdef void _fold_frame(Fold *fold, int32_t f) noexcept nogil:
    """Fold all rows of padded[0], frame f of the tile."""
    cdef int32_t row = 0, end
    mll_view_steps(&fold.view, fold.net, mll_frame_stride(fold.cols), 1)
    while row < fold.rows:
        end = row + <int32_t>mll_band_rows(f, row, fold.rows, fold.band_rows_log2)
        while row < end:
            _fold_row(fold, row)
            row += 1
        _end_band(fold)


cdef class _Folding:
    """A tile on its way through the loop, and the memory it needs in every mode."""

    cdef Fold fold
    cdef uint16_t *padded[3]
    cdef uint16_t some_symbols[16]
    cdef uint8_t some_contexts[16]
    cdef list buffers, kept
    cdef const uint16_t[:, :, ::1] samples
    cdef const int32_t[:, :, ::1] runs
    cdef tuple nets
    cdef uint16_t edge
    cdef const uint16_t[::1] gains

    def __init__(self, const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later,
                 int max_sample, int edge, gains=None, runs=None):
        if first.n_frames != 1:
            raise InvalidInput("the first frame of a tile needs a net that looks at one frame")
        if max_sample < 0 or np.max(samples) > max_sample:
            raise InvalidInput(f"samples: not all within 0..{max_sample}")
        if gains is not None and len(gains) != samples.shape[0]:
            raise InvalidInput(f"{len(gains)} gains of {samples.shape[0]} frames")
        self.samples, self.nets, self.edge = samples, (first, later), edge
        self.gains, self.runs = gains, runs
        self.fold.rows, self.fold.cols = samples.shape[1], samples.shape[2]
        self.fold.max_sample, self.fold.band_rows_log2 = max_sample, MLL_BAND_ROWS_LOG2_MAX
        self.buffers, self.kept = frame_buffers(self.fold.rows, self.fold.cols), []
        point(self.buffers, self.padded)
        self.fold.symbols, self.fold.contexts = self.some_symbols, self.some_contexts

    cdef int set_hits(self, hits, shifts, freqs, size_t n_flags, quarters=None) except -1:
        """Hit mode if wanted, with fresh tables and room for the flags of so many samples."""
        cdef HitTables tables
        cdef uint16_t[::1] flags = np.empty(4 * n_flags if hits is not None else 0, np.uint16)
        if hits is not None:
            tables = HitTables(hits[0], shifts, freqs, quarters)
            self.fold.hits, self.fold.band_rows_log2 = &tables.tables, hits[1]
            self.fold.look = mll_looker((<KernelNet>self.nets[0]).number)
            self.fold.flags = &flags[0]
            self.kept += [tables, flags]
        return 0

    cdef int set_model(self, Mode mode, shifts, freqs, tuple learning, size_t n_records) except -1:
        """A fresh model, and room for so many records."""
        cdef ModelTables tables = ModelTables(shifts, freqs, self.fold.max_sample, *learning)
        cdef uint32_t[::1] steps = np.empty(n_records + MLL_RECORD_SLACK, np.uint32)
        cdef uint16_t[::1] raws = np.empty(n_records + MLL_RECORD_SLACK, np.uint16)
        self.fold.mode, self.fold.model = mode, &tables.tables
        self.fold.record = mll_recorder((<KernelNet>self.nets[0]).number)
        self.fold.records.steps, self.fold.records.raws = &steps[0], &raws[0]
        self.kept += [tables, steps, raws]
        return 0

    cdef int fold_next(self, int f) except -1:
        """Fold frame f, which follows the one folded before."""
        cdef KernelNet handle = self.nets[f > 0]
        cdef Fold *fold = &self.fold
        cdef int32_t row
        fold.runs = &self.runs[f, 0, 0] if self.runs is not None else NULL
        fold.net, fold.predict, fold.n_frames = &handle.net, handle.predict, handle.n_frames
        with nogil:
            mll_frame_open(self.padded[0], fold.cols, self.edge)
            for row in range(fold.rows):
                mll_frame_put_row(self.padded[0], fold.cols, row, &self.samples[f, row, 0])
            mll_frame_close(self.padded[0], fold.rows, fold.cols)
            if f > 0 and self.gains is not None:
                scale_earlier(self.padded, f, fold.rows, fold.cols, self.gains[f],
                              <uint16_t>fold.max_sample)
            fold.padded[0], fold.padded[1] = self.padded[0], self.padded[1]
            fold.padded[2] = self.padded[1] if f == 1 else self.padded[2]
            _fold_frame(fold, f)
            next_frame(self.padded, f)
        return 0


def fold_tile(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later,
              int max_sample, int edge, hits=None, gains=None):
    """Predict and fold every sample of a tile.

    Parameters
    ----------
    samples : (frames, rows, cols) uint16, C-contiguous, none empty
        No more than max_sample.
    first, later : KernelNet
        The nets of the tile's first frame (must look at one frame only) and of the others.
    max_sample, edge : int
    hits : (candidates, band_rows_log2, shifts, freqs), optional
        Hit mode: how many candidates, the bands, and the tables the contexts start from.
    gains : (frames,) uint16, optional
        What brings earlier frames to the scale of each, in 1/4096; the first is not used.

    Returns
    -------
    symbols : (frames, rows, cols) uint16
    contexts : (frames, rows, cols) uint8
    flags : (frames, rows, cols, 4) uint16, or None
        What hit mode codes before the symbols, as `entropy.encode_tile` takes it.
    """
    cdef _Folding folding = _Folding(samples, first, later, max_sample, edge, gains)
    shape = (samples.shape[0], samples.shape[1], samples.shape[2])
    symbols, contexts, flags = np.empty(shape, np.uint16), np.empty(shape, np.uint8), None
    cdef uint16_t[:, :, ::1] out_symbols = symbols
    cdef uint8_t[:, :, ::1] out_contexts = contexts
    cdef int f
    folding.fold.mode = SYMBOLS
    folding.fold.symbols, folding.fold.contexts = &out_symbols[0, 0, 0], &out_contexts[0, 0, 0]
    if hits is not None:
        folding.set_hits(hits[:2], hits[2], hits[3], symbols.size)
        _, flags = folding.kept
        flags = np.asarray(flags).reshape(*shape, 4)
    for f in range(shape[0]):
        folding.fold_next(f)
    return symbols, contexts, flags


def fold_abundant(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later, int edge,
                  hits, const int8_t[::1] quarters, tuple learning, double[::1] expected=None,
                  gains=None):
    """Like `fold_tile` in hit mode with abundances.

    Parameters
    ----------
    samples, first, later, edge, hits, gains
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
    cdef AbundanceTables tables = AbundanceTables(hits[2], hits[3], quarters, *learning)
    cdef _Folding folding = _Folding(samples, first, later, quarters.shape[0] - 1, edge,
                                     gains)
    shape = (samples.shape[0], samples.shape[1], samples.shape[2])
    steps = np.zeros((*shape, 2), np.uint32)
    cdef uint32_t[:, :, :, ::1] out_steps = steps
    cdef int f
    folding.set_hits(hits[:2], hits[2], hits[3], samples.size, quarters)
    _, flags = folding.kept
    folding.fold.mode, folding.fold.abundance = ABUNDANT, &tables.tables
    folding.fold.both_steps = &out_steps[0, 0, 0, 0]
    folding.fold.expected = &expected[0] if expected is not None else NULL
    for f in range(shape[0]):
        folding.fold_next(f)
    return np.asarray(flags).reshape(*shape, 4), steps


def encode_tile(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later,
                int max_sample, int edge, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                int streams_log2, unsigned int increment, unsigned int limit, hits=None,
                gains=None, runs=None):
    """Encode a tile with rANS; the inverse of `_scan.decode_tile`.

    Parameters
    ----------
    samples, first, later, max_sample, edge, gains
        As in `fold_tile`.
    shifts, freqs : the tables the contexts start from
    streams_log2, increment, limit : as written in the stream
    hits : (candidates, band_rows_log2) of hit mode, optional
    runs : (frames, rows, 2) int32, C-contiguous, optional; not in hit mode
        How many samples at the left and the right end of each row are known.

    Returns
    -------
    payload : (n,) uint8
        What `entropy.encode_tile` makes of `fold_tile`.
    """
    cdef _Folding folding = _Folding(samples, first, later, max_sample, edge, gains, runs)
    cdef mll_tile_shape shape
    cdef mll_records records
    cdef size_t n_samples = samples.size, start = 0
    cdef mll_status status
    cdef int f
    folding.set_hits(hits, shifts, freqs, n_samples)
    folding.set_model(RECORDS, shifts, freqs, (increment, limit), n_samples)
    cdef const uint16_t *flags = folding.fold.flags if hits is not None else NULL
    records = folding.fold.records
    shape.frames, shape.rows, shape.cols = samples.shape[0], samples.shape[1], samples.shape[2]
    shape.streams_log2, shape.band_rows_log2 = streams_log2, folding.fold.band_rows_log2
    for f in range(<int>shape.frames):
        folding.fold_next(f)
    cdef size_t capacity = mll_rans_bound(&shape, flags != NULL)
    cdef uint8_t[::1] output = np.empty(capacity, np.uint8)
    with nogil:
        status = mll_rans_encode_records(mll_rans_rows(first.number), &output[0], capacity,
                                         &start, &records, flags, &shape)
    if status != MLL_OK:
        raise InvalidInput(f"tile: cannot be encoded (status {<int>status})")
    return np.asarray(output)[start:]


def tile_bits(const uint16_t[:, :, ::1] samples, KernelNet first, KernelNet later,
              int max_sample, int edge, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
              unsigned int increment, unsigned int limit, const uint32_t[::1] freq_bits,
              hits=None, gains=None, runs=None):
    """Ideal code length of each frame of a tile, without a coder's losses.

    Parameters
    ----------
    freq_bits : (32769,) uint32
        Bits of a token by its freq, in 1/65536 bit.
    samples, first, later, max_sample, edge, shifts, freqs, increment, limit, hits, gains, runs
        As in `encode_tile`.

    Returns
    -------
    (frames,) uint64, in 1/65536 bit
    """
    cdef _Folding folding = _Folding(samples, first, later, max_sample, edge, gains, runs)
    cdef int f
    folding.set_hits(hits, shifts, freqs, MLL_LANES)
    folding.set_model(BITS, shifts, freqs, (increment, limit), MLL_LANES)
    folding.fold.freq_bits = &freq_bits[0]
    bits = np.empty(samples.shape[0], np.uint64)
    for f in range(<int>samples.shape[0]):
        folding.fold.bits = 0
        folding.fold_next(f)
        bits[f] = folding.fold.bits
    return bits
