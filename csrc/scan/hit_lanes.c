// SPDX-License-Identifier: Apache-2.0
// The definition: every lane by itself, with the model's own tables.
#include "hit_lanes.h"

#include "../entropy/fold.h"

mll_hit_lanes_decode_fn *mll_hit_lanes_decoder(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX512)
        return mll_hit_lanes_decode_avx512;
#endif
    (void)kernel;
    return mll_hit_lanes_decode_plain;
}

// The sample of a lane: a candidate, or what its value's share or its renumbered symbol says.
static mll_status decode_one(mll_model *model, mll_hits *hits, mll_abundance *abundance,
                             const mll_hits_place *place, mll_rans_decoder *stream,
                             const mll_prediction *found, int lane, uint16_t *sample)
{
    uint32_t candidate = 0, symbol = 0;
    mll_status status = mll_hits_decode(hits, place, stream, &candidate);
    if (status != MLL_OK)
        return status;
    if (candidate < hits->n_candidates) {
        *sample = place->value[candidate];
        return MLL_OK;
    }
    if (abundance != NULL)
        return mll_abundance_decode(abundance, hits, place, stream, found->context[lane],
                                    found->prediction[lane], found->flip[lane], sample);
    status = mll_rans_decode_symbol(model, stream, found->context[lane], &symbol);
    if (status != MLL_OK)
        return status;
    symbol = mll_hits_restore(hits, place, symbol);
    if (symbol > model->max_sample)
        return MLL_CORRUPT;
    *sample = (uint16_t)mll_unfold(symbol, found->prediction[lane], (int32_t)model->max_sample,
                                   found->flip[lane]);
    return MLL_OK;
}

mll_status mll_hit_lanes_decode_plain(mll_lanes *lanes, mll_hits *hits, mll_abundance *abundance,
                                      uint32_t alive, const mll_view *view,
                                      const mll_prediction *found, uint16_t *samples)
{
    const int32_t max_sample = (int32_t)lanes->model->max_sample;
    int is_short = 0, is_corrupt = 0;
    for (int lane = 0; lane < MLL_LANES; lane++) {
        if (!(alive >> lane & 1))
            continue;
        mll_rans_decoder stream = {lanes->state[lane], lanes->payload + lanes->next[lane],
                                   lanes->payload + lanes->end[lane]};
        mll_hits_place place;
        mll_hits_look(hits, &place, view->frame[0] + lane, view->row_step, view->col_step,
                      found->context[lane], found->prediction[lane], max_sample,
                      found->flip[lane]);
        mll_status status =
            decode_one(lanes->model, hits, abundance, &place, &stream, found, lane, samples + lane);
        lanes->state[lane] = stream.state;
        lanes->next[lane] = (uint32_t)(stream.next - lanes->payload);
        is_short |= status == MLL_TRUNCATED;
        is_corrupt |= status == MLL_CORRUPT;
    }
    return is_short ? MLL_TRUNCATED : is_corrupt ? MLL_CORRUPT : MLL_OK;
}
