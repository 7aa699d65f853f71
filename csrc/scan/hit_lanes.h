// SPDX-License-Identifier: Apache-2.0
// Read me first
// - What mll_lanes_decode is without hit mode, this is with it (entropy/hits.h): flags first, then
//   the symbols, or the shares of values (entropy/abundance.h), of the lanes that no flag has told.
// - One ISA a file, all equal: samples, counts, states and errors.
#ifndef MLL_HIT_LANES_H
#define MLL_HIT_LANES_H

#include "../entropy/abundance.h"
#include "../entropy/hits.h"
#include "lanes.h"

// As mll_lanes_decode_fn.
//   abundance   of the plane, or NULL
//   view   where the lanes find their neighbours, all at most max_sample in lanes that are alive
typedef mll_status mll_hit_lanes_decode_fn(mll_lanes *lanes, mll_hits *hits,
                                           mll_abundance *abundance, uint32_t alive,
                                           const mll_view *view, const mll_prediction *found,
                                           uint16_t *samples);

mll_hit_lanes_decode_fn mll_hit_lanes_decode_plain, mll_hit_lanes_decode_avx512;

// The variant that goes with a kernel (mll_kernel); the plain one where there is none.
mll_hit_lanes_decode_fn *mll_hit_lanes_decoder(int32_t kernel);

#endif
