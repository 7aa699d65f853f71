// SPDX-License-Identifier: Apache-2.0
// Read me first
// - What a decoder does with the 16 lanes of one wavefront step, apart from predicting them: decode
//   one symbol a lane, each lane from its own stream, and unfold it. Lanes low..high are alive.
// - One source, lanes_body.h, compiled once an ISA: only the search for the token differs. All give
//   the same samples and the same counts.
// - After an error the decoders and the counts are worthless; throw them away.
#ifndef MLL_LANES_H
#define MLL_LANES_H

#include <stdint.h>

#include "../mlp/kernel.h"
#include "model.h"
#include "rans.h"

typedef struct {
    mll_model *model;
    mll_rans_decoder *streams; // [n_streams]
    uint32_t first_stream;     // of lane 0; lane l reads stream (first_stream + l) & stream_mask
    uint32_t stream_mask;      // n_streams - 1
} mll_lanes_source;

// Decodes lanes low..high and writes samples[low..high].
//   found   from a kernel; every context < model->n_contexts
typedef mll_status mll_lanes_decode_fn(const mll_lanes_source *source, int32_t low, int32_t high,
                                       const mll_prediction *found, uint16_t *samples);

mll_lanes_decode_fn mll_lanes_decode_plain, mll_lanes_decode_avx2, mll_lanes_decode_avx512;

// The variant that goes with a kernel (mll_kernel); the plain one where there is none.
mll_lanes_decode_fn *mll_lanes_decoder(int32_t kernel);

#endif
