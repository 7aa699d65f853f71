// SPDX-License-Identifier: Apache-2.0
// The entropy coder against the reference: residuals to symbols to payload, and back.
#include <stdio.h>
#include <string.h>

#include "entropy/fold.h"
#include "entropy/huffman.h"
#include "entropy/rans.h"
#include "proof_tile.h"

// A model as it starts, and the codes made from it.
typedef struct {
    mll_model model;
    mll_huffman_code code;
} tables;

static void read_tile(proof_cursor *cursor, proof_tile *tile)
{
    proof_name(cursor, tile->name);
    tile->use_huffman = (int)proof_u8(cursor);
    tile->shape.streams_log2 = proof_u8(cursor);
    tile->shape.band_rows_log2 = proof_u8(cursor);
    tile->shape.frames = proof_u16(cursor);
    tile->shape.rows = proof_u16(cursor);
    tile->shape.cols = proof_u16(cursor);
    tile->setup.max_sample = proof_u16(cursor);
    tile->setup.increment = proof_u32(cursor);
    tile->setup.limit = proof_u32(cursor);
    tile->setup.n_contexts = proof_u16(cursor);
    tile->setup.shift = proof_array_u8(cursor, tile->setup.n_contexts);
    tile->setup.freq = proof_array_u16(cursor, (size_t)tile->setup.n_contexts * MLL_N_TOKENS);
    tile->n_samples = (size_t)tile->shape.frames * tile->shape.rows * tile->shape.cols;
    tile->samples = proof_array_u16(cursor, tile->n_samples);
    tile->predictions = proof_array_u16(cursor, tile->n_samples);
    tile->flips = proof_array_u8(cursor, tile->n_samples);
    tile->contexts = proof_array_u8(cursor, tile->n_samples);
    tile->symbols = proof_array_u16(cursor, tile->n_samples);
    tile->payload_bytes = proof_u32(cursor);
    tile->payload = proof_array_u8(cursor, tile->payload_bytes);
}

mll_status proof_model(const proof_tile *tile, mll_model *model)
{
    const size_t n_bytes = mll_model_bytes(tile->setup.n_contexts);
    return mll_model_init(model, proof_memory(n_bytes, 1), n_bytes, &tile->setup);
}

static mll_status open_tables(const proof_tile *tile, tables *fresh)
{
    const size_t code_bytes = mll_huffman_code_bytes(tile->setup.n_contexts);
    mll_status status = proof_model(tile, &fresh->model);
    if (status == MLL_OK && tile->use_huffman)
        status = mll_huffman_code_init(&fresh->code, proof_memory(code_bytes, 1), code_bytes,
                                       &fresh->model);
    return status;
}

static mll_status decode(const proof_tile *tile, size_t payload_bytes, uint16_t *symbols)
{
    tables fresh;
    mll_status status = open_tables(tile, &fresh);
    if (status != MLL_OK)
        return status;
    if (tile->use_huffman)
        return mll_huffman_decode_tile(&fresh.model, &fresh.code, symbols, tile->payload,
                                       payload_bytes, tile->contexts, &tile->shape);
    return mll_rans_decode_tile(&fresh.model, symbols, tile->payload, payload_bytes,
                                tile->contexts, &tile->shape);
}

// Sets *output to the payload, of *n_bytes.
static mll_status encode(const proof_tile *tile, uint8_t **output, size_t *n_bytes)
{
    tables fresh, used_up;
    const size_t n_records = tile->n_samples + MLL_RECORD_SLACK;
    mll_records work = {proof_memory(n_records, sizeof *work.steps),
                        proof_memory(n_records, sizeof *work.raws)};
    size_t capacity = tile->use_huffman ? mll_huffman_bound(&tile->shape)
                                        : mll_rans_bound(&tile->shape, 0);
    size_t start = 0;
    *output = proof_memory(capacity, 1);
    mll_status status = open_tables(tile, &fresh);
    if (status == MLL_OK)
        status = open_tables(tile, &used_up);
    if (status != MLL_OK)
        return status;
    if (!tile->use_huffman) {
        status = mll_rans_encode_tile(&fresh.model, *output, capacity, &start, &work,
                                      tile->symbols, tile->contexts, NULL, &tile->shape);
        *output += start;
        *n_bytes = capacity - start;
        return status;
    }
    status = mll_huffman_find_runs(&used_up.model, work.steps, tile->symbols, tile->contexts,
                                   &tile->shape);
    if (status != MLL_OK)
        return status;
    return mll_huffman_encode_tile(&fresh.model, &fresh.code, *output, capacity, n_bytes,
                                   work.steps, tile->symbols, tile->contexts, &tile->shape);
}

static int folds_are_equal(const proof_tile *tile)
{
    const int32_t max_sample = (int32_t)tile->setup.max_sample;
    for (size_t i = 0; i < tile->n_samples; i++) {
        const int32_t prediction = tile->predictions[i], flip = tile->flips[i];
        if (mll_fold(tile->samples[i], prediction, max_sample, flip) != tile->symbols[i]
            || mll_unfold(tile->symbols[i], prediction, max_sample, flip) != tile->samples[i])
            return 0;
    }
    return 1;
}

void proof_expect(const proof_tile *tile, int holds, const char *what, proof_totals *totals)
{
    if (holds)
        return;
    printf("NOT OK: tile %s: %s\n", tile->name, what);
    totals->n_wrong += 1;
}

void check_tile(proof_cursor *cursor, proof_totals *totals)
{
    const size_t mark = proof_mark();
    proof_tile tile = {0};
    read_tile(cursor, &tile);
    uint16_t *symbols = proof_memory(tile.n_samples, sizeof *symbols);
    uint8_t *payload = NULL;
    size_t payload_bytes = 0;
    const size_t n_bytes = tile.n_samples * sizeof *symbols;
    proof_expect(&tile, folds_are_equal(&tile), "fold and unfold differ", totals);
    mll_status status = encode(&tile, &payload, &payload_bytes);
    int equal = payload_bytes == tile.payload_bytes
                && memcmp(payload, tile.payload, payload_bytes) == 0;
    proof_expect(&tile, status == MLL_OK && equal, "the encoder writes another payload", totals);
    status = decode(&tile, tile.payload_bytes, symbols);
    equal = memcmp(symbols, tile.symbols, n_bytes) == 0;
    proof_expect(&tile, status == MLL_OK && equal, "the decoder gives other symbols", totals);
    status = decode(&tile, tile.payload_bytes - 1, symbols);
    proof_expect(&tile, status != MLL_OK, "without its last byte it is not refused", totals);
    check_lanes(&tile, totals);
    totals->n_tiles += 1;
    proof_release(mark);
}
