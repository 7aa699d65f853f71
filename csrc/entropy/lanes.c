// SPDX-License-Identifier: Apache-2.0
#include "lanes.h"

mll_lanes_decode_fn *mll_lanes_decoder(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX2)
        return mll_lanes_decode_avx2;
    if (kernel == MLL_AVX512)
        return mll_lanes_decode_avx512;
#endif
    (void)kernel;
    return mll_lanes_decode_plain;
}
