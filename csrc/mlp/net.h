// SPDX-License-Identifier: Apache-2.0
// Read me first
// - A net is data: the caller owns every array and has proved the accumulator bounds
//   (medlossless/predict/net.py) before a pointer gets here. Nothing is checked again.
// - Widths: inputs and hidden activations fit int16, weights are int16, sums are int32.
// - Input counts are padded with zero weights to a multiple of MLL_INPUT_STEP, so that kernels may
//   take inputs in groups. The outputs' inputs are (h padded, x padded).
#ifndef MLL_NET_H
#define MLL_NET_H

#include <stdint.h>

#define MLL_MAX_NEIGHBOURS 64
#define MLL_MAX_LAYERS 4
#define MLL_MAX_UNITS 256
#define MLL_INPUT_STEP 8
#define MLL_UNIT_STEP 16
#define MLL_MAX_PADDED_INPUTS (MLL_MAX_UNITS + MLL_MAX_NEIGHBOURS + 2 * MLL_INPUT_STEP)
#define MLL_INPUT_LIMIT 1023
#define MLL_HIDDEN_LIMIT 4095
#define MLL_MEAN_LIMIT 4095
#define MLL_SCALE_LIMIT 255
#define MLL_N_SCALES 64
#define MLL_N_SIGNED_SCALES 22 // scales below this code the sign inside the symbol
#define MLL_N_FRACTIONS 3

// (biases + weights . inputs) >> shift
typedef struct {
    const int16_t *weights; // [n_units][n_inputs], n_inputs a multiple of MLL_INPUT_STEP
    const int32_t *biases;  // [n_units]
    int32_t n_units, n_inputs, shift;
    // The same for kernels that take two inputs at once and 16 units side by side:
    const int32_t *paired;        // [n_inputs / 2][paired_step], two int16, low half first input
    const int32_t *padded_biases; // [paired_step]
    int32_t paired_step;          // n_units rounded up to MLL_UNIT_STEP; zeros beyond n_units
} mll_layer;

// n_hidden rectified layers, then layers[n_hidden] whose inputs are the last hidden activations
// (padded) followed by the inputs (padded) and whose two units are the outputs.
typedef struct {
    int8_t frame[MLL_MAX_NEIGHBOURS]; // 0 = the sample's own, 1 = previous, 2 = the one before
    int8_t row[MLL_MAX_NEIGHBOURS], col[MLL_MAX_NEIGHBOURS];
    int32_t n_neighbours, n_hidden;
    mll_layer layers[MLL_MAX_LAYERS];
} mll_net;

#endif
