// SPDX-License-Identifier: Apache-2.0
// Read me first
// - What a decoder does with the 16 lanes of one wavefront step, apart from predicting them: decode
//   one symbol a lane with rANS and unfold it, in the lanes whose bits are set in `alive`.
//   Lane l reads stream l.
// - The tables are the model's, laid out for this: what a token leads to is one 64-bit entry, and
//   counts go to the model at the end of a band only.
// - One ISA a file, all equal: samples, counts, states and errors.
// - After an error the lanes and the model are worthless; throw them away.
#ifndef MLL_LANES_H
#define MLL_LANES_H

#include <stddef.h>
#include <stdint.h>

#include "../entropy/model.h"
#include "../entropy/rans.h"
#include "../mlp/kernel.h"

#define MLL_LANES_SLACK 16 // bytes behind a payload that may be read, whatever they are
#define MLL_MAX_PAYLOAD_BYTES (INT32_MAX - MLL_LANES_SLACK) // offsets are int32 to gathers

// One context. The extra table behind the last context has one token of freq MLL_SCALE and no raw
// bits: decoding it changes nothing, so that dead lanes may do as the others do.
typedef struct {
    uint64_t entry[MLL_TOKEN_STRIDE]; // freq, cum << 16, base << shift << 32, n_raw << 48
    uint32_t count[MLL_TOKEN_STRIDE]; // tokens decoded in the present band
    uint16_t cum[MLL_TOKEN_STRIDE];   // 65535 from n_tokens on
} mll_lanes_table;

typedef struct {
    uint32_t state[MLL_LANES];
    uint32_t next[MLL_LANES], end[MLL_LANES]; // bytes not yet read, from the payload's first
    const uint8_t *payload;
    mll_lanes_table *tables; // [n_contexts + 1]
    mll_model *model;
    uint32_t n_streams;
} mll_lanes;

// Bytes of memory the tables need; any alignment will do.
size_t mll_lanes_bytes(uint32_t n_contexts);

// Lays the tables of a fresh model out in memory[mll_lanes_bytes()] and opens the streams.
//   payload   [payload_bytes + MLL_LANES_SLACK] readable
mll_status mll_lanes_init(mll_lanes *lanes, void *memory, mll_model *model, uint32_t n_streams,
                          const uint8_t *payload, size_t payload_bytes);

// Gives the counts to the model, ends its band and takes over what it has learned.
void mll_lanes_end_band(mll_lanes *lanes);

// MLL_OK when all streams ended where their encoders began, else MLL_CORRUPT.
mll_status mll_lanes_finished(const mll_lanes *lanes);

// Decodes the lanes whose bits are set in alive, all < n_streams, and writes their samples; the
// others get anything.
//   found   from a kernel; every context < n_contexts, of dead lanes too
typedef mll_status mll_lanes_decode_fn(mll_lanes *lanes, uint32_t alive,
                                       const mll_prediction *found, uint16_t *samples);

mll_lanes_decode_fn mll_lanes_decode_plain, mll_lanes_decode_avx2, mll_lanes_decode_avx512;

// The variant that goes with a kernel (mll_kernel); the plain one where there is none.
mll_lanes_decode_fn *mll_lanes_decoder(int32_t kernel);

#endif
