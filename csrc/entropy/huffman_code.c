// SPDX-License-Identifier: Apache-2.0
#include "huffman.h"

#include <string.h>

#include "memory.h"

#define N_NODES (2 * MLL_N_TOKENS)

size_t mll_huffman_code_bytes(uint32_t n_contexts)
{
    size_t lengths = MLL_CODE_STRIDE * (sizeof(uint16_t) + sizeof(int16_t));
    size_t tokens = MLL_TOKEN_STRIDE * (2 + sizeof(uint16_t));
    return (size_t)n_contexts * (2 * (lengths + tokens) + 1) + 7 * MLL_ALIGN;
}

// The leaves of one code, rarest first; keys order by freq and then by falling token (or word).
typedef struct {
    uint32_t key[MLL_N_TOKENS];    // freq << 6 | (63 - token)
    uint8_t length[MLL_N_TOKENS];
    uint32_t n;
} leaves;

static uint32_t leaf_freq(const leaves *leaf, uint32_t i)
{
    return leaf->key[i] >> 6;
}

static uint32_t leaf_token(const leaves *leaf, uint32_t i)
{
    return 63 - (leaf->key[i] & 63);
}

// Insertion sort: freq mostly falls with the token, so the keys arrive nearly in order.
static void leaves_sort(leaves *leaf)
{
    for (uint32_t i = 1; i < leaf->n; i++) {
        uint32_t key = leaf->key[i], at = i;
        for (; at > 0 && leaf->key[at - 1] > key; at--)
            leaf->key[at] = leaf->key[at - 1];
        leaf->key[at] = key;
    }
}

// Halves every freq, rounding up.
static void leaves_halve(leaves *leaf)
{
    for (uint32_t i = 0; i < leaf->n; i++)
        leaf->key[i] = ((leaf_freq(leaf, i) + 1) >> 1) << 6 | (leaf->key[i] & 63);
}

// Huffman's algorithm with two queues, sorted leaves and inner nodes in order of creation; where
// both heads weigh the same the leaf is taken first. Returns the longest length.
static uint32_t leaves_measure(leaves *leaf)
{
    uint32_t weight[N_NODES], n = leaf->n, n_leaves = 0, n_inner = n;
    uint8_t parent[N_NODES], depth[N_NODES];
    for (uint32_t node = n; node < 2 * n - 1; node++) {
        weight[node] = 0;
        for (int child = 0; child < 2; child++) {
            int is_leaf = n_leaves < n
                          && (n_inner == node || leaf_freq(leaf, n_leaves) <= weight[n_inner]);
            weight[node] += is_leaf ? leaf_freq(leaf, n_leaves) : weight[n_inner];
            parent[is_leaf ? n_leaves++ : n_inner++] = (uint8_t)node;
        }
    }
    depth[2 * n - 2] = 0;
    for (uint32_t node = 2 * n - 2; node-- > 0;)
        depth[node] = (uint8_t)(depth[parent[node]] + 1);
    memcpy(leaf->length, depth, n);
    return depth[0]; // the rarest leaf lies deepest
}

// Canonical codes: by length, then by token.
static void code_assign(mll_huffman_code *code, uint32_t set, const leaves *leaf)
{
    uint16_t *limit = code->limit + (size_t)set * MLL_CODE_STRIDE;
    int16_t *offset = code->offset + (size_t)set * MLL_CODE_STRIDE;
    uint8_t *order = code->order + (size_t)set * MLL_TOKEN_STRIDE;
    uint16_t *bits = code->code + (size_t)set * MLL_TOKEN_STRIDE;
    uint8_t *length = code->length + (size_t)set * MLL_TOKEN_STRIDE;
    uint64_t members[MLL_CODE_STRIDE] = {0}; // of each length, one bit a token
    for (uint32_t i = 0; i < leaf->n; i++) {
        length[leaf_token(leaf, i)] = leaf->length[i];
        members[leaf->length[i]] |= (uint64_t)1 << leaf_token(leaf, i);
    }
    uint32_t first = 0, place = 0; // next code, left justified; tokens placed so far
    for (uint32_t l = 0; l < MLL_CODE_STRIDE; l++) {
        offset[l] = (int16_t)((int32_t)place - (int32_t)(first >> (MLL_CODE_BITS - l)));
        for (uint32_t token = 0; members[l] >> token; token++) {
            if (!(members[l] >> token & 1))
                continue;
            bits[token] = (uint16_t)(first >> (MLL_CODE_BITS - l));
            first += 1u << (MLL_CODE_BITS - l);
            order[place++] = (uint8_t)token;
        }
        limit[l] = (uint16_t)first;
    }
}

static void code_build(mll_huffman_code *code, uint32_t set, leaves *leaf)
{
    do {
        leaves_halve(leaf);
        leaves_sort(leaf);
    } while (leaves_measure(leaf) > MLL_CODE_BITS);
    code_assign(code, set, leaf);
}

static void leaf_add(leaves *leaf, uint32_t token, uint32_t freq)
{
    leaf->key[leaf->n++] = freq << 6 | (63 - token);
}

// Words where zeros have 3/8 of the freq: below, a code of tokens does as well. A full run is the
// longest that is at most twice the mean run, 2^15 / (2^15 - freq of zero).
uint32_t mll_huffman_run_log2(const mll_model *model, uint32_t context)
{
    uint32_t zero = model->freq[(size_t)context * MLL_TOKEN_STRIDE];
    uint32_t log2 = MLL_RUN_PARTS_LOG2;
    if (model->n_tokens[context] == 1 || zero < MLL_RUN_FREQ_MIN)
        return 0;
    while (log2 < MLL_RUN_LOG2_MAX && (MLL_SCALE - zero) << (log2 + 1) <= 2 * MLL_SCALE)
        log2++;
    return log2;
}

// Words weigh what a source without memory makes of them. In units of 2^-30, `survive` is the share
// of runs not yet ended after q parts, step that of a part of zeros alone.
// Widths: survive, step <= 2^30 and share <= 2^16, so each product is at most 2^60.
static void words_weigh(leaves *leaf, const uint16_t *freq, uint32_t n_tokens, uint32_t run_log2)
{
    uint32_t n_classes = n_tokens - 1 < MLL_RUN_CLASSES ? n_tokens - 1 : MLL_RUN_CLASSES;
    uint32_t n_parts = 1u << MLL_RUN_PARTS_LOG2, nonzero = MLL_SCALE - freq[0], rest = nonzero;
    uint64_t step = (uint64_t)freq[0] << 15, survive = 1u << 30, ended[1 << MLL_RUN_PARTS_LOG2];
    for (uint32_t i = MLL_RUN_PARTS_LOG2; i < run_log2; i++)
        step = step * step >> 30;
    for (uint32_t q = 0; q < n_parts; q++) {
        ended[q] = survive - (survive * step >> 30);
        survive -= ended[q];
    }
    leaf_add(leaf, 0, 1 + (uint32_t)(survive >> 15));
    for (uint32_t class = 0; class < n_classes; class++) {
        uint32_t of_class = class < MLL_RUN_CLASSES - 1 ? freq[class + 1] : rest;
        uint64_t share = ((uint64_t)of_class << 16) / nonzero;
        rest -= of_class;
        for (uint32_t q = 0; q < n_parts; q++)
            leaf_add(leaf, 1 + n_parts * class + q, 1 + (uint32_t)(ended[q] * share >> 31));
    }
}

static void context_build(mll_huffman_code *code, const mll_model *model, uint32_t context)
{
    const uint16_t *freq = model->freq + (size_t)context * MLL_TOKEN_STRIDE;
    uint32_t n_tokens = model->n_tokens[context], first = 0;
    uint32_t run_log2 = mll_huffman_run_log2(model, context);
    leaves leaf;
    code->run_log2[context] = (uint8_t)run_log2;
    if (run_log2 > 0) {
        leaf.n = 0;
        words_weigh(&leaf, freq, n_tokens, run_log2);
        code_build(code, 2 * context, &leaf);
        first = MLL_RUN_CLASSES;
    }
    leaf.n = 0;
    for (uint32_t token = n_tokens; token-- > first;)
        leaf_add(&leaf, token, freq[token]);
    if (leaf.n > 0)
        code_build(code, 2 * context + (run_log2 > 0), &leaf);
}

mll_status mll_huffman_code_init(mll_huffman_code *code, void *memory, size_t memory_bytes,
                                 const mll_model *model)
{
    uint32_t n = model->n_contexts;
    size_t sets = 2 * (size_t)n;
    if (memory_bytes < mll_huffman_code_bytes(n))
        return MLL_CAPACITY;
    uint8_t *at = mll_memory_begin(memory);
    code->limit = mll_memory_take(&at, sets * MLL_CODE_STRIDE * sizeof *code->limit);
    code->offset = mll_memory_take(&at, sets * MLL_CODE_STRIDE * sizeof *code->offset);
    code->order = mll_memory_take(&at, sets * MLL_TOKEN_STRIDE);
    code->code = mll_memory_take(&at, sets * MLL_TOKEN_STRIDE * sizeof *code->code);
    code->length = mll_memory_take(&at, sets * MLL_TOKEN_STRIDE);
    code->run_log2 = mll_memory_take(&at, n);
    code->n_contexts = n;
    for (uint32_t context = 0; context < n; context++)
        context_build(code, model, context);
    return MLL_OK;
}

void mll_huffman_end_band(mll_huffman_code *code, mll_model *model, mll_huffman_decoder *decoders,
                          uint32_t n_decoders)
{
    mll_model_end_band(model);
    for (uint32_t context = 0; context < model->n_contexts; context++) {
        if (!model->due[context])
            continue;
        context_build(code, model, context);
        for (uint32_t i = 0; i < n_decoders && code->run_log2[context] == 0; i++)
            decoders[i].runs[context] = 0;
    }
}
