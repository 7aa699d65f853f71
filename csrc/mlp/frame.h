// SPDX-License-Identifier: Apache-2.0
// Read me first
// - A padded frame holds rows x cols samples with what stands beyond the edges around them; the
//   definition is medlossless/predict/neighbourhood.py.
// - A skewed round holds up to 16 rows as lanes: sample (row0 + lane, col) stands at
//   [MLL_SKEW_BEFORE + col + lag * lane][MLL_TOP + lane], so the samples that a wavefront decodes
//   together, and any one neighbour of all of them, are contiguous. lag is 1..MLL_LAG_MAX.
// - A skewed band is one round after another, `period` steps apart: lane 0 goes on with row 16 when
//   it has done row 0, and so on.
#ifndef MLL_FRAME_H
#define MLL_FRAME_H

#include <stddef.h>
#include <stdint.h>

#define MLL_TOP 4
#define MLL_BOTTOM 2
#define MLL_SIDE 4
#define MLL_LAG_MAX 5
#define MLL_ROUND_ROWS 16
#define MLL_UNIT_GAIN_LOG2 12
#define MLL_SLACK 64 // samples behind a padded frame that lanes without a sample may read

#define MLL_SKEW_WIDTH 32  // lanes: 4 rows above, 16 rows, 2 rows below, spare
#define MLL_SKEW_BEFORE 32 // steps before column 0 of lane 0: the furthest neighbour is 24 back
#define MLL_SKEW_AFTER 128 // steps after the last column: 15 lanes of lag, 2 rows below, spare

static inline int32_t mll_frame_stride(int32_t cols) { return cols + 2 * MLL_SIDE; }

// Samples in a padded frame, slack included.
static inline size_t mll_frame_samples(int32_t rows, int32_t cols)
{
    return (size_t)(rows + MLL_TOP + MLL_BOTTOM) * (size_t)mll_frame_stride(cols) + MLL_SLACK;
}

// Steps between the same lane of two rounds: a row with both its pads must have passed, and lane 0
// must find the row above, lane 15 of the round before.
static inline int32_t mll_skew_period(int32_t cols, int32_t lag)
{
    int32_t padded = cols + 2 * MLL_SIDE, lanes = lag * MLL_ROUND_ROWS;
    return padded > lanes ? padded : lanes;
}

// Samples in a skewed band; rows of a round are mirrored above the next one, the last round's too.
static inline size_t mll_skew_samples(int32_t cols, int32_t n_rounds)
{
    size_t rounds = (size_t)(n_rounds > 1 ? n_rounds : 0);
    rounds *= (size_t)mll_skew_period(cols, MLL_LAG_MAX);
    return (rounds + MLL_SKEW_BEFORE + (size_t)cols + MLL_SKEW_AFTER) * MLL_SKEW_WIDTH;
}

// Sample (row, 0) of a padded frame.
static inline uint16_t *mll_frame_row(uint16_t *padded, int32_t cols, int32_t row)
{
    return padded + (ptrdiff_t)(row + MLL_TOP) * mll_frame_stride(cols) + MLL_SIDE;
}

// Fills the TOP rows and the left pad of row 0 with edge.
void mll_frame_open(uint16_t *padded, int32_t cols, uint16_t edge);

// Copies samples[cols] into row `row` and sets its right pad and the left pad of the next row.
void mll_frame_put_row(uint16_t *padded, int32_t cols, int32_t row, const uint16_t *samples);

// Repeats the last row, pads included, below.
void mll_frame_close(uint16_t *padded, int32_t rows, int32_t cols);

// Multiplies what a padded frame holds, pads and slack included, by gain / 4096: rounds to nearest,
// halves up, and not above max_sample.
void mll_frame_scale(uint16_t *padded, int32_t rows, int32_t cols, uint16_t gain,
                     uint16_t max_sample);

// Copies rows row0 + first .. row0 + last - 1 of a padded frame, pads included, into their lanes of
// a round.
void mll_skew_load(uint16_t *skew, const uint16_t *padded, int32_t cols, int32_t lag, int32_t row0,
                   int32_t first, int32_t last);

// Copies lanes first .. last - 1 of a round, without pads, to samples[last - first][cols].
void mll_skew_store(const uint16_t *skew, int32_t cols, int32_t lag, int32_t first, int32_t last,
                    uint16_t *samples);

#endif
