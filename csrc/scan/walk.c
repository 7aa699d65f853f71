// SPDX-License-Identifier: Apache-2.0
#include "walk.h"

#include <string.h>

#include "../entropy/fold.h"
#include "../mlp/frame.h"

// Lanes first..last are rows of the piece that is walked; lane 0 is row row0.
typedef struct {
    int32_t row0, first, last;
} piece;

static inline int32_t min(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int32_t max(int32_t a, int32_t b) { return a > b ? a : b; }

static inline uint16_t *step_of(const mll_walk *walk, int frame, int32_t step)
{
    return walk->skew[frame] + (ptrdiff_t)(MLL_SKEW_BEFORE + step) * MLL_SKEW_WIDTH + MLL_TOP;
}

// The sample of a lane in hit mode: a candidate, or what its renumbered symbol says.
static inline mll_status decode_hit(mll_walk *walk, int32_t lane, const mll_prediction *found,
                                    uint16_t *sample)
{
    const uint16_t *at = walk->view.frame[0] + lane;
    const uint32_t context = found->context[lane];
    uint32_t candidate = 0, symbol = 0;
    mll_hits_place place;
    mll_hits_look(walk->hits, &place, at, walk->view.row_step, walk->view.col_step, context,
                  found->prediction[lane], walk->max_sample, found->flip[lane]);
    mll_status status = mll_hits_decode(walk->hits, &place, &walk->streams[lane], &candidate);
    if (status != MLL_OK)
        return status;
    if (candidate < walk->hits->n_candidates) {
        *sample = place.value[candidate];
        return MLL_OK;
    }
    status = mll_rans_decode_symbol(walk->model, &walk->streams[lane], context, &symbol);
    if (status != MLL_OK)
        return status;
    symbol = mll_hits_restore(walk->hits, &place, symbol);
    if (symbol > (uint32_t)walk->max_sample)
        return MLL_CORRUPT;
    *sample = (uint16_t)mll_unfold(symbol, found->prediction[lane], walk->max_sample,
                                   found->flip[lane]);
    return MLL_OK;
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

// One sample in each of the lanes low..high.
static inline mll_status decode_step(mll_walk *walk, const mll_prediction *found, int32_t low,
                                     int32_t high, uint16_t *samples)
{
    mll_status status = MLL_OK;
    if (walk->mode == MLL_WALK_LANES)
        return walk->decode_lanes(walk->lanes, low, high, found, samples);
    for (int32_t lane = low; lane <= high && status == MLL_OK; lane++)
        status = walk->mode == MLL_WALK_HITS ? decode_hit(walk, lane, found, &samples[lane])
                                             : decode_huffman(walk, lane, found, &samples[lane]);
    return status;
}

// Stores the samples of lanes low..high in the skewed band, and in the pads that repeat them. The
// other lanes of the step may hold pads already.
static inline void put(const mll_walk *walk, int32_t step, int32_t low, int32_t high,
                       const uint16_t *samples)
{
    uint16_t *at = step_of(walk, 0, step);
    if (low == 0 && high == MLL_LANES - 1)
        memcpy(at, samples, MLL_LANES * sizeof *at);
    else
        memcpy(at + low, samples + low, (size_t)(high - low + 1) * sizeof *at);
    if (step == MLL_LAG * high) // column 0: left pad of the next lane
        for (int k = 1; k <= MLL_SIDE; k++)
            at[(MLL_LAG - k) * MLL_SKEW_WIDTH + high + 1] = samples[high];
    if (step - MLL_LAG * low == walk->cols - 1)
        for (int k = 1; k <= MLL_SIDE; k++)
            at[k * MLL_SKEW_WIDTH + low] = samples[low];
}

static mll_status walk_steps(mll_walk *walk, const piece *rows)
{
    const int32_t end = walk->cols + MLL_LAG * rows->last;
    for (int32_t step = MLL_LAG * rows->first; step < end; step++) {
        const int32_t ended = step < walk->cols ? 0 : (step - walk->cols) / MLL_LAG + 1;
        const int32_t low = max(rows->first, ended), high = min(rows->last, step / MLL_LAG);
        mll_prediction found;
        uint16_t samples[MLL_LANES];
        if (low > high)
            continue; // of few columns one lane has ended before the next begins
        for (int32_t k = 0; k < walk->n_frames; k++)
            walk->view.frame[k] = step_of(walk, k, step);
        walk->predict(walk->net, &walk->view, walk->max_sample, &found);
        mll_status status = decode_step(walk, &found, low, high, samples);
        if (status != MLL_OK)
            return status;
        put(walk, step, low, high, samples);
    }
    return MLL_OK;
}

// Brings what the rows of a piece look at into the skewed band and decodes them.
static mll_status walk_piece(mll_walk *walk, const piece *rows, uint16_t *samples)
{
    const int32_t cols = walk->cols, row0 = rows->row0, row = row0 + rows->first;
    const uint16_t *left = mll_frame_row(walk->padded[0], cols, row) - MLL_SIDE;
    mll_skew_load(walk->skew[0], walk->padded[0], cols, row0, rows->first - MLL_TOP, rows->first);
    for (int k = 0; k < MLL_SIDE; k++)
        step_of(walk, 0, MLL_LAG * rows->first - MLL_SIDE + k)[rows->first] = left[k];
    for (int k = 1; k < walk->n_frames; k++)
        mll_skew_load(walk->skew[k], walk->padded[k], cols, row0, rows->first - 2,
                      rows->last + 3);
    mll_status status = walk_steps(walk, rows);
    if (status != MLL_OK)
        return status;
    mll_skew_store(walk->skew[0], cols, rows->first, rows->last + 1, samples);
    for (int32_t lane = rows->first; lane <= rows->last; lane++, samples += cols)
        mll_frame_put_row(walk->padded[0], cols, row0 + lane, samples);
    return MLL_OK;
}

static void end_band(mll_walk *walk)
{
    switch (walk->mode) {
    case MLL_WALK_LANES:
        mll_lanes_end_band(walk->lanes);
        break;
    case MLL_WALK_HITS:
        mll_model_end_band(walk->model);
        mll_hits_end_band(walk->hits);
        break;
    default:
        mll_huffman_end_band(walk->code, walk->model, walk->huffman, (uint32_t)walk->n_streams);
    }
}

mll_status mll_walk_frame(mll_walk *walk, uint32_t frame, uint16_t edge, uint16_t *samples)
{
    mll_view_steps(&walk->view, walk->net, MLL_LAG * MLL_SKEW_WIDTH + 1, MLL_SKEW_WIDTH);
    mll_frame_open(walk->padded[0], walk->cols, edge);
    for (int32_t row = 0; row < walk->rows;) {
        const int32_t end = row + (int32_t)mll_band_rows(frame, (uint32_t)row,
                                                         (uint32_t)walk->rows,
                                                         walk->band_rows_log2);
        while (row < end) {
            piece rows = {row & -walk->n_streams, row & (walk->n_streams - 1), 0};
            rows.last = min(end - rows.row0, walk->n_streams) - 1;
            mll_status status = walk_piece(walk, &rows, samples + (size_t)row * walk->cols);
            if (status != MLL_OK)
                return status;
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
    if (walk->mode == MLL_WALK_LANES)
        return mll_lanes_init(walk->lanes, memory, walk->model, n_streams, payload, payload_bytes);
    mll_status status = mll_payload_split(next, end, n_streams, payload, payload_bytes);
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = walk->mode == MLL_WALK_HITS
                     ? mll_rans_init(&walk->streams[i], next[i], end[i])
                     : mll_huffman_init(&walk->huffman[i], next[i], end[i]);
    return status;
}

mll_status mll_walk_close(const mll_walk *walk)
{
    mll_status status = MLL_OK;
    if (walk->mode == MLL_WALK_LANES)
        return mll_lanes_finished(walk->lanes);
    for (int32_t i = 0; i < walk->n_streams && status == MLL_OK; i++)
        status = walk->mode == MLL_WALK_HITS ? mll_rans_finished(&walk->streams[i])
                                             : mll_huffman_finished(&walk->huffman[i]);
    return status;
}
