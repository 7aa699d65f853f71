// SPDX-License-Identifier: Apache-2.0
// Kernels against the reference, in both layouts: columns of a row, as an encoder has them, and
// rows of a skewed band, as a decoder has them.
#include <stdio.h>
#include <string.h>

#include "mlp/frame.h"
#include "mlp/kernel.h"
#include "proof_file.h"

#define GUARD_BYTES 32
#define GUARD 0xA5

const char *const kernel_names[MLL_N_KERNELS] = {"plain", "avx2", "avx512", "neon"};

// What is predicted, and what the reference gives.
typedef struct {
    char name[PROOF_NAME_CHARS];
    int32_t rows, cols, max_sample;
    uint16_t *padded[3];
    uint16_t *prediction;
    uint8_t *context, *flip;
} proof_frame;

typedef struct {
    char name[PROOF_NAME_CHARS];
    mll_net net;
    int n_frames; // that its neighbours lie in
} proof_net;

// One kernel at work on one frame in one layout.
typedef struct {
    const proof_net *net;
    const proof_frame *frame;
    mll_kernel kernel;
    const char *layout;
    uint32_t n_wrong;
} trial;

// The prediction between bytes that no kernel may touch.
typedef struct {
    uint8_t before[GUARD_BYTES];
    mll_prediction found;
    uint8_t after[GUARD_BYTES];
} guarded;

// Two inputs in one int32, units side by side and zeros beyond the last.
static void pair_weights(mll_layer *layer)
{
    const int32_t step = (layer->n_units + MLL_UNIT_STEP - 1) / MLL_UNIT_STEP * MLL_UNIT_STEP;
    int32_t *paired = proof_memory((size_t)(layer->n_inputs / 2 * step), sizeof *paired);
    int32_t *biases = proof_memory((size_t)step, sizeof *biases);
    for (int32_t unit = 0; unit < layer->n_units; unit++) {
        const int16_t *weights = layer->weights + unit * layer->n_inputs;
        for (int32_t p = 0; p < layer->n_inputs / 2; p++)
            paired[p * step + unit] = (int32_t)((uint32_t)(uint16_t)weights[2 * p]
                                                | (uint32_t)(uint16_t)weights[2 * p + 1] << 16);
        biases[unit] = layer->biases[unit];
    }
    layer->paired = paired;
    layer->padded_biases = biases;
    layer->paired_step = step;
}

static void read_net(proof_cursor *cursor, proof_net *net)
{
    proof_name(cursor, net->name);
    net->n_frames = 1;
    net->net.n_neighbours = (int32_t)proof_u8(cursor);
    for (int32_t i = 0; i < net->net.n_neighbours; i++) {
        net->net.frame[i] = (int8_t)proof_u8(cursor);
        net->net.row[i] = (int8_t)proof_u8(cursor);
        net->net.col[i] = (int8_t)proof_u8(cursor);
        if (net->net.frame[i] >= net->n_frames)
            net->n_frames = net->net.frame[i] + 1;
    }
    net->net.n_hidden = (int32_t)proof_u8(cursor);
    for (int32_t k = 0; k <= net->net.n_hidden; k++) {
        mll_layer *layer = &net->net.layers[k];
        layer->n_units = (int32_t)proof_u16(cursor);
        layer->n_inputs = (int32_t)proof_u16(cursor);
        layer->shift = (int32_t)proof_u8(cursor);
        size_t n_weights = (size_t)layer->n_units * (size_t)layer->n_inputs;
        layer->weights = (const int16_t *)proof_array_u16(cursor, n_weights);
        layer->biases = proof_array_i32(cursor, (size_t)layer->n_units);
        pair_weights(layer);
    }
}

static void read_frame(proof_cursor *cursor, int n_frames, proof_frame *frame)
{
    proof_name(cursor, frame->name);
    frame->rows = (int32_t)proof_u16(cursor);
    frame->cols = (int32_t)proof_u16(cursor);
    frame->max_sample = (int32_t)proof_u16(cursor);
    const uint16_t edge = (uint16_t)proof_u16(cursor);
    const size_t count = (size_t)frame->rows * (size_t)frame->cols;
    for (int k = 0; k < n_frames; k++) {
        const uint16_t *samples = proof_array_u16(cursor, count);
        uint16_t *padded = proof_memory(mll_frame_samples(frame->rows, frame->cols),
                                        sizeof *padded);
        mll_frame_open(padded, frame->cols, edge);
        for (int32_t row = 0; row < frame->rows; row++)
            mll_frame_put_row(padded, frame->cols, row, samples + row * frame->cols);
        mll_frame_close(padded, frame->rows, frame->cols);
        frame->padded[k] = padded;
    }
    frame->prediction = proof_array_u16(cursor, count);
    frame->context = proof_array_u8(cursor, count);
    frame->flip = proof_array_u8(cursor, count);
}

static void predict(const trial *t, const mll_view *view, guarded *out)
{
    memset(out, GUARD, sizeof *out);
    mll_kernel_function(t->kernel)(&t->net->net, view, t->frame->max_sample, &out->found);
}

static int guards_hold(const guarded *out)
{
    for (int i = 0; i < GUARD_BYTES; i++)
        if (out->before[i] != GUARD || out->after[i] != GUARD)
            return 0;
    return 1;
}

// Compares one lane with sample (row, col) and tells of the first that differs.
static void compare(trial *t, const guarded *out, int lane, int32_t row, int32_t col)
{
    const proof_frame *frame = t->frame;
    const ptrdiff_t at = (ptrdiff_t)row * frame->cols + col;
    const mll_prediction *found = &out->found;
    if (found->prediction[lane] == frame->prediction[at]
        && found->context[lane] == frame->context[at] && found->flip[lane] == frame->flip[at]
        && guards_hold(out))
        return;
    if (t->n_wrong++ == 0)
        printf("NOT OK: kernel %s, %s, net %s, %s, %d x %d, max_sample %d: sample (%d, %d), lane "
               "%d:\n  prediction %d, context %d, flip %d, expected %d, %d, %d%s\n",
               kernel_names[t->kernel], t->layout, t->net->name, frame->name, frame->rows,
               frame->cols, frame->max_sample, row, col, lane, found->prediction[lane],
               found->context[lane], found->flip[lane], frame->prediction[at],
               frame->context[at], frame->flip[at],
               guards_hold(out) ? "" : "; bytes around the result were written");
}

static void try_rows(trial *t)
{
    const proof_frame *frame = t->frame;
    mll_view view;
    guarded out;
    mll_view_steps(&view, &t->net->net, mll_frame_stride(frame->cols), 1);
    for (int32_t row = 0; row < frame->rows; row++)
        for (int32_t col = 0; col < frame->cols; col += MLL_LANES) {
            for (int k = 0; k < t->net->n_frames; k++)
                view.frame[k] = mll_frame_row(frame->padded[k], frame->cols, row) + col;
            predict(t, &view, &out);
            for (int lane = 0; lane < MLL_LANES && col + lane < frame->cols; lane++)
                compare(t, &out, lane, row, col + lane);
        }
}

// One band of the wavefront, whose samples are all known here.
static void try_band(trial *t, uint16_t *skew[3], int32_t row0, int32_t n_rows)
{
    const int32_t cols = t->frame->cols;
    mll_view view;
    guarded out;
    mll_view_steps(&view, &t->net->net, MLL_LAG_MAX * MLL_SKEW_WIDTH + 1, MLL_SKEW_WIDTH);
    for (int k = 0; k < t->net->n_frames; k++)
        mll_skew_load(skew[k], t->frame->padded[k], cols, MLL_LAG_MAX, row0, -MLL_TOP,
                      n_rows + MLL_BOTTOM);
    for (int32_t step = 0; step < cols + MLL_LAG_MAX * (n_rows - 1); step++) {
        for (int k = 0; k < t->net->n_frames; k++)
            view.frame[k] = skew[k] + (MLL_SKEW_BEFORE + step) * MLL_SKEW_WIDTH + MLL_TOP;
        predict(t, &view, &out);
        for (int32_t lane = 0; lane < n_rows; lane++) {
            const int32_t col = step - MLL_LAG_MAX * lane;
            if (col >= 0 && col < cols)
                compare(t, &out, lane, row0 + lane, col);
        }
    }
}

static void try_bands(trial *t)
{
    uint16_t *skew[3];
    for (int k = 0; k < t->net->n_frames; k++)
        skew[k] = proof_memory(mll_skew_samples(t->frame->cols, 1), sizeof **skew);
    for (int32_t row = 0; row < t->frame->rows; row += MLL_LANES) {
        const int32_t left = t->frame->rows - row;
        try_band(t, skew, row, left < MLL_LANES ? left : MLL_LANES);
    }
}

static void check_frame(const proof_net *net, const proof_frame *frame, proof_totals *totals)
{
    for (int kernel = 0; kernel < MLL_N_KERNELS; kernel++) {
        if ((int)mll_kernel_best(1u << kernel) != kernel)
            continue;
        trial rows = {net, frame, (mll_kernel)kernel, "columns of a row", 0};
        trial bands = {net, frame, (mll_kernel)kernel, "rows of a band", 0};
        try_rows(&rows);
        try_bands(&bands);
        totals->n_wrong += rows.n_wrong + bands.n_wrong;
        totals->ran |= 1u << kernel;
    }
    totals->n_frames += 1;
    totals->n_samples += (uint64_t)frame->rows * (uint64_t)frame->cols;
}

void check_kernels(proof_cursor *cursor, proof_totals *totals)
{
    const size_t mark = proof_mark();
    proof_net net = {0};
    read_net(cursor, &net);
    for (uint32_t left = proof_u16(cursor); left > 0; left--) {
        const size_t inner = proof_mark();
        proof_frame frame = {0};
        read_frame(cursor, net.n_frames, &frame);
        check_frame(&net, &frame, totals);
        proof_release(inner);
    }
    proof_release(mark);
}
