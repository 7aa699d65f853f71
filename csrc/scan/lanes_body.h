// SPDX-License-Identifier: Apache-2.0
// The body of every mll_lanes_decode that goes lane by lane: include after defining
//   TARGET   the function attribute of the ISA, or nothing
//   FIND     static inline uint32_t FIND(const uint16_t *cum, uint32_t slot), the last entry of
//            cum[MLL_TOKEN_STRIDE] at or below the slot
//   DECODE   the name of the function to define
#include "../entropy/fold.h"
#include "lanes.h"

// Takes a 16-bit word into a state below 2^16. Shifts and masks, as whether a word is due cannot be
// foreseen and compilers turn a choice into a branch.
TARGET static inline uint32_t refill(uint32_t state, const uint8_t *payload, uint32_t *next)
{
    const uint32_t word = (uint32_t)payload[*next] | (uint32_t)payload[*next + 1] << 8;
    const uint32_t due = (state - MLL_RANS_LOW) >> 31 & ~(state >> 31); // 1 below 2^16
    *next += 2 * due;
    return state << 16 * due | (word & (0 - due));
}

// Token step and raw step of one lane. Both may read a word; where the stream has none left, next
// passes its end, but the bytes are there: others, or the slack behind the payload.
TARGET static inline uint32_t decode_one(mll_lanes *lanes, int32_t lane, uint32_t context)
{
    mll_lanes_table *table = &lanes->tables[context];
    uint32_t x = lanes->state[lane], slot = x & (MLL_SCALE - 1), next = lanes->next[lane];
    const uint32_t token = FIND(table->cum, slot);
    const uint64_t entry = table->entry[token];
    table->count[token] += 1;
    const uint32_t freq = (uint32_t)(entry & 0xFFFF), cum = (uint32_t)(entry >> 16 & 0xFFFF);
    x = freq * (x >> MLL_SCALE_BITS) + slot - cum;
    x = refill(x, lanes->payload, &next);
    const uint32_t freq_log2 = MLL_SCALE_BITS - (uint32_t)(entry >> 48);
    slot = x & (MLL_SCALE - 1);
    x = ((x >> MLL_SCALE_BITS) << freq_log2) + (slot & ((1u << freq_log2) - 1));
    lanes->state[lane] = refill(x, lanes->payload, &next);
    lanes->next[lane] = next;
    return (uint32_t)(entry >> 32 & 0xFFFF) + (slot >> freq_log2);
}

TARGET mll_status DECODE(mll_lanes *lanes, uint32_t alive, const mll_prediction *found,
                         uint16_t *samples)
{
    const uint32_t max_sample = lanes->model->max_sample;
    uint32_t symbols[MLL_LANES] = {0}, largest = 0, is_past = 0;
    for (int32_t l = 0; l < MLL_LANES; l++) {
        if (!(alive >> l & 1))
            continue;
        symbols[l] = decode_one(lanes, l, found->context[l]);
        is_past |= lanes->next[l] > lanes->end[l];
    }
    if (is_past)
        return MLL_TRUNCATED;
    // All lanes, so that compilers make vectors of it; what dead lanes get is not looked at.
    for (int32_t l = 0; l < MLL_LANES; l++) {
        largest = symbols[l] > largest ? symbols[l] : largest;
        samples[l] = (uint16_t)mll_unfold(symbols[l], found->prediction[l], (int32_t)max_sample,
                                          found->flip[l]);
    }
    return largest > max_sample ? MLL_CORRUPT : MLL_OK;
}
