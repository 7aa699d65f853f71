// SPDX-License-Identifier: Apache-2.0
// The NEON kernel, for every AArch64: steps as in kernel_plain.c. A half is 8 lanes, a quad is 4.
// SMLAL multiplies eight samples' input by one weight that stands in a lane of a register: the
// pairs of weights in net.h are read as int16, and inputs need not be paired.
#include "kernel.h"

#if defined(__AARCH64EL__)
#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))
#define UNITS 4 // times four quads: accumulators held in registers at once

typedef struct {
    int16x8_t half[2]; // one input, or one activation, of lanes 0..7 and 8..15
} mll_lanes;

typedef struct {
    uint16x8_t baseline[2];
    int32x4_t exponent[4], mantissa[4];
} mll_local;

typedef struct {
    int32x4_t mean[4], log_scale[4];
} mll_outputs;

INLINE int32x4_t clip(int32x4_t value, int32_t low, int32_t high)
{
    return vminq_s32(vmaxq_s32(value, vdupq_n_s32(low)), vdupq_n_s32(high));
}

// Two quads as one half, each lane clipped to low..high; int16 may saturate on the way there.
INLINE int16x8_t narrow(int32x4_t first, int32x4_t second, int16_t low, int16_t high)
{
    int16x8_t both = vqmovn_high_s32(vqmovn_s32(first), second);
    return vminq_s16(vmaxq_s16(both, vdupq_n_s16(low)), vdupq_n_s16(high));
}

// Exponent and mantissa of a quad from its sum of gradients.
INLINE void find_activity(uint32x4_t sum, int quad, mll_local *local)
{
    uint32x4_t v = vaddq_u32(vshlq_n_u32(sum, 1), vdupq_n_u32(8));
    int32x4_t e = vsubq_s32(vdupq_n_s32(31), vreinterpretq_s32_u32(vclzq_u32(v)));
    uint32x4_t top = vshlq_u32(v, vsubq_s32(vdupq_n_s32(3), e)); // a negative count shifts right
    local->exponent[quad] = e;
    local->mantissa[quad] = vreinterpretq_s32_u32(vandq_u32(top, vdupq_n_u32(7)));
}

// Steps 1 and 2 of one half.
INLINE void look_around(const mll_view *view, int half, mll_local *local)
{
    const int32_t r = view->row_step, c = view->col_step;
    const uint16_t *at = view->frame[0] + 8 * half;
    uint16x8_t w = vld1q_u16(at - c), n = vld1q_u16(at - r);
    uint16x8_t nw = vld1q_u16(at - r - c), ne = vld1q_u16(at - r + c);
    uint32x4_t low = vdupq_n_u32(0), high = low;
#define ADD_GAP(a, b) { \
        const uint16x8_t one = a, other = b; \
        low = vabal_u16(low, vget_low_u16(one), vget_low_u16(other)); \
        high = vabal_high_u16(high, one, other); \
    }
    ADD_GAP(w, vld1q_u16(at - 2 * c)) ADD_GAP(w, nw)
    ADD_GAP(n, nw) ADD_GAP(n, vld1q_u16(at - 2 * r)) ADD_GAP(n, ne)
    ADD_GAP(ne, vld1q_u16(at - 2 * r + c)) ADD_GAP(ne, vld1q_u16(at - r + 2 * c))
    ADD_GAP(nw, vld1q_u16(at - r - 2 * c))
    find_activity(low, 2 * half, local);
    find_activity(high, 2 * half + 1, local);
    // the median of W, N and W + N - NW is W + N - (NW clipped to W..N), which cannot leave uint16
    nw = vmaxq_u16(vminq_u16(nw, vmaxq_u16(w, n)), vminq_u16(w, n));
    local->baseline[half] = vsubq_u16(vaddq_u16(w, n), nw);
}

INLINE int32x4_t reciprocal_of(int32x4_t mantissa)
{
    static const int16_t table[8] = {15420, 13797, 12483, 11398, 10486, 9709, 9039, 8456};
    // bytes 2 f and 2 f + 1 of the table, then two that lie outside of it and read as zero
    uint32x4_t place = vmlaq_n_u32(vdupq_n_u32(0xFFFF0100), vreinterpretq_u32_s32(mantissa), 0x202);
    uint8x16_t bytes = vreinterpretq_u8_s16(vld1q_s16(table));
    return vreinterpretq_s32_u8(vqtbl1q_u8(bytes, vreinterpretq_u8_u32(place)));
}

// (difference * reciprocal) >> -minus_shift of four lanes; a negative count is a floor shift.
INLINE int32x4_t scaled(uint32x4_t difference, int32x4_t reciprocal, int32x4_t minus_shift)
{
    return vshlq_s32(vmulq_s32(vreinterpretq_s32_u32(difference), reciprocal), minus_shift);
}

// Step 3 of one half; one zero more than inputs, for nets with an odd number of them.
INLINE void inputs(const mll_net *net, const mll_view *view, const mll_local *local, int half,
                   mll_lanes *x)
{
    const int32x4_t *e = local->exponent + 2 * half, *f = local->mantissa + 2 * half;
    const uint16x8_t baseline = local->baseline[half];
    const int32x4_t low_reciprocal = reciprocal_of(f[0]), high_reciprocal = reciprocal_of(f[1]);
    const int32x4_t low_shift = vsubq_s32(vdupq_n_s32(-4), e[0]);
    const int32x4_t high_shift = vsubq_s32(vdupq_n_s32(-4), e[1]);
    const int32_t n = net->n_neighbours;
    for (int32_t i = 0; i < n; i++) {
        uint16x8_t value = vld1q_u16(view->frame[net->frame[i]] + view->offset[i] + 8 * half);
        uint32x4_t low = vsubl_u16(vget_low_u16(value), vget_low_u16(baseline));
        uint32x4_t high = vsubl_high_u16(value, baseline);
        x[i].half[half] = narrow(scaled(low, low_reciprocal, low_shift),
                                 scaled(high, high_reciprocal, high_shift), -MLL_INPUT_LIMIT,
                                 MLL_INPUT_LIMIT);
    }
    int32x4_t low = vmlaq_n_s32(vmlaq_n_s32(vdupq_n_s32(-320), e[0], 64), f[0], 8);
    int32x4_t high = vmlaq_n_s32(vmlaq_n_s32(vdupq_n_s32(-320), e[1], 64), f[1], 8);
    x[n].half[half] = vqmovn_high_s32(vqmovn_s32(low), high);
    x[n + 1].half[half] = vdupq_n_s16(0);
}

// Named sums, not an array: only those stay in registers with every compiler.
#define START(u) int32x4_t a##u = vdupq_n_s32(biases[u]), b##u = a##u, c##u = a##u, d##u = a##u;
// Input x of unit u, whose weight stands in lane k of w.
#define ADD(u, x, k) \
    a##u = vmlal_laneq_s16(a##u, vget_low_s16(x.half[0]), w, k); \
    b##u = vmlal_high_laneq_s16(b##u, x.half[0], w, k); \
    c##u = vmlal_laneq_s16(c##u, vget_low_s16(x.half[1]), w, k); \
    d##u = vmlal_high_laneq_s16(d##u, x.half[1], w, k);
#define SHIFT(u) \
    a##u = vshlq_s32(a##u, minus_shift); \
    b##u = vshlq_s32(b##u, minus_shift); \
    c##u = vshlq_s32(c##u, minus_shift); \
    d##u = vshlq_s32(d##u, minus_shift);

INLINE int16x8_t weights_at(const int32_t *pairs)
{
    return vreinterpretq_s16_s32(vld1q_s32(pairs)); // of four units, two inputs each
}

// Activations of the UNITS units from unit `first` on.
INLINE void four_units(const mll_layer *layer, int32_t first, const mll_lanes *x, int32_t n_pairs,
                       mll_lanes *h)
{
    const int32x4_t minus_shift = vdupq_n_s32(-layer->shift);
    const int32_t *weights = layer->paired + first, *biases = layer->padded_biases + first;
    START(0) START(1) START(2) START(3)
    for (int32_t p = 0; p < n_pairs; p++, weights += layer->paired_step) {
        const int16x8_t w = weights_at(weights);
        const mll_lanes even = x[2 * p], odd = x[2 * p + 1];
        ADD(0, even, 0) ADD(1, even, 2) ADD(2, even, 4) ADD(3, even, 6)
        ADD(0, odd, 1) ADD(1, odd, 3) ADD(2, odd, 5) ADD(3, odd, 7)
    }
#define FINISH(u) \
    SHIFT(u) \
    h[first + u].half[0] = narrow(a##u, b##u, 0, MLL_HIDDEN_LIMIT); \
    h[first + u].half[1] = narrow(c##u, d##u, 0, MLL_HIDDEN_LIMIT);
    FINISH(0) FINISH(1) FINISH(2) FINISH(3)
}

// Step 4. Units beyond n_units have weights and biases of zero, hence activations of zero.
// Returns the number of pairs.
INLINE int32_t hidden(const mll_layer *layer, const mll_lanes *x, int32_t n_pairs, mll_lanes *h)
{
    for (int32_t first = 0; first < layer->n_units; first += UNITS)
        four_units(layer, first, x, n_pairs, h);
    return (layer->n_units + 1) / 2;
}

// Step 5: both outputs from the pairs of h followed by those of x.
INLINE void outputs(const mll_layer *layer, const mll_lanes *h, int32_t n_h, const mll_lanes *x,
                    int32_t n_x, mll_outputs *o)
{
    const int32x4_t minus_shift = vdupq_n_s32(-layer->shift);
    const int32_t *weights = layer->paired, *biases = layer->padded_biases;
    START(0) START(1)
    for (int32_t p = 0; p < n_h; p++, weights += layer->paired_step) {
        const int16x8_t w = weights_at(weights);
        ADD(0, h[2 * p], 0) ADD(1, h[2 * p], 2) ADD(0, h[2 * p + 1], 1) ADD(1, h[2 * p + 1], 3)
    }
    weights = layer->paired + (n_h + 3) / 4 * 4 * layer->paired_step; // h ends at MLL_INPUT_STEP
    for (int32_t p = 0; p < n_x; p++, weights += layer->paired_step) {
        const int16x8_t w = weights_at(weights);
        ADD(0, x[2 * p], 0) ADD(1, x[2 * p], 2) ADD(0, x[2 * p + 1], 1) ADD(1, x[2 * p + 1], 3)
    }
    SHIFT(0) SHIFT(1)
    o->mean[0] = a0, o->mean[1] = b0, o->mean[2] = c0, o->mean[3] = d0;
    o->log_scale[0] = a1, o->log_scale[1] = b1, o->log_scale[2] = c1, o->log_scale[3] = d1;
}

typedef struct {
    int32x4_t prediction, context, flip;
} mll_quad;

INLINE int32x4_t choose(uint32x4_t where, int32x4_t yes, int32x4_t no)
{
    return vbslq_s32(where, yes, no);
}

// Steps 6 to 8 of one quad.
INLINE mll_quad place(int32x4_t baseline, int32x4_t e, int32x4_t f, int32x4_t mean,
                      int32x4_t log_scale, int32_t max_sample)
{
    const int32x4_t zero = vdupq_n_s32(0), one = vdupq_n_s32(1), top = vdupq_n_s32(max_sample);
    mean = clip(mean, -MLL_MEAN_LIMIT, MLL_MEAN_LIMIT);
    int32x4_t offset = vmulq_s32(mean, vmlaq_n_s32(vdupq_n_s32(17), f, 2));
    offset = vshlq_s32(offset, vsubq_s32(e, vdupq_n_s32(13))); // a negative count is a floor shift
    int32x4_t q3 = vaddq_s32(vshlq_n_s32(baseline, 3), offset);
    q3 = clip(q3, 0, 8 * max_sample);
    log_scale = clip(log_scale, -MLL_SCALE_LIMIT, MLL_SCALE_LIMIT);
    int32x4_t scale = vmlaq_n_s32(vmlaq_n_s32(log_scale, e, 32), f, 4);
    scale = clip(vshrq_n_s32(scale, 3), 0, MLL_N_SCALES - 1);
    uint32x4_t is_signed = vcltq_s32(scale, vdupq_n_s32(MLL_N_SIGNED_SCALES));
    int32x4_t nearest = vrshrq_n_s32(q3, 3); // (q3 + 4) >> 3
    int32x4_t above = vminq_s32(vaddq_s32(vshrq_n_s32(q3, 3), one), top);
    int32x4_t distance = vsubq_s32(q3, vshlq_n_s32(nearest, 3)), size = vabsq_s32(distance);
    int32x4_t fine = vmulq_n_s32(scale, MLL_N_FRACTIONS);
    // a comparison that holds is -1
    fine = vsubq_s32(fine, vreinterpretq_s32_u32(vcgtq_s32(size, one)));
    fine = vsubq_s32(fine, vreinterpretq_s32_u32(vcgtq_s32(size, vdupq_n_s32(2))));
    int32x4_t coarse = vaddq_s32(scale, vdupq_n_s32(MLL_N_SIGNED_SCALES * (MLL_N_FRACTIONS - 1)));
    uint32x4_t is_below = vandq_u32(is_signed, vcltq_s32(distance, zero));
    mll_quad found = {choose(is_signed, nearest, above), choose(is_signed, fine, coarse),
                      choose(is_below, one, zero)};
    return found;
}

INLINE void place_half(const mll_local *local, int half, const mll_outputs *o, int32_t max_sample,
                       mll_prediction *out)
{
    const int i = 2 * half, j = i + 1;
    int32x4_t low = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(local->baseline[half])));
    int32x4_t high = vreinterpretq_s32_u32(vmovl_high_u16(local->baseline[half]));
    mll_quad a = place(low, local->exponent[i], local->mantissa[i], o->mean[i], o->log_scale[i],
                       max_sample);
    mll_quad b = place(high, local->exponent[j], local->mantissa[j], o->mean[j], o->log_scale[j],
                       max_sample);
    // every lane is small enough: these only drop the high halves
    int16x8_t prediction = vmovn_high_s32(vmovn_s32(a.prediction), b.prediction);
    int16x8_t context = vmovn_high_s32(vmovn_s32(a.context), b.context);
    int16x8_t flip = vmovn_high_s32(vmovn_s32(a.flip), b.flip);
    vst1q_u16(out->prediction + 8 * half, vreinterpretq_u16_s16(prediction));
    vst1_u8(out->context + 8 * half, vreinterpret_u8_s8(vmovn_s16(context)));
    vst1_u8(out->flip + 8 * half, vreinterpret_u8_s8(vmovn_s16(flip)));
}

void mll_predict_neon(const mll_net *net, const mll_view *view, int32_t max_sample,
                      mll_prediction *out)
{
    mll_lanes x[MLL_MAX_NEIGHBOURS + 2], first[MLL_MAX_UNITS], second[MLL_MAX_UNITS];
    mll_local local;
    mll_outputs o;
    const int32_t n_x = (net->n_neighbours + 2) / 2;
    int32_t n_pairs = n_x, n_h = 0;
    for (int half = 0; half < 2; half++) {
        look_around(view, half, &local);
        inputs(net, view, &local, half, x);
    }
    mll_lanes *from = x, *to = first;
    for (int32_t k = 0; k < net->n_hidden; k++) {
        n_pairs = n_h = hidden(&net->layers[k], from, n_pairs, to);
        from = to;
        to = to == first ? second : first;
    }
    outputs(&net->layers[net->n_hidden], from, n_h, x, n_x, &o);
    for (int half = 0; half < 2; half++)
        place_half(&local, half, &o, max_sample, out);
}
#endif
