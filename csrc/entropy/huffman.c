// SPDX-License-Identifier: Apache-2.0
#include "huffman.h"

#include <string.h>

// runs[] says what the word at a sample means: 8 * zeros + 1 + class, or 8 * zeros if full.
#define RUN_NONE UINT32_MAX  // no word here
#define MAX_BYTES_A_SAMPLE 7 // 15 bits of word, 9 of its remainder, 15 of code, 15 raw

typedef struct {
    uint64_t bits; // the lowest n_bits are not yet written
    uint32_t n_bits;
    uint8_t *next;
} bit_writer;

// value < 2^n_bits, n_bits <= 15.
static void write_bits(bit_writer *writer, uint32_t n_bits, uint32_t value)
{
    writer->bits = writer->bits << n_bits | value;
    writer->n_bits += n_bits;
    while (writer->n_bits >= 8) {
        writer->n_bits -= 8;
        *writer->next++ = (uint8_t)(writer->bits >> writer->n_bits);
    }
}

// Where the open run of each stream and context began, plus 1; 0 if none is open. Until it closes,
// runs[] holds 16 * zeros + run_log2 there: a band may change the run_log2 of its context.
typedef struct {
    uint32_t begin[MLL_MAX_STREAMS][MLL_MAX_CONTEXTS];
    uint8_t run_log2[MLL_MAX_CONTEXTS];
} open_runs;

static void run_extend(uint32_t *runs, uint32_t here, uint32_t *begin, uint32_t run_log2,
                       uint32_t token)
{
    runs[here] = RUN_NONE;
    if (*begin == 0) {
        *begin = here + 1;
        runs[here] = run_log2;
    }
    uint32_t *run = &runs[*begin - 1], zeros = *run >> 4;
    uint32_t class = token < MLL_RUN_CLASSES ? token - 1 : MLL_RUN_CLASSES - 1;
    if (token == 0 && zeros + 1 < 1u << (*run & 15)) {
        *run += 16;
        return;
    }
    *run = token == 0 ? 8 * (zeros + 1) : 8 * zeros + 1 + class;
    *begin = 0;
}

// Runs that are cut off are written as full: the decoder drops the rest.
static void run_cut(uint32_t *runs, uint32_t *begin)
{
    if (*begin > 0)
        runs[*begin - 1] = 8u << (runs[*begin - 1] & 15);
    *begin = 0;
}

static mll_status find_runs_row(mll_model *model, open_runs *open, uint32_t stream, uint32_t *runs,
                                size_t at, const uint16_t *symbols, const uint8_t *contexts,
                                uint32_t cols)
{
    for (size_t i = at; i < at + cols; i++) {
        uint32_t context = contexts[i];
        if (context >= model->n_contexts || symbols[i] > model->max_sample)
            return MLL_ARGUMENT;
        uint32_t token = mll_token_of((uint32_t)symbols[i] >> model->shift[context]);
        model->count[(size_t)context * MLL_TOKEN_STRIDE + token] += 1;
        if (open->run_log2[context] > 0)
            run_extend(runs, (uint32_t)i, &open->begin[stream][context], open->run_log2[context],
                       token);
    }
    return MLL_OK;
}

static void find_runs_end_band(mll_model *model, open_runs *open, uint32_t *runs)
{
    mll_model_end_band(model);
    for (uint32_t context = 0; context < model->n_contexts; context++) {
        if (!model->due[context])
            continue;
        open->run_log2[context] = (uint8_t)mll_huffman_run_log2(model, context);
        for (uint32_t i = 0; i < MLL_MAX_STREAMS && open->run_log2[context] == 0; i++)
            run_cut(runs, &open->begin[i][context]);
    }
}

mll_status mll_huffman_find_runs(mll_model *model, uint32_t *runs, const uint16_t *symbols,
                                 const uint8_t *contexts, const mll_tile_shape *shape)
{
    open_runs open;
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    memset(&open, 0, sizeof open);
    for (uint32_t context = 0; context < model->n_contexts; context++)
        open.run_log2[context] = (uint8_t)mll_huffman_run_log2(model, context);
    size_t at = 0;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0, band_end = 0; row < shape->rows; row++, at += shape->cols) {
            if (row == band_end)
                band_end += mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            uint32_t stream = row % (1u << shape->streams_log2);
            mll_status status = find_runs_row(model, &open, stream, runs, at, symbols, contexts,
                                              shape->cols);
            if (status != MLL_OK)
                return status;
            if (row + 1 == band_end)
                find_runs_end_band(model, &open, runs);
        }
    for (uint32_t i = 0; i < MLL_MAX_STREAMS; i++)
        for (uint32_t context = 0; context < model->n_contexts; context++)
            run_cut(runs, &open.begin[i][context]);
    return MLL_OK;
}

static void write_code(bit_writer *writer, const mll_huffman_code *code, uint32_t set,
                       uint32_t token)
{
    size_t entry = (size_t)set * MLL_TOKEN_STRIDE + token;
    write_bits(writer, code->length[entry], code->code[entry]);
}

static void write_run(bit_writer *writer, const mll_huffman_code *code, uint32_t context,
                      uint32_t run)
{
    if (run % 8 == 0) {
        write_code(writer, code, 2 * context, 0);
        return;
    }
    uint32_t shift = code->run_log2[context] - MLL_RUN_PARTS_LOG2, zeros = run >> 3;
    uint32_t word = 1 + ((run % 8 - 1) << MLL_RUN_PARTS_LOG2) + (zeros >> shift);
    write_code(writer, code, 2 * context, word);
    write_bits(writer, shift, zeros & ((1u << shift) - 1));
}

static void encode_row(mll_model *model, const mll_huffman_code *code, bit_writer *writer,
                       const uint32_t *runs, const uint16_t *symbols, const uint8_t *contexts,
                       uint32_t cols)
{
    for (uint32_t col = 0; col < cols; col++) {
        uint32_t context = contexts[col], symbol = symbols[col], shift = model->shift[context];
        uint32_t token = mll_token_of(symbol >> shift), n_raw = shift + model->extra[token];
        model->count[(size_t)context * MLL_TOKEN_STRIDE + token] += 1;
        if (code->run_log2[context] == 0)
            write_code(writer, code, 2 * context, token);
        else {
            if (runs[col] != RUN_NONE)
                write_run(writer, code, context, runs[col]);
            if (token >= MLL_RUN_CLASSES)
                write_code(writer, code, 2 * context + 1, token);
        }
        write_bits(writer, n_raw, symbol & ((1u << n_raw) - 1));
    }
}

static int samples_valid(const mll_model *model, const uint16_t *symbols, const uint8_t *contexts,
                         const mll_tile_shape *shape)
{
    size_t n = (size_t)shape->frames * shape->rows * shape->cols;
    int valid = 1;
    for (size_t i = 0; i < n; i++)
        valid &= (symbols[i] <= model->max_sample) & (contexts[i] < model->n_contexts);
    return valid;
}

// Rows of a frame that belong to a stream.
static uint32_t stream_rows(const mll_tile_shape *shape, uint32_t stream)
{
    uint32_t n_streams = 1u << shape->streams_log2;
    return stream < shape->rows ? (shape->rows - stream + n_streams - 1) / n_streams : 0;
}

// Each stream gets room for the worst case, behind room for the lengths.
static size_t streams_place(uint8_t **begin, uint8_t *output, const mll_tile_shape *shape)
{
    uint32_t n_streams = 1u << shape->streams_log2;
    size_t at = (size_t)5 * n_streams;
    for (uint32_t i = 0; i < n_streams; i++) {
        if (begin != NULL)
            begin[i] = output + at;
        at += (size_t)MAX_BYTES_A_SAMPLE * shape->frames * stream_rows(shape, i) * shape->cols + 1;
    }
    return at;
}

size_t mll_huffman_bound(const mll_tile_shape *shape)
{
    return streams_place(NULL, NULL, shape);
}

// Pads each stream, moves all together and puts the lengths in front.
static size_t streams_join(uint8_t *output, uint8_t *const *begin, bit_writer *writers,
                           uint32_t n_streams)
{
    uint8_t *at = output;
    for (uint32_t i = 0; i < n_streams; i++) {
        write_bits(&writers[i], (8 - writers[i].n_bits) % 8, 0);
        at += mll_length_write(at, (uint32_t)(writers[i].next - begin[i]));
    }
    for (uint32_t i = 0; i < n_streams; i++) {
        size_t length = (size_t)(writers[i].next - begin[i]);
        memmove(at, begin[i], length);
        at += length;
    }
    return (size_t)(at - output);
}

mll_status mll_huffman_encode_tile(mll_model *model, mll_huffman_code *code, uint8_t *output,
                                   size_t capacity, size_t *payload_bytes, const uint32_t *runs,
                                   const uint16_t *symbols, const uint8_t *contexts,
                                   const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape) || !samples_valid(model, symbols, contexts, shape))
        return MLL_ARGUMENT;
    if (capacity < mll_huffman_bound(shape))
        return MLL_CAPACITY;
    uint8_t *begin[MLL_MAX_STREAMS];
    bit_writer writers[MLL_MAX_STREAMS];
    uint32_t n_streams = 1u << shape->streams_log2;
    streams_place(begin, output, shape);
    for (uint32_t i = 0; i < n_streams; i++)
        writers[i] = (bit_writer){0, 0, begin[i]};
    size_t at = 0;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0, band_end = 0; row < shape->rows; row++, at += shape->cols) {
            if (row == band_end)
                band_end += mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            encode_row(model, code, &writers[row % n_streams], runs + at, symbols + at,
                       contexts + at, shape->cols);
            if (row + 1 == band_end)
                mll_huffman_end_band(code, model, NULL, 0);
        }
    *payload_bytes = streams_join(output, begin, writers, n_streams);
    return MLL_OK;
}

static mll_status decode_row(mll_model *model, const mll_huffman_code *code,
                             mll_huffman_decoder *decoder, uint16_t *symbols,
                             const uint8_t *contexts, uint32_t cols)
{
    for (uint32_t col = 0; col < cols; col++) {
        uint32_t symbol = 0;
        if (contexts[col] >= model->n_contexts)
            return MLL_ARGUMENT;
        mll_status status = mll_huffman_decode_symbol(model, code, decoder, contexts[col], &symbol);
        if (status != MLL_OK)
            return status;
        symbols[col] = (uint16_t)symbol;
    }
    return MLL_OK;
}

static mll_status decode_band(mll_model *model, mll_huffman_code *code,
                              mll_huffman_decoder *decoders, uint16_t *symbols,
                              const uint8_t *contexts, uint32_t row, uint32_t height,
                              const mll_tile_shape *shape)
{
    uint32_t n_streams = 1u << shape->streams_log2;
    for (uint32_t end = row + height; row < end; row++) {
        mll_status status = decode_row(model, code, &decoders[row % n_streams], symbols, contexts,
                                       shape->cols);
        if (status != MLL_OK)
            return status;
        symbols += shape->cols;
        contexts += shape->cols;
    }
    mll_huffman_end_band(code, model, decoders, n_streams);
    return MLL_OK;
}

static mll_status decoders_open(mll_huffman_decoder *decoders, uint32_t n_streams,
                                const uint8_t *payload, size_t payload_bytes)
{
    const uint8_t *next[MLL_MAX_STREAMS], *end[MLL_MAX_STREAMS];
    mll_status status = mll_payload_split(next, end, n_streams, payload, payload_bytes);
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_huffman_init(&decoders[i], next[i], end[i]);
    return status;
}

mll_status mll_huffman_decode_tile(mll_model *model, mll_huffman_code *code, uint16_t *symbols,
                                   const uint8_t *payload, size_t payload_bytes,
                                   const uint8_t *contexts, const mll_tile_shape *shape)
{
    if (!mll_tile_shape_valid(shape))
        return MLL_ARGUMENT;
    mll_huffman_decoder decoders[MLL_MAX_STREAMS];
    uint32_t n_streams = 1u << shape->streams_log2;
    mll_status status = decoders_open(decoders, n_streams, payload, payload_bytes);
    size_t at = 0;
    for (uint32_t frame = 0; frame < shape->frames; frame++)
        for (uint32_t row = 0, height; row < shape->rows && status == MLL_OK; row += height) {
            height = mll_band_rows(frame, row, shape->rows, shape->band_rows_log2);
            status = decode_band(model, code, decoders, symbols + at, contexts + at, row, height,
                                 shape);
            at += (size_t)height * shape->cols;
        }
    for (uint32_t i = 0; i < n_streams && status == MLL_OK; i++)
        status = mll_huffman_finished(&decoders[i]);
    return status;
}
