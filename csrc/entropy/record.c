// SPDX-License-Identifier: Apache-2.0
#include "record.h"

mll_record_fn *mll_recorder(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX2)
        return mll_record_avx2;
    if (kernel == MLL_AVX512)
        return mll_record_avx512;
#endif
    (void)kernel;
    return mll_record_plain;
}
