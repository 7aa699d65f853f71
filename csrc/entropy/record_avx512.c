// SPDX-License-Identifier: Apache-2.0
// AVX-512: one 32-bit lane a sample up to the entries of the tables; steps as in record_body.h.
#include "record.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,bmi2")))
#define INLINE TARGET static inline __attribute__((always_inline))

INLINE __m512i widened_words(const uint16_t *from)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)from));
}

INLINE __m512i widened_bytes(const uint8_t *from)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
}

// mll_fold() of all lanes.
INLINE __m512i fold(__m512i sample, __m512i prediction, __m512i flip, __m512i max_sample)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m512i residual = _mm512_sub_epi32(sample, prediction);
    const __m512i magnitude = _mm512_abs_epi32(residual);
    const __m512i theta = _mm512_min_epi32(prediction, _mm512_sub_epi32(max_sample, prediction));
    // the sign of the residual after the flip; 0 has none
    const __mmask16 below = _mm512_cmplt_epi32_mask(residual, zero);
    const __mmask16 flipped = _mm512_test_epi32_mask(flip, flip);
    const __mmask16 some = _mm512_test_epi32_mask(residual, residual);
    const __mmask16 negative = (__mmask16)((below ^ flipped) & some);
    const __m512i twice = _mm512_add_epi32(magnitude, magnitude);
    const __m512i near = _mm512_mask_sub_epi32(twice, negative, twice, _mm512_set1_epi32(1));
    const __mmask16 is_far = _mm512_cmpgt_epi32_mask(magnitude, theta);
    return _mm512_mask_add_epi32(near, is_far, theta, magnitude);
}

// shift[context] of all lanes. Two bytes a word make 128 entries of two registers: enough for the
// contexts of a net.
INLINE __m512i shifts_of(const mll_model *model, const uint8_t *contexts)
{
    if (model->n_contexts > 128) {
        uint8_t shift[MLL_LANES];
        for (int l = 0; l < MLL_LANES; l++)
            shift[l] = model->shift[contexts[l]];
        return widened_bytes(shift);
    }
    const __m512i context = _mm512_castsi256_si512(
        _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)contexts)));
    const __m512i low = _mm512_loadu_si512(model->shift);
    const __m512i high = _mm512_loadu_si512(model->shift + 64);
    const __m512i pair = _mm512_permutex2var_epi16(low, _mm512_srli_epi16(context, 1), high);
    const __m512i odd = _mm512_and_si512(context, _mm512_set1_epi16(1));
    const __m512i shift = _mm512_and_si512(_mm512_srlv_epi16(pair, _mm512_slli_epi16(odd, 3)),
                                           _mm512_set1_epi16(15));
    return _mm512_cvtepu16_epi32(_mm512_castsi512_si256(shift));
}

TARGET void mll_record_avx512(mll_model *model, const uint16_t *samples,
                              const mll_prediction *found, int32_t n_lanes, uint32_t *steps,
                              uint16_t *raws)
{
    const uint16_t *freq = model->freq, *cum = model->cum;
    uint32_t *count = model->count;
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i symbol =
        fold(widened_words(samples), widened_words(found->prediction), widened_bytes(found->flip),
             _mm512_set1_epi32((int32_t)model->max_sample));
    const __m512i shift = shifts_of(model, found->context);
    const __m512i value = _mm512_srlv_epi32(symbol, shift);
    const __m512i bits = _mm512_castps_si512(_mm512_cvtepi32_ps(value));
    const __mmask16 wide = _mm512_cmpge_epi32_mask(value, _mm512_set1_epi32(MLL_N_LINEAR));
    const __m512i token = _mm512_mask_sub_epi32(value, wide, _mm512_srli_epi32(bits, 22),
                                                _mm512_set1_epi32(232));
    const __m512i extra = _mm512_sub_epi32(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(128));
    const __m512i unit = _mm512_sllv_epi32(one, _mm512_mask_add_epi32(shift, wide, shift, extra));
    const __m512i raw = _mm512_and_si512(symbol, _mm512_sub_epi32(unit, one));
    const __m256i record = _mm512_cvtepi32_epi16(_mm512_or_si512(unit, raw));
    _mm256_mask_storeu_epi16(raws, (__mmask16)((1u << n_lanes) - 1), record);
    const __m512i row = _mm512_slli_epi32(widened_bytes(found->context), 6);
    _Alignas(64) uint32_t entry[MLL_LANES];
    _mm512_store_si512(entry, _mm512_add_epi32(row, token));
    for (int32_t l = 0; l < n_lanes; l++) {
        const uint32_t at = entry[l];
        count[at] += 1;
        steps[l] = (uint32_t)freq[at] << 16 | cum[at];
    }
}

_Static_assert(MLL_TOKEN_STRIDE == 1 << 6, "rows of the tables");
#endif
