// SPDX-License-Identifier: Apache-2.0
// AVX-512: flag after flag, each of all lanes at once; counting goes lane by lane. What abundances
// ask for, a sum over all values, is no work of lanes: planes that have them go the plain way.
#include "hit_lanes.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include "lanes_avx512.h"

#define FEW 4 // lanes that the plain loop decodes faster

// mll_hits_place of 16 lanes.
typedef struct {
    __m512i value[MLL_HITS_CANDIDATES], symbol[MLL_HITS_CANDIDATES], cell[3];
    __mmask16 is_new[MLL_HITS_CANDIDATES];
} places;

// What the neighbours of a lane's sample are.
typedef struct {
    __m512i w, ww, n, nw, ne, nww, nee, nn, nne;
} around;

INLINE __m512i load(const uint16_t *at)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)at));
}

// Bytes of a table, of which 3 more may be read.
INLINE __m512i bytes_at(const uint8_t *table, __m512i index)
{
    return _mm512_and_si512(_mm512_i32gather_epi32(index, table, 1), _mm512_set1_epi32(0xFF));
}

INLINE __m512i add_if(__m512i sum, __mmask16 mask, int number)
{
    return _mm512_mask_add_epi32(sum, mask, sum, _mm512_set1_epi32(number));
}

// mll_fold of fold.h.
INLINE __m512i fold(__m512i sample, __m512i prediction, __mmask16 flip, __m512i theta)
{
    __m512i residual = _mm512_sub_epi32(sample, prediction);
    residual = _mm512_mask_sub_epi32(residual, flip, prediction, sample);
    const __m512i magnitude = _mm512_abs_epi32(residual);
    const __m512i near = _mm512_add_epi32(_mm512_slli_epi32(magnitude, 1),
                                          _mm512_srai_epi32(residual, 31));
    const __mmask16 is_far = _mm512_cmpgt_epi32_mask(magnitude, theta);
    return _mm512_mask_add_epi32(near, is_far, theta, magnitude);
}

static const int32_t STEPS[7] = {2, 4, 6, 10, 13, 18, 26}; // of rarity

// mll_hits_closeness without abundances. A value as a float, which holds it exactly: exponent and
// highest bit below it count tokens, two an octave.
INLINE __m512i closeness(const mll_hits *hits, __m512i context, __m512i shift, __m512i symbol)
{
    const __m512i value = _mm512_srlv_epi32(symbol, shift);
    const __m512i octaves =
        _mm512_srli_epi32(_mm512_castps_si512(_mm512_cvtepi32_ps(value)), 22);
    __m512i token = _mm512_sub_epi32(octaves, _mm512_set1_epi32(2 * 127 + 10 - MLL_N_LINEAR));
    token = _mm512_mask_mov_epi32(
        token, _mm512_cmplt_epi32_mask(value, _mm512_set1_epi32(MLL_N_LINEAR)), value);
    const __m512i row = _mm512_mullo_epi32(context, _mm512_set1_epi32(MLL_TOKEN_STRIDE));
    const __m512i rarity = bytes_at(hits->rarity, _mm512_add_epi32(row, token));
    __m512i sum = _mm512_setzero_si512();
    for (int i = 0; i < 7; i++)
        sum = add_if(sum, _mm512_cmpge_epi32_mask(rarity, _mm512_set1_epi32(STEPS[i])), 1);
    return sum;
}

// 5 * texture + mll_hits_digit.
INLINE __m512i add_digit(__m512i texture, __m512i a, __m512i b)
{
    const __m512i two = _mm512_set1_epi32(2);
    __m512i digit = _mm512_min_epi32(_mm512_sub_epi32(a, b), two);
    digit = _mm512_add_epi32(_mm512_max_epi32(digit, _mm512_set1_epi32(-2)), two);
    return _mm512_add_epi32(digit, _mm512_add_epi32(_mm512_slli_epi32(texture, 2), texture));
}

INLINE around look_around(const mll_view *view)
{
    const int32_t r = view->row_step, c = view->col_step;
    const uint16_t *at = view->frame[0];
    const around s = {load(at - c),         load(at - 2 * c),         load(at - r),
                      load(at - r - c),     load(at - r + c),         load(at - r - 2 * c),
                      load(at - r + 2 * c), load(at - 2 * r),         load(at - 2 * r + c)};
    return s;
}

INLINE void set_cells(const mll_lanes *lanes, const mll_hits *hits, const around *s,
                      __m512i context, places *p)
{
#define EQUAL(sum, a, b, bit) sum = add_if(sum, _mm512_cmpeq_epi32_mask(s->a, s->b), bit)
    __m512i near = _mm512_setzero_si512(), far = near, group = near, thirds = near;
    EQUAL(near, n, w, 8);
    EQUAL(near, nw, w, 4);
    EQUAL(near, n, nw, 2);
    EQUAL(near, n, ne, 1);
    EQUAL(far, w, ww, 32);
    EQUAL(far, n, nn, 16);
    EQUAL(far, nne, ne, 8);
    EQUAL(far, ne, nee, 4);
    EQUAL(far, nw, nww, 2);
    EQUAL(far, w, ne, 1);
    group = add_if(group, _mm512_cmpge_epi32_mask(context, _mm512_set1_epi32(30)), 1);
    group = add_if(group, _mm512_cmpge_epi32_mask(context, _mm512_set1_epi32(54)), 1);
    group = add_if(group, _mm512_cmpge_epi32_mask(context, _mm512_set1_epi32(72)), 1);
    near = _mm512_slli_epi32(near, 6);
    p->cell[0] = _mm512_or_si512(_mm512_slli_epi32(_mm512_or_si512(near, far), 2), group);

    const __m512i shift = bytes_at(lanes->model->shift, context);
    const __m512i close_w = closeness(hits, context, shift, p->symbol[0]);
    const __m512i close_n = closeness(hits, context, shift, p->symbol[1]);
    const __m512i close_ne = closeness(hits, context, shift, p->symbol[2]);
    thirds = add_if(thirds, _mm512_cmpge_epi32_mask(close_ne, _mm512_set1_epi32(3)), 1);
    thirds = add_if(thirds, _mm512_cmpge_epi32_mask(close_ne, _mm512_set1_epi32(5)), 1);
    __m512i close = _mm512_or_si512(near, _mm512_or_si512(_mm512_slli_epi32(close_w, 3), close_n));
    close = _mm512_add_epi32(_mm512_mullo_epi32(close, _mm512_set1_epi32(3)), thirds);
    p->cell[1] = _mm512_add_epi32(close, _mm512_set1_epi32(MLL_HITS_EQUAL));

    __m512i texture = add_digit(_mm512_setzero_si512(), s->n, s->nw);
    texture = add_digit(texture, s->ne, s->n);
    texture = add_digit(texture, s->w, s->nw);
    texture = add_digit(texture, s->w, s->ww);
    texture = add_digit(texture, s->n, s->nn);
    p->cell[2] = _mm512_add_epi32(texture, _mm512_set1_epi32(MLL_HITS_EQUAL + MLL_HITS_CLOSE));
}

// mll_hits_look.
INLINE void look(const mll_lanes *lanes, const mll_hits *hits, const mll_view *view,
                 const mll_prediction *found, places *p)
{
    const around s = look_around(view);
    const __m512i prediction = predictions(found);
    const __m512i max_sample = _mm512_set1_epi32((int)lanes->model->max_sample);
    const __m512i theta = _mm512_min_epi32(prediction, _mm512_sub_epi32(max_sample, prediction));
    p->value[0] = s.w;
    p->value[1] = s.n;
    p->value[2] = s.ne;
    p->value[3] = s.nw;
    for (int i = 0; i < MLL_HITS_CANDIDATES; i++) {
        p->symbol[i] = fold(p->value[i], prediction, flips(found), theta);
        p->is_new[i] = 0xFFFF;
        for (int k = 0; k < i; k++)
            p->is_new[i] = _mm512_mask_cmpneq_epi32_mask(p->is_new[i], p->value[i], p->value[k]);
    }
    set_cells(lanes, hits, &s, contexts(found), p);
}

INLINE void count(mll_hits *hits, const places *p, uint32_t candidate, __m512i joint,
                  uint32_t asked, uint32_t yes)
{
    uint32_t joints[MLL_LANES], cells[3][MLL_LANES];
    _mm512_storeu_si512(joints, joint);
    for (int set = 0; set < 3; set++)
        _mm512_storeu_si512(cells[set], p->cell[set]);
    for (; asked != 0; asked &= asked - 1) {
        const int lane = __builtin_ctz(asked);
        const mll_hits_place place = {.cell = {(uint16_t)cells[0][lane], (uint16_t)cells[1][lane],
                                               (uint16_t)cells[2][lane]}};
        mll_hits_count(hits, &place, candidate, joints[lane], yes >> lane & 1);
    }
}

// The flags of one candidate in the lanes asked; returns those where it is a yes.
INLINE __mmask16 decode_flags(mll_lanes *lanes, mll_hits *hits, const places *p,
                              mll_streams *streams, uint32_t candidate, __mmask16 asked)
{
    const uint8_t *level = hits->level + (size_t)candidate * MLL_HITS_CELLS;
    const __m512i levels = _mm512_set1_epi32(MLL_HITS_LEVELS), scale = _mm512_set1_epi32(MLL_SCALE);
    const __m512i half = _mm512_set1_epi32(0xFFFF), x = streams->state;
    __m512i joint = _mm512_mullo_epi32(bytes_at(level, p->cell[0]), levels);
    joint = _mm512_add_epi32(joint, bytes_at(level, p->cell[1]));
    joint = _mm512_add_epi32(_mm512_mullo_epi32(joint, levels), bytes_at(level, p->cell[2]));
    joint = _mm512_add_epi32(joint, _mm512_set1_epi32((int)(candidate * MLL_HITS_JOINTS)));
    const __m512i yes_freq = _mm512_and_si512(_mm512_i32gather_epi32(joint, hits->freq, 2), half);
    const __m512i slot = _mm512_and_si512(x, _mm512_set1_epi32(MLL_SCALE - 1));
    const __mmask16 yes = _mm512_mask_cmplt_epi32_mask(asked, slot, yes_freq);
    const __m512i freq = _mm512_mask_mov_epi32(_mm512_sub_epi32(scale, yes_freq), yes, yes_freq);
    const __m512i place = _mm512_mask_mov_epi32(_mm512_sub_epi32(slot, yes_freq), yes, slot);
    const __m512i next =
        _mm512_add_epi32(_mm512_mullo_epi32(freq, _mm512_srli_epi32(x, MLL_SCALE_BITS)), place);
    streams->state = _mm512_mask_mov_epi32(x, asked, next);
    streams->words = _mm512_i32gather_epi32(streams->next, lanes->payload, 1);
    refill(streams);
    count(hits, p, candidate, joint, asked, yes);
    return yes;
}

// mll_hits_restore.
INLINE __m512i restore(const mll_hits *hits, const places *p, __m512i symbol)
{
    __m512i restored = symbol;
    for (uint32_t round = 0; round < hits->n_candidates; round++) {
        __m512i sum = symbol;
        for (uint32_t i = 0; i < hits->n_candidates; i++)
            sum = add_if(sum, _mm512_mask_cmple_epi32_mask(p->is_new[i], p->symbol[i], restored),
                         1);
        restored = sum;
    }
    return restored;
}

TARGET mll_status mll_hit_lanes_decode_avx512(mll_lanes *lanes, mll_hits *hits,
                                              mll_abundance *abundance, uint32_t alive,
                                              const mll_view *view, const mll_prediction *found,
                                              uint16_t *samples)
{
    if (abundance != NULL || __builtin_popcount(alive) <= FEW)
        return mll_hit_lanes_decode_plain(lanes, hits, abundance, alive, view, found, samples);
    const __m512i max_sample = _mm512_set1_epi32((int)lanes->model->max_sample);
    const __m512i nothing = _mm512_set1_epi32((int)lanes->model->n_contexts);
    places p;
    look(lanes, hits, view, found, &p);
    mll_streams streams = streams_of(lanes);
    __mmask16 rest = (__mmask16)alive;
    __m512i sample = _mm512_setzero_si512();
    for (uint32_t i = 0; i < hits->n_candidates; i++) {
        const __mmask16 asked = rest & p.is_new[i];
        if (asked == 0)
            continue;
        const __mmask16 yes = decode_flags(lanes, hits, &p, &streams, i, asked);
        sample = _mm512_mask_mov_epi32(sample, yes, p.value[i]);
        rest = (__mmask16)(rest & ~yes);
    }
    streams.words = _mm512_i32gather_epi32(streams.next, lanes->payload, 1);
    const __m512i context = _mm512_mask_blend_epi32(rest, nothing, contexts(found));
    const __m512i symbol = restore(hits, &p, decode(&streams, lanes->tables, context));
    if (streams_keep(&streams, lanes) != MLL_OK)
        return MLL_TRUNCATED;
    const __m512i told = unfold(symbol, predictions(found), flips(found), max_sample);
    sample = _mm512_mask_mov_epi32(sample, rest, told);
    _mm256_storeu_si256((__m256i *)(void *)samples, _mm512_cvtepi32_epi16(sample));
    return _mm512_mask_cmpgt_epu32_mask(rest, symbol, max_sample) ? MLL_CORRUPT : MLL_OK;
}
#endif
