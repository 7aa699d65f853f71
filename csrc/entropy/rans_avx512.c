// SPDX-License-Identifier: Apache-2.0
// AVX-512: one 32-bit lane a stream, steps as in rans.c. Records lie row by row and are wanted
// column by column: blocks of 16 x 16 are transposed in registers.
#include "rans.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,bmi")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define N MLL_MAX_STREAMS

// line[r] lane c becomes line[c] lane r: pairs of 32 bits, of 64, of 128, of 256.
INLINE void transpose(__m512i line[N])
{
    __m512i other[N];
    for (int i = 0; i < N; i += 2) {
        other[i] = _mm512_unpacklo_epi32(line[i], line[i + 1]);
        other[i + 1] = _mm512_unpackhi_epi32(line[i], line[i + 1]);
    }
    for (int i = 0; i < N; i += 4)
        for (int k = 0; k < 2; k++) {
            line[i + 2 * k] = _mm512_unpacklo_epi64(other[i + k], other[i + k + 2]);
            line[i + 2 * k + 1] = _mm512_unpackhi_epi64(other[i + k], other[i + k + 2]);
        }
    // line[4 i + k] now holds columns k, k + 4, k + 8, k + 12 of rows 4 i .. 4 i + 3
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 4; k++) {
            const __m512i a = line[8 * i + k], b = line[8 * i + 4 + k];
            other[8 * i + k] = _mm512_shuffle_i32x4(a, b, 0x88);
            other[8 * i + 4 + k] = _mm512_shuffle_i32x4(a, b, 0xDD);
        }
    for (int k = 0; k < 8; k++) {
        const __m512i a = other[k], b = other[8 + k];
        line[k] = _mm512_shuffle_i32x4(a, b, 0x88);
        line[8 + k] = _mm512_shuffle_i32x4(a, b, 0xDD);
    }
}

// Raw step of all streams. Shifts by 32 give 0: where n_raw is 0 nothing is due and x stays.
INLINE __m512i raw_step(__m512i x, __m512i record, __mmask16 *due, uint32_t *words)
{
    // record < 2^16 is exact as a float, whose exponent is n_raw + 127
    const __m512i exponent =
        _mm512_srli_epi32(_mm512_castps_si512(_mm512_cvtepi32_ps(record)), 23);
    const __m512i freq_log2 = _mm512_sub_epi32(_mm512_set1_epi32(127 + MLL_SCALE_BITS), exponent);
    const __m512i freq = _mm512_sllv_epi32(_mm512_set1_epi32(1), freq_log2);
    const __m512i above = _mm512_add_epi32(freq_log2, _mm512_set1_epi32(17));
    *due = _mm512_test_epi32_mask(_mm512_srlv_epi32(x, above), _mm512_set1_epi32(-1));
    _mm512_store_si512(words, x);
    x = _mm512_mask_srli_epi32(x, *due, x, 16);
    // (record << freq_log2) is MLL_SCALE + (raw << freq_log2)
    const __m512i cum = _mm512_sub_epi32(_mm512_sllv_epi32(record, freq_log2),
                                         _mm512_set1_epi32(MLL_SCALE));
    const __m512i high = _mm512_slli_epi32(_mm512_srlv_epi32(x, freq_log2), MLL_SCALE_BITS);
    const __m512i low = _mm512_andnot_si512(_mm512_sub_epi32(_mm512_setzero_si512(), freq), x);
    return _mm512_add_epi32(_mm512_add_epi32(high, low), cum);
}

// Token step of all streams.
// x / freq: the float quotient is wrong by a relative 2^-23 or less (x and the quotient are rounded
// to 24 bits each), hence by less than 2^-5 as x < freq << 17; truncated it is the true one or a
// neighbour, and the remainder, |remainder| < 2 freq < 2^17 modulo 2^32, says which.
INLINE __m512i token_step(__m512i x, __m512i step, __mmask16 *due, uint32_t *words)
{
    const __m512i freq = _mm512_srli_epi32(step, 16);
    const __m512i cum = _mm512_and_si512(step, _mm512_set1_epi32(0xFFFF));
    *due = _mm512_cmpge_epu32_mask(_mm512_srli_epi32(x, 17), freq);
    _mm512_store_si512(words, x);
    x = _mm512_mask_srli_epi32(x, *due, x, 16);
    const __m512 ratio = _mm512_div_ps(_mm512_cvtepu32_ps(x), _mm512_cvtepi32_ps(freq));
    __m512i quotient = _mm512_cvttps_epi32(ratio);
    __m512i rest = _mm512_sub_epi32(x, _mm512_mullo_epi32(quotient, freq));
    const __m512i one = _mm512_set1_epi32(1);
    const __mmask16 over = _mm512_cmplt_epi32_mask(rest, _mm512_setzero_si512());
    quotient = _mm512_mask_sub_epi32(quotient, over, quotient, one);
    rest = _mm512_mask_add_epi32(rest, over, rest, freq);
    const __mmask16 under = _mm512_cmpge_epi32_mask(rest, freq);
    quotient = _mm512_mask_add_epi32(quotient, under, quotient, one);
    rest = _mm512_mask_sub_epi32(rest, under, rest, freq);
    const __m512i high = _mm512_slli_epi32(quotient, MLL_SCALE_BITS);
    return _mm512_add_epi32(_mm512_add_epi32(high, rest), cum);
}

// Records of a column of all streams; words of the raw step come before those of the token step.
INLINE __m512i encode_col(__m512i x, __m512i step, __m512i record, uint8_t **next)
{
    _Alignas(64) uint32_t words[2 * N];
    __mmask16 first, second;
    x = raw_step(x, record, &first, words);
    x = token_step(x, step, &second, words + N);
    for (uint32_t due = (uint32_t)second << 16 | first; due != 0; due &= due - 1) {
        const uint32_t i = (uint32_t)__builtin_ctz(due);
        uint8_t *at = next[i % N] -= 2;
        at[0] = (uint8_t)words[i];
        at[1] = (uint8_t)(words[i] >> 8);
    }
    return x;
}

TARGET void mll_rans_rows_avx512(mll_rans_encoders *encoders, const uint32_t *steps,
                                 const uint16_t *raws, uint32_t n_rows, uint32_t cols)
{
    __m512i x = _mm512_loadu_si512(encoders->state), step[N], raw[N];
    uint32_t n = cols % N == 0 ? N : cols % N;
    (void)n_rows; // is MLL_MAX_STREAMS
    for (uint32_t end = cols; end > 0; end -= n, n = N) {
        const size_t at = end - n;
        for (size_t row = 0; row < N; row++) {
            const uint16_t *from = raws + row * cols + at;
            step[row] = _mm512_loadu_si512(steps + row * cols + at);
            raw[row] = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)from));
        }
        transpose(step);
        transpose(raw);
        for (uint32_t col = n; col-- > 0;)
            x = encode_col(x, step[col], raw[col], encoders->next);
    }
    _mm512_storeu_si512(encoders->state, x);
}
#endif
