// SPDX-License-Identifier: Apache-2.0
// AVX-512: the token is the number of cum entries at or below the slot, less one; 64 entries are
// two registers.
#include "model.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx2,popcnt,bmi2")))
#define FIND find_avx512
#define DECODE mll_lanes_decode_avx512

TARGET static inline uint32_t find_avx512(const mll_model *model, uint32_t context,
                                     uint32_t slot)
{
    const uint16_t *cum = model->cum + (size_t)context * MLL_TOKEN_STRIDE;
    const __m512i s = _mm512_set1_epi16((short)slot);
    __mmask32 low = _mm512_cmple_epu16_mask(_mm512_loadu_si512(cum), s);
    __mmask32 high = _mm512_cmple_epu16_mask(_mm512_loadu_si512(cum + 32), s);
    return (uint32_t)__builtin_popcount(low) + (uint32_t)__builtin_popcount(high) - 1;
}

#include "lanes_body.h"
#endif
