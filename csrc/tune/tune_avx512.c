// SPDX-License-Identifier: Apache-2.0
// AVX-512: one register holds the 16 lanes.
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define V 16
#define TARGET __attribute__((target("avx512f,prefer-vector-width=512")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define NAME(x) x##_avx512
#define KERNEL mll_tune_avx512
#define TILE 8
#define IN_TILE 4

typedef __m512 vec;
typedef __v16si ivec;

#define LOAD(at) _mm512_loadu_ps(at)
#define STORE(at, value) _mm512_storeu_ps(at, value)
#define SPLAT(a) _mm512_set1_ps(a)
#define VMAX(a, b) _mm512_max_ps(a, b)
#define VMIN(a, b) _mm512_min_ps(a, b)
#define VSQRT(a) _mm512_sqrt_ps(a)
#define LESS(a, b) _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ)
#define INSIDE(a, top, v) \
    _mm512_maskz_mov_ps(LESS(SPLAT(0.0f), a) & LESS(a, SPLAT(top)), v)
#define BELOW(a, limit, v) _mm512_maskz_mov_ps(LESS(a, SPLAT(limit)), v)
#define AS_INT(a) ((ivec)(a))
#define AS_FLOAT(a) ((vec)(a))
#define TO_FLOAT(a) _mm512_cvtepi32_ps((__m512i)(a))

typedef __m128 four;
#define FOUR(at) _mm_loadu_ps(at)
#define STORE_FOUR(at, value) _mm_storeu_ps(at, value)
#define TURN_FOUR(a, b, c, d) _MM_TRANSPOSE4_PS(a, b, c, d)

#include "body.h"
#endif
