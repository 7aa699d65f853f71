// SPDX-License-Identifier: Apache-2.0
// Read me first
// - A display curve or a scaling makes some values of processed images twice as common as their
//   neighbours and others all but impossible; no smooth density says so. Where a plane has
//   abundances, hit mode codes a sample that is no candidate by value instead of by symbol: the
//   density of the net at each value, times the value's abundance, 0 for the candidates.
// - The density of a residual comes from the adaptive tables of its context, with symbols counted
//   0, -1, 1, -2, 2 ... without end: the range is cut by the sum over all values, not by folding.
// - Two steps: the group of 16 values, then the value in its group.
// - Widths: a density is at most 2^17 and the sum over all residuals of a context at most
//   2^17 + 2^11; abundances are at most 2^14: every sum of shares is below 2^32.
// - The definition is medlossless/entropy/reference_abundance.py.
#ifndef MLL_ABUNDANCE_H
#define MLL_ABUNDANCE_H

#include <stddef.h>
#include <stdint.h>

#include "../status.h"
#include "hits.h"
#include "model.h"
#include "rans.h"

#define MLL_ABUNDANCE_MAX_SAMPLE 1023
#define MLL_ABUNDANCE_LEAST (-32) // quarter octaves
#define MLL_ABUNDANCE_MOST 24
#define MLL_GROUP 16 // values
#define MLL_MAX_GROUPS ((MLL_ABUNDANCE_MAX_SAMPLE + 1) / MLL_GROUP)

typedef struct {
    mll_model model;   // its alphabet is that of 2 * max_sample
    uint32_t *density; // [n_contexts][2][stride], of sample - prediction from -max_sample on
    uint32_t *times;   // [n_groups * MLL_GROUP], abundance of each value, 0 from max_sample + 1 on
    uint8_t *stale;    // [n_contexts], 1 where the density is not that of the present table
    uint32_t max_sample, n_groups, stride;
    uint32_t share[MLL_MAX_GROUPS * MLL_GROUP]; // of the present sample
    uint32_t group[MLL_MAX_GROUPS];             // sums of shares
} mll_abundance;

// Bytes of memory the tables need; any alignment will do.
size_t mll_abundance_bytes(uint32_t n_contexts, uint32_t max_sample);

// Lays fresh tables out in memory[0..memory_bytes). setup->max_sample is that of the plane, 1 to
// MLL_ABUNDANCE_MAX_SAMPLE; quarters[0..max_sample] is the abundance of each value in quarter
// octaves. MLL_ARGUMENT where either leaves its range, MLL_CAPACITY where the memory is too small.
mll_status mll_abundance_init(mll_abundance *abundance, void *memory, size_t memory_bytes,
                              const mll_model_setup *setup, const int8_t *quarters);

// The tables learn what the band has counted.
void mll_abundance_end_band(mll_abundance *abundance);

// Finds the two steps, freq << 16 | cum, of a sample that is no candidate, and counts it.
// expected: NULL or [max_sample + 1], what each value was expected to be seen is added.
void mll_abundance_fold(mll_abundance *abundance, const mll_hits *hits,
                        const mll_hits_place *place, uint32_t context, int32_t prediction, int flip,
                        uint32_t sample, uint32_t steps[2], double *expected);

// Reads a sample that is no candidate, 0..max_sample, and counts it. Damaged bytes may give a
// candidate.
mll_status mll_abundance_decode(mll_abundance *abundance, const mll_hits *hits,
                                const mll_hits_place *place, mll_rans_decoder *decoder,
                                uint32_t context, int32_t prediction, int flip, uint16_t *sample);

#endif
