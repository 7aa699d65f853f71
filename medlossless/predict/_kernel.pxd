# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport int8_t, int16_t, int32_t, uint8_t, uint16_t, uint32_t


cdef extern from "mlp/net.h" nogil:
    enum: MLL_MAX_NEIGHBOURS
    enum: MLL_MAX_LAYERS
    enum: MLL_INPUT_STEP
    enum: MLL_UNIT_STEP
    enum: MLL_MAX_PADDED_INPUTS
    ctypedef struct mll_layer:
        const int16_t *weights
        const int32_t *biases
        int32_t n_units, n_inputs, shift
        const int32_t *paired
        const int32_t *padded_biases
        int32_t paired_step
    ctypedef struct mll_net:
        int8_t frame[64]
        int8_t row[64]
        int8_t col[64]
        int32_t n_neighbours, n_hidden
        mll_layer layers[4]


cdef extern from "mlp/kernel.h" nogil:
    enum: MLL_LANES
    ctypedef struct mll_view:
        const uint16_t *frame[3]
        int32_t row_step, col_step
    ctypedef struct mll_prediction:
        uint16_t prediction[16]
        uint8_t context[16]
        uint8_t flip[16]
    ctypedef void mll_predict_fn(const mll_net *, const mll_view *, int32_t, mll_prediction *)
    ctypedef enum mll_kernel:
        MLL_PLAIN
        MLL_AVX2
        MLL_AVX512
        MLL_NEON
        MLL_N_KERNELS
    mll_kernel mll_kernel_best(uint32_t allowed)
    mll_predict_fn *mll_kernel_function(mll_kernel kernel)
    void mll_view_steps(mll_view *view, const mll_net *net, int32_t row_step, int32_t col_step)


cdef extern from "mlp/frame.h" nogil:
    enum: MLL_TOP
    enum: MLL_SIDE
    int32_t mll_frame_stride(int32_t cols)
    size_t mll_frame_samples(int32_t rows, int32_t cols)
    size_t mll_skew_samples(int32_t cols)
    uint16_t *mll_frame_row(uint16_t *padded, int32_t cols, int32_t row)
    void mll_frame_open(uint16_t *padded, int32_t cols, uint16_t edge)
    void mll_frame_put_row(uint16_t *padded, int32_t cols, int32_t row, const uint16_t *samples)
    void mll_frame_close(uint16_t *padded, int32_t rows, int32_t cols)
    void mll_frame_scale(uint16_t *padded, int32_t rows, int32_t cols, uint16_t gain,
                         uint16_t max_sample)


cdef class KernelNet:
    """A net laid out for the C kernels; keeps the arrays alive."""
    cdef mll_net net
    cdef object arrays
    cdef mll_predict_fn *predict
    cdef readonly int n_frames
    cdef readonly int number
    cdef int _set_layer(self, int number, layer, parts) except -1
    cdef int _set_pairs(self, int number, weights, biases) except -1
