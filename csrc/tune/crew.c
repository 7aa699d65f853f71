// SPDX-License-Identifier: Apache-2.0
#include "crew.h"

#ifdef _WIN32
#include <windows.h>
#define YIELD() SwitchToThread()
#else
#include <sched.h>
#define YIELD() sched_yield()
#endif

#define PATIENCE 4096 // turns before the processor is offered to others

void mll_tune_crew_init(mll_tune_crew *crew, int32_t n_threads)
{
    crew->n_threads = n_threads;
    atomic_init(&crew->arrived, 0);
    atomic_init(&crew->meetings, 0);
    atomic_init(&crew->broken, 0);
}

void mll_tune_crew_break(mll_tune_crew *crew)
{
    atomic_store(&crew->broken, 1);
}

int mll_tune_crew_meet(mll_tune_crew *crew)
{
    int meeting = atomic_load(&crew->meetings);
    if (atomic_fetch_add(&crew->arrived, 1) + 1 == crew->n_threads) {
        atomic_store(&crew->arrived, 0);
        atomic_fetch_add(&crew->meetings, 1);
        return !atomic_load(&crew->broken);
    }
    for (int turn = 0; atomic_load_explicit(&crew->meetings, memory_order_acquire) == meeting;
         turn++) {
        if (atomic_load(&crew->broken))
            return 0;
        if (turn > PATIENCE)
            YIELD();
    }
    return !atomic_load(&crew->broken);
}
