// SPDX-License-Identifier: Apache-2.0
// The body of every mll_lanes_decode: include after defining
//   TARGET   the function attribute of the ISA, or nothing
//   FIND     static inline uint32_t FIND(const mll_model *, uint32_t context, uint32_t slot)
//   DECODE   the name of the function to define
#include "fold.h"
#include "lanes.h"

// One token step and one raw step of rANS; both refills are checked together at the end, the words
// read beyond the end being zeros.
TARGET static inline uint32_t decode_one(mll_model *model, mll_rans_decoder *decoder,
                                         uint32_t context, uint32_t *short_of_bytes)
{
    const size_t row = (size_t)context * MLL_TOKEN_STRIDE;
    const uint32_t shift = model->shift[context];
    uint32_t x = decoder->state, slot = x & (MLL_SCALE - 1);
    const uint32_t token = FIND(model, context, slot);
    x = model->freq[row + token] * (x >> MLL_SCALE_BITS) + slot - model->cum[row + token];
    model->count[row + token] += 1;
    *short_of_bytes |= mll_rans_refill_word(decoder, &x);
    const uint32_t n_raw = model->extra[token] + shift, freq_log2 = MLL_SCALE_BITS - n_raw;
    slot = x & (MLL_SCALE - 1);
    const uint32_t raw = slot >> freq_log2;
    x = ((x >> MLL_SCALE_BITS) << freq_log2) + (slot & ((1u << freq_log2) - 1));
    *short_of_bytes |= mll_rans_refill_word(decoder, &x);
    decoder->state = x;
    return ((uint32_t)model->base[token] << shift) + raw;
}

TARGET mll_status DECODE(const mll_lanes_source *source, int32_t low, int32_t high,
                         const uint16_t *prediction, const uint8_t *context, const uint8_t *flip,
                         uint16_t *samples)
{
    mll_model *model = source->model;
    uint32_t symbols[16], short_of_bytes = 0, largest = 0;
    for (int32_t l = low; l <= high; l++) {
        uint32_t stream = (source->first_stream + (uint32_t)l) & source->stream_mask;
        symbols[l] = decode_one(model, &source->streams[stream], context[l], &short_of_bytes);
    }
    for (int32_t l = low; l <= high; l++)
        largest = symbols[l] > largest ? symbols[l] : largest;
    if (short_of_bytes)
        return MLL_TRUNCATED;
    if (largest > model->max_sample)
        return MLL_CORRUPT;
    for (int32_t l = low; l <= high; l++)
        samples[l] = (uint16_t)mll_unfold(symbols[l], prediction[l], (int32_t)model->max_sample,
                                          flip[l]);
    return MLL_OK;
}
