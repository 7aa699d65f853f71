// SPDX-License-Identifier: Apache-2.0
// Read me first
// - The fused loop of the decoder: predict, decode and unfold a frame. It walks a band as a
//   wavefront: each lane runs a few columns behind the one before, so one call of a kernel
//   predicts up to 16 samples (mlp/frame.h).
// - Lane l is a row of stream l: row0 of the skewed band is a multiple of the number of streams.
//   With 16 streams a band is walked without a break, a round of 16 rows after another; with fewer
//   it is walked in pieces of as many rows as streams, as a stream's rows follow one another.
// - Bands begin at multiples of their height (entropy/tile.h), so a lower one lies in one round.
#ifndef MLL_WALK_H
#define MLL_WALK_H

#include <stdint.h>

#include "../entropy/abundance.h"
#include "../entropy/hits.h"
#include "../entropy/huffman.h"
#include "../entropy/model.h"
#include "../mlp/kernel.h"
#include "hit_lanes.h"
#include "lanes.h"

typedef enum {
    MLL_WALK_LANES = 0,  // rANS
    MLL_WALK_HITS = 1,   // rANS in hit mode
    MLL_WALK_HUFFMAN = 2
} mll_walk_mode;

// Everything a tile's decoder carries from sample to sample; the caller owns what is pointed to.
typedef struct {
    int32_t rows, cols, max_sample, n_streams, mode;
    uint32_t band_rows_log2;
    const mll_net *net;
    mll_predict_fn *predict;
    int32_t n_frames;    // that the net looks at, 1 to 3
    uint16_t *padded[3]; // mll_frame_samples() each: the frame being decoded, the two before
    int32_t keeps_frames; // whether some net looks at earlier frames, so that they must be kept
    uint16_t *skew[3];   // mll_skew_samples() each
    int32_t n_rounds;    // of 16 rows that a skewed band has room for
    mll_model *model;
    mll_lanes_decode_fn *decode_lanes;
    mll_hit_lanes_decode_fn *decode_hit_lanes;
    mll_lanes *lanes;             // with rANS
    mll_hits *hits;               // in hit mode
    mll_abundance *abundance;     // in hit mode, or NULL: what is no candidate has a symbol
    mll_huffman_code *code;       // with Huffman
    mll_huffman_decoder *huffman; // [n_streams], with Huffman
    const int32_t *runs;          // NULL, or [rows][2] of the frame, see below
    uint16_t fill;                // what they are, 0..max_sample
    mll_view view;                // set by mll_walk_frame, as is lag
    int32_t lag;
} mll_walk;

// Opens the streams of a mode, whose tables are fresh.
//   memory    [mll_lanes_bytes()], with rANS
//   payload   [payload_bytes + MLL_LANES_SLACK] readable
mll_status mll_walk_open(mll_walk *walk, void *memory, const uint8_t *payload,
                         size_t payload_bytes);

// Decodes frame number `frame` of the tile to samples[rows][cols]. If frames are kept, padded[0]
// holds it afterwards, edges and all; padded[1] and padded[2] hold the frames before if the
// net looks at them.
//   edge   what stands above the frame
// Where there are runs, so many samples at the left and the right end of each row, together no more
// than cols, are `fill` and not in the streams.
mll_status mll_walk_frame(mll_walk *walk, uint32_t frame, uint16_t edge, uint16_t *samples);

// MLL_OK when the streams end here.
mll_status mll_walk_close(const mll_walk *walk);

#endif
