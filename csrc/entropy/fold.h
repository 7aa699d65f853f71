// SPDX-License-Identifier: Apache-2.0
// Read me first
// - Folding maps the residual of one sample onto 0..max_sample, one to one, small residuals first:
//   no symbol is wasted on a value that the sample range forbids.
// - Both functions are total for 0 <= prediction <= max_sample <= 65535. A symbol above
//   max_sample has no sample: the decoder steps refuse it (MLL_CORRUPT) before unfolding.
// - Width: everything fits int32.
#ifndef MLL_FOLD_H
#define MLL_FOLD_H

#include <stdint.h>

// The residuals on both sides of the prediction that the sample range allows; beyond that only one
// sign is left and its bit need not be spent. The same whether flipped or not.
static inline int32_t mll_fold_theta(int32_t prediction, int32_t max_sample)
{
    int32_t above = max_sample - prediction;
    return prediction < above ? prediction : above;
}

// sample, prediction: 0..max_sample; flip: 0 or 1. Returns the symbol, 0..max_sample.
static inline uint32_t mll_fold(int32_t sample, int32_t prediction, int32_t max_sample, int flip)
{
    int32_t residual = flip ? prediction - sample : sample - prediction;
    int32_t magnitude = residual < 0 ? -residual : residual;
    int32_t theta = mll_fold_theta(prediction, max_sample);
    int32_t near = 2 * magnitude - (residual < 0);
    return (uint32_t)(magnitude <= theta ? near : theta + magnitude);
}

// symbol, prediction: 0..max_sample; flip: 0 or 1. Returns the sample, 0..max_sample.
static inline int32_t mll_unfold(uint32_t symbol, int32_t prediction, int32_t max_sample, int flip)
{
    int32_t u = (int32_t)symbol;
    int32_t theta = mll_fold_theta(prediction, max_sample);
    int is_near = u <= 2 * theta;
    int32_t magnitude = is_near ? (u + 1) >> 1 : u - theta;
    // Near: odd symbols are negative before the flip. Far: the sample lies on the roomier side.
    int below = is_near ? (u & 1) ^ (flip != 0) : prediction > max_sample - prediction;
    return below ? prediction - magnitude : prediction + magnitude;
}

#endif
