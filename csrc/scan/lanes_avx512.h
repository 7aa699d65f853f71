// SPDX-License-Identifier: Apache-2.0
// Parts of decoding 16 lanes with AVX-512, one 32-bit lane a stream. Only the search goes lane by
// lane: the token is the number of cum entries at or below the slot, less one; 64 entries are two
// registers.
#ifndef MLL_LANES_AVX512_H
#define MLL_LANES_AVX512_H

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,popcnt,bmi2")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef struct {
    __m512i state, next, words; // words: the next two of each stream, the first one low
} mll_streams;

// Where lane l finds its table, and its slot.
typedef struct {
    uint32_t offset[MLL_LANES], slot[MLL_LANES];
} mll_wanted;

// The entry of a lane's token, which is counted.
INLINE const __m128i *find(uint8_t *tables, const mll_wanted *wanted, int lane)
{
    mll_lanes_table *table = (mll_lanes_table *)(void *)(tables + wanted->offset[lane]);
    const __m512i slot = _mm512_set1_epi16((short)wanted->slot[lane]);
    const __mmask32 low = _mm512_cmple_epu16_mask(_mm512_loadu_si512(table->cum), slot);
    const __mmask32 high = _mm512_cmple_epu16_mask(_mm512_loadu_si512(table->cum + 32), slot);
    const uint64_t both = _cvtmask64_u64(_mm512_kunpackd(high, low));
    const size_t token = (size_t)__builtin_popcountll(both) - 1;
    table->count[token] += 1;
    return (const __m128i *)(const void *)&table->entry[token];
}

INLINE __m256i find_four(uint8_t *tables, const mll_wanted *wanted, int lane)
{
    const __m128i low = _mm_unpacklo_epi64(_mm_loadl_epi64(find(tables, wanted, lane)),
                                           _mm_loadl_epi64(find(tables, wanted, lane + 1)));
    const __m128i high = _mm_unpacklo_epi64(_mm_loadl_epi64(find(tables, wanted, lane + 2)),
                                            _mm_loadl_epi64(find(tables, wanted, lane + 3)));
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
}

INLINE __m512i find_eight(uint8_t *tables, const mll_wanted *wanted, int lane)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(find_four(tables, wanted, lane)),
                              find_four(tables, wanted, lane + 4), 1);
}

// The low 16 bits of the words go to states below 2^16; the words behind them move up.
INLINE void refill(mll_streams *streams)
{
    const __m512i x = streams->state, word = streams->words;
    const __mmask16 due = _mm512_cmplt_epu32_mask(x, _mm512_set1_epi32(MLL_RANS_LOW));
    const __m512i low = _mm512_and_si512(word, _mm512_set1_epi32(0xFFFF));
    streams->state = _mm512_mask_or_epi32(x, due, _mm512_slli_epi32(x, 16), low);
    streams->words = _mm512_mask_srli_epi32(word, due, word, 16);
    streams->next = _mm512_mask_add_epi32(streams->next, due, streams->next, _mm512_set1_epi32(2));
}

// Both steps of all lanes; returns the symbols. A context of n_contexts changes nothing.
INLINE __m512i decode(mll_streams *streams, mll_lanes_table *tables, __m512i context)
{
    const __m512i scale = _mm512_set1_epi32(MLL_SCALE - 1), half = _mm512_set1_epi32(0xFFFF);
    const __m512i evens = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                            30);
    const __m512i odds = _mm512_add_epi32(evens, _mm512_set1_epi32(1));
    __m512i x = streams->state, slot = _mm512_and_si512(x, scale);
    mll_wanted wanted;
    _mm512_storeu_si512(wanted.offset,
                        _mm512_mullo_epi32(context, _mm512_set1_epi32(sizeof *tables)));
    _mm512_storeu_si512(wanted.slot, slot);
    const __m512i first = find_eight((uint8_t *)tables, &wanted, 0);
    const __m512i second = find_eight((uint8_t *)tables, &wanted, 8);
    const __m512i code = _mm512_permutex2var_epi32(first, evens, second);
    const __m512i value = _mm512_permutex2var_epi32(first, odds, second);
    x = _mm512_mullo_epi32(_mm512_and_si512(code, half), _mm512_srli_epi32(x, MLL_SCALE_BITS));
    streams->state = _mm512_sub_epi32(_mm512_add_epi32(x, slot), _mm512_srli_epi32(code, 16));
    refill(streams);
    x = streams->state;
    slot = _mm512_and_si512(x, scale);
    const __m512i freq_log2 =
        _mm512_sub_epi32(_mm512_set1_epi32(MLL_SCALE_BITS), _mm512_srli_epi32(value, 16));
    const __m512i raw = _mm512_srlv_epi32(slot, freq_log2);
    // the slot without its raw bits
    slot = _mm512_sub_epi32(slot, _mm512_sllv_epi32(raw, freq_log2));
    x = _mm512_sllv_epi32(_mm512_srli_epi32(x, MLL_SCALE_BITS), freq_log2);
    streams->state = _mm512_add_epi32(x, slot);
    refill(streams);
    return _mm512_add_epi32(_mm512_and_si512(value, half), raw);
}

// mll_unfold of fold.h.
INLINE __m512i unfold(__m512i symbol, __m512i prediction, __mmask16 flip, __m512i max_sample)
{
    const __m512i one = _mm512_set1_epi32(1);
    const __m512i above = _mm512_sub_epi32(max_sample, prediction);
    const __m512i theta = _mm512_min_epi32(prediction, above);
    const __mmask16 is_far = _mm512_cmpgt_epi32_mask(symbol, _mm512_slli_epi32(theta, 1));
    __m512i magnitude = _mm512_srli_epi32(_mm512_add_epi32(symbol, one), 1);
    magnitude = _mm512_mask_sub_epi32(magnitude, is_far, symbol, theta);
    const __mmask16 odd = _mm512_test_epi32_mask(symbol, one);
    const __mmask16 near_below = (__mmask16)((odd ^ flip) & ~is_far);
    const __mmask16 below =
        (__mmask16)(near_below | _mm512_mask_cmpgt_epi32_mask(is_far, prediction, above));
    const __m512i sample = _mm512_add_epi32(prediction, magnitude);
    return _mm512_mask_sub_epi32(sample, below, prediction, magnitude);
}

// What mll_prediction holds, in lanes of 32 bits.
INLINE __m512i predictions(const mll_prediction *found)
{
    return _mm512_cvtepu16_epi32(
        _mm256_loadu_si256((const __m256i *)(const void *)found->prediction));
}

INLINE __m512i contexts(const mll_prediction *found)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)found->context));
}

INLINE __mmask16 flips(const mll_prediction *found)
{
    const __m128i flip = _mm_loadu_si128((const __m128i *)(const void *)found->flip);
    return _mm_test_epi8_mask(flip, flip);
}

INLINE mll_streams streams_of(const mll_lanes *lanes)
{
    mll_streams streams;
    streams.state = _mm512_loadu_si512(lanes->state);
    streams.next = _mm512_loadu_si512(lanes->next);
    streams.words = _mm512_i32gather_epi32(streams.next, lanes->payload, 1);
    return streams;
}

// MLL_TRUNCATED where one has read past its end.
INLINE mll_status streams_keep(const mll_streams *streams, mll_lanes *lanes)
{
    _mm512_storeu_si512(lanes->state, streams->state);
    _mm512_storeu_si512(lanes->next, streams->next);
    return _mm512_cmpgt_epu32_mask(streams->next, _mm512_loadu_si512(lanes->end)) ? MLL_TRUNCATED
                                                                                  : MLL_OK;
}

#endif
