// SPDX-License-Identifier: Apache-2.0
// The body of every mll_record: include after defining
//   TARGET   the function attribute of the ISA, or nothing
//   RECORD   the name of the function to define
#include "fold.h"
#include "record.h"

#include <string.h>

// Token and raw bits of values = symbol >> shift, 0..65535, as mll_token_of() says.
// A float holds the value exactly. Its bits >> 23 are n + 127, n = floor(log2 value); one bit more
// brings the bit below the leading one, so bits >> 22 is 2 * (n + 127) + bit and the token,
// MLL_N_LINEAR + 2 * (n - 5) + bit, is that less 232. Extra bits are n - 1 = (bits >> 23) - 128.
TARGET static inline void split_values(const uint32_t *values, uint32_t *tokens, uint32_t *extra)
{
    float wide[MLL_LANES];
    uint32_t bits[MLL_LANES];
    for (int l = 0; l < MLL_LANES; l++)
        wide[l] = (float)(int32_t)values[l];
    memcpy(bits, wide, sizeof bits);
    for (int l = 0; l < MLL_LANES; l++) {
        const int linear = values[l] < MLL_N_LINEAR;
        tokens[l] = linear ? values[l] : (bits[l] >> 22) - 232;
        extra[l] = linear ? 0 : (bits[l] >> 23) - 128;
    }
}

TARGET void RECORD(mll_model *model, const uint16_t *samples, const mll_prediction *found,
                   int32_t n_lanes, uint32_t *steps, uint16_t *raws)
{
    const uint16_t *freq = model->freq, *cum = model->cum;
    uint32_t *count = model->count;
    const int32_t max_sample = (int32_t)model->max_sample;
    uint32_t shift[MLL_LANES], symbol[MLL_LANES], value[MLL_LANES], token[MLL_LANES];
    uint32_t entry[MLL_LANES], n_raw[MLL_LANES];
    uint16_t raw[MLL_LANES];
    for (int l = 0; l < MLL_LANES; l++)
        shift[l] = model->shift[found->context[l]];
    // All lanes, so that compilers make vectors of it; what dead lanes get is not used.
    for (int l = 0; l < MLL_LANES; l++)
        symbol[l] = mll_fold(samples[l], found->prediction[l], max_sample, found->flip[l]);
    for (int l = 0; l < MLL_LANES; l++)
        value[l] = symbol[l] >> shift[l];
    split_values(value, token, n_raw);
    for (int l = 0; l < MLL_LANES; l++) {
        n_raw[l] += shift[l];
        raw[l] = (uint16_t)(1u << n_raw[l] | (symbol[l] & ((1u << n_raw[l]) - 1)));
        entry[l] = found->context[l] * MLL_TOKEN_STRIDE + token[l];
    }
    for (int32_t l = 0; l < n_lanes; l++) {
        const uint32_t at = entry[l];
        count[at] += 1;
        steps[l] = (uint32_t)freq[at] << 16 | cum[at];
    }
    memcpy(raws, raw, (size_t)n_lanes * sizeof *raws);
}
