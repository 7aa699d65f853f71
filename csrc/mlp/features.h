// SPDX-License-Identifier: Apache-2.0
// The features of single samples, for tuning: steps 1 to 3 of a prediction without the net.
#ifndef MLL_FEATURES_H
#define MLL_FEATURES_H

#include "kernel.h"

// Writes the inputs of the sample at lane 0 of the view to x[MLL_MAX_NEIGHBOURS + MLL_INPUT_STEP],
// padded with zeros, and baseline, exponent and mantissa to local[3].
void mll_features(const mll_net *net, const mll_view *view, int16_t *x, int32_t *local);

#endif
