// SPDX-License-Identifier: Apache-2.0
// Read me first
// - What an encoder does with the 16 samples of one call of a kernel, apart from predicting them:
//   fold each, count its token and make its record (mll_records in model.h).
// - record_body.h is compiled plain and for AVX2, AVX-512 is a file of its own. All give the same
//   records and counts.
#ifndef MLL_RECORD_H
#define MLL_RECORD_H

#include <stdint.h>

#include "../mlp/kernel.h"
#include "model.h"

// Makes the records of samples[0 .. n_lanes), each at most max_sample.
//   samples      MLL_LANES must be readable
//   found        from a kernel; every context < model->n_contexts, in dead lanes too
//   steps, raws  n_lanes are written
typedef void mll_record_fn(mll_model *model, const uint16_t *samples, const mll_prediction *found,
                           int32_t n_lanes, uint32_t *steps, uint16_t *raws);

mll_record_fn mll_record_plain, mll_record_avx2, mll_record_avx512;

// The variant that goes with a kernel (mll_kernel); the plain one where there is none.
mll_record_fn *mll_recorder(int32_t kernel);

#endif
