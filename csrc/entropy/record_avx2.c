// SPDX-License-Identifier: Apache-2.0
// AVX2 by the compiler: the loops of the body are vectors of 16 lanes.
#if defined(__x86_64__) && defined(__GNUC__)
#define TARGET __attribute__((target("avx2,bmi2")))
#define RECORD mll_record_avx2
#include "record_body.h"
#else
typedef int mll_no_record_avx2; // a source file must declare something
#endif
