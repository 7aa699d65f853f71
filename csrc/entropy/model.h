// SPDX-License-Identifier: Apache-2.0
// Read me first
// - Tables are frozen inside a band. A coded token only adds 1 to its count; counts commute, so
//   streams may be coded in any legal order. mll_model_end_band() turns counts into new tables.
// - All arrays are [n_contexts][MLL_TOKEN_STRIDE], in one piece of memory that the caller owns.
// - cum of unused tokens is 65535, above every slot: a search needs no alphabet size.
// - A context with one token has freq 32768, cum 0: coding it changes nothing and writes nothing.
#ifndef MLL_MODEL_H
#define MLL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "../status.h"
#include "tile.h"
#include "token.h"

#define MLL_SCALE_BITS 15
#define MLL_SCALE (1u << MLL_SCALE_BITS)
#define MLL_N_HINTS 64
#define MLL_HINT_BITS 9 // MLL_SCALE_BITS - log2 of MLL_N_HINTS
#define MLL_DUE_SHARE 8
#define MLL_MAX_FLAGS 4 // that may stand before a symbol
#define MLL_INCREMENT_MAX (1u << 16)
#define MLL_LIMIT_MIN MLL_SCALE // a fresh prior, and any halved table, is below it
#define MLL_LIMIT_MAX (1u << 31)

// Where a tile's tables start and how they learn.
typedef struct {
    const uint8_t *shift;  // [n_contexts], 0..15 or MLL_SHIFT_FREE
    const uint16_t *freq;  // [n_contexts][MLL_N_TOKENS], each >= 1, rows sum to MLL_SCALE
    uint32_t n_contexts;   // 1..256
    uint32_t max_sample;   // 0..65535
    uint32_t increment;    // 0..2^16, weight of one coded token
    uint32_t limit;        // 2^15..2^31, sum of weights above which they are halved
} mll_model_setup;

typedef struct {
    uint32_t *weight;  // what has been learned; the tables are this, scaled
    uint32_t *count;   // tokens coded in the present band
    uint16_t *freq;    // sum MLL_SCALE in each context
    uint16_t *cum;     // sum of the freq before; 65535 from n_tokens on
    uint8_t *shift;    // [n_contexts]
    uint8_t *n_tokens; // [n_contexts]
    uint8_t *hint;     // token of the first slot of each 64th of the slots
    uint64_t *learned; // [n_contexts], weight added since the context was last due
    uint8_t *due;      // [n_contexts], 1 where the last end of band brought enough for a new code
    uint16_t *base;    // [MLL_TOKEN_STRIDE], mll_token_base tabulated
    uint8_t *extra;    // [MLL_TOKEN_STRIDE], mll_token_extra_bits tabulated
    uint32_t n_contexts, max_sample, increment, limit;
} mll_model;

// Bytes of memory a model of n_contexts contexts needs; any alignment will do.
size_t mll_model_bytes(uint32_t n_contexts);

// Lays the model out in memory[0..memory_bytes) and fills the first tables from the setup.
// MLL_ARGUMENT where the setup leaves its ranges, MLL_CAPACITY where the memory is too small.
mll_status mll_model_init(mll_model *model, void *memory, size_t memory_bytes,
                          const mll_model_setup *setup);

// Adds what the band has counted to the weights and rebuilds the tables of the contexts it counted
// in. A context is due when 1 / MLL_DUE_SHARE of its weight is new since it was last due: Huffman
// codes, dear to make, are remade then only.
void mll_model_end_band(mll_model *model);

// Bits of everything the band has counted so far under its tables, in 1/65536 bit.
//   freq_bits   [MLL_SCALE + 1], bits of a token by its freq
// Width: a tile has at most 2^28 samples and a sample at most 30 bits, so the sum is below 2^49.
uint64_t mll_model_band_bits(const mll_model *model, const uint32_t *freq_bits);

// What the first pass of an encoder keeps of each sample for the second, which runs backwards.
typedef struct {
    uint32_t *steps; // freq << 16 | cum of its token; MLL_NO_STEP codes nothing
    uint16_t *raws;  // its raw bits below a 1, so 1 << n_raw | raw; MLL_NO_RAW codes nothing
} mll_records;

#define MLL_NO_STEP (MLL_SCALE << 16)
#define MLL_NO_RAW 1
#define MLL_RECORD_SLACK 16 // records behind the last that vectors may read and write

// Counts the token of a symbol <= max_sample and makes its record.
static inline void mll_model_record(mll_model *model, uint32_t context, uint32_t symbol,
                                    uint32_t *step, uint16_t *raw)
{
    uint32_t shift = model->shift[context], token = mll_token_of(symbol >> shift);
    uint32_t n_raw = shift + model->extra[token];
    size_t entry = (size_t)context * MLL_TOKEN_STRIDE + token;
    model->count[entry] += 1;
    *step = (uint32_t)model->freq[entry] << 16 | model->cum[entry];
    *raw = (uint16_t)(1u << n_raw | (symbol & ((1u << n_raw) - 1)));
}

// Runs the model over a tile and records [samples] of it.
// With flags (NULL: none, else [samples][MLL_MAX_FLAGS], see hits.h) a sample whose flags say what
// it is has no token: its record codes nothing.
// MLL_ARGUMENT where the shape, a symbol (> max_sample) or a context (>= n_contexts) is bad. In a
// context that is free the caller sees to it that symbols are 0.
mll_status mll_model_trace(mll_model *model, const mll_records *records, const uint16_t *symbols,
                           const uint8_t *contexts, const uint16_t *flags,
                           const mll_tile_shape *shape);

// Whether one of the flags of a sample, 2 * freq + flag or 0, is a yes.
static inline int mll_flags_hit(const uint16_t flags[MLL_MAX_FLAGS])
{
    return (flags[0] | flags[1] | flags[2] | flags[3]) & 1;
}

// The token whose range [cum, cum + freq) holds slot, 0..MLL_SCALE - 1. Most slots need no step of
// the loop, and the 65535 behind the last token ends it.
static inline uint32_t mll_model_find(const mll_model *model, uint32_t context, uint32_t slot)
{
    const uint16_t *cum = model->cum + (size_t)context * MLL_TOKEN_STRIDE;
    uint32_t token = model->hint[(size_t)context * MLL_N_HINTS + (slot >> MLL_HINT_BITS)];
    while (cum[token + 1] <= slot)
        token++;
    return token;
}

#endif
