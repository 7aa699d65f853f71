// SPDX-License-Identifier: Apache-2.0
// NEON of AArch64: four registers hold the 16 lanes.
#if defined(__AARCH64EL__)
#include <arm_neon.h>

#define V 4
#define TARGET
#define INLINE static inline __attribute__((always_inline))
#define NAME(x) x##_neon
#define KERNEL mll_tune_neon
#define TILE 4
#define IN_TILE 4

typedef float32x4_t vec;
typedef int32x4_t ivec;

#define LOAD(at) vld1q_f32(at)
#define STORE(at, value) vst1q_f32(at, value)
#define SPLAT(a) vdupq_n_f32(a)
#define VMAX(a, b) vmaxq_f32(a, b)
#define VMIN(a, b) vminq_f32(a, b)
#define VSQRT(a) vsqrtq_f32(a)
#define LESS(a, b) vcltq_f32(a, b)
#define WHERE(mask, v) vreinterpretq_f32_u32(vandq_u32(mask, vreinterpretq_u32_f32(v)))
#define INSIDE(a, top, v) WHERE(vandq_u32(LESS(SPLAT(0.0f), a), LESS(a, SPLAT(top))), v)
#define BELOW(a, limit, v) WHERE(LESS(a, SPLAT(limit)), v)
#define AS_INT(a) vreinterpretq_s32_f32(a)
#define AS_FLOAT(a) vreinterpretq_f32_s32(a)
#define TO_FLOAT(a) vcvtq_f32_s32(a)

typedef float32x4_t four;
#define FOUR(at) vld1q_f32(at)
#define STORE_FOUR(at, value) vst1q_f32(at, value)
#define TURN_FOUR(a, b, c, d) turn_four(&(a), &(b), &(c), &(d))

INLINE void turn_four(four *a, four *b, four *c, four *d)
{
    const float32x4x2_t low = vtrnq_f32(*a, *b), high = vtrnq_f32(*c, *d);
    *a = vcombine_f32(vget_low_f32(low.val[0]), vget_low_f32(high.val[0]));
    *b = vcombine_f32(vget_low_f32(low.val[1]), vget_low_f32(high.val[1]));
    *c = vcombine_f32(vget_high_f32(low.val[0]), vget_high_f32(high.val[0]));
    *d = vcombine_f32(vget_high_f32(low.val[1]), vget_high_f32(high.val[1]));
}

#include "body.h"
#endif
