// SPDX-License-Identifier: Apache-2.0
#include "kernel.h"

// Climbs from the plain kernel as far as the processor, and the mask of allowed kernels, go.
mll_kernel mll_kernel_best(uint32_t allowed)
{
    mll_kernel best = MLL_PLAIN;
#if defined(__x86_64__) && defined(__GNUC__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2"))
        return best;
    if (allowed & (1u << MLL_AVX2))
        best = MLL_AVX2;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")
        || !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512vnni"))
        return best;
    if (allowed & (1u << MLL_AVX512))
        best = MLL_AVX512;
#elif defined(__AARCH64EL__)
    if (allowed & (1u << MLL_NEON)) // part of every AArch64
        best = MLL_NEON;
#else
    (void)allowed;
#endif
    return best;
}

mll_predict_fn *mll_kernel_function(mll_kernel kernel)
{
    switch (kernel) {
#if defined(__x86_64__) && defined(__GNUC__)
    case MLL_AVX2:
        return mll_predict_avx2;
    case MLL_AVX512:
        return mll_predict_avx512;
#elif defined(__AARCH64EL__)
    case MLL_NEON:
        return mll_predict_neon;
#endif
    default:
        return mll_predict_plain;
    }
}
