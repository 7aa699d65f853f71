// SPDX-License-Identifier: Apache-2.0
// One piece of the caller's memory, handed out in aligned parts: nothing here allocates.
#ifndef MLL_MEMORY_H
#define MLL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define MLL_ALIGN 64 // bytes; each part, and the first, may cost this many on top

static inline uint8_t *mll_memory_begin(void *memory)
{
    return (uint8_t *)memory + (MLL_ALIGN - (uintptr_t)memory % MLL_ALIGN) % MLL_ALIGN;
}

// The next n_bytes; *at moves on to the following aligned byte.
static inline void *mll_memory_take(uint8_t **at, size_t n_bytes)
{
    uint8_t *part = *at;
    *at = part + (n_bytes + MLL_ALIGN - 1) / MLL_ALIGN * MLL_ALIGN;
    return part;
}

#endif
