// SPDX-License-Identifier: Apache-2.0
// check PROOF_FILE KERNEL...: compares the C core with a proof file. The kernels named must run.
// Status: 0 all equal; 1 something differs, or a kernel did not run; 2 no use of the file.
#include <stdio.h>
#include <string.h>

#include "mlp/kernel.h"
#include "proof_file.h"

#define MAGIC "MLPROOF0"
#define MAX_FILE_BYTES (32u << 20)

enum { RECORD_END = 0, RECORD_NET = 1, RECORD_TILE = 2 };

static int read_all(const char *path, proof_cursor *cursor)
{
    uint8_t *data = proof_memory(MAX_FILE_BYTES, 1);
    FILE *file = fopen(path, "rb");
    size_t n_bytes = file ? fread(data, 1, MAX_FILE_BYTES, file) : 0;
    if (file)
        fclose(file);
    cursor->next = data + sizeof MAGIC - 1;
    cursor->end = data + n_bytes;
    return n_bytes >= sizeof MAGIC && memcmp(data, MAGIC, sizeof MAGIC - 1) == 0;
}

static int check_records(proof_cursor *cursor, proof_totals *totals)
{
    for (;;) {
        switch (proof_u8(cursor)) {
        case RECORD_END:
            return cursor->next == cursor->end;
        case RECORD_NET:
            check_kernels(cursor, totals);
            break;
        case RECORD_TILE:
            check_tile(cursor, totals);
            break;
        default:
            return 0;
        }
    }
}

static void expect_kernel(const char *name, proof_totals *totals)
{
    for (int kernel = 0; kernel < MLL_N_KERNELS; kernel++)
        if (totals->ran >> kernel & 1 && strcmp(name, kernel_names[kernel]) == 0)
            return;
    printf("NOT OK: kernel %s did not run\n", name);
    totals->n_wrong += 1;
}

static void print_totals(const proof_totals *totals)
{
    const uint16_t one = 1;
    printf("%s endian, %d-bit pointers; kernels:", *(const uint8_t *)&one ? "little" : "big",
           (int)(8 * sizeof(void *)));
    for (int kernel = 0; kernel < MLL_N_KERNELS; kernel++)
        if (totals->ran >> kernel & 1)
            printf(" %s", kernel_names[kernel]);
    printf("; %u frames, %llu samples, in two layouts; %u tiles: %s\n", totals->n_frames,
           (unsigned long long)totals->n_samples, totals->n_tiles,
           totals->n_wrong ? "NOT OK" : "all equal to the reference");
}

int main(int argc, char **argv)
{
    proof_totals totals = {0};
    proof_cursor cursor;
    if (argc < 2 || !read_all(argv[1], &cursor) || !check_records(&cursor, &totals)) {
        fprintf(stderr, "check: no proof file, or a damaged one\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        expect_kernel(argv[i], &totals);
    if (totals.n_frames == 0 || totals.n_tiles == 0)
        totals.n_wrong += 1;
    print_totals(&totals);
    proof_release(0);
    return totals.n_wrong != 0;
}
