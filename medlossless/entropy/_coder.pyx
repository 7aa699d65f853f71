# SPDX-License-Identifier: Apache-2.0
# cython: wraparound=False
"""Buffers and the GIL for the C entropy coder; `coder` and `fold` check the arguments.

Functions on tiles return (status, result), status being an mll_status.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t

import numpy as np


cdef extern from "status.h" nogil:
    ctypedef enum mll_status:
        MLL_OK
        MLL_TRUNCATED
        MLL_CORRUPT
        MLL_CAPACITY
        MLL_ARGUMENT


cdef extern from "entropy/fold.h" nogil:
    uint32_t mll_fold(int32_t, int32_t, int32_t, int)
    int32_t mll_unfold(uint32_t, int32_t, int32_t, int)


cdef extern from "entropy/tile.h" nogil:
    ctypedef struct mll_tile_shape:
        uint32_t frames, rows, cols, streams_log2


cdef extern from "entropy/model.h" nogil:
    ctypedef struct mll_model_setup:
        const uint8_t *shift
        const uint16_t *freq
        uint32_t n_contexts, max_sample, increment, limit

    ctypedef struct mll_model:
        uint8_t *shift

    size_t mll_model_bytes(uint32_t)
    mll_status mll_model_init(mll_model *, void *, size_t, const mll_model_setup *)
    mll_status mll_model_trace(mll_model *, uint32_t *, const uint16_t *, const uint8_t *,
                               const mll_tile_shape *)


cdef extern from "entropy/rans.h" nogil:
    size_t mll_rans_bound(const mll_tile_shape *)
    mll_status mll_rans_encode_tile(mll_model *, uint8_t *, size_t, size_t *, uint32_t *,
                                    const uint16_t *, const uint8_t *, const mll_tile_shape *)
    mll_status mll_rans_decode_tile(mll_model *, uint16_t *, const uint8_t *, size_t,
                                    const uint8_t *, const mll_tile_shape *)


cdef extern from "entropy/huffman.h" nogil:
    ctypedef struct mll_huffman_code:
        pass

    size_t mll_huffman_code_bytes(uint32_t)
    mll_status mll_huffman_code_init(mll_huffman_code *, void *, size_t, const mll_model *)
    size_t mll_huffman_bound(const mll_tile_shape *)
    mll_status mll_huffman_find_runs(mll_model *, uint32_t *, const uint16_t *, const uint8_t *,
                                     const mll_tile_shape *)
    mll_status mll_huffman_encode_tile(mll_model *, mll_huffman_code *, uint8_t *, size_t,
                                       size_t *, const uint32_t *, const uint16_t *,
                                       const uint8_t *, const mll_tile_shape *)
    mll_status mll_huffman_decode_tile(mll_model *, mll_huffman_code *, uint16_t *,
                                       const uint8_t *, size_t, const uint8_t *,
                                       const mll_tile_shape *)


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


cdef mll_tile_shape _shape(const uint8_t[:, :, ::1] contexts, uint32_t streams_log2):
    cdef mll_tile_shape shape
    shape.frames = <uint32_t>contexts.shape[0]
    shape.rows = <uint32_t>contexts.shape[1]
    shape.cols = <uint32_t>contexts.shape[2]
    shape.streams_log2 = streams_log2
    return shape


def encode(const uint16_t[:, :, ::1] symbols, const uint8_t[:, :, ::1] contexts, prior,
           tuple learning, uint32_t streams_log2, bint huffman):
    """(status, payload as uint8 array) of a tile; learning = (max_sample, increment, limit)."""
    cdef _Tables tables = _Tables(prior.shift, prior.freq, learning, huffman)
    cdef mll_tile_shape shape = _shape(contexts, streams_log2)
    cdef size_t capacity = mll_huffman_bound(&shape) if huffman else mll_rans_bound(&shape)
    cdef uint8_t[::1] output = np.empty(capacity, np.uint8)
    cdef uint32_t[::1] work = np.empty(contexts.size, np.uint32)
    cdef size_t begin = 0, end = capacity
    cdef _Tables used_up  # by the search for runs
    cdef mll_status status = tables.status
    if status == MLL_OK and huffman:
        used_up = _Tables(prior.shift, prior.freq, learning, False)
        with nogil:
            status = mll_huffman_find_runs(&used_up.model, &work[0], &symbols[0, 0, 0],
                                           &contexts[0, 0, 0], &shape)
            if status == MLL_OK:
                status = mll_huffman_encode_tile(&tables.model, &tables.code, &output[0],
                                                 capacity, &end, &work[0], &symbols[0, 0, 0],
                                                 &contexts[0, 0, 0], &shape)
    elif status == MLL_OK:
        with nogil:
            status = mll_rans_encode_tile(&tables.model, &output[0], capacity, &begin,
                                          &work[0], &symbols[0, 0, 0], &contexts[0, 0, 0],
                                          &shape)
    return <int>status, np.asarray(output)[begin:end] if status == MLL_OK else None


def decode(const uint8_t[::1] payload, const uint8_t[:, :, ::1] contexts, prior, tuple learning,
           uint32_t streams_log2, bint huffman):
    """(status, symbols uint16) of a tile whose contexts are known."""
    cdef _Tables tables = _Tables(prior.shift, prior.freq, learning, huffman)
    cdef mll_tile_shape shape = _shape(contexts, streams_log2)
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


def trace(const uint16_t[:, :, ::1] symbols, const uint8_t[:, :, ::1] contexts, prior,
          tuple learning):
    """(status, freq << 16 | cum of each sample's token, uint32)."""
    cdef _Tables tables = _Tables(prior.shift, prior.freq, learning, False)
    cdef mll_tile_shape shape = _shape(contexts, 0)
    result = np.empty((shape.frames, shape.rows, shape.cols), np.uint32)
    cdef uint32_t[:, :, ::1] steps = result
    cdef mll_status status = tables.status
    if status == MLL_OK:
        with nogil:
            status = mll_model_trace(&tables.model, &steps[0, 0, 0], &symbols[0, 0, 0],
                                     &contexts[0, 0, 0], &shape)
    return <int>status, result


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
