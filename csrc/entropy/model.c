// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include "memory.h"

size_t mll_model_bytes(uint32_t n_contexts)
{
    size_t entry = 2 * sizeof(uint32_t) + 2 * sizeof(uint16_t);
    size_t row = MLL_TOKEN_STRIDE * entry + MLL_N_HINTS + sizeof(uint64_t) + 3;
    size_t tokens = MLL_TOKEN_STRIDE * (sizeof(uint16_t) + sizeof(uint8_t));
    return (size_t)n_contexts * row + tokens + 12 * MLL_ALIGN;
}

static void model_place(mll_model *model, void *memory, uint32_t n_contexts)
{
    uint8_t *at = mll_memory_begin(memory);
    size_t entries = (size_t)n_contexts * MLL_TOKEN_STRIDE;
    model->weight = mll_memory_take(&at, entries * sizeof *model->weight);
    model->count = mll_memory_take(&at, entries * sizeof *model->count);
    model->freq = mll_memory_take(&at, entries * sizeof *model->freq);
    model->cum = mll_memory_take(&at, entries * sizeof *model->cum);
    model->base = mll_memory_take(&at, MLL_TOKEN_STRIDE * sizeof *model->base);
    model->extra = mll_memory_take(&at, MLL_TOKEN_STRIDE);
    model->shift = mll_memory_take(&at, n_contexts);
    model->n_tokens = mll_memory_take(&at, n_contexts);
    model->hint = mll_memory_take(&at, (size_t)n_contexts * MLL_N_HINTS);
    model->learned = mll_memory_take(&at, n_contexts * sizeof *model->learned);
    model->due = mll_memory_take(&at, n_contexts);
}

static mll_status setup_check(const mll_model_setup *setup)
{
    if (setup->n_contexts == 0 || setup->n_contexts > MLL_MAX_CONTEXTS || setup->max_sample > 65535
        || setup->increment > MLL_INCREMENT_MAX || setup->limit < MLL_LIMIT_MIN
        || setup->limit > MLL_LIMIT_MAX)
        return MLL_ARGUMENT;
    for (uint32_t c = 0; c < setup->n_contexts; c++) {
        const uint16_t *freq = setup->freq + (size_t)c * MLL_N_TOKENS;
        uint32_t sum = 0;
        for (uint32_t t = 0; t < MLL_N_TOKENS; t++) {
            if (freq[t] == 0)
                return MLL_ARGUMENT;
            sum += freq[t];
        }
        if (sum != MLL_SCALE || setup->shift[c] > MLL_SHIFT_FREE)
            return MLL_ARGUMENT;
    }
    return MLL_OK;
}

// The token of the first slot of each part is the last to begin there or before: each token is
// noted where it begins, later ones over earlier ones, and kept until the next. No branches, as
// none could be foreseen.
static void hints_build(uint8_t hint[MLL_N_HINTS], const uint16_t *cum, uint32_t n_tokens)
{
    uint8_t begins[MLL_N_HINTS + 1] = {0}, token = 0; // the last: after the first slot of all parts
    for (uint32_t t = 0; t < n_tokens; t++)
        begins[(cum[t] + (1u << MLL_HINT_BITS) - 1) >> MLL_HINT_BITS] = (uint8_t)t;
    for (uint32_t i = 0; i < MLL_N_HINTS; i++) {
        token = begins[i] > token ? begins[i] : token;
        hint[i] = token;
    }
}

// Scales the weights of a context to freq of sum MLL_SCALE, each >= 1.
// Widths: q <= 2^47 / total and weight <= total, so weight * q < 2^47; what rounding leaves over
// goes to the largest weight, which keeps every other freq a function of its own weight.
static void table_build(mll_model *model, uint32_t context)
{
    size_t row = (size_t)context * MLL_TOKEN_STRIDE;
    const uint32_t *weight = model->weight + row;
    uint16_t *freq = model->freq + row, *cum = model->cum + row;
    uint32_t n = model->n_tokens[context], left = MLL_SCALE, largest = 0, sum = 0;
    uint64_t total = 0;
    for (uint32_t t = 0; t < n; t++)
        total += weight[t];
    uint64_t q = ((uint64_t)(MLL_SCALE - n) << 32) / total;
    for (uint32_t t = 0; t < n; t++) {
        freq[t] = (uint16_t)(1 + ((weight[t] * q) >> 32));
        left -= freq[t];
        largest = weight[t] > weight[largest] ? t : largest;
    }
    freq[largest] = (uint16_t)(freq[largest] + left);
    for (uint32_t t = 0; t < n; t++) {
        cum[t] = (uint16_t)sum;
        sum += freq[t];
    }
    hints_build(model->hint + (size_t)context * MLL_N_HINTS, cum, n);
}

mll_status mll_model_init(mll_model *model, void *memory, size_t memory_bytes,
                          const mll_model_setup *setup)
{
    mll_status status = setup_check(setup);
    if (status != MLL_OK)
        return status;
    if (memory_bytes < mll_model_bytes(setup->n_contexts))
        return MLL_CAPACITY;
    model_place(model, memory, setup->n_contexts);
    model->n_contexts = setup->n_contexts;
    model->max_sample = setup->max_sample;
    model->increment = setup->increment;
    model->limit = setup->limit;
    for (uint32_t t = 0; t < MLL_TOKEN_STRIDE; t++) {
        model->extra[t] = (uint8_t)(t < MLL_N_TOKENS ? mll_token_extra_bits(t) : 0);
        model->base[t] = (uint16_t)(t < MLL_N_TOKENS ? mll_token_base(t) : 0);
    }
    for (uint32_t c = 0; c < setup->n_contexts; c++) {
        size_t row = (size_t)c * MLL_TOKEN_STRIDE;
        const int is_free = setup->shift[c] == MLL_SHIFT_FREE;
        model->shift[c] = is_free ? 0 : setup->shift[c];
        model->n_tokens[c] =
            (uint8_t)(is_free ? 1 : mll_token_count(setup->max_sample, setup->shift[c]));
        model->learned[c] = 0;
        model->due[c] = 1;
        for (uint32_t t = 0; t < MLL_TOKEN_STRIDE; t++) {
            int used = t < model->n_tokens[c];
            model->weight[row + t] = used ? setup->freq[(size_t)c * MLL_N_TOKENS + t] : 0;
            model->count[row + t] = 0;
            model->freq[row + t] = 0;
            model->cum[row + t] = UINT16_MAX;
        }
        table_build(model, c);
    }
    return MLL_OK;
}

// Widths: a tile has at most 2^28 samples and increment is at most 2^16, so the sum before halving
// stays below 2^31 + 2^44; after it every weight is at most limit. Halving rounds up: no weight
// becomes 0, and MLL_LIMIT_MIN is far above 54 ones, so it ends.
static void weights_learn(mll_model *model, uint32_t context)
{
    size_t row = (size_t)context * MLL_TOKEN_STRIDE;
    uint32_t n = model->n_tokens[context];
    uint64_t weight[MLL_TOKEN_STRIDE], total = 0;
    for (uint32_t t = 0; t < n; t++) {
        weight[t] = model->weight[row + t] + (uint64_t)model->increment * model->count[row + t];
        model->learned[context] += (uint64_t)model->increment * model->count[row + t];
        model->count[row + t] = 0;
        total += weight[t];
    }
    while (total > model->limit) {
        total = 0;
        for (uint32_t t = 0; t < n; t++) {
            weight[t] = (weight[t] + 1) >> 1;
            total += weight[t];
        }
    }
    for (uint32_t t = 0; t < n; t++)
        model->weight[row + t] = (uint32_t)weight[t];
    model->due[context] = MLL_DUE_SHARE * model->learned[context] >= total;
    if (model->due[context])
        model->learned[context] = 0;
}

void mll_model_end_band(mll_model *model)
{
    for (uint32_t c = 0; c < model->n_contexts; c++) {
        const uint32_t *count = model->count + (size_t)c * MLL_TOKEN_STRIDE;
        uint32_t any = 0;
        for (uint32_t t = 0; t < MLL_TOKEN_STRIDE; t++)
            any |= count[t];
        model->due[c] = 0;
        if (any) {
            weights_learn(model, c);
            table_build(model, c);
        }
    }
}

uint64_t mll_model_band_bits(const mll_model *model, const uint32_t *freq_bits)
{
    uint64_t bits = 0;
    for (uint32_t c = 0; c < model->n_contexts; c++) {
        size_t row = (size_t)c * MLL_TOKEN_STRIDE;
        for (uint32_t t = 0; t < model->n_tokens[c]; t++) {
            uint64_t n_raw = (uint64_t)model->shift[c] + model->extra[t];
            bits += model->count[row + t] * ((n_raw << 16) + freq_bits[model->freq[row + t]]);
        }
    }
    return bits;
}

static mll_status trace_band(mll_model *model, const mll_records *records,
                             const uint16_t *symbols, const uint8_t *contexts,
                             const uint16_t *flags, size_t at, size_t end)
{
    for (; at < end; at++) {
        if (flags != NULL && mll_flags_hit(flags + MLL_MAX_FLAGS * at)) {
            records->steps[at] = MLL_NO_STEP;
            records->raws[at] = MLL_NO_RAW;
            continue;
        }
        if (contexts[at] >= model->n_contexts || symbols[at] > model->max_sample)
            return MLL_ARGUMENT;
        mll_model_record(model, contexts[at], symbols[at], &records->steps[at],
                         &records->raws[at]);
    }
    return MLL_OK;
}

mll_status mll_model_trace(mll_model *model, const mll_records *records, const uint16_t *symbols,
                           const uint8_t *contexts, const uint16_t *flags,
                           const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    size_t at = 0;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0, height; row < shape->rows; row += height) {
            height = mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            size_t end = at + (size_t)height * shape->cols;
            mll_status status = trace_band(model, records, symbols, contexts, flags, at, end);
            if (status != MLL_OK)
                return status;
            mll_model_end_band(model);
            at = end;
        }
    return MLL_OK;
}
