// SPDX-License-Identifier: Apache-2.0
// Plain C11: one lane at a time, as the others define their operations.
#include <math.h>
#include <stdint.h>
#include <string.h>

#define V 1
#define TARGET
#define INLINE static inline
#define NAME(x) x##_plain
#define KERNEL mll_tune_plain
#define TILE 4
#define IN_TILE 4

typedef float vec;
typedef int32_t ivec;

INLINE ivec as_int(vec a)
{
    ivec bits;
    memcpy(&bits, &a, sizeof bits);
    return bits;
}

INLINE vec as_float(ivec a)
{
    vec value;
    memcpy(&value, &a, sizeof value);
    return value;
}

#define LOAD(at) (*(at))
#define STORE(at, value) (*(at) = (value))
#define SPLAT(a) ((vec)(a))
#define VMAX(a, b) ((a) > (b) ? (a) : (b))
#define VMIN(a, b) ((a) < (b) ? (a) : (b))
#define VSQRT(a) sqrtf(a)
#define INSIDE(a, top, v) ((a) > 0.0f && (a) < (top) ? (v) : 0.0f)
#define BELOW(a, limit, v) ((a) < (limit) ? (v) : 0.0f)
#define AS_INT(a) as_int(a)
#define AS_FLOAT(a) as_float(a)
#define TO_FLOAT(a) ((vec)(a))

#include "body.h"
