// SPDX-License-Identifier: Apache-2.0
#include "rans.h"

#include <string.h>

#include "../mlp/kernel.h"

// Takes a word out of a state that the next step would bring to 2^32 or more.
static inline uint32_t give_word(mll_rans_encoders *encoders, uint32_t stream, uint32_t x)
{
    uint8_t *next = encoders->next[stream] -= 2;
    next[0] = (uint8_t)x;
    next[1] = (uint8_t)(x >> 8);
    return x >> 16;
}

// x >= freq << 17 is when x * 2^15 / freq would reach 2^32; freq 2^15 needs the 64-bit compare.
static inline void encode_step(mll_rans_encoders *encoders, uint32_t stream, uint32_t freq,
                               uint32_t cum)
{
    uint32_t x = encoders->state[stream];
    if (x >= (uint64_t)freq << 17)
        x = give_word(encoders, stream, x);
    encoders->state[stream] = ((x / freq) << MLL_SCALE_BITS) + x % freq + cum;
}

// The same with freq 2^(15 - n_raw): the quotient and the remainder are the bits of x.
static inline void encode_raw(mll_rans_encoders *encoders, uint32_t stream, uint32_t record)
{
    uint32_t n_raw = mll_floor_log2(record), raw = record - (1u << n_raw);
    uint32_t freq_log2 = MLL_SCALE_BITS - n_raw, x = encoders->state[stream];
    if (x >= (uint64_t)1 << (freq_log2 + 17))
        x = give_word(encoders, stream, x);
    encoders->state[stream] = ((x >> freq_log2) << MLL_SCALE_BITS)
                              + (x & ((1u << freq_log2) - 1)) + (raw << freq_log2);
}

// Decoding goes token, raw bits; encoding is its mirror image.
static inline void encode_record(mll_rans_encoders *encoders, uint32_t stream, uint32_t step,
                                 uint32_t raw)
{
    encode_raw(encoders, stream, raw);
    encode_step(encoders, stream, step >> 16, step & 0xFFFF);
}

static void encode_flags(mll_rans_encoders *encoders, uint32_t stream, const uint16_t *flags)
{
    for (uint32_t i = MLL_MAX_FLAGS; i-- > 0;)
        if (flags[i] != 0) {
            uint32_t freq = flags[i] >> 1, flag = flags[i] & 1;
            encode_step(encoders, stream, flag ? freq : MLL_SCALE - freq, flag ? 0 : freq);
        }
}

void mll_rans_rows_plain(mll_rans_encoders *encoders, const uint32_t *steps, const uint16_t *raws,
                         uint32_t n_rows, uint32_t cols)
{
    for (uint32_t col = cols; col-- > 0;)
        for (uint32_t row = 0; row < n_rows; row++) {
            size_t at = (size_t)row * cols + col;
            encode_record(encoders, row, steps[at], raws[at]);
        }
}

static void encode_rows_flagged(mll_rans_encoders *encoders, const uint32_t *steps,
                                const uint16_t *raws, const uint16_t *flags, uint32_t n_rows,
                                uint32_t cols)
{
    for (uint32_t row = 0; row < n_rows; row++, steps += cols, raws += cols)
        for (uint32_t col = cols; col-- > 0;) {
            if (steps[col] != MLL_NO_STEP || raws[col] != MLL_NO_RAW)
                encode_record(encoders, row, steps[col], raws[col]);
            encode_flags(encoders, row, flags + MLL_MAX_FLAGS * ((size_t)row * cols + col));
        }
}

// Two steps a sample, as for mll_rans_encode_steps.
static void encode_rows_steps(mll_rans_encoders *encoders, const uint32_t *steps,
                              const uint16_t *flags, uint32_t n_rows, uint32_t cols)
{
    for (uint32_t row = 0; row < n_rows; row++)
        for (uint32_t col = cols; col-- > 0;) {
            const size_t at = (size_t)row * cols + col;
            const uint32_t *both = steps + 2 * at;
            if (!mll_flags_hit(flags + MLL_MAX_FLAGS * at)) {
                encode_step(encoders, row, both[1] >> 16, both[1] & 0xFFFF);
                encode_step(encoders, row, both[0] >> 16, both[0] & 0xFFFF);
            }
            encode_flags(encoders, row, flags + MLL_MAX_FLAGS * at);
        }
}

// Row r of a frame belongs to stream r % n_streams: groups of n_streams rows, the last one first.
// Without raws the steps are two a sample.
static void encode_frame(mll_rans_rows_fn *rows, mll_rans_encoders *encoders,
                         const mll_records *records, const uint16_t *flags, size_t frame_at,
                         const mll_tile_shape *shape)
{
    uint32_t n_streams = 1u << shape->streams_log2;
    for (uint32_t row = (shape->rows - 1) / n_streams * n_streams;; row -= n_streams) {
        uint32_t left = shape->rows - row, n_rows = left < n_streams ? left : n_streams;
        size_t at = frame_at + (size_t)row * shape->cols;
        const uint32_t *steps = records->steps + at;
        const uint16_t *raws = records->raws == NULL ? NULL : records->raws + at;
        if (raws == NULL)
            encode_rows_steps(encoders, steps + at, flags + MLL_MAX_FLAGS * at, n_rows,
                              shape->cols);
        else if (flags != NULL)
            encode_rows_flagged(encoders, steps, raws, flags + MLL_MAX_FLAGS * at, n_rows,
                                shape->cols);
        else if (n_rows == MLL_MAX_STREAMS)
            rows(encoders, steps, raws, n_rows, shape->cols);
        else
            mll_rans_rows_plain(encoders, steps, raws, n_rows, shape->cols);
        if (row == 0)
            break;
    }
}

mll_rans_rows_fn *mll_rans_rows(int32_t kernel)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (kernel == MLL_AVX512)
        return mll_rans_rows_avx512;
#endif
    (void)kernel;
    return mll_rans_rows_plain;
}

static size_t sample_bound(int has_flags) { return has_flags ? 4 + 2 * MLL_MAX_FLAGS : 4; }

size_t mll_rans_bound(const mll_tile_shape *shape, int has_flags)
{
    size_t samples = (size_t)shape->frames * shape->rows * shape->cols;
    return sample_bound(has_flags) * samples + ((size_t)(4 + 5) << shape->streams_log2);
}

// Ends the streams: their states, their bytes side by side at `end`, their lengths in front.
// Returns where the payload begins. ends[i] is where stream i began to write, from the front.
static uint8_t *streams_join(mll_rans_encoders *encoders, uint8_t *const *ends, uint8_t *end,
                             uint32_t n_streams)
{
    uint8_t lengths[5 * MLL_MAX_STREAMS];
    size_t length[MLL_MAX_STREAMS], n = 0;
    for (uint32_t i = n_streams; i-- > 0;) {
        for (int shift = 24; shift >= 0; shift -= 8)
            *--encoders->next[i] = (uint8_t)(encoders->state[i] >> shift);
        length[i] = (size_t)(ends[i] - encoders->next[i]);
        end -= length[i];
        memmove(end, encoders->next[i], length[i]);
    }
    for (uint32_t i = 0; i < n_streams; i++)
        n += mll_length_write(lengths + n, (uint32_t)length[i]);
    end -= n;
    memcpy(end, lengths, n);
    return end;
}

mll_status mll_rans_encode_records(mll_rans_rows_fn *rows, uint8_t *output, size_t capacity,
                                   size_t *start, const mll_records *records,
                                   const uint16_t *flags, const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    if (capacity < mll_rans_bound(shape, flags != NULL))
        return MLL_CAPACITY;
    mll_rans_encoders encoders;
    uint8_t *ends[MLL_MAX_STREAMS], *end = output + capacity;
    uint32_t n_streams = 1u << shape->streams_log2;
    for (uint32_t i = n_streams; i-- > 0;) {
        size_t n_rows = ((size_t)shape->rows + n_streams - 1 - i) / n_streams * shape->frames;
        encoders.state[i] = MLL_RANS_LOW;
        encoders.next[i] = ends[i] = end;
        end -= n_rows * shape->cols * sample_bound(flags != NULL) + 4;
    }
    size_t frame_samples = (size_t)shape->rows * shape->cols;
    for (uint32_t frame = shape->frames; frame-- > 0;)
        encode_frame(rows, &encoders, records, flags, frame * frame_samples, shape);
    *start = (size_t)(streams_join(&encoders, ends, output + capacity, n_streams) - output);
    return MLL_OK;
}

mll_status mll_rans_encode_steps(uint8_t *output, size_t capacity, size_t *start,
                                 const uint32_t *steps, const uint16_t *flags,
                                 const mll_tile_shape *shape)
{
    const mll_records records = {(uint32_t *)steps, NULL};
    return mll_rans_encode_records(mll_rans_rows_plain, output, capacity, start, &records, flags,
                                   shape);
}

mll_status mll_rans_encode_tile(mll_model *model, uint8_t *output, size_t capacity, size_t *start,
                                const mll_records *work, const uint16_t *symbols,
                                const uint8_t *contexts, const uint16_t *flags,
                                const mll_tile_shape *shape)
{
    mll_status status = mll_model_trace(model, work, symbols, contexts, flags, shape);
    if (status != MLL_OK)
        return status;
    return mll_rans_encode_records(mll_rans_rows_plain, output, capacity, start, work, flags,
                                   shape);
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
