# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""Padded frames of a tile that the fused loops keep: a sample's own and two before."""

import numpy as np

from libc.stdint cimport int32_t, uint16_t

from ..predict._kernel cimport mll_frame_samples, mll_frame_scale


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


cdef void scale_earlier(uint16_t **padded, int f, int32_t rows, int32_t cols, uint16_t gain,
                        uint16_t max_sample) noexcept nogil:
    """Bring the frames before frame f, f >= 1, to its scale; the one before them is so far scaled
    as the last."""
    cdef int k
    for k in range(1, 2 if f == 1 else 3):
        mll_frame_scale(padded[k], rows, cols, gain, max_sample)
