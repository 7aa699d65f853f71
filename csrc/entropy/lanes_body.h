// SPDX-License-Identifier: Apache-2.0
// The body of every mll_lanes_decode: include after defining
//   TARGET   the function attribute of the ISA, or nothing
//   FIND     static inline uint32_t FIND(const mll_model *, uint32_t context, uint32_t slot)
//   DECODE   the name of the function to define
#include "fold.h"
#include "lanes.h"

#define LOOKAHEAD 4 // bytes that the two steps of one symbol may read

// Takes a 16-bit word into a state below 2^16. Shifts and masks, as whether a word is due cannot be
// foreseen and compilers turn a choice into a branch.
TARGET static inline uint32_t refill(uint32_t state, const uint8_t **next)
{
    const uint32_t word = (uint32_t)(*next)[0] | (uint32_t)(*next)[1] << 8;
    const uint32_t due = (state - MLL_RANS_LOW) >> 31 & ~(state >> 31); // 1 below 2^16
    *next += 2 * due;
    return state << 16 * due | (word & (0 - due));
}

// Token step and raw step of one stream; next[0 .. LOOKAHEAD) must be readable.
TARGET static inline uint32_t decode_one(const mll_model *model, uint32_t *state,
                                         const uint8_t **next, uint32_t context)
{
    const uint32_t row = context * MLL_TOKEN_STRIDE, shift = model->shift[context];
    uint32_t x = *state, slot = x & (MLL_SCALE - 1);
    const uint32_t token = FIND(model, context, slot), at = row + token;
    x = model->freq[at] * (x >> MLL_SCALE_BITS) + slot - model->cum[at];
    x = refill(x, next);
    const uint32_t n_raw = model->extra[token] + shift, freq_log2 = MLL_SCALE_BITS - n_raw;
    model->count[at] += 1;
    slot = x & (MLL_SCALE - 1);
    x = ((x >> MLL_SCALE_BITS) << freq_log2) + (slot & ((1u << freq_log2) - 1));
    *state = refill(x, next);
    return ((uint32_t)model->base[token] << shift) + (slot >> freq_log2);
}

// The same near the end of a stream, from a copy of what is left. MLL_TRUNCATED where that is too
// little.
TARGET static mll_status decode_last(const mll_model *model, mll_rans_decoder *decoder,
                                     uint32_t context, uint32_t *symbol)
{
    uint8_t left[2 * LOOKAHEAD] = {0};
    const ptrdiff_t n_left = decoder->end - decoder->next;
    for (ptrdiff_t i = 0; i < n_left; i++)
        left[i] = decoder->next[i];
    const uint8_t *next = left;
    *symbol = decode_one(model, &decoder->state, &next, context);
    if (next - left > n_left)
        return MLL_TRUNCATED;
    decoder->next += next - left;
    return MLL_OK;
}

TARGET mll_status DECODE(const mll_lanes_source *source, int32_t low, int32_t high,
                         const mll_prediction *found, uint16_t *samples)
{
    const mll_model model = *source->model; // a copy: its pointers cannot change under us
    uint32_t symbols[MLL_LANES] = {0}, largest = 0;
    mll_status status = MLL_OK;
    for (int32_t l = low; l <= high; l++) {
        const uint32_t stream = (source->first_stream + (uint32_t)l) & source->stream_mask;
        mll_rans_decoder *decoder = &source->streams[stream];
        if (decoder->end - decoder->next >= LOOKAHEAD)
            symbols[l] = decode_one(&model, &decoder->state, &decoder->next, found->context[l]);
        else
            status |= decode_last(&model, decoder, found->context[l], &symbols[l]);
    }
    if (status != MLL_OK)
        return MLL_TRUNCATED;
    // All lanes, so that compilers make vectors of it; what dead lanes get is not looked at.
    for (int32_t l = 0; l < MLL_LANES; l++) {
        largest = symbols[l] > largest ? symbols[l] : largest;
        samples[l] = (uint16_t)mll_unfold(symbols[l], found->prediction[l],
                                          (int32_t)model.max_sample, found->flip[l]);
    }
    return largest > model.max_sample ? MLL_CORRUPT : MLL_OK;
}
