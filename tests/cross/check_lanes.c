// SPDX-License-Identifier: Apache-2.0
// Decoding of one sample a lane, in every variant, against the samples of a tile.
#include <string.h>

#include "entropy/lanes.h"
#include "mlp/kernel.h"
#include "proof_tile.h"

// Rows row .. row + n_rows - 1 of a frame, column by column: what the lanes predict is known here.
static mll_status decode_rows(const proof_tile *tile, mll_lanes_decode_fn *decoder,
                              mll_lanes_source *source, size_t first, uint32_t n_rows,
                              uint16_t *samples)
{
    const uint32_t cols = tile->shape.cols;
    for (uint32_t col = 0; col < cols; col++) {
        mll_prediction found = {0};
        uint16_t decoded[MLL_LANES];
        for (uint32_t lane = 0; lane < n_rows; lane++) {
            const size_t at = first + (size_t)lane * cols + col;
            found.prediction[lane] = tile->predictions[at];
            found.context[lane] = tile->contexts[at];
            found.flip[lane] = tile->flips[at];
        }
        mll_status status = decoder(source, 0, (int32_t)n_rows - 1, &found, decoded);
        if (status != MLL_OK)
            return status;
        for (uint32_t lane = 0; lane < n_rows; lane++)
            samples[first + (size_t)lane * cols + col] = decoded[lane];
    }
    return MLL_OK;
}

static mll_status decode_bands(const proof_tile *tile, mll_lanes_decode_fn *decoder,
                               mll_lanes_source *source, uint16_t *samples)
{
    const mll_tile_shape *shape = &tile->shape;
    const uint32_t n_streams = source->stream_mask + 1;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0; row < shape->rows;) {
            const uint32_t end =
                row + mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            while (row < end) {
                const uint32_t n_rows = end - row < n_streams ? end - row : n_streams;
                const size_t first = ((size_t)frame * shape->rows + row) * shape->cols;
                source->first_stream = row & source->stream_mask;
                mll_status status = decode_rows(tile, decoder, source, first, n_rows, samples);
                if (status != MLL_OK)
                    return status;
                row += n_rows;
            }
            mll_model_end_band(source->model);
        }
    return MLL_OK;
}

static mll_status decode(const proof_tile *tile, mll_lanes_decode_fn *decoder, uint16_t *samples)
{
    const uint32_t n_streams = 1u << tile->shape.streams_log2;
    const uint8_t *next[MLL_MAX_STREAMS], *end[MLL_MAX_STREAMS];
    mll_rans_decoder streams[MLL_MAX_STREAMS];
    mll_model model;
    mll_status status = proof_model(tile, &model);
    if (status == MLL_OK)
        status = mll_payload_split(next, end, n_streams, tile->payload, tile->payload_bytes);
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_rans_init(&streams[i], next[i], end[i]);
    mll_lanes_source source = {&model, streams, 0, n_streams - 1};
    if (status == MLL_OK)
        status = decode_bands(tile, decoder, &source, samples);
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_rans_finished(&streams[i]);
    return status;
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
