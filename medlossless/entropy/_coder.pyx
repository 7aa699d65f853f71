# SPDX-License-Identifier: Apache-2.0
# cython: wraparound=False
"""Buffers and the GIL for the C entropy coder; `coder` and `fold` check the arguments.

Functions on tiles return (status, result), status being an mll_status.
"""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

import numpy as np

from ._core cimport (
    MLL_OK, mll_fold, mll_huffman_bound, mll_huffman_code, mll_huffman_code_bytes,
    mll_huffman_code_init, mll_huffman_decode_tile, mll_huffman_encode_tile,
    mll_huffman_find_runs, mll_model, mll_model_bytes, mll_model_init, mll_model_setup,
    mll_model_trace, mll_rans_bound, mll_rans_decode_tile, mll_rans_encode_records,
    mll_rans_encode_steps, mll_rans_encode_tile, mll_rans_rows, mll_records, mll_status,
    mll_tile_shape, mll_unfold, MLL_RECORD_SLACK,
)


cdef class _Tables:
    """A model in its own memory, and the Huffman codes made from it where asked for."""

    cdef mll_model model
    cdef mll_huffman_code code
    cdef mll_status status
    cdef object memory, code_memory

    def __init__(self, const uint8_t[::1] shift, const uint16_t[:, ::1] freq, tuple learning,
                 bint huffman):
        cdef mll_model_setup setup
        cdef uint8_t[::1] memory
        setup.shift = &shift[0]
        setup.freq = &freq[0, 0]
        setup.n_contexts = <uint32_t>shift.shape[0]
        setup.max_sample, setup.increment, setup.limit = learning
        self.memory = memory = np.empty(mll_model_bytes(setup.n_contexts), np.uint8)
        self.status = mll_model_init(&self.model, &memory[0], memory.shape[0], &setup)
        if huffman and self.status == MLL_OK:
            self.code_memory = memory = np.empty(mll_huffman_code_bytes(setup.n_contexts), np.uint8)
            self.status = mll_huffman_code_init(&self.code, &memory[0], memory.shape[0],
                                                &self.model)


cdef mll_tile_shape _shape(const uint8_t[:, :, ::1] contexts, tuple rows_log2):
    cdef mll_tile_shape shape
    shape.frames = <uint32_t>contexts.shape[0]
    shape.rows = <uint32_t>contexts.shape[1]
    shape.cols = <uint32_t>contexts.shape[2]
    shape.streams_log2, shape.band_rows_log2 = rows_log2
    return shape


cdef class _Records:
    """Room for the records of n samples."""

    cdef mll_records records
    cdef object steps, raws

    def __init__(self, size_t n):
        cdef uint32_t[::1] steps = np.empty(n + MLL_RECORD_SLACK, np.uint32)
        cdef uint16_t[::1] raws = np.empty(n + MLL_RECORD_SLACK, np.uint16)
        self.steps, self.raws = steps, raws
        self.records.steps, self.records.raws = &steps[0], &raws[0]


cdef const uint16_t *_flags(const uint16_t[:, :, :, ::1] flags):
    return &flags[0, 0, 0, 0] if flags is not None else NULL


def encode(const uint16_t[:, :, ::1] symbols, const uint8_t[:, :, ::1] contexts,
           const uint16_t[:, :, :, ::1] flags, prior, tuple learning, tuple rows_log2,
           bint huffman):
    """(status, payload as uint8 array) of a tile.

    flags may be None; learning = (max_sample, increment, limit);
    rows_log2 = (log2 of the streams, log2 of the rows of a band).
    """
    cdef _Tables tables = _Tables(prior.shift, prior.freq, learning, huffman)
    cdef mll_tile_shape shape = _shape(contexts, rows_log2)
    cdef const uint16_t *flags_at = _flags(flags)
    cdef size_t capacity = (mll_huffman_bound(&shape) if huffman
                            else mll_rans_bound(&shape, flags_at != NULL))
    cdef uint8_t[::1] output = np.empty(capacity, np.uint8)
    cdef _Records work = _Records(contexts.size)
    cdef size_t begin = 0, end = capacity
    cdef _Tables used_up  # by the search for runs
    cdef mll_status status = tables.status
    if status == MLL_OK and huffman:
        used_up = _Tables(prior.shift, prior.freq, learning, False)
        with nogil:
            status = mll_huffman_find_runs(&used_up.model, work.records.steps, &symbols[0, 0, 0],
                                           &contexts[0, 0, 0], &shape)
            if status == MLL_OK:
                status = mll_huffman_encode_tile(&tables.model, &tables.code, &output[0],
                                                 capacity, &end, work.records.steps,
                                                 &symbols[0, 0, 0], &contexts[0, 0, 0], &shape)
    elif status == MLL_OK:
        with nogil:
            status = mll_rans_encode_tile(&tables.model, &output[0], capacity, &begin,
                                          &work.records, &symbols[0, 0, 0],
                                          &contexts[0, 0, 0], flags_at, &shape)
    return <int>status, np.asarray(output)[begin:end] if status == MLL_OK else None


def encode_steps(const uint16_t[:, :, :, ::1] flags, const uint32_t[:, :, :, ::1] steps,
                 int streams_log2):
    """(status, payload as uint8 array) of a tile whose steps are known."""
    cdef mll_tile_shape shape
    shape.frames, shape.rows = <uint32_t>flags.shape[0], <uint32_t>flags.shape[1]
    shape.cols, shape.streams_log2 = <uint32_t>flags.shape[2], <uint32_t>streams_log2
    shape.band_rows_log2 = 0
    cdef size_t capacity = mll_rans_bound(&shape, True)
    cdef uint8_t[::1] output = np.empty(capacity, np.uint8)
    cdef size_t begin = 0
    cdef mll_status status
    with nogil:
        status = mll_rans_encode_steps(&output[0], capacity, &begin, &steps[0, 0, 0, 0],
                                       &flags[0, 0, 0, 0], &shape)
    return <int>status, np.asarray(output)[begin:] if status == MLL_OK else None


def encode_records(const uint32_t[::1] steps, const uint16_t[::1] raws, tuple shape,
                   int streams_log2, int kernel):
    """(status, payload) of records made elsewhere, by the variant that goes with a kernel.

    steps, raws : MLL_RECORD_SLACK longer than the product of shape = (frames, rows, cols)
    """
    cdef mll_tile_shape tile
    cdef mll_records records
    cdef size_t start = 0
    cdef mll_status status
    tile.frames, tile.rows, tile.cols = shape
    tile.streams_log2, tile.band_rows_log2 = streams_log2, 0
    records.steps, records.raws = <uint32_t *>&steps[0], <uint16_t *>&raws[0]
    cdef size_t capacity = mll_rans_bound(&tile, False)
    cdef uint8_t[::1] output = np.empty(capacity, np.uint8)
    with nogil:
        status = mll_rans_encode_records(mll_rans_rows(kernel), &output[0], capacity, &start,
                                         &records, NULL, &tile)
    return <int>status, np.asarray(output)[start:]


def decode(const uint8_t[::1] payload, const uint8_t[:, :, ::1] contexts, prior, tuple learning,
           tuple rows_log2, bint huffman):
    """(status, symbols uint16) of a tile whose contexts are known."""
    cdef _Tables tables = _Tables(prior.shift, prior.freq, learning, huffman)
    cdef mll_tile_shape shape = _shape(contexts, rows_log2)
    result = np.zeros((shape.frames, shape.rows, shape.cols), np.uint16)
    cdef uint16_t[:, :, ::1] symbols = result
    cdef const uint8_t *data = &payload[0] if payload.shape[0] else NULL
    cdef size_t n_bytes = payload.shape[0]
    cdef mll_status status = tables.status
    if status != MLL_OK:
        return <int>status, None
    with nogil:
        if huffman:
            status = mll_huffman_decode_tile(&tables.model, &tables.code, &symbols[0, 0, 0], data,
                                             n_bytes, &contexts[0, 0, 0], &shape)
        else:
            status = mll_rans_decode_tile(&tables.model, &symbols[0, 0, 0], data, n_bytes,
                                          &contexts[0, 0, 0], &shape)
    return <int>status, result


def trace(const uint16_t[:, :, ::1] symbols, const uint8_t[:, :, ::1] contexts,
          const uint16_t[:, :, :, ::1] flags, prior, tuple learning, tuple rows_log2):
    """(status, freq << 16 | cum of each sample's token, uint32)."""
    cdef _Tables tables = _Tables(prior.shift, prior.freq, learning, False)
    cdef mll_tile_shape shape = _shape(contexts, rows_log2)
    cdef _Records work = _Records(contexts.size)
    cdef const uint16_t *flags_at = _flags(flags)
    cdef mll_status status = tables.status
    if status == MLL_OK:
        with nogil:
            status = mll_model_trace(&tables.model, &work.records, &symbols[0, 0, 0],
                                     &contexts[0, 0, 0], flags_at, &shape)
    steps = np.asarray(work.steps)[: contexts.size]
    return <int>status, steps.reshape(shape.frames, shape.rows, shape.cols)


def fold(const uint16_t[::1] samples, const uint16_t[::1] predictions, int32_t max_sample,
         const uint8_t[::1] flips):
    """Symbols of samples; all arrays of one length, all values checked."""
    result = np.empty(samples.shape[0], np.uint16)
    cdef uint16_t[::1] symbols = result
    cdef Py_ssize_t i
    with nogil:
        for i in range(samples.shape[0]):
            symbols[i] = <uint16_t>mll_fold(samples[i], predictions[i], max_sample, flips[i])
    return result


def unfold(const uint16_t[::1] symbols, const uint16_t[::1] predictions, int32_t max_sample,
           const uint8_t[::1] flips):
    """Samples of symbols; all arrays of one length, all values checked."""
    result = np.empty(symbols.shape[0], np.uint16)
    cdef uint16_t[::1] samples = result
    cdef Py_ssize_t i
    with nogil:
        for i in range(symbols.shape[0]):
            samples[i] = <uint16_t>mll_unfold(symbols[i], predictions[i], max_sample, flips[i])
    return result
