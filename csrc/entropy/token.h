// SPDX-License-Identifier: Apache-2.0
// Read me first
// - symbol = (base[token] << shift) + raw, raw having extra[token] + shift bits: the token is
//   entropy coded, the raw bits are stored as they are.
// - 32 tokens of one value each, then two tokens an octave. shift belongs to the context.
// - symbol <= 65535 and shift <= 15 give n_raw <= 15; a token below mll_token_count() and any raw
//   bits give a symbol <= 65535, but perhaps above max_sample: the decoder step checks that.
#ifndef MLL_TOKEN_H
#define MLL_TOKEN_H

#include <stdint.h>

#define MLL_N_TOKENS 54       // of a context with shift 0 and max_sample 65535
#define MLL_TOKEN_STRIDE 64   // tables are padded to this many entries
#define MLL_N_LINEAR 32       // tokens that stand for one value
#define MLL_SHIFT_MAX 15
#define MLL_SHIFT_FREE 16 // of a context whose only symbol is 0: it costs nothing
#define MLL_MAX_CONTEXTS 256

// Number of bits of value below its leading one; 1 <= value.
static inline uint32_t mll_floor_log2(uint32_t value)
{
    uint32_t log2 = 0;
    for (uint32_t step = 16; step > 0; step >>= 1)
        if (value >> step) {
            value >>= step;
            log2 += step;
        }
    return log2;
}

// Token of value = symbol >> shift, 0..65535.
static inline uint32_t mll_token_of(uint32_t value)
{
    if (value < MLL_N_LINEAR)
        return value;
    uint32_t n = mll_floor_log2(value);
    return MLL_N_LINEAR + 2 * (n - 5) + ((value >> (n - 1)) & 1);
}

// Size of the alphabet of a context.
static inline uint32_t mll_token_count(uint32_t max_sample, uint32_t shift)
{
    return mll_token_of(max_sample >> shift) + 1;
}

// Raw bits that a token brings besides the shift.
static inline uint32_t mll_token_extra_bits(uint32_t token)
{
    return token < MLL_N_LINEAR ? 0 : 4 + ((token - MLL_N_LINEAR) >> 1);
}

// Smallest value of a token: 2 << extra or 3 << extra where the token has extra bits.
static inline uint32_t mll_token_base(uint32_t token)
{
    return token < MLL_N_LINEAR ? token : (2u + (token & 1)) << mll_token_extra_bits(token);
}

#endif
