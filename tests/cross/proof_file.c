// SPDX-License-Identifier: Apache-2.0
#include "proof_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEPT 256

static void *kept[MAX_KEPT];
static size_t n_kept;

static void give_up(const char *why)
{
    fprintf(stderr, "check: %s\n", why);
    exit(2);
}

static const uint8_t *take(proof_cursor *cursor, size_t n_bytes)
{
    const uint8_t *at = cursor->next;
    if ((size_t)(cursor->end - at) < n_bytes)
        give_up("the proof file ends early");
    cursor->next += n_bytes;
    return at;
}

static uint32_t little_endian(const uint8_t *at, int n_bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < n_bytes; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

uint32_t proof_u8(proof_cursor *cursor) { return *take(cursor, 1); }

uint32_t proof_u16(proof_cursor *cursor) { return little_endian(take(cursor, 2), 2); }

uint32_t proof_u32(proof_cursor *cursor) { return little_endian(take(cursor, 4), 4); }

void proof_name(proof_cursor *cursor, char name[PROOF_NAME_CHARS])
{
    uint32_t length = proof_u8(cursor);
    if (length >= PROOF_NAME_CHARS)
        give_up("a name is too long");
    memcpy(name, take(cursor, length), length);
    name[length] = 0;
}

uint8_t *proof_array_u8(proof_cursor *cursor, size_t count)
{
    uint8_t *array = proof_memory(count, 1);
    memcpy(array, take(cursor, count), count);
    return array;
}

uint16_t *proof_array_u16(proof_cursor *cursor, size_t count)
{
    uint16_t *array = proof_memory(count, sizeof *array);
    const uint8_t *from = take(cursor, 2 * count);
    for (size_t i = 0; i < count; i++)
        array[i] = (uint16_t)little_endian(from + 2 * i, 2);
    return array;
}

int32_t *proof_array_i32(proof_cursor *cursor, size_t count)
{
    int32_t *array = proof_memory(count, sizeof *array);
    const uint8_t *from = take(cursor, 4 * count);
    for (size_t i = 0; i < count; i++)
        array[i] = (int32_t)little_endian(from + 4 * i, 4);
    return array;
}

void *proof_memory(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory || n_kept == MAX_KEPT)
        give_up("out of memory");
    kept[n_kept++] = memory;
    return memory;
}

size_t proof_mark(void) { return n_kept; }

void proof_release(size_t mark)
{
    while (n_kept > mark)
        free(kept[--n_kept]);
}
