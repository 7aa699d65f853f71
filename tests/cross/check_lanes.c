// SPDX-License-Identifier: Apache-2.0
// Decoding of one sample a lane, in every variant, against the samples of a tile.
#include <string.h>

#include "mlp/kernel.h"
#include "proof_tile.h"
#include "scan/lanes.h"

// Rows row .. row + n_rows - 1 of a frame, column by column: what the lanes predict is known here.
static mll_status decode_rows(const proof_tile *tile, mll_lanes_decode_fn *decoder,
                              mll_lanes *lanes, size_t first, int32_t low, int32_t high,
                              uint16_t *samples)
{
    const uint32_t cols = tile->shape.cols;
    for (uint32_t col = 0; col < cols; col++) {
        mll_prediction found = {0};
        uint16_t decoded[MLL_LANES];
        for (int32_t lane = low; lane <= high; lane++) {
            const size_t at = first + (size_t)(lane - low) * cols + col;
            found.prediction[lane] = tile->predictions[at];
            found.context[lane] = tile->contexts[at];
            found.flip[lane] = tile->flips[at];
        }
        mll_status status = decoder(lanes, (2u << high) - (1u << low), &found, decoded);
        if (status != MLL_OK)
            return status;
        for (int32_t lane = low; lane <= high; lane++)
            samples[first + (size_t)(lane - low) * cols + col] = decoded[lane];
    }
    return MLL_OK;
}

static mll_status decode_bands(const proof_tile *tile, mll_lanes_decode_fn *decoder,
                               mll_lanes *lanes, uint16_t *samples)
{
    const mll_tile_shape *shape = &tile->shape;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0; row < shape->rows;) {
            const uint32_t end =
                row + mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            while (row < end) {
                const uint32_t low = row % lanes->n_streams;
                const uint32_t room = lanes->n_streams - low;
                const uint32_t n_rows = end - row < room ? end - row : room;
                const size_t first = ((size_t)frame * shape->rows + row) * shape->cols;
                mll_status status = decode_rows(tile, decoder, lanes, first, (int32_t)low,
                                                (int32_t)(low + n_rows) - 1, samples);
                if (status != MLL_OK)
                    return status;
                row += n_rows;
            }
            mll_lanes_end_band(lanes);
        }
    return MLL_OK;
}

static mll_status decode(const proof_tile *tile, mll_lanes_decode_fn *decoder, uint16_t *samples)
{
    mll_lanes lanes;
    mll_model model;
    mll_status status = proof_model(tile, &model);
    if (status != MLL_OK)
        return status;
    uint8_t *payload = proof_memory(tile->payload_bytes + MLL_LANES_SLACK, 1);
    memcpy(payload, tile->payload, tile->payload_bytes);
    void *memory = proof_memory(mll_lanes_bytes(model.n_contexts), 1);
    status = mll_lanes_init(&lanes, memory, &model, 1u << tile->shape.streams_log2, payload,
                            tile->payload_bytes);
    if (status == MLL_OK)
        status = decode_bands(tile, decoder, &lanes, samples);
    return status == MLL_OK ? mll_lanes_finished(&lanes) : status;
}

void check_lanes(const proof_tile *tile, proof_totals *totals)
{
    if (tile->use_huffman)
        return;
    for (int kernel = 0; kernel < MLL_N_KERNELS; kernel++) {
        if ((int)mll_kernel_best(1u << kernel) != kernel)
            continue;
        uint16_t *samples = proof_memory(tile->n_samples, sizeof *samples);
        const mll_status status = decode(tile, mll_lanes_decoder(kernel), samples);
        const size_t n_bytes = tile->n_samples * sizeof *samples;
        char what[PROOF_NAME_CHARS + 64] = "lanes give other samples, kernel ";
        proof_expect(tile, status == MLL_OK && memcmp(samples, tile->samples, n_bytes) == 0,
                     strcat(what, kernel_names[kernel]), totals);
    }
}
