// SPDX-License-Identifier: Apache-2.0
// Read me first
// - The encoder's float trainer: Adam on the code length of a small net. The definition of the
//   arithmetic is predict/tune_reference.py; this one is fast, and gives the same bits on every
//   processor and for every number of threads. Nothing here is needed to decode.
// - Why the bits agree: samples stand in 16 lanes, whatever the width of a register; every sum has
//   one written order; multiplications and additions are never contracted (-ffp-contract=off);
//   exp2 and log2 are polynomials (body_loss.h), not the library's.
// - A batch is cut into chunks of 8 blocks of 16 samples. Threads share out the chunks, and every
//   thread adds up all of them in order and takes the same step on parameters of its own: one
//   barrier a step, and no thread's share shows in the result.
// - Units are padded to MLL_TUNE_UNIT_STEP and inputs to MLL_TUNE_INPUT_STEP with weights that are
//   zero and stay zero.
#ifndef MLL_TUNE_H
#define MLL_TUNE_H

#include <stddef.h>
#include <stdint.h>

#include "../mlp/kernel.h"

#define MLL_TUNE_LANES 16
#define MLL_TUNE_CHUNK_BLOCKS 8
#define MLL_TUNE_UNIT_STEP 8
#define MLL_TUNE_INPUT_STEP 4
#define MLL_TUNE_MAX_HIDDEN 3
#define MLL_TUNE_TARGETS 4
#define MLL_TUNE_ALIGNMENT 64 // bytes, of every float array but gradients' parts

// Parameters lie layer after layer: weights[inputs padded][units padded], biases[units padded].
// The output layer's are weights[last hidden padded + inputs padded][2], biases[2], zeros up to a
// multiple of 16 floats.
typedef struct {
    int32_t n_inputs; // as the pool has them
    int32_t n_hidden; // 1..MLL_TUNE_MAX_HIDDEN
    int32_t units[MLL_TUNE_MAX_HIDDEN]; // padded
} mll_tune_shape;

// Samples by blocks of 16 lanes.
typedef struct {
    const int16_t *inputs; // [n_blocks][n_inputs][16], 64 = 1
    // [n_blocks][4][16]: sample - baseline, unit of the mean, log2 scale that the outputs start
    // from, weight of the sample (0: a lane without one)
    const float *targets;
    int32_t n_blocks;
} mll_tune_pool;

// One step of Adam, everything that does not depend on the gradient.
typedef struct {
    float rate;   // step size / (1 - decay1^t)
    float unbias; // 1 / (1 - decay2^t)
} mll_tune_rate;

typedef struct mll_tune_crew mll_tune_crew; // crew.h

typedef struct {
    mll_tune_shape shape;
    mll_tune_pool pool;
    int32_t batch_blocks; // blocks a step, 1..pool.n_blocks
    float share;          // what a sample counts in a step: 1 / (16 * batch_blocks)
    const mll_tune_rate *rates; // [steps]
    // What moving a parameter costs is felt as a gradient, price * u / sqrt(u^2 + 1/4) by
    // u = (parameter - starts) * finenesses, so that what gains little stays where it was.
    const float *starts;     // [parameters]
    const float *finenesses; // [parameters], 0: it costs nothing
    float price;
    float *gradients;     // [2][chunks][parameters], written by the threads
    mll_tune_crew *crew;
} mll_tune_job;

// Parameters of a shape, a multiple of 16.
size_t mll_tune_parameters(const mll_tune_shape *shape);

// Floats a thread works in: parameters, their two moments, then scratch. The caller sets the
// parameters and zeroes the moments before the first step, alike for all threads.
size_t mll_tune_floats(const mll_tune_shape *shape);

// Chunks of a batch.
static inline int32_t mll_tune_chunks(int32_t batch_blocks)
{
    return (batch_blocks + MLL_TUNE_CHUNK_BLOCKS - 1) / MLL_TUNE_CHUNK_BLOCKS;
}

// Steps first..last - 1 as thread number `thread` of the crew, on that thread's own floats.
typedef void mll_tune_steps_fn(const mll_tune_job *job, float *floats, int32_t thread,
                               int32_t first, int32_t last);

// Gradients of blocks first..last - 1 of the pool, as one chunk of at most CHUNK_BLOCKS: each
// sample counts `share` times its weight.
typedef void mll_tune_gradient_fn(const mll_tune_job *job, float *floats, int32_t first,
                                  int32_t last, float *gradient);

// Weighted sum of the code lengths of blocks first..last - 1 of the pool, in bits.
typedef double mll_tune_bits_fn(const mll_tune_job *job, float *floats, int32_t first,
                                int32_t last);

// Draws one block of a pool.
//   view     at (0, 0) of a padded frame (mlp/frame.h) and of those before it
//   places   [16] distance of each sample from (0, 0); lanes from n_lanes on will weigh nothing,
//            but must be places too
//   inputs   [n_neighbours + 1][16], targets [4][16]: the block
typedef void mll_tune_draw_fn(const mll_net *net, const mll_view *view, const int32_t *places,
                              int32_t n_lanes, int16_t *inputs, float *targets);

typedef struct {
    mll_tune_steps_fn *steps;
    mll_tune_gradient_fn *gradient;
    mll_tune_bits_fn *bits;
    mll_tune_draw_fn *draw;
} mll_tune_kernel;

extern const mll_tune_kernel mll_tune_plain, mll_tune_avx2, mll_tune_avx512, mll_tune_neon;

// The trainer that goes with a kernel (mll_kernel); the plain one where there is none.
const mll_tune_kernel *mll_tune_kernel_of(int32_t kernel);

#endif
