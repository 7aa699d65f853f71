// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <string.h>

// Columns moved at a time: the lines of a block of all lanes stay in the first-level cache.
#define BLOCK 64

static inline int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }

// Where column 0 of a lane stands in a skewed round.
static inline ptrdiff_t lane_start(int32_t lane, int32_t lag)
{
    return (ptrdiff_t)(MLL_SKEW_BEFORE + lag * lane) * MLL_SKEW_WIDTH + MLL_TOP + lane;
}

static void fill(uint16_t *to, ptrdiff_t count, uint16_t value)
{
    for (ptrdiff_t i = 0; i < count; i++)
        to[i] = value;
}

void mll_frame_open(uint16_t *padded, int32_t cols, uint16_t edge)
{
    fill(padded, MLL_TOP * mll_frame_stride(cols) + MLL_SIDE, edge);
}

void mll_frame_put_row(uint16_t *padded, int32_t cols, int32_t row, const uint16_t *samples)
{
    uint16_t *to = mll_frame_row(padded, cols, row);
    memcpy(to, samples, (size_t)cols * sizeof *samples);
    fill(to + cols, MLL_SIDE, to[cols - 1]);
    fill(to + cols + MLL_SIDE, MLL_SIDE, to[0]); // left pad of the next row
}

void mll_frame_close(uint16_t *padded, int32_t rows, int32_t cols)
{
    int32_t stride = mll_frame_stride(cols);
    uint16_t *last = mll_frame_row(padded, cols, rows - 1) - MLL_SIDE;
    for (int32_t i = 1; i <= MLL_BOTTOM; i++)
        memcpy(last + (ptrdiff_t)i * stride, last, (size_t)stride * sizeof *last);
}

void mll_frame_scale(uint16_t *padded, int32_t rows, int32_t cols, uint16_t gain,
                     uint16_t max_sample)
{
    const size_t n_samples = mll_frame_samples(rows, cols);
    const uint32_t half = 1u << (MLL_UNIT_GAIN_LOG2 - 1);
    for (size_t i = 0; i < n_samples; i++) { // 65535 * 65535 + half < 2^32
        uint32_t scaled = ((uint32_t)padded[i] * gain + half) >> MLL_UNIT_GAIN_LOG2;
        padded[i] = (uint16_t)(scaled < max_sample ? scaled : max_sample);
    }
}

void mll_skew_load(uint16_t *skew, const uint16_t *padded, int32_t cols, int32_t lag, int32_t row0,
                   int32_t first, int32_t last)
{
    const int32_t end = cols + MLL_SIDE;
    for (int32_t block = -MLL_SIDE; block < end; block += BLOCK)
        for (int32_t lane = first; lane < last; lane++) {
            const uint16_t *from = mll_frame_row((uint16_t *)padded, cols, row0 + lane);
            uint16_t *to = skew + lane_start(lane, lag);
            for (int32_t col = block; col < min(block + BLOCK, end); col++)
                to[(ptrdiff_t)col * MLL_SKEW_WIDTH] = from[col];
        }
}

void mll_skew_store(const uint16_t *skew, int32_t cols, int32_t lag, int32_t first, int32_t last,
                    uint16_t *samples)
{
    for (int32_t block = 0; block < cols; block += BLOCK)
        for (int32_t lane = first; lane < last; lane++) {
            const uint16_t *from = skew + lane_start(lane, lag);
            uint16_t *to = samples + (ptrdiff_t)(lane - first) * cols;
            for (int32_t col = block; col < min(block + BLOCK, cols); col++)
                to[col] = from[(ptrdiff_t)col * MLL_SKEW_WIDTH];
        }
}
