// SPDX-License-Identifier: Apache-2.0
// Read me first
// - Row numbers restart with each frame; bands never cross a frame end.
// - Bands have 2^band_rows_log2 rows, 32 unless said otherwise. Those of the first frame grow up to
//   that (1, 1, 2, 4, 8, 16, 32, 32, ... rows) because the tables know little yet. The last band of
//   a frame may be short.
// - Row `row` of any frame belongs to stream row % 2^streams_log2.
#ifndef MLL_TILE_H
#define MLL_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "../status.h"

#define MLL_BAND_ROWS_LOG2_MAX 5 // also where nothing else is said
#define MLL_STREAMS_LOG2_MAX 4
#define MLL_MAX_STREAMS 16
#define MLL_MAX_TILE_SAMPLES (1u << 28) // keeps every count and byte length inside 32 bits

typedef struct {
    uint32_t frames, rows, cols; // each >= 1, product <= MLL_MAX_TILE_SAMPLES
    uint32_t streams_log2;       // 0..4
    uint32_t band_rows_log2;     // 0..5
} mll_tile_shape;

// Rows of the band that starts at `row` of `frame`; row must be the start of a band.
// The starts 0, 1, 2, 4, 8, 16, 32, ... make the growing heights equal to max(1, row).
static inline uint32_t mll_band_rows(uint32_t frame, uint32_t row, uint32_t rows,
                                     uint32_t band_rows_log2)
{
    uint32_t height = 1u << band_rows_log2;
    if (frame == 0 && row < height)
        height = row == 0 ? 1 : row;
    return height < rows - row ? height : rows - row;
}

static inline int mll_tile_shape_valid(const mll_tile_shape *shape)
{
    uint64_t limit = MLL_MAX_TILE_SAMPLES;
    if (shape->frames == 0 || shape->rows == 0 || shape->cols == 0)
        return 0;
    if (shape->streams_log2 > MLL_STREAMS_LOG2_MAX
        || shape->band_rows_log2 > MLL_BAND_ROWS_LOG2_MAX)
        return 0;
    return shape->frames <= limit / shape->rows
           && (uint64_t)shape->frames * shape->rows <= limit / shape->cols;
}

// A payload is the byte length of each stream as LEB128, then the bytes of the streams in order.

// Sets next[i]..end[i] to the bytes of stream i, for i < n_streams. Refuses a length that is cut
// off or runs past the payload (MLL_TRUNCATED), one that is not minimal or over 32 bits, and bytes
// that belong to no stream (MLL_CORRUPT).
mll_status mll_payload_split(const uint8_t **next, const uint8_t **end, uint32_t n_streams,
                             const uint8_t *payload, size_t payload_bytes);

// Writes length as LEB128 (at most 5 bytes) and returns the number of bytes written.
size_t mll_length_write(uint8_t *output, uint32_t length);

#endif
