// SPDX-License-Identifier: Apache-2.0
#include "tune.h"

static size_t padded(int32_t n, int32_t step)
{
    return ((size_t)n + (size_t)step - 1) / (size_t)step * (size_t)step;
}

size_t mll_tune_parameters(const mll_tune_shape *shape)
{
    const size_t inputs = padded(shape->n_inputs, MLL_TUNE_INPUT_STEP);
    size_t total = 0, n = inputs;
    for (int32_t k = 0; k < shape->n_hidden; k++) {
        total += (n + 1) * (size_t)shape->units[k];
        n = (size_t)shape->units[k];
    }
    total += 2 * (n + inputs + 1);
    return (total + 15) / 16 * 16;
}

size_t mll_tune_floats(const mll_tune_shape *shape)
{
    const size_t stride = (MLL_TUNE_CHUNK_BLOCKS + 1) * MLL_TUNE_LANES;
    size_t rows = padded(shape->n_inputs, MLL_TUNE_INPUT_STEP) + 4;
    for (int32_t k = 0; k < shape->n_hidden; k++)
        rows += 2 * (size_t)shape->units[k];
    return 5 * mll_tune_parameters(shape) + rows * stride;
}

const mll_tune_kernel *mll_tune_kernel_of(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX2)
        return &mll_tune_avx2;
    if (kernel == MLL_AVX512)
        return &mll_tune_avx512;
#elif defined(__AARCH64EL__)
    if (kernel == MLL_NEON)
        return &mll_tune_neon;
#endif
    (void)kernel;
    return &mll_tune_plain;
}
