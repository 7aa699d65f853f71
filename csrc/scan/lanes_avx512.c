// SPDX-License-Identifier: Apache-2.0
#include "lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "lanes_avx512.h"

TARGET mll_status mll_lanes_decode_avx512(mll_lanes *lanes, uint32_t alive,
                                          const mll_prediction *found, uint16_t *samples)
{
    const __m512i max_sample = _mm512_set1_epi32((int)lanes->model->max_sample);
    const __m512i nothing = _mm512_set1_epi32((int)lanes->model->n_contexts);
    mll_streams streams = streams_of(lanes);
    const __m512i context = _mm512_mask_blend_epi32((__mmask16)alive, nothing, contexts(found));
    const __m512i symbol = decode(&streams, lanes->tables, context);
    if (streams_keep(&streams, lanes) != MLL_OK)
        return MLL_TRUNCATED;
    const __m512i sample = unfold(symbol, predictions(found), flips(found), max_sample);
    _mm256_storeu_si256((__m256i *)(void *)samples, _mm512_cvtepi32_epi16(sample));
    return _mm512_cmpgt_epu32_mask(symbol, max_sample) ? MLL_CORRUPT : MLL_OK;
}
#endif
