# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport int32_t, uint16_t


cdef list frame_buffers(int32_t rows, int32_t cols)
cdef int point(list buffers, uint16_t **pointers) except -1
cdef void scale_earlier(uint16_t **padded, int f, int32_t rows, int32_t cols, uint16_t gain,
                        uint16_t max_sample) noexcept nogil


cdef inline void next_frame(uint16_t **padded, int f) noexcept nogil:
    """Rotate: padded[0] becomes the previous frame; the second frame has itself twice before."""
    cdef uint16_t *oldest = padded[2]
    padded[2] = padded[1]
    padded[1] = padded[0]
    padded[0] = oldest
