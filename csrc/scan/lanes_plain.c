// SPDX-License-Identifier: Apache-2.0
// The definition: every lane by itself, the token by halving.
#include "lanes.h"

static inline uint32_t find_plain(const uint16_t *cum, uint32_t slot)
{
    uint32_t token = 0;
    for (uint32_t step = MLL_TOKEN_STRIDE / 2; step > 0; step >>= 1)
        token += cum[token + step] <= slot ? step : 0;
    return token;
}

#define TARGET
#define FIND find_plain
#define DECODE mll_lanes_decode_plain
#include "lanes_body.h"
