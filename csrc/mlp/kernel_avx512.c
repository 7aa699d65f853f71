// SPDX-License-Identifier: Apache-2.0
// The AVX-512 kernel (F, BW, VL, VNNI): one 32-bit lane a sample, steps as in kernel_plain.c.
// Two int16 inputs share a lane: one vpdpwssd with a broadcast pair of weights serves 16 samples.
#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNITS 8 // sums held in registers at once: enough to hide the latency of vpdpwssd
#define MAX_PAIRS (MLL_MAX_PADDED_INPUTS / 2)

typedef struct {
    __m512i baseline, exponent, mantissa;
} mll_local;

INLINE __m512i load(const uint16_t *at)
{
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)at));
}

INLINE __m512i gap(__m512i a, __m512i b) { return _mm512_abs_epi32(_mm512_sub_epi32(a, b)); }

INLINE __m512i clip(__m512i value, __m512i low, __m512i high)
{
    return _mm512_min_epi32(_mm512_max_epi32(value, low), high);
}

INLINE mll_local look_around(const mll_view *view)
{
    const int32_t r = view->row_step, c = view->col_step;
    const uint16_t *at = view->frame[0];
    __m512i w = load(at - c), n = load(at - r), nw = load(at - r - c), ne = load(at - r + c);
    __m512i nn = load(at - 2 * r), nne = load(at - 2 * r + c);
    __m512i sum = _mm512_add_epi32(gap(w, load(at - 2 * c)), gap(w, nw));
    sum = _mm512_add_epi32(sum, _mm512_add_epi32(gap(n, nw), gap(n, nn)));
    sum = _mm512_add_epi32(sum, _mm512_add_epi32(gap(n, ne), gap(ne, nne)));
    sum = _mm512_add_epi32(sum, gap(ne, load(at - r + 2 * c)));
    sum = _mm512_add_epi32(sum, gap(nw, load(at - r - 2 * c)));
    __m512i v = _mm512_add_epi32(_mm512_slli_epi32(sum, 1), _mm512_set1_epi32(8));
    // v < 2^24 is exact as a float, whose fields are the exponent and the mantissa wanted
    __m512i bits = _mm512_castps_si512(_mm512_cvtepi32_ps(v));
    mll_local local;
    local.exponent = _mm512_sub_epi32(_mm512_srli_epi32(bits, 23), _mm512_set1_epi32(127));
    local.mantissa = _mm512_and_si512(_mm512_srli_epi32(bits, 20), _mm512_set1_epi32(7));
    local.baseline = clip(_mm512_sub_epi32(_mm512_add_epi32(w, n), nw), _mm512_min_epi32(w, n),
                          _mm512_max_epi32(w, n));
    return local;
}

// Lane l of the result holds (even, odd) as two int16, each clipped to the input range.
INLINE __m512i pair_inputs(__m512i even, __m512i odd)
{
    const __m512i limit = _mm512_set1_epi16(MLL_INPUT_LIMIT);
    const __m512i order = _mm512_broadcast_i32x4(
        _mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    __m512i both = _mm512_shuffle_epi8(_mm512_packs_epi32(even, odd), order);
    both = _mm512_min_epi16(both, limit);
    return _mm512_max_epi16(both, _mm512_set1_epi16(-MLL_INPUT_LIMIT));
}

INLINE __m512i one_input(const mll_net *net, const mll_view *view, int32_t i, __m512i baseline,
                         __m512i reciprocal, __m512i shift)
{
    __m512i value = load(view->frame[net->frame[i]] + view->offset[i]);
    __m512i scaled = _mm512_mullo_epi32(_mm512_sub_epi32(value, baseline), reciprocal);
    return _mm512_srav_epi32(scaled, shift);
}

// Step 3. Returns the number of pairs; an odd count is padded with a zero.
INLINE int32_t inputs(const mll_net *net, const mll_view *view, const mll_local *local,
                      __m512i *x)
{
    const __m512i table = _mm512_castsi256_si512(
        _mm256_setr_epi32(15420, 13797, 12483, 11398, 10486, 9709, 9039, 8456));
    const __m512i reciprocal = _mm512_permutexvar_epi32(local->mantissa, table);
    const __m512i shift = _mm512_add_epi32(local->exponent, _mm512_set1_epi32(4));
    const __m512i b = local->baseline;
    __m512i last = _mm512_add_epi32(_mm512_slli_epi32(local->exponent, 6),
                                    _mm512_slli_epi32(local->mantissa, 3));
    last = _mm512_sub_epi32(last, _mm512_set1_epi32(320));
    int32_t i = 0, n = net->n_neighbours;
    for (; i + 1 < n; i += 2)
        x[i / 2] = pair_inputs(one_input(net, view, i, b, reciprocal, shift),
                               one_input(net, view, i + 1, b, reciprocal, shift));
    x[i / 2] = i < n ? pair_inputs(one_input(net, view, i, b, reciprocal, shift), last)
                     : pair_inputs(last, _mm512_setzero_si512());
    return i / 2 + 1;
}

// Activations of the UNITS units from unit `first` on. Weights come pair by pair, units side by
// side. Named sums, not an array: only those stay in registers with every compiler.
INLINE void eight_units(const mll_layer *layer, int32_t first, const __m512i *x, int32_t n_pairs,
                        __m512i *h)
{
    const __m512i top = _mm512_set1_epi32(MLL_HIDDEN_LIMIT), zero = _mm512_setzero_si512();
    const __m128i shift = _mm_cvtsi32_si128(layer->shift);
    const int32_t *weights = layer->paired + first, step = layer->paired_step;
#define START(u) __m512i sum##u = _mm512_set1_epi32(layer->padded_biases[first + u]);
#define ADD(u) sum##u = _mm512_dpwssd_epi32(sum##u, x[p], _mm512_set1_epi32(weights[u]));
#define FINISH(u) sum##u = clip(_mm512_sra_epi32(sum##u, shift), zero, top);
#define PAIR(u, v) h[(first + u) / 2] = _mm512_or_si512(sum##u, _mm512_slli_epi32(sum##v, 16));
#define EIGHT(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
    EIGHT(START)
    for (int32_t p = 0; p < n_pairs; p++, weights += step) {
        EIGHT(ADD)
    }
    EIGHT(FINISH)
    PAIR(0, 1) PAIR(2, 3) PAIR(4, 5) PAIR(6, 7)
}

// Step 4. Units beyond n_units have weights and biases of zero, hence activations of zero.
// Returns the number of pairs.
INLINE int32_t hidden(const mll_layer *layer, const __m512i *x, int32_t n_pairs, __m512i *h)
{
    for (int32_t first = 0; first < layer->n_units; first += UNITS)
        eight_units(layer, first, x, n_pairs, h);
    return (layer->n_units + 1) / 2;
}

// Step 5: output `unit` from the pairs of h followed by those of x; two chains hide the latency.
// The weights of x begin where h, padded to MLL_INPUT_STEP, ends.
INLINE __m512i output(const mll_layer *layer, int unit, const __m512i *h, int32_t n_h,
                      const __m512i *x, int32_t n_x)
{
    const int32_t *weights = layer->paired + unit, step = layer->paired_step;
    __m512i even = _mm512_set1_epi32(layer->padded_biases[unit]), odd = _mm512_setzero_si512();
    int32_t p = 0;
    for (; p + 1 < n_h; p += 2, weights += 2 * step) {
        even = _mm512_dpwssd_epi32(even, h[p], _mm512_set1_epi32(weights[0]));
        odd = _mm512_dpwssd_epi32(odd, h[p + 1], _mm512_set1_epi32(weights[step]));
    }
    if (p < n_h)
        even = _mm512_dpwssd_epi32(even, h[p], _mm512_set1_epi32(weights[0]));
    weights = layer->paired + unit + (n_h + 3) / 4 * 4 * step;
    for (p = 0; p + 1 < n_x; p += 2, weights += 2 * step) {
        even = _mm512_dpwssd_epi32(even, x[p], _mm512_set1_epi32(weights[0]));
        odd = _mm512_dpwssd_epi32(odd, x[p + 1], _mm512_set1_epi32(weights[step]));
    }
    if (p < n_x)
        even = _mm512_dpwssd_epi32(even, x[p], _mm512_set1_epi32(weights[0]));
    return _mm512_sra_epi32(_mm512_add_epi32(even, odd), _mm_cvtsi32_si128(layer->shift));
}

// Steps 6 to 8.
INLINE void place(const mll_local *local, __m512i mean, __m512i log_scale, int32_t max_sample,
                  mll_prediction *out)
{
    const __m512i zero = _mm512_setzero_si512(), e = local->exponent, f = local->mantissa;
    const __m512i thirteen = _mm512_set1_epi32(13), top = _mm512_set1_epi32(max_sample);
    mean = clip(mean, _mm512_set1_epi32(-MLL_MEAN_LIMIT), _mm512_set1_epi32(MLL_MEAN_LIMIT));
    __m512i unit = _mm512_add_epi32(_mm512_set1_epi32(17), _mm512_slli_epi32(f, 1));
    __m512i offset = _mm512_mullo_epi32(mean, unit);
    // a shift count out of 0..31 gives zero or the sign, and the other branch is taken
    __m512i left = _mm512_sllv_epi32(offset, _mm512_sub_epi32(e, thirteen));
    __m512i right = _mm512_srav_epi32(offset, _mm512_sub_epi32(thirteen, e));
    offset = _mm512_mask_blend_epi32(_mm512_cmpge_epi32_mask(e, thirteen), right, left);
    __m512i q3 = _mm512_add_epi32(_mm512_slli_epi32(local->baseline, 3), offset);
    q3 = clip(q3, zero, _mm512_slli_epi32(top, 3));
    log_scale = clip(log_scale, _mm512_set1_epi32(-MLL_SCALE_LIMIT),
                     _mm512_set1_epi32(MLL_SCALE_LIMIT));
    __m512i local_scale = _mm512_add_epi32(_mm512_slli_epi32(e, 5), _mm512_slli_epi32(f, 2));
    __m512i scale = _mm512_srai_epi32(_mm512_add_epi32(local_scale, log_scale), 3);
    scale = clip(scale, zero, _mm512_set1_epi32(MLL_N_SCALES - 1));
    __mmask16 is_signed = _mm512_cmplt_epi32_mask(scale, _mm512_set1_epi32(MLL_N_SIGNED_SCALES));
    __m512i nearest = _mm512_srai_epi32(_mm512_add_epi32(q3, _mm512_set1_epi32(4)), 3);
    __m512i above = _mm512_add_epi32(_mm512_srai_epi32(q3, 3), _mm512_set1_epi32(1));
    __m512i distance = _mm512_sub_epi32(q3, _mm512_slli_epi32(nearest, 3));
    __m512i size = _mm512_abs_epi32(distance);
    __m512i context = _mm512_add_epi32(_mm512_slli_epi32(scale, 1), scale);
    const __m512i one = _mm512_set1_epi32(1);
    context = _mm512_mask_add_epi32(context, _mm512_cmpgt_epi32_mask(size, one), context, one);
    context = _mm512_mask_add_epi32(
        context, _mm512_cmpgt_epi32_mask(size, _mm512_set1_epi32(2)), context, one);
    __m512i coarse = _mm512_add_epi32(
        scale, _mm512_set1_epi32(MLL_N_SIGNED_SCALES * (MLL_N_FRACTIONS - 1)));
    context = _mm512_mask_blend_epi32(is_signed, coarse, context);
    __m512i prediction = _mm512_mask_blend_epi32(is_signed, _mm512_min_epi32(above, top), nearest);
    __mmask16 flip = _mm512_mask_cmplt_epi32_mask(is_signed, distance, zero);
    _mm256_storeu_si256((__m256i *)(void *)out->prediction, _mm512_cvtepi32_epi16(prediction));
    _mm_storeu_si128((__m128i *)(void *)out->context, _mm512_cvtepi32_epi8(context));
    _mm_storeu_si128((__m128i *)(void *)out->flip, _mm_maskz_set1_epi8(flip, 1));
}

TARGET void mll_predict_avx512(const mll_net *net, const mll_view *view, int32_t max_sample,
                               mll_prediction *out)
{
    __m512i x[MAX_PAIRS], first[MAX_PAIRS], second[MAX_PAIRS];
    mll_local local = look_around(view);
    int32_t n_x = inputs(net, view, &local, x), n_pairs = n_x, n_h = 0;
    __m512i *from = x, *to = first;
    for (int32_t k = 0; k < net->n_hidden; k++) {
        n_pairs = n_h = hidden(&net->layers[k], from, n_pairs, to);
        from = to;
        to = to == first ? second : first;
    }
    const mll_layer *last = &net->layers[net->n_hidden];
    __m512i mean = output(last, 0, from, n_h, x, n_x);
    __m512i log_scale = output(last, 1, from, n_h, x, n_x);
    place(&local, mean, log_scale, max_sample, out);
}
#endif
