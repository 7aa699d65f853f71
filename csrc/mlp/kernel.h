// SPDX-License-Identifier: Apache-2.0
// Read me first
// - A kernel predicts MLL_LANES samples at once. Lane l looks at frame[k][offset + l]: the lanes
//   are contiguous. Two layouts have that property (frame.h): 16 columns of one row, for an encoder
//   that knows everything; 16 rows of a skewed band, for a decoder that walks a wavefront.
// - Lanes that stand for no sample compute garbage from whatever lies there, which the caller
//   ignores; the memory must only be readable.
// - The definition is medlossless/predict/reference.py, step by step in the same order.
// - A right shift of a negative int32 is the floor on every compiler we build with; the build
//   checks it (status.h).
#ifndef MLL_KERNEL_H
#define MLL_KERNEL_H

#include <stdint.h>

#include "net.h"

#define MLL_LANES 16

// Where the lanes find their neighbours.
typedef struct {
    const uint16_t *frame[3]; // lane 0's own place in the sample's frame and the two before
    int32_t row_step, col_step;
    int32_t offset[MLL_MAX_NEIGHBOURS]; // row * row_step + col * col_step of each neighbour
} mll_view;

typedef struct {
    uint16_t prediction[MLL_LANES]; // 0..max_sample
    uint8_t context[MLL_LANES];     // 0..MLL_N_CONTEXTS - 1
    uint8_t flip[MLL_LANES];        // 0 or 1
} mll_prediction;

static inline void mll_view_steps(mll_view *view, const mll_net *net, int32_t row_step,
                                  int32_t col_step)
{
    view->row_step = row_step;
    view->col_step = col_step;
    for (int32_t i = 0; i < net->n_neighbours; i++)
        view->offset[i] = net->row[i] * row_step + net->col[i] * col_step;
}

typedef void mll_predict_fn(const mll_net *net, const mll_view *view, int32_t max_sample,
                            mll_prediction *out);

// One ISA each, all equal to the last bit.
mll_predict_fn mll_predict_plain, mll_predict_avx2, mll_predict_avx512, mll_predict_neon;

typedef enum {
    MLL_PLAIN = 0,
    MLL_AVX2 = 1,
    MLL_AVX512 = 2,
    MLL_NEON = 3,
    MLL_N_KERNELS = 4
} mll_kernel;

// The fastest kernel this processor runs, of those whose bit (1 << kernel) is set; else the plain.
mll_kernel mll_kernel_best(uint32_t allowed);

mll_predict_fn *mll_kernel_function(mll_kernel kernel);

#endif
