# SPDX-License-Identifier: Apache-2.0
"""What the C entropy coder declares, for `_coder` and for the fused loops of the codecs."""

from libc.stddef cimport size_t
from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "status.h" nogil:
    ctypedef enum mll_status:
        MLL_OK
        MLL_TRUNCATED
        MLL_CORRUPT
        MLL_CAPACITY
        MLL_ARGUMENT


cdef extern from "entropy/fold.h" nogil:
    uint32_t mll_fold(int32_t sample, int32_t prediction, int32_t max_sample, int flip)
    int32_t mll_unfold(uint32_t symbol, int32_t prediction, int32_t max_sample, int flip)


cdef extern from "entropy/tile.h" nogil:
    enum: MLL_BAND_ROWS_LOG2_MAX
    ctypedef struct mll_tile_shape:
        uint32_t frames, rows, cols, streams_log2, band_rows_log2
    uint32_t mll_band_rows(uint32_t frame, uint32_t row, uint32_t rows, uint32_t band_rows_log2)
    mll_status mll_payload_split(const uint8_t **next, const uint8_t **end, uint32_t n_streams,
                                 const uint8_t *payload, size_t payload_bytes)


cdef extern from "entropy/model.h" nogil:
    ctypedef struct mll_model_setup:
        const uint8_t *shift
        const uint16_t *freq
        uint32_t n_contexts, max_sample, increment, limit
    ctypedef struct mll_model:
        uint32_t n_contexts
    size_t mll_model_bytes(uint32_t n_contexts)
    mll_status mll_model_init(mll_model *model, void *memory, size_t memory_bytes,
                              const mll_model_setup *setup)
    void mll_model_end_band(mll_model *model)
    uint64_t mll_model_band_bits(const mll_model *model, const uint32_t *freq_bits)
    enum: MLL_RECORD_SLACK
    ctypedef struct mll_records:
        uint32_t *steps
        uint16_t *raws
    void mll_model_record(mll_model *model, uint32_t context, uint32_t symbol, uint32_t *step,
                          uint16_t *raw)
    enum: MLL_NO_STEP
    enum: MLL_NO_RAW
    mll_status mll_model_trace(mll_model *model, const mll_records *records,
                               const uint16_t *symbols, const uint8_t *contexts,
                               const uint16_t *flags, const mll_tile_shape *shape)


cdef extern from "entropy/rans.h" nogil:
    ctypedef struct mll_rans_decoder:
        pass
    mll_status mll_rans_init(mll_rans_decoder *decoder, const uint8_t *next, const uint8_t *end)
    mll_status mll_rans_decode_symbol(mll_model *model, mll_rans_decoder *decoder,
                                      uint32_t context, uint32_t *symbol)
    mll_status mll_rans_finished(const mll_rans_decoder *decoder)
    size_t mll_rans_bound(const mll_tile_shape *shape, int has_flags)
    ctypedef struct mll_rans_encoders:
        pass
    ctypedef void mll_rans_rows_fn(mll_rans_encoders *encoders, const uint32_t *steps,
                                   const uint16_t *raws, uint32_t n_rows, uint32_t cols)
    mll_rans_rows_fn *mll_rans_rows(int32_t kernel)
    mll_status mll_rans_encode_records(mll_rans_rows_fn *rows, uint8_t *output, size_t capacity,
                                       size_t *start, const mll_records *records,
                                       const uint16_t *flags, const mll_tile_shape *shape)
    mll_status mll_rans_encode_tile(mll_model *model, uint8_t *output, size_t capacity,
                                    size_t *start, const mll_records *work,
                                    const uint16_t *symbols, const uint8_t *contexts,
                                    const uint16_t *flags, const mll_tile_shape *shape)
    mll_status mll_rans_encode_steps(uint8_t *output, size_t capacity, size_t *start,
                                     const uint32_t *steps, const uint16_t *flags,
                                     const mll_tile_shape *shape)
    mll_status mll_rans_decode_tile(mll_model *model, uint16_t *symbols, const uint8_t *payload,
                                    size_t payload_bytes, const uint8_t *contexts,
                                    const mll_tile_shape *shape)


cdef extern from "entropy/hits.h" nogil:
    ctypedef struct mll_hits:
        uint32_t n_candidates
    ctypedef struct mll_hits_place:
        uint16_t value[4]
    size_t mll_hits_bytes(uint32_t n_candidates, uint32_t n_contexts)
    mll_status mll_hits_init(mll_hits *hits, void *memory, size_t memory_bytes,
                             uint32_t n_candidates, const mll_model_setup *setup,
                             const int8_t *quarters)
    uint64_t mll_hits_band_bits(const mll_hits *hits, const uint32_t *freq_bits)
    void mll_hits_end_band(mll_hits *hits)
    void mll_hits_look(const mll_hits *hits, mll_hits_place *place, const uint16_t *at,
                       int32_t row_step, int32_t col_step, uint32_t context, int32_t prediction,
                       int32_t max_sample, int flip)
    uint32_t mll_hits_reduce(const mll_hits *hits, const mll_hits_place *place, uint32_t symbol)
    uint32_t mll_hits_restore(const mll_hits *hits, const mll_hits_place *place, uint32_t symbol)
    int mll_hits_flag(mll_hits *hits, const mll_hits_place *place, uint16_t sample,
                      uint16_t *flags)
    mll_status mll_hits_decode(mll_hits *hits, const mll_hits_place *place,
                               mll_rans_decoder *decoder, uint32_t *candidate)


cdef extern from "entropy/abundance.h" nogil:
    ctypedef struct mll_abundance:
        pass
    size_t mll_abundance_bytes(uint32_t n_contexts, uint32_t max_sample)
    mll_status mll_abundance_init(mll_abundance *abundance, void *memory, size_t memory_bytes,
                                  const mll_model_setup *setup, const int8_t *quarters)
    void mll_abundance_end_band(mll_abundance *abundance)
    void mll_abundance_fold(mll_abundance *abundance, const mll_hits *hits,
                            const mll_hits_place *place, uint32_t context, int32_t prediction,
                            int flip, uint32_t sample, uint32_t *steps, double *expected)
    mll_status mll_abundance_decode(mll_abundance *abundance, const mll_hits *hits,
                                    const mll_hits_place *place, mll_rans_decoder *decoder,
                                    uint32_t context, int32_t prediction, int flip,
                                    uint16_t *sample)


cdef extern from "entropy/huffman.h" nogil:
    ctypedef struct mll_huffman_code:
        pass
    ctypedef struct mll_huffman_decoder:
        pass
    size_t mll_huffman_code_bytes(uint32_t n_contexts)
    mll_status mll_huffman_code_init(mll_huffman_code *code, void *memory, size_t memory_bytes,
                                     const mll_model *model)
    void mll_huffman_end_band(mll_huffman_code *code, mll_model *model,
                              mll_huffman_decoder *decoders, uint32_t n_decoders)
    mll_status mll_huffman_init(mll_huffman_decoder *decoder, const uint8_t *next,
                                const uint8_t *end)
    mll_status mll_huffman_decode_symbol(mll_model *model, const mll_huffman_code *code,
                                         mll_huffman_decoder *decoder, uint32_t context,
                                         uint32_t *symbol)
    mll_status mll_huffman_finished(const mll_huffman_decoder *decoder)
    size_t mll_huffman_bound(const mll_tile_shape *shape)
    mll_status mll_huffman_find_runs(mll_model *model, uint32_t *runs, const uint16_t *symbols,
                                     const uint8_t *contexts, const mll_tile_shape *shape)
    mll_status mll_huffman_encode_tile(mll_model *model, mll_huffman_code *code, uint8_t *output,
                                       size_t capacity, size_t *payload_bytes,
                                       const uint32_t *runs, const uint16_t *symbols,
                                       const uint8_t *contexts, const mll_tile_shape *shape)
    mll_status mll_huffman_decode_tile(mll_model *model, mll_huffman_code *code,
                                       uint16_t *symbols, const uint8_t *payload,
                                       size_t payload_bytes, const uint8_t *contexts,
                                       const mll_tile_shape *shape)
