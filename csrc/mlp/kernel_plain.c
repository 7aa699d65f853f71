// SPDX-License-Identifier: Apache-2.0
// The plain kernel: medlossless/predict/reference.py in C, one lane after another.
#include "kernel.h"

#include <string.h>

#include "../status.h"

typedef struct {
    int32_t baseline[MLL_LANES], exponent[MLL_LANES], mantissa[MLL_LANES];
} mll_local;

static const int16_t reciprocal_of_mantissa[8] = {15420, 13797, 12483, 11398,
                                                  10486, 9709,  9039,  8456};

static inline int32_t clip(int32_t value, int32_t low, int32_t high)
{
    value = value < low ? low : value;
    return value > high ? high : value;
}

static inline int32_t floor_log2(uint32_t value)
{
    int32_t log2 = 0;
    while (value >>= 1)
        log2++;
    return log2;
}

// Step 1: the median of W, N and W + N - NW.
static inline int32_t med(int32_t w, int32_t n, int32_t nw)
{
    int32_t low = w < n ? w : n, high = w < n ? n : w;
    return clip(w + n - nw, low, high);
}

static inline int32_t gap(int32_t a, int32_t b) { return a < b ? b - a : a - b; }

// Steps 1 and 2: baseline and activity of the first lanes.
static inline void look_around(const mll_view *view, mll_local *local, int lanes)
{
    const int32_t r = view->row_step, c = view->col_step;
    for (int l = 0; l < lanes; l++) {
        const uint16_t *at = view->frame[0] + l;
        int32_t w = at[-c], n = at[-r], nw = at[-r - c], ne = at[c - r];
        int32_t ww = at[-2 * c], nn = at[-2 * r], nne = at[c - 2 * r];
        int32_t nee = at[2 * c - r], nww = at[-r - 2 * c];
        int32_t sum = gap(w, ww) + gap(w, nw) + gap(n, nw) + gap(n, nn) + gap(n, ne)
                      + gap(ne, nne) + gap(ne, nee) + gap(nw, nww);
        uint32_t v = 2 * (uint32_t)sum + 8;
        local->baseline[l] = med(w, n, nw);
        local->exponent[l] = floor_log2(v);
        local->mantissa[l] = (int32_t)(v >> (local->exponent[l] - 3)) & 7;
    }
}

// count is a multiple of MLL_INPUT_STEP: saying so lets compilers drop the remainder loop.
static inline int32_t dot(const int16_t *weights, const int16_t *x, int32_t count)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < (count & -MLL_INPUT_STEP); i++)
        sum += weights[i] * x[i];
    return sum;
}

// Zeros after x[count - 1] up to the next multiple of MLL_INPUT_STEP, which is returned.
static inline int32_t pad(int16_t *x, int32_t count)
{
    while (count & (MLL_INPUT_STEP - 1))
        x[count++] = 0;
    return count;
}

// Step 3: the inputs of lane l; returns their padded count.
static int32_t inputs(const mll_net *net, const mll_view *view, const mll_local *local, int l,
                      int16_t *x)
{
    const int32_t e = local->exponent[l], f = local->mantissa[l], baseline = local->baseline[l];
    const int32_t reciprocal = reciprocal_of_mantissa[f], n = net->n_neighbours;
    for (int32_t i = 0; i < n; i++) {
        int32_t difference = view->frame[net->frame[i]][view->offset[i] + l] - baseline;
        // |difference| < 2^16 and reciprocal < 2^14: the product fits int32
        x[i] = (int16_t)clip((difference * reciprocal) >> (e + 4), -MLL_INPUT_LIMIT,
                             MLL_INPUT_LIMIT);
    }
    x[n] = (int16_t)(8 * (8 * e + f) - 320);
    return pad(x, n + 1);
}

// Step 4: one rectified layer; returns its padded count of activations.
static int32_t hidden(const mll_layer *layer, const int16_t *x, int16_t *h)
{
    const int16_t *weights = layer->weights;
    for (int32_t unit = 0; unit < layer->n_units; unit++, weights += layer->n_inputs) {
        int32_t sum = layer->biases[unit] + dot(weights, x, layer->n_inputs);
        h[unit] = (int16_t)clip(sum >> layer->shift, 0, MLL_HIDDEN_LIMIT);
    }
    return pad(h, layer->n_units);
}

// Steps 3 to 5 for lane l.
static void forward(const mll_net *net, const mll_view *view, const mll_local *local, int l,
                    int32_t *mean, int32_t *log_scale)
{
    // a hidden layer's activations, then the inputs: what the outputs read
    int16_t first[MLL_MAX_PADDED_INPUTS], second[MLL_MAX_PADDED_INPUTS];
    int16_t x[MLL_MAX_NEIGHBOURS + MLL_INPUT_STEP];
    int16_t *from = x, *to = first;
    int32_t n_x = inputs(net, view, local, l, x), n_h = 0;
    for (int32_t k = 0; k < net->n_hidden; k++) {
        n_h = hidden(&net->layers[k], from, to);
        from = to;
        to = to == first ? second : first;
    }
    memmove(from + n_h, x, (size_t)n_x * sizeof *x); // the outputs read (h, x)
    const mll_layer *last = &net->layers[net->n_hidden];
    *mean = (last->biases[0] + dot(last->weights, from, last->n_inputs)) >> last->shift;
    *log_scale = (last->biases[1] + dot(last->weights + last->n_inputs, from, last->n_inputs))
                 >> last->shift;
}

// Steps 6 to 8.
static void place(const mll_local *local, const int32_t *mean, const int32_t *log_scale,
                  int32_t max_sample, mll_prediction *out)
{
    for (int l = 0; l < MLL_LANES; l++) {
        int32_t e = local->exponent[l], f = local->mantissa[l];
        int32_t offset = clip(mean[l], -MLL_MEAN_LIMIT, MLL_MEAN_LIMIT) * (17 + 2 * f);
        offset = e >= 13 ? offset * (1 << (e - 13)) : offset >> (13 - e);
        int32_t mean_q3 = clip(8 * local->baseline[l] + offset, 0, 8 * max_sample);
        int32_t bounded = clip(log_scale[l], -MLL_SCALE_LIMIT, MLL_SCALE_LIMIT);
        int32_t scale = clip((4 * (8 * e + f) + bounded) >> 3, 0, MLL_N_SCALES - 1);
        int32_t nearest = (mean_q3 + 4) >> 3, above = (mean_q3 >> 3) + 1;
        int32_t distance = mean_q3 - 8 * nearest;
        int32_t fraction = gap(distance, 0) < 2 ? 0 : gap(distance, 0) < 3 ? 1 : 2;
        int32_t is_signed = scale < MLL_N_SIGNED_SCALES;
        above = above > max_sample ? max_sample : above;
        out->prediction[l] = (uint16_t)(is_signed ? nearest : above);
        out->context[l] = (uint8_t)(is_signed ? MLL_N_FRACTIONS * scale + fraction
                                              : MLL_N_SIGNED_SCALES * (MLL_N_FRACTIONS - 1)
                                                    + scale);
        out->flip[l] = (uint8_t)(is_signed & (distance < 0));
    }
}

void mll_predict_plain(const mll_net *net, const mll_view *view, int32_t max_sample,
                       mll_prediction *out)
{
    mll_local local;
    int32_t mean[MLL_LANES], log_scale[MLL_LANES];
    look_around(view, &local, MLL_LANES);
    for (int l = 0; l < MLL_LANES; l++)
        forward(net, view, &local, l, &mean[l], &log_scale[l]);
    place(&local, mean, log_scale, max_sample, out);
}
