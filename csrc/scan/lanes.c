// SPDX-License-Identifier: Apache-2.0
#include "lanes.h"

#include <string.h>

#include "../entropy/memory.h"

mll_lanes_decode_fn *mll_lanes_decoder(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX2)
        return mll_lanes_decode_avx2;
    if (kernel == MLL_AVX512)
        return mll_lanes_decode_avx512;
#endif
    (void)kernel;
    return mll_lanes_decode_plain;
}

size_t mll_lanes_bytes(uint32_t n_contexts)
{
    return ((size_t)n_contexts + 1) * sizeof(mll_lanes_table) + MLL_ALIGN;
}

static void table_take(mll_lanes_table *table, const mll_model *model, uint32_t context)
{
    const size_t row = (size_t)context * MLL_TOKEN_STRIDE;
    const uint32_t shift = model->shift[context], n = model->n_tokens[context];
    memcpy(table->cum, model->cum + row, sizeof table->cum);
    for (uint32_t t = 0; t < n; t++)
        table->entry[t] = (uint64_t)model->freq[row + t] | (uint64_t)model->cum[row + t] << 16
                          | (uint64_t)model->base[t] << shift << 32
                          | (uint64_t)(model->extra[t] + shift) << 48;
}

static void table_nothing(mll_lanes_table *table)
{
    memset(table->cum, 0xFF, sizeof table->cum);
    table->cum[0] = 0;
    table->entry[0] = MLL_SCALE;
}

mll_status mll_lanes_init(mll_lanes *lanes, void *memory, mll_model *model, uint32_t n_streams,
                          const uint8_t *payload, size_t payload_bytes)
{
    const uint8_t *next[MLL_MAX_STREAMS], *end[MLL_MAX_STREAMS];
    if (payload_bytes > MLL_MAX_PAYLOAD_BYTES)
        return MLL_CORRUPT; // a tile has at most 2^28 samples of at most two words
    memset(lanes, 0, sizeof *lanes);
    memset(memory, 0, mll_lanes_bytes(model->n_contexts));
    lanes->payload = payload;
    lanes->tables = (mll_lanes_table *)mll_memory_begin(memory);
    lanes->model = model;
    lanes->n_streams = n_streams;
    for (uint32_t context = 0; context < model->n_contexts; context++)
        table_take(&lanes->tables[context], model, context);
    table_nothing(&lanes->tables[model->n_contexts]);
    mll_status status = mll_payload_split(next, end, n_streams, payload, payload_bytes);
    for (uint32_t i = 0; i < MLL_LANES; i++)
        lanes->state[i] = MLL_RANS_LOW;
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++) {
        mll_rans_decoder stream;
        status = mll_rans_init(&stream, next[i], end[i]);
        if (status != MLL_OK)
            return status;
        lanes->state[i] = stream.state;
        lanes->next[i] = (uint32_t)(stream.next - payload);
        lanes->end[i] = (uint32_t)(stream.end - payload);
    }
    return status;
}

// Adds the counts of a context to those of the model. Returns whether there are any.
static int table_give(mll_lanes_table *table, mll_model *model, uint32_t context)
{
    uint32_t *count = model->count + (size_t)context * MLL_TOKEN_STRIDE, any = 0;
    for (uint32_t t = 0; t < MLL_TOKEN_STRIDE; t++)
        any |= count[t] += table->count[t];
    if (any != 0)
        memset(table->count, 0, sizeof table->count);
    return any != 0;
}

void mll_lanes_end_band(mll_lanes *lanes)
{
    mll_model *model = lanes->model;
    uint8_t is_new[MLL_MAX_CONTEXTS];
    for (uint32_t context = 0; context < model->n_contexts; context++)
        is_new[context] = (uint8_t)table_give(&lanes->tables[context], model, context);
    mll_model_end_band(model);
    for (uint32_t context = 0; context < model->n_contexts; context++)
        if (is_new[context])
            table_take(&lanes->tables[context], model, context);
}

mll_status mll_lanes_finished(const mll_lanes *lanes)
{
    for (uint32_t i = 0; i < lanes->n_streams; i++)
        if (lanes->state[i] != MLL_RANS_LOW || lanes->next[i] != lanes->end[i])
            return MLL_CORRUPT;
    return MLL_OK;
}
