// SPDX-License-Identifier: Apache-2.0
// The definition: lane after lane.
#include "look.h"

void mll_look_plain(const mll_hits *hits, const uint16_t *at, int32_t row_step,
                    const mll_prediction *found, int32_t max_sample, mll_hits_place *places)
{
    for (int l = 0; l < MLL_LANES; l++)
        mll_hits_look(hits, &places[l], at + l, row_step, 1, found->context[l],
                      found->prediction[l], max_sample, found->flip[l]);
}

mll_look_fn *mll_looker(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX2)
        return mll_look_avx2;
    if (kernel == MLL_AVX512)
        return mll_look_avx512;
#endif
    (void)kernel;
    return mll_look_plain;
}
