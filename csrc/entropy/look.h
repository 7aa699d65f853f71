// SPDX-License-Identifier: Apache-2.0
// Read me first
// - What an encoder in hit mode asks of the 16 samples of one call of a kernel: mll_hits_look()
//   of each, all at once.
// - look.c is the definition; look_body.h is compiled once an ISA. All tell the same.
#ifndef MLL_LOOK_H
#define MLL_LOOK_H

#include <stdint.h>

#include "../mlp/kernel.h"
#include "hits.h"

// Looks at the neighbours of at[0 .. MLL_LANES), dead lanes included.
//   at           row `row` of a padded frame (frame.h): MLL_LANES + 2 must be readable in the rows
//                above too
//   found        from a kernel; every context < n_contexts of the tables, in dead lanes too
//   places       MLL_LANES are written; those of dead lanes hold nothing of use
typedef void mll_look_fn(const mll_hits *hits, const uint16_t *at, int32_t row_step,
                         const mll_prediction *found, int32_t max_sample, mll_hits_place *places);

mll_look_fn mll_look_plain, mll_look_avx2, mll_look_avx512;

// The variant that goes with a kernel (mll_kernel); the plain one where there is none.
mll_look_fn *mll_looker(int32_t kernel);

#endif
