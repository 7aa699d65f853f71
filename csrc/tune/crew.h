// SPDX-License-Identifier: Apache-2.0
// Threads that meet after every step. They spin a while, as steps are short, then yield.
#ifndef MLL_TUNE_CREW_H
#define MLL_TUNE_CREW_H

#include <stdatomic.h>
#include <stdint.h>

struct mll_tune_crew {
    int32_t n_threads;
    atomic_int arrived, meetings, broken;
};

typedef struct mll_tune_crew mll_tune_crew;

void mll_tune_crew_init(mll_tune_crew *crew, int32_t n_threads);

// Makes all threads that wait, or will, go on at once: one of them will never arrive.
void mll_tune_crew_break(mll_tune_crew *crew);

// Waits until all threads of the crew have come; 0 if the crew is broken.
int mll_tune_crew_meet(mll_tune_crew *crew);

#endif
