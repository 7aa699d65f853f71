// SPDX-License-Identifier: Apache-2.0
// AVX2: two registers hold the 16 lanes.
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define V 8
#define TARGET __attribute__((target("avx2")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define NAME(x) x##_avx2
#define KERNEL mll_tune_avx2
#define TILE 4
#define IN_TILE 2

typedef __m256 vec;
typedef __v8si ivec;

#define LOAD(at) _mm256_loadu_ps(at)
#define STORE(at, value) _mm256_storeu_ps(at, value)
#define SPLAT(a) _mm256_set1_ps(a)
#define VMAX(a, b) _mm256_max_ps(a, b)
#define VMIN(a, b) _mm256_min_ps(a, b)
#define VSQRT(a) _mm256_sqrt_ps(a)
#define LESS(a, b) _mm256_cmp_ps(a, b, _CMP_LT_OQ)
#define INSIDE(a, top, v) \
    _mm256_and_ps(_mm256_and_ps(LESS(SPLAT(0.0f), a), LESS(a, SPLAT(top))), v)
#define BELOW(a, limit, v) _mm256_and_ps(LESS(a, SPLAT(limit)), v)
#define AS_INT(a) ((ivec)(a))
#define AS_FLOAT(a) ((vec)(a))
#define TO_FLOAT(a) _mm256_cvtepi32_ps((__m256i)(a))

typedef __m128 four;
#define FOUR(at) _mm_loadu_ps(at)
#define STORE_FOUR(at, value) _mm_storeu_ps(at, value)
#define TURN_FOUR(a, b, c, d) _MM_TRANSPOSE4_PS(a, b, c, d)

#include "body.h"
#endif
