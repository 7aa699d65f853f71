// SPDX-License-Identifier: Apache-2.0
#ifndef MLL_PROOF_TILE_H
#define MLL_PROOF_TILE_H

#include "entropy/model.h"
#include "entropy/tile.h"
#include "proof_file.h"

// A tile and what predicts it; all arrays have n_samples entries but the payload.
typedef struct {
    char name[PROOF_NAME_CHARS];
    int use_huffman;
    mll_tile_shape shape;
    mll_model_setup setup;
    size_t n_samples;
    uint16_t *samples, *predictions, *symbols;
    uint8_t *flips, *contexts, *payload;
    size_t payload_bytes;
} proof_tile;

// A model as the tile starts with.
mll_status proof_model(const proof_tile *tile, mll_model *model);

// Tells of it and counts it unless it holds.
void proof_expect(const proof_tile *tile, int holds, const char *what, proof_totals *totals);

// Decodes samples as the codec does, 16 rows side by side, with what goes with each kernel.
void check_lanes(const proof_tile *tile, proof_totals *totals);

#endif
