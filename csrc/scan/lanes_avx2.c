// SPDX-License-Identifier: Apache-2.0
// AVX2: the token is the number of cum entries at or below the slot, less one; 64 entries are four
// registers. max(cum, slot) == slot says cum <= slot for unsigned 16-bit numbers.
#include "lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,popcnt")))
#define FIND find_avx2
#define DECODE mll_lanes_decode_avx2

TARGET static inline __m256i at_or_below(const uint16_t *cum, __m256i slot)
{
    __m256i entries = _mm256_loadu_si256((const __m256i *)(const void *)cum);
    return _mm256_cmpeq_epi16(_mm256_max_epu16(entries, slot), slot);
}

TARGET static inline uint32_t find_avx2(const uint16_t *cum, uint32_t slot)
{
    const __m256i s = _mm256_set1_epi16((short)slot);
    __m256i low = _mm256_packs_epi16(at_or_below(cum, s), at_or_below(cum + 16, s));
    __m256i high = _mm256_packs_epi16(at_or_below(cum + 32, s), at_or_below(cum + 48, s));
    uint64_t mask = (uint32_t)_mm256_movemask_epi8(low);
    mask |= (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
    return (uint32_t)__builtin_popcountll(mask) - 1;
}

#include "lanes_body.h"
#endif
