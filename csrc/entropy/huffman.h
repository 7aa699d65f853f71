// SPDX-License-Identifier: Apache-2.0
// Read me first
// - Bits are read from the most significant bit of a byte down; a stream is zero padded to a byte.
// - Codes are canonical, at most 15 bits, made from the model's freq; remade at an end of
//   band for contexts that are due (model.h).
//   A code with one token has length 0: nothing is read.
// - Contexts where zeros are common (run_log2 > 0) code words instead of tokens. Word 0 is a full
//   run of 2^run_log2 zeros; word 1 + 8 * class + q is a run of (q << shift) + r zeros, r being
//   shift = run_log2 - 3 raw bits after the word, that ends with a sample of class 0..3: token 1,
//   2, 3, or an escape, whose token (>= 4) is read from a second code when its sample is reached.
// - A pending run lives on from band to band; it is dropped where its context stops coding words,
//   so mll_huffman_end_band() needs all decoders.
// - One symbol takes at most 15 + 9 + 15 + 15 bits, so one refill to 56 bits serves it.
// - After an error the decoder and the counts of the model are worthless; throw them away.
#ifndef MLL_HUFFMAN_H
#define MLL_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

#include "../status.h"
#include "model.h"
#include "tile.h"

#define MLL_CODE_BITS 15   // longest code
#define MLL_CODE_STRIDE 16 // lengths 0..15

#define MLL_RUN_PARTS_LOG2 3 // a full run is 8 parts of 2^shift zeros
#define MLL_RUN_CLASSES 4    // what may end a run: tokens 1, 2, 3, or a token from 4 up
#define MLL_RUN_LOG2_MAX 12
#define MLL_RUN_FREQ_MIN 12288 // freq of zero from which on a context codes words

// Codes of all contexts, in one piece of memory that the caller owns. Set 2 * context codes tokens
// or words, set 2 * context + 1 the tokens of escapes.
typedef struct {
    uint16_t *limit;   // [sets][16] end of the codes of length <= l, left justified to 15 bits
    int16_t *offset;   // [sets][16] place in `order` minus code, for codes of length l
    uint8_t *order;    // [sets][64] tokens or words by code
    uint16_t *code;    // [sets][64] by token or word, right justified
    uint8_t *length;   // [sets][64] by token or word
    uint8_t *run_log2; // [n_contexts] 0: tokens; 3..12: words
    uint32_t n_contexts;
} mll_huffman_code;

typedef struct {
    uint64_t window;           // next bits, left justified
    int32_t n_bits;            // valid bits of the window; negative once read past the end
    const uint8_t *next, *end; // bytes not yet in the window
    uint16_t runs[MLL_MAX_CONTEXTS]; // pending: 8 * zeros + 1 + class of its end, + 0 if full
} mll_huffman_decoder;

// Bytes of memory the codes of n_contexts contexts need; any alignment will do.
size_t mll_huffman_code_bytes(uint32_t n_contexts);

// Lays the codes out in memory[0..memory_bytes) and makes them from a fresh model.
mll_status mll_huffman_code_init(mll_huffman_code *code, void *memory, size_t memory_bytes,
                                 const mll_model *model);

// Ends the band of the model, remakes the codes that changed and drops the runs that must go.
void mll_huffman_end_band(mll_huffman_code *code, mll_model *model, mll_huffman_decoder *decoders,
                          uint32_t n_decoders);

// run_log2 of a context by the freq of its zeros.
uint32_t mll_huffman_run_log2(const mll_model *model, uint32_t context);

static inline mll_status mll_huffman_init(mll_huffman_decoder *decoder, const uint8_t *next,
                                          const uint8_t *end)
{
    decoder->window = 0;
    decoder->n_bits = 0;
    decoder->next = next;
    decoder->end = end;
    for (uint32_t c = 0; c < MLL_MAX_CONTEXTS; c++)
        decoder->runs[c] = 0;
    return MLL_OK;
}

static inline uint64_t mll_huffman_load(const uint8_t *p)
{
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40
           | (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16
           | (uint64_t)p[6] << 8 | (uint64_t)p[7];
}

// At least 56 valid bits, or all that are left. Loading the same bits twice is harmless: the part
// of a byte that did not count lies in the window already and is or-ed with itself.
static inline void mll_huffman_refill(mll_huffman_decoder *decoder)
{
    if (decoder->end - decoder->next >= 8) {
        decoder->window |= mll_huffman_load(decoder->next) >> decoder->n_bits;
        decoder->next += (63 - decoder->n_bits) >> 3;
        decoder->n_bits |= 56;
        return;
    }
    while (decoder->n_bits < 56 && decoder->next < decoder->end) {
        decoder->window |= (uint64_t)*decoder->next++ << (56 - decoder->n_bits);
        decoder->n_bits += 8;
    }
}

// Removes n_bits (0..15) bits from the window and returns them.
static inline uint32_t mll_huffman_take(mll_huffman_decoder *decoder, uint32_t n_bits)
{
    uint32_t bits = (uint32_t)(decoder->window >> 1 >> (63 - n_bits));
    decoder->window <<= n_bits;
    decoder->n_bits -= (int32_t)n_bits;
    return bits;
}

// The length is the number of limits at or below the next 15 bits.
static inline uint32_t mll_huffman_take_code(const mll_huffman_code *code,
                                             mll_huffman_decoder *decoder, uint32_t set)
{
    const uint16_t *limit = code->limit + (size_t)set * MLL_CODE_STRIDE;
    uint16_t peek = (uint16_t)(decoder->window >> (64 - MLL_CODE_BITS));
    uint32_t length = 0;
    for (uint32_t l = 0; l < MLL_CODE_STRIDE; l++)
        length += limit[l] <= peek;
    int32_t place = code->offset[(size_t)set * MLL_CODE_STRIDE + length]
                    + (int32_t)mll_huffman_take(decoder, length);
    return code->order[(size_t)set * MLL_TOKEN_STRIDE + (uint32_t)place];
}

// Reads a word and returns the run as `runs` keeps it.
static inline uint32_t mll_huffman_take_run(const mll_huffman_code *code,
                                            mll_huffman_decoder *decoder, uint32_t context)
{
    uint32_t word = mll_huffman_take_code(code, decoder, 2 * context);
    if (word == 0)
        return 8u << code->run_log2[context];
    uint32_t shift = code->run_log2[context] - MLL_RUN_PARTS_LOG2;
    uint32_t zeros = (word - 1) % (1u << MLL_RUN_PARTS_LOG2) << shift;
    zeros += mll_huffman_take(decoder, shift);
    return 8 * zeros + 1 + ((word - 1) >> MLL_RUN_PARTS_LOG2);
}

// Token of the next sample of a context that codes words.
static inline uint32_t mll_huffman_take_run_token(const mll_huffman_code *code,
                                                  mll_huffman_decoder *decoder, uint32_t context)
{
    uint32_t run = decoder->runs[context];
    if (run == 0)
        run = mll_huffman_take_run(code, decoder, context);
    decoder->runs[context] = (uint16_t)(run < 8 ? 0 : run - 8);
    if (run >= 8)
        return 0;
    return run < MLL_RUN_CLASSES ? run : mll_huffman_take_code(code, decoder, 2 * context + 1);
}

// Decodes the next symbol of a stream and counts its token.
// context < model->n_contexts is the caller's duty. *symbol is at most model->max_sample on MLL_OK.
static inline mll_status mll_huffman_decode_symbol(mll_model *model, const mll_huffman_code *code,
                                                   mll_huffman_decoder *decoder, uint32_t context,
                                                   uint32_t *symbol)
{
    mll_huffman_refill(decoder);
    uint32_t shift = model->shift[context];
    uint32_t token = code->run_log2[context]
                         ? mll_huffman_take_run_token(code, decoder, context)
                         : mll_huffman_take_code(code, decoder, 2 * context);
    uint32_t raw = mll_huffman_take(decoder, model->extra[token] + shift);
    model->count[(size_t)context * MLL_TOKEN_STRIDE + token] += 1;
    *symbol = ((uint32_t)model->base[token] << shift) + raw;
    if (decoder->n_bits < 0)
        return MLL_TRUNCATED;
    return *symbol > model->max_sample ? MLL_CORRUPT : MLL_OK;
}

// MLL_OK when less than a byte is left and it is zero, else MLL_CORRUPT.
static inline mll_status mll_huffman_finished(const mll_huffman_decoder *decoder)
{
    int64_t left = decoder->n_bits + 8 * (int64_t)(decoder->end - decoder->next);
    return left < 8 && decoder->window == 0 ? MLL_OK : MLL_CORRUPT;
}

// Capacity that mll_huffman_encode_tile can never exceed.
size_t mll_huffman_bound(const mll_tile_shape *shape);

// The encoder goes through a tile twice, for a word stands before the first zero of its run: first
// this function, which uses up a fresh model and writes what the words will say to runs[samples];
// then mll_huffman_encode_tile with a fresh model again.
mll_status mll_huffman_find_runs(mll_model *model, uint32_t *runs, const uint16_t *symbols,
                                 const uint8_t *contexts, const mll_tile_shape *shape);

// Encodes a whole tile into output[0..*payload_bytes).
//   code      initialised from the fresh model
//   runs      [samples] from mll_huffman_find_runs
// Otherwise like mll_rans_encode_tile.
mll_status mll_huffman_encode_tile(mll_model *model, mll_huffman_code *code, uint8_t *output,
                                   size_t capacity, size_t *payload_bytes, const uint32_t *runs,
                                   const uint16_t *symbols, const uint8_t *contexts,
                                   const mll_tile_shape *shape);

// Decodes a whole tile whose contexts are known beforehand.
mll_status mll_huffman_decode_tile(mll_model *model, mll_huffman_code *code, uint16_t *symbols,
                                   const uint8_t *payload, size_t payload_bytes,
                                   const uint8_t *contexts, const mll_tile_shape *shape);

#endif
