// SPDX-License-Identifier: Apache-2.0
// What every C function that can fail returns. Numbers never change meaning.
#ifndef MLL_STATUS_H
#define MLL_STATUS_H

typedef enum {
    MLL_OK = 0,
    MLL_TRUNCATED = 1, // the bytes end before the samples do
    MLL_CORRUPT = 2,   // the bytes contradict the format
    MLL_CAPACITY = 3,  // the output buffer is too small: a caller's mistake
    MLL_ARGUMENT = 4   // a parameter is outside its stated range: a caller's mistake
} mll_status;

#endif
