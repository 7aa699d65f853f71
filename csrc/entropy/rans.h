// SPDX-License-Identifier: Apache-2.0
// Read me first
// - The state x stays in [2^16, 2^32) between steps; words are 16 bits, little endian.
// - The encoder runs backwards, so the decoder reads forwards and must end at x = 2^16, the state
//   that the encoder began with, with no byte left: anything else is MLL_CORRUPT.
// - One symbol is two steps, token then raw bits. Raw bits are a token of freq 2^(15 - n_raw), so
//   the second step needs no table; with n_raw = 0 it leaves x alone and needs no branch.
// - Streams are independent: encoding takes one step of each in turn, so that their long chains of
//   dependent instructions overlap. The bytes do not depend on that.
// - After an error the decoder and the counts of the model are worthless; throw them away.
//
// Source: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540, section 4 (range variant).
#ifndef MLL_RANS_H
#define MLL_RANS_H

#include <stddef.h>
#include <stdint.h>

#include "../status.h"
#include "model.h"
#include "tile.h"

#define MLL_RANS_LOW (1u << 16)

typedef struct {
    uint32_t state;
    const uint8_t *next, *end; // bytes not yet read
} mll_rans_decoder;

static inline mll_status mll_rans_init(mll_rans_decoder *decoder, const uint8_t *next,
                                       const uint8_t *end)
{
    if (end - next < 4)
        return MLL_TRUNCATED;
    decoder->state = (uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16
                     | (uint32_t)next[3] << 24;
    decoder->next = next + 4;
    decoder->end = end;
    return decoder->state < MLL_RANS_LOW ? MLL_CORRUPT : MLL_OK;
}

// Brings the state back to 2^16 or more. One word is enough: a step leaves x >= 1.
static inline mll_status mll_rans_refill(mll_rans_decoder *decoder)
{
    if (decoder->state < MLL_RANS_LOW) {
        if (decoder->end - decoder->next < 2)
            return MLL_TRUNCATED;
        uint32_t word = (uint32_t)decoder->next[0] | (uint32_t)decoder->next[1] << 8;
        decoder->state = decoder->state << 16 | word;
        decoder->next += 2;
    }
    return MLL_OK;
}

static inline mll_status mll_rans_decode_token(mll_model *model, mll_rans_decoder *decoder,
                                               uint32_t context, uint32_t *token)
{
    uint32_t x = decoder->state, slot = x & (MLL_SCALE - 1);
    *token = mll_model_find(model, context, slot);
    size_t entry = (size_t)context * MLL_TOKEN_STRIDE + *token;
    decoder->state = model->freq[entry] * (x >> MLL_SCALE_BITS) + slot - model->cum[entry];
    model->count[entry] += 1;
    return mll_rans_refill(decoder);
}

static inline mll_status mll_rans_decode_raw(mll_rans_decoder *decoder, uint32_t n_raw,
                                             uint32_t *raw)
{
    uint32_t x = decoder->state, slot = x & (MLL_SCALE - 1);
    uint32_t freq_log2 = MLL_SCALE_BITS - n_raw;
    *raw = slot >> freq_log2;
    decoder->state = ((x >> MLL_SCALE_BITS) << freq_log2) + (slot & ((1u << freq_log2) - 1));
    return mll_rans_refill(decoder);
}

// Decodes a yes (1) that has a freq of MLL_SCALE, 1..MLL_SCALE - 1, or a no (0).
static inline mll_status mll_rans_decode_flag(mll_rans_decoder *decoder, uint32_t freq,
                                              uint32_t *flag)
{
    uint32_t x = decoder->state, slot = x & (MLL_SCALE - 1);
    *flag = slot < freq;
    decoder->state = *flag ? freq * (x >> MLL_SCALE_BITS) + slot
                           : (MLL_SCALE - freq) * (x >> MLL_SCALE_BITS) + slot - freq;
    return mll_rans_refill(decoder);
}

// Decodes the next symbol of a stream and counts its token.
// context < model->n_contexts is the caller's duty. *symbol is at most model->max_sample on MLL_OK.
static inline mll_status mll_rans_decode_symbol(mll_model *model, mll_rans_decoder *decoder,
                                                uint32_t context, uint32_t *symbol)
{
    uint32_t token = 0, raw = 0, shift = model->shift[context];
    mll_status status = mll_rans_decode_token(model, decoder, context, &token);
    if (status != MLL_OK)
        return status;
    status = mll_rans_decode_raw(decoder, model->extra[token] + shift, &raw);
    if (status != MLL_OK)
        return status;
    *symbol = ((uint32_t)model->base[token] << shift) + raw;
    return *symbol > model->max_sample ? MLL_CORRUPT : MLL_OK;
}

// MLL_OK when the stream ended where its encoder began, else MLL_CORRUPT.
static inline mll_status mll_rans_finished(const mll_rans_decoder *decoder)
{
    return decoder->state == MLL_RANS_LOW && decoder->next == decoder->end ? MLL_OK : MLL_CORRUPT;
}

// The encoders of a tile's streams. They write backwards from `next`, which the bound keeps inside
// the buffer.
typedef struct {
    uint32_t state[MLL_MAX_STREAMS];
    uint8_t *next[MLL_MAX_STREAMS];
} mll_rans_encoders;

// Encodes n_rows rows of cols records each, row r by encoder r, from the last column to the first.
// Variants for an ISA are for MLL_MAX_STREAMS rows only, and may read MLL_RECORD_SLACK records
// behind the last.
typedef void mll_rans_rows_fn(mll_rans_encoders *encoders, const uint32_t *steps,
                              const uint16_t *raws, uint32_t n_rows, uint32_t cols);

mll_rans_rows_fn mll_rans_rows_plain, mll_rans_rows_avx512;

// The variant that goes with a kernel (mll_kernel); the plain one where there is none.
mll_rans_rows_fn *mll_rans_rows(int32_t kernel);

// Capacity that encoding a tile can never exceed: two words a sample and one a flag, state and
// length of each stream.
size_t mll_rans_bound(const mll_tile_shape *shape, int has_flags);

// Encodes the records of a tile. The payload is output[*start .. capacity).
//   records   [samples + MLL_RECORD_SLACK]
//   flags     NULL or [samples][MLL_MAX_FLAGS], 2 * freq + flag of each coded before the symbol, 0
//             of others; the symbol behind a yes has a record that codes nothing
mll_status mll_rans_encode_records(mll_rans_rows_fn *rows, uint8_t *output, size_t capacity,
                                   size_t *start, const mll_records *records,
                                   const uint16_t *flags, const mll_tile_shape *shape);

// Encodes a whole tile. The payload is output[*start .. capacity).
//   model     freshly initialised; its tables are those after the last band afterwards
//   work      records [samples + MLL_RECORD_SLACK], scratch
//   symbols, contexts   [frames][rows][cols], every symbol <= max_sample, context < n_contexts
//   flags     as above
// MLL_ARGUMENT where a symbol, a context or the shape is out of range.
mll_status mll_rans_encode_tile(mll_model *model, uint8_t *output, size_t capacity, size_t *start,
                                const mll_records *work, const uint16_t *symbols,
                                const uint8_t *contexts, const uint16_t *flags,
                                const mll_tile_shape *shape);

// The same where each sample that is no candidate is coded in two steps that are known already.
//   steps     [samples][2], freq << 16 | cum, freq 1..MLL_SCALE and cum + freq <= MLL_SCALE
mll_status mll_rans_encode_steps(uint8_t *output, size_t capacity, size_t *start,
                                 const uint32_t *steps, const uint16_t *flags,
                                 const mll_tile_shape *shape);

// Decodes a whole tile whose contexts are known beforehand.
mll_status mll_rans_decode_tile(mll_model *model, uint16_t *symbols, const uint8_t *payload,
                                size_t payload_bytes, const uint8_t *contexts,
                                const mll_tile_shape *shape);

#endif
