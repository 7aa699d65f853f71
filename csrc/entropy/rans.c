// SPDX-License-Identifier: Apache-2.0
#include "rans.h"

// The encoder of one stream: writes backwards from `next`, which the bound keeps inside the buffer.
typedef struct {
    uint32_t state;
    uint8_t *next;
} rans_encoder;

// x >= freq << 17 is when x * 2^15 / freq would reach 2^32; freq 2^15 needs the 64-bit compare.
static void encode_step(rans_encoder *encoder, uint32_t freq, uint32_t cum)
{
    uint32_t x = encoder->state;
    if (x >= (uint64_t)freq << 17) {
        *--encoder->next = (uint8_t)(x >> 8);
        *--encoder->next = (uint8_t)x;
        x >>= 16;
    }
    encoder->state = ((x / freq) << MLL_SCALE_BITS) + x % freq + cum;
}

// The same with freq 2^(15 - n_raw): the quotient and the remainder are the bits of x.
static void encode_raw(rans_encoder *encoder, uint32_t n_raw, uint32_t raw)
{
    uint32_t freq_log2 = MLL_SCALE_BITS - n_raw, x = encoder->state;
    if (x >= (uint64_t)1 << (freq_log2 + 17)) {
        *--encoder->next = (uint8_t)(x >> 8);
        *--encoder->next = (uint8_t)x;
        x >>= 16;
    }
    encoder->state = ((x >> freq_log2) << MLL_SCALE_BITS) + (x & ((1u << freq_log2) - 1))
                     + (raw << freq_log2);
}

// Decoding goes token, raw bits; encoding is its mirror image.
static void encode_symbol(const mll_model *model, rans_encoder *encoder, uint32_t step,
                          uint32_t symbol, uint32_t context)
{
    uint32_t shift = model->shift[context];
    uint32_t n_raw = shift + model->extra[mll_token_of(symbol >> shift)];
    encode_raw(encoder, n_raw, symbol & ((1u << n_raw) - 1));
    encode_step(encoder, step >> 16, step & 0xFFFF);
}

static void encode_flags(rans_encoder *encoder, const uint16_t *flags)
{
    for (uint32_t i = MLL_MAX_FLAGS; i-- > 0;)
        if (flags[i] != 0) {
            uint32_t freq = flags[i] >> 1, flag = flags[i] & 1;
            encode_step(encoder, flag ? freq : MLL_SCALE - freq, flag ? 0 : freq);
        }
}

static void encode_row(const mll_model *model, rans_encoder *encoder, const uint32_t *steps,
                       const uint16_t *symbols, const uint8_t *contexts, uint32_t cols)
{
    for (uint32_t col = cols; col-- > 0;)
        encode_symbol(model, encoder, steps[col], symbols[col], contexts[col]);
}

static void encode_row_flagged(const mll_model *model, rans_encoder *encoder,
                               const uint32_t *steps, const uint16_t *symbols,
                               const uint8_t *contexts, const uint16_t *flags, uint32_t cols)
{
    for (uint32_t col = cols; col-- > 0;) {
        const uint16_t *before = flags + (size_t)MLL_MAX_FLAGS * col;
        if (!mll_flags_hit(before))
            encode_symbol(model, encoder, steps[col], symbols[col], contexts[col]);
        encode_flags(encoder, before);
    }
}

static void encode_row_steps(rans_encoder *encoder, const uint32_t *steps, const uint16_t *flags,
                             uint32_t cols)
{
    for (uint32_t col = cols; col-- > 0;) {
        const uint16_t *before = flags + (size_t)MLL_MAX_FLAGS * col;
        const uint32_t *both = steps + 2 * (size_t)col;
        if (!mll_flags_hit(before)) {
            encode_step(encoder, both[1] >> 16, both[1] & 0xFFFF);
            encode_step(encoder, both[0] >> 16, both[0] & 0xFFFF);
        }
        encode_flags(encoder, before);
    }
}

// What a tile is encoded from; see mll_rans_encode_tile. Without a model all is in steps and flags.
typedef struct {
    const mll_model *model;
    const uint32_t *steps;
    const uint16_t *symbols;
    const uint8_t *contexts;
    const uint16_t *flags;
} rans_source;

static void encode_row_of(rans_encoder *encoder, const rans_source *source, size_t at,
                          uint32_t cols)
{
    if (source->model == NULL)
        encode_row_steps(encoder, source->steps + 2 * at, source->flags + MLL_MAX_FLAGS * at, cols);
    else if (source->flags == NULL)
        encode_row(source->model, encoder, source->steps + at, source->symbols + at,
                   source->contexts + at, cols);
    else
        encode_row_flagged(source->model, encoder, source->steps + at, source->symbols + at,
                           source->contexts + at, source->flags + MLL_MAX_FLAGS * at, cols);
}

// Writes the bytes of one stream in front of `end` and returns where they begin.
static uint8_t *encode_stream(const rans_source *source, uint8_t *end, uint32_t stream,
                              const mll_tile_shape *shape)
{
    rans_encoder encoder = {MLL_RANS_LOW, end};
    uint32_t n_streams = 1u << shape->streams_log2;
    for (uint32_t frame = shape->frames; frame-- > 0;)
        for (uint32_t row = shape->rows; row-- > 0;)
            if (row % n_streams == stream) {
                size_t at = ((size_t)frame * shape->rows + row) * shape->cols;
                encode_row_of(&encoder, source, at, shape->cols);
            }
    for (int shift = 24; shift >= 0; shift -= 8)
        *--encoder.next = (uint8_t)(encoder.state >> shift);
    return encoder.next;
}

// Writes all streams and their lengths, ending at output + capacity; returns where they begin.
static size_t encode_streams(const rans_source *source, uint8_t *output, size_t capacity,
                             const mll_tile_shape *shape)
{
    uint8_t lengths[5 * MLL_MAX_STREAMS], *next = output + capacity;
    uint32_t length[MLL_MAX_STREAMS], n_streams = 1u << shape->streams_log2;
    for (uint32_t i = n_streams; i-- > 0;) {
        uint8_t *end = next;
        next = encode_stream(source, end, i, shape);
        length[i] = (uint32_t)(end - next);
    }
    size_t n = 0;
    for (uint32_t i = 0; i < n_streams; i++)
        n += mll_length_write(lengths + n, length[i]);
    while (n > 0)
        *--next = lengths[--n];
    return (size_t)(next - output);
}

size_t mll_rans_bound(const mll_tile_shape *shape, int has_flags)
{
    size_t samples = (size_t)shape->frames * shape->rows * shape->cols;
    size_t sample_bytes = has_flags ? 4 + 2 * MLL_MAX_FLAGS : 4;
    return sample_bytes * samples + ((size_t)(4 + 5) << shape->streams_log2);
}

mll_status mll_rans_encode_tile(mll_model *model, uint8_t *output, size_t capacity, size_t *start,
                                uint32_t *work, const uint16_t *symbols, const uint8_t *contexts,
                                const uint16_t *flags, const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    if (capacity < mll_rans_bound(shape, flags != NULL))
        return MLL_CAPACITY;
    mll_status status = mll_model_trace(model, work, symbols, contexts, flags, shape);
    if (status != MLL_OK)
        return status;
    rans_source source = {model, work, symbols, contexts, flags};
    *start = encode_streams(&source, output, capacity, shape);
    return MLL_OK;
}

mll_status mll_rans_encode_steps(uint8_t *output, size_t capacity, size_t *start,
                                 const uint32_t *steps, const uint16_t *flags,
                                 const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    if (capacity < mll_rans_bound(shape, 1))
        return MLL_CAPACITY;
    rans_source source = {NULL, steps, NULL, NULL, flags};
    *start = encode_streams(&source, output, capacity, shape);
    return MLL_OK;
}

static mll_status decode_row(mll_model *model, mll_rans_decoder *decoder, uint16_t *symbols,
                             const uint8_t *contexts, uint32_t cols)
{
    for (uint32_t col = 0; col < cols; col++) {
        uint32_t symbol = 0;
        if (contexts[col] >= model->n_contexts)
            return MLL_ARGUMENT;
        mll_status status = mll_rans_decode_symbol(model, decoder, contexts[col], &symbol);
        if (status != MLL_OK)
            return status;
        symbols[col] = (uint16_t)symbol;
    }
    return MLL_OK;
}

static mll_status decode_band(mll_model *model, mll_rans_decoder *decoders, uint32_t n_streams,
                              uint16_t *symbols, const uint8_t *contexts, uint32_t row,
                              uint32_t end_row, uint32_t cols)
{
    for (; row < end_row; row++, symbols += cols, contexts += cols) {
        mll_status status = decode_row(model, &decoders[row % n_streams], symbols, contexts, cols);
        if (status != MLL_OK)
            return status;
    }
    mll_model_end_band(model);
    return MLL_OK;
}

static mll_status decoders_open(mll_rans_decoder *decoders, uint32_t n_streams,
                                const uint8_t *payload, size_t payload_bytes)
{
    const uint8_t *next[MLL_MAX_STREAMS], *end[MLL_MAX_STREAMS];
    mll_status status = mll_payload_split(next, end, n_streams, payload, payload_bytes);
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_rans_init(&decoders[i], next[i], end[i]);
    return status;
}

mll_status mll_rans_decode_tile(mll_model *model, uint16_t *symbols, const uint8_t *payload,
                                size_t payload_bytes, const uint8_t *contexts,
                                const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    mll_rans_decoder decoders[MLL_MAX_STREAMS];
    uint32_t n_streams = 1u << shape->streams_log2;
    mll_status status = decoders_open(decoders, n_streams, payload, payload_bytes);
    size_t at = 0;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0, height; row < shape->rows && status == MLL_OK; row += height) {
            height = mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            status = decode_band(model, decoders, n_streams, symbols + at, contexts + at, row,
                                 row + height, shape->cols);
            at += (size_t)height * shape->cols;
        }
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_rans_finished(&decoders[i]);
    return status;
}
