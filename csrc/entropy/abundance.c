// SPDX-License-Identifier: Apache-2.0
#include "abundance.h"

#include <string.h>

#include "memory.h"

#define DENSITY_BITS 17 // log2 of the sum of a density

// 256 times a power of 2^(1/4).
static const uint32_t QUARTER_OCTAVES[4] = {256, 304, 362, 431};

static uint32_t abundance_stride(uint32_t max_sample)
{
    return 2 * max_sample + MLL_GROUP; // a last group may reach past the last residual
}

size_t mll_abundance_bytes(uint32_t n_contexts, uint32_t max_sample)
{
    size_t density = (size_t)n_contexts * 2 * abundance_stride(max_sample) * sizeof(uint32_t);
    size_t times = ((size_t)max_sample + MLL_GROUP) * sizeof(uint32_t);
    return mll_model_bytes(n_contexts) + density + times + n_contexts + 5 * MLL_ALIGN;
}

mll_status mll_abundance_init(mll_abundance *abundance, void *memory, size_t memory_bytes,
                              const mll_model_setup *setup, const int8_t *quarters)
{
    uint32_t max_sample = setup->max_sample;
    if (max_sample == 0 || max_sample > MLL_ABUNDANCE_MAX_SAMPLE)
        return MLL_ARGUMENT;
    for (uint32_t value = 0; value <= max_sample; value++)
        if (quarters[value] < MLL_ABUNDANCE_LEAST || quarters[value] > MLL_ABUNDANCE_MOST)
            return MLL_ARGUMENT;
    if (memory_bytes < mll_abundance_bytes(setup->n_contexts, max_sample))
        return MLL_CAPACITY;
    memset(memory, 0, memory_bytes);
    abundance->max_sample = max_sample;
    abundance->n_groups = max_sample / MLL_GROUP + 1;
    abundance->stride = abundance_stride(max_sample);
    uint8_t *at = mll_memory_begin(memory);
    size_t densities = (size_t)setup->n_contexts * 2 * abundance->stride;
    abundance->density = mll_memory_take(&at, densities * sizeof *abundance->density);
    abundance->times =
        mll_memory_take(&at, (size_t)abundance->n_groups * MLL_GROUP * sizeof *abundance->times);
    abundance->stale = mll_memory_take(&at, setup->n_contexts);
    memset(abundance->stale, 1, setup->n_contexts);
    for (uint32_t value = 0; value <= max_sample; value++) {
        int32_t octave = (quarters[value] - (quarters[value] & 3)) / 4;
        uint32_t mantissa = QUARTER_OCTAVES[quarters[value] & 3];
        abundance->times[value] = octave < 0 ? mantissa >> -octave : mantissa << octave;
    }
    mll_model_setup wider = *setup;
    wider.max_sample = 2 * max_sample;
    return mll_model_init(&abundance->model, at, mll_model_bytes(setup->n_contexts), &wider);
}

// Symbol of a residual, both signs without end.
static inline uint32_t residual_symbol(int32_t residual)
{
    return residual < 0 ? (uint32_t)(-2 * residual - 1) : (uint32_t)(2 * residual);
}

// Spreads the tables of a context over the residuals, as seen without and with flip.
static void density_build(mll_abundance *abundance, uint32_t context)
{
    const mll_model *model = &abundance->model;
    const uint16_t *freq = model->freq + (size_t)context * MLL_TOKEN_STRIDE;
    uint32_t *plain = abundance->density + (size_t)context * 2 * abundance->stride;
    uint32_t *flipped = plain + abundance->stride;
    uint32_t shift = model->shift[context], n_symbols = 2 * abundance->max_sample + 1;
    uint32_t symbol = 0, middle = abundance->max_sample;
    for (uint32_t token = 0; symbol < n_symbols; token++) {
        uint32_t n_raw = shift + model->extra[token], end = symbol + (1u << n_raw);
        uint32_t density = ((uint32_t)freq[token] << (DENSITY_BITS - MLL_SCALE_BITS)) >> n_raw;
        density = density > 1 ? density : 1;
        for (; symbol < end && symbol < n_symbols; symbol++) {
            uint32_t magnitude = (symbol + 1) >> 1;
            uint32_t place = symbol & 1 ? middle - magnitude : middle + magnitude;
            plain[place] = density;
            flipped[2 * middle - place] = density;
        }
    }
    abundance->stale[context] = 0;
}

void mll_abundance_end_band(mll_abundance *abundance)
{
    const mll_model *model = &abundance->model;
    for (uint32_t c = 0; c < model->n_contexts; c++) {
        const uint32_t *count = model->count + (size_t)c * MLL_TOKEN_STRIDE;
        uint32_t any = 0;
        for (uint32_t t = 0; t < MLL_TOKEN_STRIDE; t++)
            any |= count[t];
        if (any)
            abundance->stale[c] = 1;
    }
    mll_model_end_band(&abundance->model);
}

// Fills share and group and returns the sum of all shares.
static uint32_t shares_find(mll_abundance *abundance, const mll_hits *hits,
                            const mll_hits_place *place, uint32_t context, int32_t prediction,
                            int flip)
{
    if (abundance->stale[context])
        density_build(abundance, context);
    const uint32_t *density = abundance->density + (2 * (size_t)context + (flip != 0)) *
                              abundance->stride + (abundance->max_sample - (uint32_t)prediction);
    uint32_t total = 0;
    for (uint32_t g = 0; g < abundance->n_groups; g++) {
        const uint32_t *times = abundance->times + g * MLL_GROUP;
        uint32_t *share = abundance->share + g * MLL_GROUP, sum = 0;
        for (uint32_t i = 0; i < MLL_GROUP; i++) {
            share[i] = density[g * MLL_GROUP + i] * times[i];
            sum += share[i];
        }
        abundance->group[g] = sum;
        total += sum;
    }
    for (uint32_t i = 0; i < hits->n_candidates; i++)
        if (place->is_new[i]) {
            uint32_t value = place->value[i];
            abundance->group[value / MLL_GROUP] -= abundance->share[value];
            total -= abundance->share[value];
            abundance->share[value] = 0;
        }
    return total;
}

static void sample_count(mll_abundance *abundance, uint32_t context, int32_t prediction, int flip,
                         uint32_t sample)
{
    int32_t residual = flip ? prediction - (int32_t)sample : (int32_t)sample - prediction;
    uint32_t token = mll_token_of(residual_symbol(residual) >> abundance->model.shift[context]);
    abundance->model.count[(size_t)context * MLL_TOKEN_STRIDE + token] += 1;
}

// Shares as frequencies: each 1 + share * scale, the last one takes what is left of MLL_SCALE.
// Width: scale <= 2^47 / total and share <= total.
static uint64_t shares_scale(uint32_t total, uint32_t n)
{
    return ((uint64_t)(MLL_SCALE - n) << 32) / (total > 0 ? total : 1);
}

static uint32_t step_of(const uint32_t *share, uint32_t total, uint32_t n, uint32_t wanted)
{
    uint64_t scale = shares_scale(total, n);
    uint32_t cum = 0;
    for (uint32_t i = 0; i < wanted; i++)
        cum += 1 + (uint32_t)(share[i] * scale >> 32);
    uint32_t freq = 1 + (uint32_t)(share[wanted] * scale >> 32);
    if (wanted == n - 1)
        freq = MLL_SCALE - cum;
    return freq << 16 | cum;
}

static mll_status step_decode(mll_rans_decoder *decoder, const uint32_t *share, uint32_t total,
                              uint32_t n, uint32_t *found)
{
    uint64_t scale = shares_scale(total, n);
    uint32_t slot = decoder->state & (MLL_SCALE - 1), cum = 0, i = 0, freq;
    for (;; i++) {
        freq = 1 + (uint32_t)(share[i] * scale >> 32);
        if (i == n - 1)
            freq = MLL_SCALE - cum;
        if (slot < cum + freq)
            break;
        cum += freq;
    }
    *found = i;
    decoder->state = freq * (decoder->state >> MLL_SCALE_BITS) + slot - cum;
    return mll_rans_refill(decoder);
}

static uint32_t values_in(const mll_abundance *abundance, uint32_t group)
{
    uint32_t left = abundance->max_sample + 1 - group * MLL_GROUP;
    return left < MLL_GROUP ? left : MLL_GROUP;
}

void mll_abundance_fold(mll_abundance *abundance, const mll_hits *hits,
                        const mll_hits_place *place, uint32_t context, int32_t prediction, int flip,
                        uint32_t sample, uint32_t steps[2], double *expected)
{
    uint32_t total = shares_find(abundance, hits, place, context, prediction, flip);
    uint32_t group = sample / MLL_GROUP;
    steps[0] = step_of(abundance->group, total, abundance->n_groups, group);
    steps[1] = step_of(abundance->share + group * MLL_GROUP, abundance->group[group],
                       values_in(abundance, group), sample % MLL_GROUP);
    sample_count(abundance, context, prediction, flip, sample);
    if (expected != NULL && total > 0)
        for (uint32_t value = 0; value <= abundance->max_sample; value++)
            expected[value] += (double)abundance->share[value] / total;
}

mll_status mll_abundance_decode(mll_abundance *abundance, const mll_hits *hits,
                                const mll_hits_place *place, mll_rans_decoder *decoder,
                                uint32_t context, int32_t prediction, int flip, uint16_t *sample)
{
    uint32_t total = shares_find(abundance, hits, place, context, prediction, flip);
    uint32_t group = 0, inside = 0;
    mll_status status =
        step_decode(decoder, abundance->group, total, abundance->n_groups, &group);
    if (status == MLL_OK)
        status = step_decode(decoder, abundance->share + group * MLL_GROUP,
                             abundance->group[group], values_in(abundance, group), &inside);
    if (status == MLL_OK) {
        *sample = (uint16_t)(group * MLL_GROUP + inside);
        sample_count(abundance, context, prediction, flip, *sample);
    }
    return status;
}
