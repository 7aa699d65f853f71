// SPDX-License-Identifier: Apache-2.0
// Read me first
// - Images that were drawn, scaled or processed repeat a neighbour exactly far more often than any
//   smooth distribution says. In hit mode flags come before the symbol of a sample: "is it W?",
//   "is it N?", ...; a candidate that equals an earlier one is passed over. After the first
//   yes the sample is known; after the last no its symbol follows, renumbered without the symbols
//   of the candidates, which it cannot be, or with abundances its value (abundance.h).
// - A flag's probability is found in two steps. Three sets of contexts each have counted how often
//   the candidate was hit; what a cell has counted is known as one of 13 levels. The three levels
//   together choose a joint, and the joint's own learned frequency codes the flag. So large
//   sets cost nothing where they know nothing yet, and no multiplication mixes anything.
// - Everything is frozen inside a band and learns from counts that commute, like the model.
// - The definition is medlossless/entropy/reference_hits.py.
#ifndef MLL_HITS_H
#define MLL_HITS_H

#include <stddef.h>
#include <stdint.h>

#include "../status.h"
#include "fold.h"
#include "model.h"
#include "rans.h"

#define MLL_HITS_CANDIDATES 4 // W, N, NE, NW
#define MLL_HITS_EQUAL 4096   // cells of set 0: equal neighbours and the scale
#define MLL_HITS_CLOSE 3072   // cells of set 1: equal neighbours and what the net thinks of them
#define MLL_HITS_TEXTURE 3125 // cells of set 2: differences of neighbours
#define MLL_HITS_CELLS (MLL_HITS_EQUAL + MLL_HITS_CLOSE + MLL_HITS_TEXTURE)
#define MLL_HITS_LEVELS 13
#define MLL_HITS_JOINTS (MLL_HITS_LEVELS * MLL_HITS_LEVELS * MLL_HITS_LEVELS)

// Tables of all candidates, in one piece of memory that the caller owns.
typedef struct {
    uint8_t *level;        // [n_candidates][CELLS], 0..12, 6 where nothing is known
    uint8_t *seen;         // [n_candidates][CELLS][2], misses and hits so far, sum at most 255
    uint32_t *count;       // [n_candidates][CELLS][2], of the present band
    uint16_t *freq;        // [n_candidates][JOINTS], frequency of a hit, 1..MLL_SCALE - 1
    uint16_t *weight;      // [n_candidates][JOINTS][2], misses and hits, sum at most 2^15
    uint32_t *joint_count; // [n_candidates][JOINTS][2], of the present band
    uint32_t *cells;       // cells counted in during the present band, and room for one
    uint32_t *joints;      // joints counted in during the present band, and room for one
    uint8_t *rarity;       // [n_contexts][MLL_TOKEN_STRIDE], quarter octaves below certain, 0..50
    const uint8_t *shift;  // [n_contexts], of the prior
    const int8_t *quarters; // [max_sample + 1], abundance of each value (abundance.h), or NULL
    uint32_t n_candidates, n_cells, n_joints;
} mll_hits;

// What the neighbours of one sample say.
typedef struct {
    uint16_t value[MLL_HITS_CANDIDATES];
    uint16_t symbol[MLL_HITS_CANDIDATES]; // the candidates, folded
    uint16_t cell[3];                     // one of each set, counted through all sets
    uint8_t is_new[MLL_HITS_CANDIDATES];  // 1 where a candidate differs from all earlier ones
} mll_hits_place;

// Bytes of memory the tables need; any alignment will do.
size_t mll_hits_bytes(uint32_t n_candidates, uint32_t n_contexts);

// Lays fresh tables out in memory[0..memory_bytes). The setup's prior says what the net thinks of
// a candidate; its shifts must outlive the tables, and so must quarters, NULL where a plane has no
// abundances.
// MLL_ARGUMENT where n_candidates is not 1..4, MLL_CAPACITY where the memory is too small.
mll_status mll_hits_init(mll_hits *hits, void *memory, size_t memory_bytes, uint32_t n_candidates,
                         const mll_model_setup *setup, const int8_t *quarters);

// Bits of the flags of the band so far, in 1/65536 bit; freq_bits as for mll_model_band_bits.
uint64_t mll_hits_band_bits(const mll_hits *hits, const uint32_t *freq_bits);

// Adds what the band has counted and rebuilds the levels and frequencies it counted in.
void mll_hits_end_band(mll_hits *hits);

// Base 5 digit of a difference: -2 or less, -1, 0, 1, 2 or more.
static inline uint32_t mll_hits_digit(int32_t a, int32_t b)
{
    int32_t difference = a - b;
    return (uint32_t)((difference < -2 ? -2 : difference > 2 ? 2 : difference) + 2);
}

#define MLL_HITS_MOST_ABUNDANT 24 // quarters are -32..24 and rarity is 0..50 before them

// 1 more from each of 2, 4, 6, 10, 13, 18 and 26 on.
static const uint8_t mll_hits_closeness_by_rarity[MLL_HITS_MOST_ABUNDANT + 50 + 32 + 1] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // below 0
    0, 0, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7,
};

// How far a value is from what the net and its abundance let expect in a context, 0..7.
static inline uint32_t mll_hits_closeness(const mll_hits *hits, uint32_t context, uint32_t symbol,
                                          uint32_t value)
{
    uint32_t token = mll_token_of(symbol >> hits->shift[context]);
    int32_t rarity = hits->rarity[(size_t)context * MLL_TOKEN_STRIDE + token];
    if (hits->quarters != NULL)
        rarity -= hits->quarters[value];
    return mll_hits_closeness_by_rarity[rarity + MLL_HITS_MOST_ABUNDANT];
}

// Looks at the neighbours of the sample at `at` (neighbour = at[row * row_step + col * col_step])
// whose prediction is known. All neighbours must be at most max_sample.
static inline void mll_hits_look(const mll_hits *hits, mll_hits_place *place, const uint16_t *at,
                                 int32_t row_step, int32_t col_step, uint32_t context,
                                 int32_t prediction, int32_t max_sample, int flip)
{
    const uint16_t *above = at - row_step, *higher = above - row_step;
    uint32_t w = at[-col_step], ww = at[-2 * col_step];
    uint32_t n = above[0], nw = above[-col_step], ne = above[col_step];
    uint32_t nww = above[-2 * col_step], nee = above[2 * col_step];
    uint32_t nn = higher[0], nne = higher[col_step];
    place->value[0] = (uint16_t)w;
    place->value[1] = (uint16_t)n;
    place->value[2] = (uint16_t)ne;
    place->value[3] = (uint16_t)nw;
    for (int i = 0; i < MLL_HITS_CANDIDATES; i++)
        place->symbol[i] = (uint16_t)mll_fold(place->value[i], prediction, max_sample, flip);
    place->is_new[0] = 1;
    place->is_new[1] = n != w;
    place->is_new[2] = ne != w && ne != n;
    place->is_new[3] = nw != w && nw != n && nw != ne;

    uint32_t near = (uint32_t)(n == w) << 3 | (uint32_t)(nw == w) << 2 | (uint32_t)(n == nw) << 1
                    | (n == ne);
    uint32_t far = (uint32_t)(w == ww) << 5 | (uint32_t)(n == nn) << 4 | (uint32_t)(nne == ne) << 3
                   | (uint32_t)(ne == nee) << 2 | (uint32_t)(nw == nww) << 1 | (w == ne);
    uint32_t group = (context >= 30) + (context >= 54) + (context >= 72);
    place->cell[0] = (uint16_t)((near << 6 | far) << 2 | group);

    uint32_t close_w = mll_hits_closeness(hits, context, place->symbol[0], w);
    uint32_t close_n = mll_hits_closeness(hits, context, place->symbol[1], n);
    uint32_t close_ne = mll_hits_closeness(hits, context, place->symbol[2], ne);
    uint32_t thirds = (close_ne >= 3) + (close_ne >= 5);
    uint32_t close = (near << 6 | close_w << 3 | close_n) * 3 + thirds;
    place->cell[1] = (uint16_t)(MLL_HITS_EQUAL + close);

    uint32_t texture = mll_hits_digit((int32_t)n, (int32_t)nw);
    texture = texture * 5 + mll_hits_digit((int32_t)ne, (int32_t)n);
    texture = texture * 5 + mll_hits_digit((int32_t)w, (int32_t)nw);
    texture = texture * 5 + mll_hits_digit((int32_t)w, (int32_t)ww);
    texture = texture * 5 + mll_hits_digit((int32_t)n, (int32_t)nn);
    place->cell[2] = (uint16_t)(MLL_HITS_EQUAL + MLL_HITS_CLOSE + texture);
}

// Index of the joint that codes the flag of a candidate.
static inline uint32_t mll_hits_joint(const mll_hits *hits, const mll_hits_place *place,
                                      uint32_t candidate)
{
    const uint8_t *level = hits->level + (size_t)candidate * MLL_HITS_CELLS;
    uint32_t joint = level[place->cell[0]];
    joint = joint * MLL_HITS_LEVELS + level[place->cell[1]];
    joint = joint * MLL_HITS_LEVELS + level[place->cell[2]];
    return candidate * MLL_HITS_JOINTS + joint;
}

// Counts a flag of a candidate if it was asked (1); if not (0) it writes only what no one reads.
// Without branches: whether flags are asked is what nobody can predict.
static inline void mll_hits_count_if(mll_hits *hits, const mll_hits_place *place,
                                     uint32_t candidate, uint32_t joint, uint32_t flag,
                                     uint32_t asked)
{
    for (int set = 0; set < 3; set++) {
        uint32_t cell = candidate * MLL_HITS_CELLS + place->cell[set];
        uint32_t *count = hits->count + 2 * (size_t)cell;
        hits->cells[hits->n_cells] = cell; // it stays there if it is the first of the band
        hits->n_cells += asked & ((count[0] | count[1]) == 0);
        count[flag] += asked;
    }
    uint32_t *count = hits->joint_count + 2 * (size_t)joint;
    hits->joints[hits->n_joints] = joint;
    hits->n_joints += asked & ((count[0] | count[1]) == 0);
    count[flag] += asked;
}

static inline void mll_hits_count(mll_hits *hits, const mll_hits_place *place, uint32_t candidate,
                                  uint32_t joint, uint32_t flag)
{
    mll_hits_count_if(hits, place, candidate, joint, flag, 1);
}

// The symbol of a sample that is no candidate, renumbered without the candidates' symbols.
static inline uint32_t mll_hits_reduce(const mll_hits *hits, const mll_hits_place *place,
                                       uint32_t symbol)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < hits->n_candidates; i++)
        below += place->is_new[i] & (place->symbol[i] < symbol);
    return symbol - below;
}

// Undoes mll_hits_reduce. The result may exceed max_sample by the number of candidates: refuse it.
static inline uint32_t mll_hits_restore(const mll_hits *hits, const mll_hits_place *place,
                                        uint32_t symbol)
{
    // Each round counts the candidates at or below; a symbol moves up past at least one of them or
    // stays where it is, so as many rounds as candidates suffice.
    uint32_t restored = symbol;
    for (uint32_t round = 0; round < hits->n_candidates; round++) {
        uint32_t below = 0;
        for (uint32_t i = 0; i < hits->n_candidates; i++)
            below += place->is_new[i] & (place->symbol[i] <= restored);
        restored = symbol + below;
    }
    return restored;
}

// Codes the flags of a known sample: flags[i] = 2 * freq + flag of each that is coded, 0 of others.
// Returns 1 if the sample is a candidate, else 0.
static inline int mll_hits_flag(mll_hits *hits, const mll_hits_place *place, uint16_t sample,
                                uint16_t flags[MLL_HITS_CANDIDATES])
{
    uint32_t is_open = 1;
    const int is_flat = !(place->is_new[1] | place->is_new[2] | place->is_new[3]);
    const uint32_t n_asked = is_flat ? 1 : hits->n_candidates;
    for (uint32_t i = 0; i < MLL_HITS_CANDIDATES; i++)
        flags[i] = 0;
    for (uint32_t i = 0; i < n_asked; i++) {
        uint32_t asked = is_open & place->is_new[i], joint = mll_hits_joint(hits, place, i);
        uint32_t yes = asked & (sample == place->value[i]);
        flags[i] = (uint16_t)((2u * hits->freq[joint] + yes) * asked);
        mll_hits_count_if(hits, place, i, joint, yes, asked);
        is_open &= yes ^ 1;
    }
    return (int)(is_open ^ 1);
}

// Reads the flags of a sample. *candidate becomes its number, or n_candidates if it is none.
static inline mll_status mll_hits_decode(mll_hits *hits, const mll_hits_place *place,
                                         mll_rans_decoder *decoder, uint32_t *candidate)
{
    uint32_t i;
    for (i = 0; i < hits->n_candidates; i++) {
        if (!place->is_new[i])
            continue;
        uint32_t joint = mll_hits_joint(hits, place, i), flag = 0;
        mll_status status = mll_rans_decode_flag(decoder, hits->freq[joint], &flag);
        if (status != MLL_OK)
            return status;
        mll_hits_count(hits, place, i, joint, flag);
        if (flag)
            break;
    }
    *candidate = i;
    return MLL_OK;
}

#endif
