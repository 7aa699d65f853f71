// SPDX-License-Identifier: Apache-2.0
// AVX2 by the compiler: the loops of the body are vectors of 16 lanes.
#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2")))
#define LOOK mll_look_avx2
#include "look_body.h"
#else
typedef int mll_no_look_avx2; // a source file must declare something
#endif
