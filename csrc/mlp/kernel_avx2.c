// SPDX-License-Identifier: Apache-2.0
// The AVX2 kernel: eight 32-bit lanes a register, two registers for the 16 lanes; steps as in
// kernel_plain.c. vpmaddwd on int16 pairs cannot saturate here: |weight| * |input| * 2 < 2^31.
#include "kernel.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNITS 4 // times two halves: accumulators held in registers at once
#define MAX_PAIRS (MLL_MAX_PADDED_INPUTS / 2)

typedef struct {
    __m256i half[2]; // lanes 0..7 and 8..15
} mll_lanes;

typedef struct {
    mll_lanes baseline, exponent, mantissa;
} mll_local;

INLINE __m256i load(const uint16_t *at)
{
    return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)at));
}

INLINE __m256i gap(__m256i a, __m256i b) { return _mm256_abs_epi32(_mm256_sub_epi32(a, b)); }

INLINE __m256i clip(__m256i value, __m256i low, __m256i high)
{
    return _mm256_min_epi32(_mm256_max_epi32(value, low), high);
}

INLINE void look_around(const mll_view *view, int half, mll_local *local)
{
    const int32_t r = view->row_step, c = view->col_step;
    const uint16_t *at = view->frame[0] + 8 * half;
    __m256i w = load(at - c), n = load(at - r), nw = load(at - r - c), ne = load(at - r + c);
    __m256i nn = load(at - 2 * r), nne = load(at - 2 * r + c);
    __m256i sum = _mm256_add_epi32(gap(w, load(at - 2 * c)), gap(w, nw));
    sum = _mm256_add_epi32(sum, _mm256_add_epi32(gap(n, nw), gap(n, nn)));
    sum = _mm256_add_epi32(sum, _mm256_add_epi32(gap(n, ne), gap(ne, nne)));
    sum = _mm256_add_epi32(sum, gap(ne, load(at - r + 2 * c)));
    sum = _mm256_add_epi32(sum, gap(nw, load(at - r - 2 * c)));
    __m256i v = _mm256_add_epi32(_mm256_slli_epi32(sum, 1), _mm256_set1_epi32(8));
    // v < 2^24 is exact as a float, whose fields are the exponent and the mantissa wanted
    __m256i bits = _mm256_castps_si256(_mm256_cvtepi32_ps(v));
    local->exponent.half[half] = _mm256_sub_epi32(_mm256_srli_epi32(bits, 23),
                                                  _mm256_set1_epi32(127));
    local->mantissa.half[half] = _mm256_and_si256(_mm256_srli_epi32(bits, 20),
                                                  _mm256_set1_epi32(7));
    local->baseline.half[half] = clip(_mm256_sub_epi32(_mm256_add_epi32(w, n), nw),
                                      _mm256_min_epi32(w, n), _mm256_max_epi32(w, n));
}

// Lane l of the result holds (even, odd) as two int16, each clipped to the input range.
INLINE __m256i pair_inputs(__m256i even, __m256i odd)
{
    const __m256i limit = _mm256_set1_epi16(MLL_INPUT_LIMIT);
    const __m256i order = _mm256_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15,
                                           0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
    __m256i both = _mm256_shuffle_epi8(_mm256_packs_epi32(even, odd), order);
    both = _mm256_min_epi16(both, limit);
    return _mm256_max_epi16(both, _mm256_set1_epi16(-MLL_INPUT_LIMIT));
}

// Step 3 of one half.
INLINE void inputs(const mll_net *net, const mll_view *view, const mll_local *local, int half,
                   mll_lanes *x, int32_t n_pairs)
{
    const __m256i table = _mm256_setr_epi32(15420, 13797, 12483, 11398, 10486, 9709, 9039, 8456);
    const __m256i e = local->exponent.half[half], f = local->mantissa.half[half];
    const __m256i baseline = local->baseline.half[half];
    const __m256i reciprocal = _mm256_permutevar8x32_epi32(table, f);
    const __m256i shift = _mm256_add_epi32(e, _mm256_set1_epi32(4));
    __m256i even = _mm256_setzero_si256();
    for (int32_t i = 0; i < 2 * n_pairs; i++) {
        __m256i value = _mm256_setzero_si256();
        if (i < net->n_neighbours) {
            value = load(view->frame[net->frame[i]] + view->offset[i] + 8 * half);
            value = _mm256_mullo_epi32(_mm256_sub_epi32(value, baseline), reciprocal);
            value = _mm256_srav_epi32(value, shift);
        } else if (i == net->n_neighbours) {
            value = _mm256_add_epi32(_mm256_slli_epi32(e, 6), _mm256_slli_epi32(f, 3));
            value = _mm256_sub_epi32(value, _mm256_set1_epi32(320));
        }
        if (i & 1)
            x[i / 2].half[half] = pair_inputs(even, value);
        even = value;
    }
}

INLINE __m256i multiply_add(__m256i sum, __m256i x, __m256i weights)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, weights));
}

// Activations of the UNITS units from unit `first` on. Weights come pair by pair, units side by
// side. Named sums, not an array: only those stay in registers with every compiler.
INLINE void four_units(const mll_layer *layer, int32_t first, const mll_lanes *x, int32_t n_pairs,
                       mll_lanes *h)
{
    const __m256i top = _mm256_set1_epi32(MLL_HIDDEN_LIMIT), zero = _mm256_setzero_si256();
    const __m128i shift = _mm_cvtsi32_si128(layer->shift);
    const int32_t *weights = layer->paired + first, step = layer->paired_step;
#define START(u) \
    __m256i low##u = _mm256_set1_epi32(layer->padded_biases[first + u]), high##u = low##u;
#define ADD(u) { \
        const __m256i w = _mm256_set1_epi32(weights[u]); \
        low##u = multiply_add(low##u, low, w); \
        high##u = multiply_add(high##u, high, w); \
    }
#define FINISH(sum) sum = clip(_mm256_sra_epi32(sum, shift), zero, top);
    START(0) START(1) START(2) START(3)
    for (int32_t p = 0; p < n_pairs; p++, weights += step) {
        const __m256i low = x[p].half[0], high = x[p].half[1];
        ADD(0) ADD(1) ADD(2) ADD(3)
    }
    FINISH(low0) FINISH(low1) FINISH(low2) FINISH(low3)
    FINISH(high0) FINISH(high1) FINISH(high2) FINISH(high3)
    mll_lanes *to = h + first / 2;
    to[0].half[0] = _mm256_or_si256(low0, _mm256_slli_epi32(low1, 16));
    to[0].half[1] = _mm256_or_si256(high0, _mm256_slli_epi32(high1, 16));
    to[1].half[0] = _mm256_or_si256(low2, _mm256_slli_epi32(low3, 16));
    to[1].half[1] = _mm256_or_si256(high2, _mm256_slli_epi32(high3, 16));
}

// Step 4. Units beyond n_units have weights and biases of zero, hence activations of zero.
// Returns the number of pairs.
INLINE int32_t hidden(const mll_layer *layer, const mll_lanes *x, int32_t n_pairs, mll_lanes *h)
{
    for (int32_t first = 0; first < layer->n_units; first += UNITS)
        four_units(layer, first, x, n_pairs, h);
    return (layer->n_units + 1) / 2;
}

// Step 5: one half of output `unit` from the pairs of h followed by those of x.
INLINE __m256i output(const mll_layer *layer, int unit, int half, const mll_lanes *h, int32_t n_h,
                      const mll_lanes *x, int32_t n_x)
{
    const int32_t *weights = layer->paired + unit, step = layer->paired_step;
    __m256i sum = _mm256_set1_epi32(layer->padded_biases[unit]);
    for (int32_t p = 0; p < n_h; p++, weights += step)
        sum = multiply_add(sum, h[p].half[half], _mm256_set1_epi32(*weights));
    weights = layer->paired + unit + (n_h + 3) / 4 * 4 * step; // h is padded to MLL_INPUT_STEP
    for (int32_t p = 0; p < n_x; p++, weights += step)
        sum = multiply_add(sum, x[p].half[half], _mm256_set1_epi32(*weights));
    return _mm256_sra_epi32(sum, _mm_cvtsi32_si128(layer->shift));
}

// The eight low int16 of eight int32.
INLINE __m128i narrow(__m256i value)
{
    return _mm_packus_epi32(_mm256_castsi256_si128(value), _mm256_extracti128_si256(value, 1));
}

// Steps 6 to 8 of one half.
INLINE void place(const mll_local *local, int half, __m256i mean, __m256i log_scale,
                  int32_t max_sample, mll_prediction *out)
{
    const __m256i e = local->exponent.half[half], f = local->mantissa.half[half];
    const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi32(1);
    const __m256i thirteen = _mm256_set1_epi32(13), top = _mm256_set1_epi32(max_sample);
    mean = clip(mean, _mm256_set1_epi32(-MLL_MEAN_LIMIT), _mm256_set1_epi32(MLL_MEAN_LIMIT));
    __m256i unit = _mm256_add_epi32(_mm256_set1_epi32(17), _mm256_slli_epi32(f, 1));
    __m256i offset = _mm256_mullo_epi32(mean, unit);
    // a shift count out of 0..31 gives zero or the sign, and the other branch is taken
    __m256i left = _mm256_sllv_epi32(offset, _mm256_sub_epi32(e, thirteen));
    __m256i right = _mm256_srav_epi32(offset, _mm256_sub_epi32(thirteen, e));
    offset = _mm256_blendv_epi8(left, right, _mm256_cmpgt_epi32(thirteen, e));
    __m256i q3 = _mm256_add_epi32(_mm256_slli_epi32(local->baseline.half[half], 3), offset);
    q3 = clip(q3, zero, _mm256_slli_epi32(top, 3));
    log_scale = clip(log_scale, _mm256_set1_epi32(-MLL_SCALE_LIMIT),
                     _mm256_set1_epi32(MLL_SCALE_LIMIT));
    __m256i local_scale = _mm256_add_epi32(_mm256_slli_epi32(e, 5), _mm256_slli_epi32(f, 2));
    __m256i scale = _mm256_srai_epi32(_mm256_add_epi32(local_scale, log_scale), 3);
    scale = clip(scale, zero, _mm256_set1_epi32(MLL_N_SCALES - 1));
    __m256i is_signed = _mm256_cmpgt_epi32(_mm256_set1_epi32(MLL_N_SIGNED_SCALES), scale);
    __m256i nearest = _mm256_srai_epi32(_mm256_add_epi32(q3, _mm256_set1_epi32(4)), 3);
    __m256i above = _mm256_min_epi32(_mm256_add_epi32(_mm256_srai_epi32(q3, 3), one), top);
    __m256i distance = _mm256_sub_epi32(q3, _mm256_slli_epi32(nearest, 3));
    __m256i size = _mm256_abs_epi32(distance);
    __m256i fine = _mm256_add_epi32(_mm256_slli_epi32(scale, 1), scale);
    // a comparison that holds is -1
    fine = _mm256_sub_epi32(fine, _mm256_cmpgt_epi32(size, one));
    fine = _mm256_sub_epi32(fine, _mm256_cmpgt_epi32(size, _mm256_set1_epi32(2)));
    __m256i coarse = _mm256_add_epi32(
        scale, _mm256_set1_epi32(MLL_N_SIGNED_SCALES * (MLL_N_FRACTIONS - 1)));
    __m256i context = _mm256_blendv_epi8(coarse, fine, is_signed);
    __m256i prediction = _mm256_blendv_epi8(above, nearest, is_signed);
    __m256i flip = _mm256_and_si256(_mm256_and_si256(is_signed, one),
                                    _mm256_cmpgt_epi32(zero, distance));
    __m128i none = _mm_setzero_si128();
    _mm_storeu_si128((__m128i *)(void *)(out->prediction + 8 * half), narrow(prediction));
    _mm_storel_epi64((__m128i *)(void *)(out->context + 8 * half),
                     _mm_packus_epi16(narrow(context), none));
    _mm_storel_epi64((__m128i *)(void *)(out->flip + 8 * half),
                     _mm_packus_epi16(narrow(flip), none));
}

TARGET void mll_predict_avx2(const mll_net *net, const mll_view *view, int32_t max_sample,
                             mll_prediction *out)
{
    mll_lanes x[MAX_PAIRS], first[MAX_PAIRS], second[MAX_PAIRS];
    mll_local local;
    int32_t n_x = (net->n_neighbours + 2) / 2;
    int32_t n_pairs = n_x, n_h = 0;
    for (int half = 0; half < 2; half++) {
        look_around(view, half, &local);
        inputs(net, view, &local, half, x, n_x);
    }
    mll_lanes *from = x, *to = first;
    for (int32_t k = 0; k < net->n_hidden; k++) {
        n_pairs = n_h = hidden(&net->layers[k], from, n_pairs, to);
        from = to;
        to = to == first ? second : first;
    }
    const mll_layer *last = &net->layers[net->n_hidden];
    for (int half = 0; half < 2; half++) {
        __m256i mean = output(last, 0, half, from, n_h, x, n_x);
        __m256i log_scale = output(last, 1, half, from, n_h, x, n_x);
        place(&local, half, mean, log_scale, max_sample, out);
    }
}
#endif
