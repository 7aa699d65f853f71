// SPDX-License-Identifier: Apache-2.0
#include "hits.h"

#include <string.h>

#include "memory.h"

#define SEEN_LIMIT 255
#define JOINT_LIMIT 32768 // sum of the two weights
#define JOINT_PRIOR 4096  // sum of the two weights at first
#define JOINT_INCREMENT 64

// Of JOINT_PRIOR, the hits expected where the levels of the three cells sum to 0, 1, ... above the
// middle: 4096 / (1 + exp(-3/8 * sum)). Below the middle hits and misses trade places.
static const uint16_t HITS_EXPECTED[19] = {
    2048, 2428, 2782, 3092, 3349, 3551, 3705, 3819, 3902,
    3960, 4002, 4031, 4051, 4065, 4075, 4081, 4086, 4089, 4091,
};

// Odds, doubled, from which on a level is 1, 2, ... steps from the middle.
static const uint32_t ODDS_X2[6] = {3, 8, 22, 64, 200, 600};

// MLL_SCALE over powers of 2^(1/4).
static const uint64_t QUARTERS[4] = {32768, 27554, 23170, 19484};
#define RAREST 50

size_t mll_hits_bytes(uint32_t n_candidates, uint32_t n_contexts)
{
    size_t cell = sizeof(uint8_t) + 2 * sizeof(uint8_t) + 3 * sizeof(uint32_t);
    size_t joint = sizeof(uint16_t) + 2 * sizeof(uint16_t) + 3 * sizeof(uint32_t);
    return n_candidates * (MLL_HITS_CELLS * cell + MLL_HITS_JOINTS * joint)
           + (size_t)n_contexts * MLL_TOKEN_STRIDE + 2 * sizeof(uint32_t) + 10 * MLL_ALIGN;
}

static void hits_place_tables(mll_hits *hits, void *memory, uint32_t n_contexts)
{
    uint8_t *at = mll_memory_begin(memory);
    size_t cells = (size_t)hits->n_candidates * MLL_HITS_CELLS;
    size_t joints = (size_t)hits->n_candidates * MLL_HITS_JOINTS;
    hits->level = mll_memory_take(&at, cells);
    hits->seen = mll_memory_take(&at, 2 * cells);
    hits->count = mll_memory_take(&at, 2 * cells * sizeof *hits->count);
    hits->cells = mll_memory_take(&at, (cells + 1) * sizeof *hits->cells);
    hits->freq = mll_memory_take(&at, joints * sizeof *hits->freq);
    hits->weight = mll_memory_take(&at, 2 * joints * sizeof *hits->weight);
    hits->joint_count = mll_memory_take(&at, 2 * joints * sizeof *hits->joint_count);
    hits->joints = mll_memory_take(&at, (joints + 1) * sizeof *hits->joints);
    hits->rarity = mll_memory_take(&at, (size_t)n_contexts * MLL_TOKEN_STRIDE);
}

static uint16_t joint_freq(const uint16_t weight[2])
{
    uint32_t freq = ((uint32_t)weight[1] << MLL_SCALE_BITS) / ((uint32_t)weight[0] + weight[1]);
    return (uint16_t)(freq < 1 ? 1 : freq > MLL_SCALE - 1 ? MLL_SCALE - 1 : freq);
}

static void joint_begin(mll_hits *hits, size_t joint)
{
    uint32_t number = (uint32_t)joint, n = MLL_HITS_LEVELS;
    int32_t sum = (int32_t)(number % n + number / n % n + number / n / n) - 3 * (int32_t)(n / 2);
    uint16_t more = HITS_EXPECTED[sum < 0 ? -sum : sum], less = (uint16_t)(JOINT_PRIOR - more);
    uint16_t *weight = hits->weight + 2 * joint;
    weight[0] = sum < 0 ? more : less;
    weight[1] = sum < 0 ? less : more;
    hits->freq[joint] = joint_freq(weight);
}

// Quarter octaves by which a token, its raw bits shared out, is less likely than certain.
// Freq is below the power of two above it, which whole octaves get us to at once.
static uint8_t token_rarity(uint32_t freq, uint32_t n_raw)
{
    uint32_t above = mll_floor_log2(freq) + 1, certain = MLL_SCALE_BITS + n_raw;
    uint32_t rarity = above < certain ? 4 * (certain - above) : 0;
    if (rarity > RAREST)
        return RAREST;
    while (rarity < RAREST
           && freq < QUARTERS[(rarity + 1) & 3] << n_raw >> ((rarity + 1) >> 2))
        rarity++;
    return (uint8_t)rarity;
}

mll_status mll_hits_init(mll_hits *hits, void *memory, size_t memory_bytes, uint32_t n_candidates,
                         const mll_model_setup *setup, const int8_t *quarters)
{
    if (n_candidates == 0 || n_candidates > MLL_HITS_CANDIDATES || setup->n_contexts == 0
        || setup->n_contexts > MLL_MAX_CONTEXTS)
        return MLL_ARGUMENT;
    if (memory_bytes < mll_hits_bytes(n_candidates, setup->n_contexts))
        return MLL_CAPACITY;
    memset(hits, 0, sizeof *hits);
    memset(memory, 0, memory_bytes);
    hits->n_candidates = n_candidates;
    hits->shift = setup->shift;
    hits->quarters = quarters;
    hits_place_tables(hits, memory, setup->n_contexts);
    memset(hits->level, MLL_HITS_LEVELS / 2, (size_t)n_candidates * MLL_HITS_CELLS);
    for (size_t joint = 0; joint < MLL_HITS_JOINTS; joint++)
        joint_begin(hits, joint);
    for (size_t joint = MLL_HITS_JOINTS; joint < (size_t)n_candidates * MLL_HITS_JOINTS; joint++) {
        hits->freq[joint] = hits->freq[joint - MLL_HITS_JOINTS];
        memcpy(hits->weight + 2 * joint, hits->weight + 2 * (joint - MLL_HITS_JOINTS),
               2 * sizeof *hits->weight);
    }
    for (uint32_t c = 0; c < setup->n_contexts; c++)
        for (uint32_t t = 0; t < MLL_N_TOKENS; t++)
            hits->rarity[(size_t)c * MLL_TOKEN_STRIDE + t] =
                token_rarity(setup->freq[(size_t)c * MLL_N_TOKENS + t],
                             setup->shift[c] + mll_token_extra_bits(t));
    return MLL_OK;
}

// Steps from the middle by the odds (5 * more + 2) / (5 * fewer + 2).
static uint8_t seen_level(const uint8_t seen[2])
{
    uint32_t more = seen[0] > seen[1] ? seen[0] : seen[1];
    uint32_t fewer = seen[0] > seen[1] ? seen[1] : seen[0];
    int steps = 0;
    while (steps < 6 && 2 * (5 * more + 2) >= ODDS_X2[steps] * (5 * fewer + 2))
        steps++;
    return (uint8_t)(MLL_HITS_LEVELS / 2 + (seen[1] > seen[0] ? steps : -steps));
}

// Width: counts are at most 2^28 and seen at most 255.
static void cell_learn(mll_hits *hits, size_t cell)
{
    uint32_t *count = hits->count + 2 * cell;
    uint8_t *seen = hits->seen + 2 * cell;
    uint32_t misses = seen[0] + count[0], hits_seen = seen[1] + count[1];
    while (misses + hits_seen > SEEN_LIMIT) {
        misses >>= 1;
        hits_seen >>= 1;
    }
    seen[0] = (uint8_t)misses;
    seen[1] = (uint8_t)hits_seen;
    count[0] = count[1] = 0;
    hits->level[cell] = seen_level(seen);
}

// Halving rounds up: no weight becomes 0.
static void joint_learn(mll_hits *hits, size_t joint)
{
    uint32_t *count = hits->joint_count + 2 * joint;
    uint16_t *weight = hits->weight + 2 * joint;
    uint64_t misses = weight[0] + (uint64_t)JOINT_INCREMENT * count[0];
    uint64_t found = weight[1] + (uint64_t)JOINT_INCREMENT * count[1];
    while (misses + found > JOINT_LIMIT) {
        misses = (misses + 1) >> 1;
        found = (found + 1) >> 1;
    }
    weight[0] = (uint16_t)misses;
    weight[1] = (uint16_t)found;
    count[0] = count[1] = 0;
    hits->freq[joint] = joint_freq(weight);
}

uint64_t mll_hits_band_bits(const mll_hits *hits, const uint32_t *freq_bits)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < hits->n_joints; i++) {
        const uint32_t joint = hits->joints[i], freq = hits->freq[joint];
        const uint32_t *count = hits->joint_count + 2 * (size_t)joint;
        bits += (uint64_t)count[0] * freq_bits[MLL_SCALE - freq];
        bits += (uint64_t)count[1] * freq_bits[freq];
    }
    return bits;
}

void mll_hits_end_band(mll_hits *hits)
{
    for (uint32_t i = 0; i < hits->n_cells; i++)
        cell_learn(hits, hits->cells[i]);
    for (uint32_t i = 0; i < hits->n_joints; i++)
        joint_learn(hits, hits->joints[i]);
    hits->n_cells = hits->n_joints = 0;
}
