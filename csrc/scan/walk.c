// SPDX-License-Identifier: Apache-2.0
#include "walk.h"

#include <string.h>

#include "../entropy/fold.h"
#include "../mlp/frame.h"

// Rows row0 + first .. row0 + last, walked without a break. Offset o from row0 is lane o mod 16 of
// round o / 16.
typedef struct {
    int32_t row0, first, last;
    int32_t period; // steps from round to round
    int32_t mirror; // steps from lane l to the same row as lane l - 16 of the next round
} piece;

static inline int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }

// The step of column 0 of a row.
static inline int32_t start_of(const mll_walk *walk, const piece *rows, int32_t offset)
{
    return offset / MLL_ROUND_ROWS * rows->period + offset % MLL_ROUND_ROWS * walk->lag;
}

#define ORIGIN (MLL_SKEW_BEFORE * MLL_SKEW_WIDTH + MLL_TOP) // of lane 0 at step 0

static inline uint16_t *step_of(const mll_walk *walk, int frame, int32_t step)
{
    return walk->skew[frame] + ORIGIN + (ptrdiff_t)step * MLL_SKEW_WIDTH;
}

static inline mll_status decode_huffman(mll_walk *walk, int32_t lane, const mll_prediction *found,
                                        uint16_t *sample)
{
    uint32_t symbol = 0;
    mll_status status = mll_huffman_decode_symbol(walk->model, walk->code, &walk->huffman[lane],
                                                  found->context[lane], &symbol);
    if (status == MLL_OK)
        *sample = (uint16_t)mll_unfold(symbol, found->prediction[lane], walk->max_sample,
                                       found->flip[lane]);
    return status;
}

// One sample in each lane that is alive.
static inline mll_status decode_step(mll_walk *walk, const mll_prediction *found, uint32_t alive,
                                     uint16_t *samples)
{
    mll_status status = MLL_OK;
    if (walk->mode == MLL_WALK_LANES)
        return walk->decode_lanes(walk->lanes, alive, found, samples);
    if (walk->mode == MLL_WALK_HITS)
        return walk->decode_hit_lanes(walk->lanes, walk->hits, walk->abundance, alive,
                                      &walk->view, found, samples);
    for (int32_t lane = 0; lane < MLL_LANES && status == MLL_OK; lane++)
        if (alive >> lane & 1)
            status = decode_huffman(walk, lane, found, &samples[lane]);
    return status;
}

static inline uint16_t choose(uint16_t mask, uint16_t a, uint16_t b)
{
    return (uint16_t)((a & mask) | (b & ~mask));
}

// Stores the samples of a step in the lanes that are alive; the others may hold pads already. The
// last lanes are what the first ones of the next round have above them.
static inline void put(const piece *rows, uint16_t *at, const uint16_t *is_alive,
                       const uint16_t *samples)
{
    const int32_t above = MLL_ROUND_ROWS - MLL_TOP;
    for (int l = 0; l < MLL_LANES; l++)
        at[l] = choose(is_alive[l], samples[l], at[l]);
    if (rows->last < MLL_ROUND_ROWS)
        return;
    at += (ptrdiff_t)rows->mirror * MLL_SKEW_WIDTH - MLL_TOP;
    for (int l = 0; l < MLL_TOP; l++)
        at[l] = choose(is_alive[above + l], samples[above + l], at[l]);
}

// The same for one sample of a pad.
static inline void put_pad(const piece *rows, uint16_t *at, int32_t lane, uint16_t sample)
{
    at[lane] = sample;
    if (lane >= MLL_ROUND_ROWS - MLL_TOP && rows->last >= MLL_ROUND_ROWS)
        at[(ptrdiff_t)rows->mirror * MLL_SKEW_WIDTH + lane - MLL_ROUND_ROWS] = sample;
}

// Lanes of a step, as bits, whose samples runs cover; offsets first..end - 1 are alive. That holds
// before step *until, if no row begins or ends before.
static uint32_t covered(const mll_walk *walk, const piece *rows, int32_t step, int32_t first,
                        int32_t end, int32_t *until)
{
    uint32_t lanes = 0;
    *until = INT32_MAX;
    for (int32_t o = first; o < end; o++) {
        const int32_t *run = walk->runs + 2 * (ptrdiff_t)(rows->row0 + o);
        const int32_t start = start_of(walk, rows, o);
        const int32_t opens = start + run[0], closes = start + walk->cols - run[1];
        lanes |= (uint32_t)(step < opens || step >= closes) << o % MLL_ROUND_ROWS;
        if (step < closes)
            *until = min(*until, step < opens ? opens : closes);
    }
    return lanes;
}

// Predicts and decodes what no run covers.
static inline mll_status fill_step(mll_walk *walk, int32_t step, uint32_t alive, uint32_t known,
                                   uint16_t *samples)
{
    if (alive & ~known) {
        mll_prediction found;
        for (int32_t k = 0; k < walk->n_frames; k++)
            walk->view.frame[k] = step_of(walk, k, step);
        walk->predict(walk->net, &walk->view, walk->max_sample, &found);
        mll_status status = decode_step(walk, &found, alive & ~known, samples);
        if (status != MLL_OK)
            return status;
    }
    for (int32_t lane = 0; known >> lane; lane++)
        if (known >> lane & 1)
            samples[lane] = walk->fill;
    return MLL_OK;
}

// Rows begin, and end, one after another; a lane has ended a row before it begins the next.
static mll_status walk_steps(mll_walk *walk, const piece *rows)
{
    int32_t begin = rows->first, end = rows->first;
    uint16_t is_alive[MLL_LANES] = {0};
    uint32_t alive = 0, known = 0;
    int32_t until = 0; // where what is known changes
    for (int32_t step = start_of(walk, rows, begin); end <= rows->last; step++) {
        const int begins = begin <= rows->last && step == start_of(walk, rows, begin);
        const int32_t fresh = begin % MLL_ROUND_ROWS, old = end % MLL_ROUND_ROWS;
        uint16_t samples[MLL_LANES] = {0};
        if (begins) {
            alive |= 1u << fresh;
            is_alive[fresh] = UINT16_MAX;
            begin++;
        }
        if (alive == 0)
            continue; // of few columns one lane ends before the next begins
        if (walk->runs != NULL && (begins || step >= until))
            known = covered(walk, rows, step, end, begin, &until);
        mll_status status = fill_step(walk, step, alive, known, samples);
        if (status != MLL_OK)
            return status;
        uint16_t *at = step_of(walk, 0, step);
        put(rows, at, is_alive, samples);
        if (begins) // the left pad of the next row
            for (int k = 1; k <= MLL_SIDE; k++)
                put_pad(rows, at + (walk->lag - k) * MLL_SKEW_WIDTH, fresh + 1, samples[fresh]);
        if (step == start_of(walk, rows, end) + walk->cols - 1) {
            for (int k = 1; k <= MLL_SIDE; k++)
                put_pad(rows, at + k * MLL_SKEW_WIDTH, old, samples[old]);
            alive &= ~(1u << old);
            is_alive[old] = 0;
            until = step;
            end++;
        }
    }
    return MLL_OK;
}

// Brings what the rows of a piece look at, but do not decode, into the skewed band.
static void piece_load(mll_walk *walk, const piece *rows)
{
    const int32_t cols = walk->cols, lag = walk->lag, first = rows->first;
    const uint16_t *left =
        mll_frame_row(walk->padded[0], cols, rows->row0 + first) - MLL_SIDE;
    mll_skew_load(walk->skew[0], walk->padded[0], cols, lag, rows->row0, first - MLL_TOP, first);
    for (int k = 0; k < MLL_SIDE; k++)
        step_of(walk, 0, lag * first - MLL_SIDE + k)[first] = left[k];
    for (int32_t round = 0; round <= rows->last; round += MLL_ROUND_ROWS)
        for (int k = 1; k < walk->n_frames; k++)
            mll_skew_load(step_of(walk, k, start_of(walk, rows, round)) - ORIGIN, walk->padded[k],
                          cols, lag, rows->row0 + round, round == 0 ? first - 2 : -2,
                          min(rows->last - round, MLL_ROUND_ROWS - 1) + 3);
}

// The rows of a piece go to samples[][cols], and to the padded frame where they will be looked at.
static void piece_store(mll_walk *walk, const piece *rows, uint16_t *samples)
{
    const int32_t cols = walk->cols;
    for (int32_t first = rows->first, last; first <= rows->last; first = last) {
        last = min(first / MLL_ROUND_ROWS * MLL_ROUND_ROWS + MLL_ROUND_ROWS, rows->last + 1);
        const int32_t lane = first % MLL_ROUND_ROWS, round = first - lane;
        mll_skew_store(step_of(walk, 0, start_of(walk, rows, round)) - ORIGIN, cols, walk->lag,
                       lane, last - round, samples + (size_t)(first - rows->first) * cols);
    }
    // the first of the rows that will be looked at has its left pad from the one above it
    const int32_t lowest = walk->keeps_frames ? rows->first : rows->last - MLL_TOP;
    for (int32_t o = rows->first; o <= rows->last; o++)
        if (o >= lowest)
            mll_frame_put_row(walk->padded[0], cols, rows->row0 + o,
                              samples + (size_t)(o - rows->first) * cols);
}

static void end_band(mll_walk *walk)
{
    if (walk->mode == MLL_WALK_HUFFMAN)
        mll_huffman_end_band(walk->code, walk->model, walk->huffman, (uint32_t)walk->n_streams);
    else
        mll_lanes_end_band(walk->lanes);
    if (walk->mode == MLL_WALK_HITS)
        mll_hits_end_band(walk->hits);
    if (walk->mode == MLL_WALK_HITS && walk->abundance != NULL)
        mll_abundance_end_band(walk->abundance);
}

// Columns that a row must stay behind the one above so that all it looks at is known: net, the
// fixed features (2 to the right in the row above) and candidates of hit mode.
static int32_t lag_of(const mll_net *net)
{
    int32_t lag = 3;
    for (int32_t i = 0; i < net->n_neighbours; i++)
        if (net->frame[i] == 0 && net->row[i] < 0 && net->col[i] / -net->row[i] >= lag)
            lag = net->col[i] / -net->row[i] + 1;
    return lag;
}

// The rows from `row` on that can be walked without a break, before the end of the band.
static piece piece_at(const mll_walk *walk, int32_t row, int32_t end)
{
    const int32_t n = walk->n_streams;
    piece rows = {row & -n, row & (n - 1), 0, mll_skew_period(walk->cols, walk->lag), 0};
    const int32_t room = n == MLL_ROUND_ROWS ? walk->n_rounds * MLL_ROUND_ROWS : n;
    rows.last = min(end - rows.row0, room) - 1;
    rows.mirror = rows.period - walk->lag * MLL_ROUND_ROWS;
    return rows;
}

mll_status mll_walk_frame(mll_walk *walk, uint32_t frame, uint16_t edge, uint16_t *samples)
{
    walk->lag = lag_of(walk->net);
    mll_view_steps(&walk->view, walk->net, walk->lag * MLL_SKEW_WIDTH + 1, MLL_SKEW_WIDTH);
    mll_frame_open(walk->padded[0], walk->cols, edge);
    for (int32_t row = 0; row < walk->rows;) {
        const int32_t end = row + (int32_t)mll_band_rows(frame, (uint32_t)row,
                                                         (uint32_t)walk->rows,
                                                         walk->band_rows_log2);
        while (row < end) {
            const piece rows = piece_at(walk, row, end);
            piece_load(walk, &rows);
            mll_status status = walk_steps(walk, &rows);
            if (status != MLL_OK)
                return status;
            piece_store(walk, &rows, samples + (size_t)row * walk->cols);
            row = rows.row0 + rows.last + 1;
        }
        end_band(walk);
    }
    mll_frame_close(walk->padded[0], walk->rows, walk->cols);
    return MLL_OK;
}

mll_status mll_walk_open(mll_walk *walk, void *memory, const uint8_t *payload,
                         size_t payload_bytes)
{
    const uint8_t *next[MLL_MAX_STREAMS], *end[MLL_MAX_STREAMS];
    const uint32_t n_streams = (uint32_t)walk->n_streams;
    if (walk->mode != MLL_WALK_HUFFMAN)
        return mll_lanes_init(walk->lanes, memory, walk->model, n_streams, payload, payload_bytes);
    mll_status status = mll_payload_split(next, end, n_streams, payload, payload_bytes);
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_huffman_init(&walk->huffman[i], next[i], end[i]);
    return status;
}

mll_status mll_walk_close(const mll_walk *walk)
{
    mll_status status = MLL_OK;
    if (walk->mode != MLL_WALK_HUFFMAN)
        return mll_lanes_finished(walk->lanes);
    for (int32_t i = 0; i < walk->n_streams && status == MLL_OK; i++)
        status = mll_huffman_finished(&walk->huffman[i]);
    return status;
}
