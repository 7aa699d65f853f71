// SPDX-License-Identifier: Apache-2.0
// Read me first
// - A proof file holds what the reference, which is Python, says; benchmarks/proof_file.py writes
//   it and describes it. This program has no Python, so it also runs where only C does.
// - Numbers are little endian in the file whatever the processor is.
// - A file that ends early, or goes on, ends the program with status 2.
// - Arrays stand in memory of just their own size: a sanitiser sees what reads past them.
#ifndef MLL_PROOF_FILE_H
#define MLL_PROOF_FILE_H

#include <stddef.h>
#include <stdint.h>

#define PROOF_NAME_CHARS 64

typedef struct {
    const uint8_t *next, *end;
} proof_cursor;

// What has been compared, and what came of it.
typedef struct {
    uint32_t n_frames, n_tiles, n_wrong;
    uint64_t n_samples;
    uint32_t ran; // bit (1 << kernel) of each kernel that was compared
} proof_totals;

uint32_t proof_u8(proof_cursor *cursor);
uint32_t proof_u16(proof_cursor *cursor);
uint32_t proof_u32(proof_cursor *cursor);
void proof_name(proof_cursor *cursor, char name[PROOF_NAME_CHARS]);

uint8_t *proof_array_u8(proof_cursor *cursor, size_t count);
uint16_t *proof_array_u16(proof_cursor *cursor, size_t count);
int32_t *proof_array_i32(proof_cursor *cursor, size_t count);

// Zeroed memory, kept until proof_release() of a mark taken before.
void *proof_memory(size_t count, size_t size);
size_t proof_mark(void);
void proof_release(size_t mark);

// A net and the frames it predicts: every kernel this processor runs must give what they expect.
void check_kernels(proof_cursor *cursor, proof_totals *totals);

// A tile: fold, unfold, encode and decode must give what it expects.
void check_tile(proof_cursor *cursor, proof_totals *totals);

extern const char *const kernel_names[];

#endif
