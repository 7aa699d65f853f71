// SPDX-License-Identifier: Apache-2.0
// The trainer, compiled once an ISA. The including file defines
//   V, vec, ivec       floats a register and the types of one; +, -, * and / work on them
//   LOAD STORE SPLAT   from and to memory of any alignment; all lanes one value
//   VMAX VMIN VSQRT    of vec; no operand is ever a NaN
//   INSIDE(a, top, v)  v where 0 < a < top, else 0; BELOW(a, limit, v) v where a < limit, else 0
//   AS_INT AS_FLOAT    the same bits; TO_FLOAT the same value
//   FOUR STORE_FOUR TURN_FOUR  of four floats, and the transposition of four by four, where a
//                      processor has them
//   TARGET INLINE NAME(x) KERNEL, and how many sums are kept in registers: TILE units of a layer
//   (a divisor of MLL_TUNE_UNIT_STEP), IN_TILE inputs times 4 units of a gradient (a divisor of
//   MLL_TUNE_INPUT_STEP)
#include <string.h>

#include "crew.h"
#include "tune.h"

#define PARTS (MLL_TUNE_LANES / V)

#ifdef __GNUC__
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

// As in medlossless/predict/tune.py.
#define INPUT_UNIT 64.0f
#define FLOOR_LOSS (0.5f / 256)
#define HIDDEN_CLIP (4095.0f / 256)
#define MEAN_CLIP (4095.0f / 256)
#define SCALE_CLIP (255.0f / 32)
#define LOG2_SCALE_LOW -4.0f
#define LOG2_SCALE_HIGH 12.0f
#define NEAR_CLIP 28.0f
#define LOG2_E 1.44269504f
#define DECAY1 0.9f
#define DECAY2 0.99f
#define TINY 1e-8f

#include "body_layers.h"
#include "body_loss.h"
#include "body_draw.h"

// Where everything of one thread lies. Rows of activations have STRIDE floats; `back` are the
// gradients by the activations above them.
typedef struct {
    int32_t rows_in; // inputs, padded
    float *parameters, *first, *second, *total, *turned, *inputs, *outputs, *outputs_back;
    float *hidden[MLL_TUNE_MAX_HIDDEN], *back[MLL_TUNE_MAX_HIDDEN];
} NAME(place);

INLINE int32_t padded_inputs(const mll_tune_shape *shape)
{
    return (shape->n_inputs + MLL_TUNE_INPUT_STEP - 1) & -MLL_TUNE_INPUT_STEP;
}

TARGET static NAME(place) place_of(const mll_tune_shape *shape, float *floats)
{
    NAME(place) place;
    const size_t n = mll_tune_parameters(shape);
    place.rows_in = padded_inputs(shape);
    place.parameters = floats;
    place.first = floats + n;
    place.second = floats + 2 * n;
    place.total = floats + 3 * n;
    place.turned = floats + 4 * n;
    float *at = floats + 5 * n;
    place.inputs = at;
    at += (ptrdiff_t)place.rows_in * STRIDE;
    for (int32_t k = 0; k < shape->n_hidden; k++) {
        place.hidden[k] = at;
        place.back[k] = at + (ptrdiff_t)shape->units[k] * STRIDE;
        at += 2 * (ptrdiff_t)shape->units[k] * STRIDE;
    }
    place.outputs = at;
    place.outputs_back = at + 2 * STRIDE;
    return place;
}

// Inputs of a block as floats; rows of padding are zero.
TARGET static void load_inputs(const mll_tune_job *job, const NAME(place) *place, int32_t block,
                               float *to)
{
    const int32_t n = job->shape.n_inputs;
    const int16_t *from = job->pool.inputs + (ptrdiff_t)block * n * MLL_TUNE_LANES;
    for (int32_t i = 0; i < n; i++, from += MLL_TUNE_LANES, to += STRIDE)
        for (int l = 0; l < MLL_TUNE_LANES; l++)
            to[l] = (float)from[l] * (1 / INPUT_UNIT);
    for (int32_t i = n; i < place->rows_in; i++, to += STRIDE)
        memset(to, 0, MLL_TUNE_LANES * sizeof *to);
}

// One block of the pool through the net; it stands at the `at`th float of every row.
TARGET static void forward(const mll_tune_job *job, const NAME(place) *place, int32_t block,
                           ptrdiff_t at)
{
    const mll_tune_shape *shape = &job->shape;
    const float *weights = place->parameters, *from = place->inputs + at;
    int32_t n = place->rows_in, k = 0;
    load_inputs(job, place, block, place->inputs + at);
    for (; k < shape->n_hidden; k++) {
        const float *biases = weights + (ptrdiff_t)n * shape->units[k];
        layer_forward(weights, biases, shape->units[k], from, n, place->hidden[k] + at);
        weights = biases + shape->units[k];
        from = place->hidden[k] + at;
        n = shape->units[k];
    }
    outputs_forward(weights, weights + 2 * (n + place->rows_in), from, n, place->inputs + at,
                    place->rows_in, place->outputs + at);
}

// The gradients by all activations of one block.
TARGET static void backward(const mll_tune_job *job, const NAME(place) *place, int32_t block,
                            ptrdiff_t at)
{
    const mll_tune_shape *shape = &job->shape;
    const int32_t last = shape->n_hidden - 1;
    const float *target = job->pool.targets
                          + (ptrdiff_t)block * MLL_TUNE_TARGETS * MLL_TUNE_LANES;
    const float *weights = place->parameters, *turned = place->turned;
    int32_t n = place->rows_in;
    for (int32_t k = 0; k <= last; n = shape->units[k++])
        weights += (ptrdiff_t)(n + 1) * shape->units[k];
    loss_gradient(place->outputs + at, target, job->share, place->outputs_back + at);
    outputs_back(weights, place->outputs_back + at, place->hidden[last] + at, shape->units[last],
                 place->back[last] + at);
    for (int32_t k = last; k > 0; k--) {
        layer_back(turned, shape->units[k - 1], place->back[k] + at, shape->units[k],
                   place->hidden[k - 1] + at, place->back[k - 1] + at);
        turned += (ptrdiff_t)shape->units[k] * shape->units[k - 1];
    }
}

// Weights of the hidden layers with inputs side by side, last layer first.
TARGET static void turn_weights(const mll_tune_shape *shape, const NAME(place) *place)
{
    const float *weights[MLL_TUNE_MAX_HIDDEN], *at = place->parameters;
    float *to = place->turned;
    int32_t n = place->rows_in;
    for (int32_t k = 0; k < shape->n_hidden; n = shape->units[k++]) {
        weights[k] = at;
        at += (ptrdiff_t)(n + 1) * shape->units[k];
    }
    for (int32_t k = shape->n_hidden - 1; k > 0; k--)
        for (int32_t u = 0; u < shape->units[k]; u++)
            for (int32_t i = 0; i < shape->units[k - 1]; i++)
                *to++ = weights[k][(ptrdiff_t)i * shape->units[k] + u];
}

// See mll_tune_gradient_fn; `turned` is up to date.
TARGET static void chunk_gradient(const mll_tune_job *job, const NAME(place) *place,
                                  int32_t first, int32_t last, float *gradient)
{
    const mll_tune_shape *shape = &job->shape;
    const int32_t n_blocks = last - first;
    const float *from = place->inputs, *end = gradient + mll_tune_parameters(shape);
    int32_t n = place->rows_in;
    for (int32_t b = 0; b < n_blocks; b++) {
        forward(job, place, first + b, (ptrdiff_t)b * MLL_TUNE_LANES);
        backward(job, place, first + b, (ptrdiff_t)b * MLL_TUNE_LANES);
    }
    for (int32_t k = 0; k < shape->n_hidden; k++) {
        const int32_t units = shape->units[k];
        weights_gradient(from, n, place->back[k], units, n_blocks, gradient);
        gradient += (ptrdiff_t)n * units;
        biases_gradient(place->back[k], units, n_blocks, gradient);
        gradient += units;
        from = place->hidden[k];
        n = units;
    }
    outputs_gradient(from, n, place->outputs_back, n_blocks, gradient);
    gradient += 2 * n;
    outputs_gradient(place->inputs, place->rows_in, place->outputs_back, n_blocks, gradient);
    gradient += 2 * place->rows_in;
    biases_gradient(place->outputs_back, 2, n_blocks, gradient);
    for (gradient += 2; gradient < end; gradient++)
        *gradient = 0.0f;
}

// Adds up the chunks' gradients, one after another; returns what to scale their sum by so that its
// norm is at most 1.
TARGET static float add_gradients(const float *gradients, int32_t chunks, size_t n, float *total)
{
    float lanes[MLL_TUNE_LANES] = {0};
    for (size_t at = 0; at < n; at += MLL_TUNE_LANES)
        for (int p = 0; p < PARTS; p++) {
            vec sum = LOAD(gradients + at + p * V);
            for (int32_t c = 1; c < chunks; c++)
                sum = sum + LOAD(gradients + (size_t)c * n + at + p * V);
            STORE(total + at + p * V, sum);
            STORE(lanes + p * V, LOAD(lanes + p * V) + sum * sum);
        }
    vec norm = VSQRT(SPLAT(lanes_sum(lanes)));
    float length[V];
    STORE(length, norm);
    return length[0] > 1.0f ? 1.0f / length[0] : 1.0f;
}

// D. Kingma, J. Ba, "Adam", ICLR 2015, algorithm 1, on the code length and the price of moving.
TARGET static void adam(const mll_tune_job *job, const NAME(place) *place, size_t n, float scale,
                        mll_tune_rate rate)
{
    for (size_t at = 0; at < n; at += V) {
        vec fine = LOAD(job->finenesses + at);
        vec moved = (LOAD(place->parameters + at) - LOAD(job->starts + at)) * fine;
        vec price = fine * SPLAT(job->price) * moved / VSQRT(moved * moved + SPLAT(0.25f));
        vec g = LOAD(place->total + at) * SPLAT(scale) + price;
        vec m = LOAD(place->first + at) * SPLAT(DECAY1) + g * SPLAT(1 - DECAY1);
        vec v = LOAD(place->second + at) * SPLAT(DECAY2) + g * g * SPLAT(1 - DECAY2);
        vec step = m * SPLAT(rate.rate) / (VSQRT(v * SPLAT(rate.unbias)) + SPLAT(TINY));
        STORE(place->first + at, m);
        STORE(place->second + at, v);
        STORE(place->parameters + at, LOAD(place->parameters + at) - step);
    }
}

TARGET static void NAME(steps)(const mll_tune_job *job, float *floats, int32_t thread,
                               int32_t first, int32_t last)
{
    const NAME(place) place = place_of(&job->shape, floats);
    const size_t n = mll_tune_parameters(&job->shape);
    const int32_t chunks = mll_tune_chunks(job->batch_blocks);
    const int64_t starts = job->pool.n_blocks - job->batch_blocks + 1;
    for (int32_t step = first; step < last; step++) {
        const int32_t start = (int32_t)((int64_t)step * job->batch_blocks % starts);
        const int32_t end = start + job->batch_blocks;
        float *gradients = job->gradients + (size_t)(step & 1) * (size_t)chunks * n;
        turn_weights(&job->shape, &place);
        for (int32_t c = thread; c < chunks; c += job->crew->n_threads) {
            const int32_t from = start + c * MLL_TUNE_CHUNK_BLOCKS;
            const int32_t to = from + MLL_TUNE_CHUNK_BLOCKS;
            chunk_gradient(job, &place, from, to < end ? to : end, gradients + (size_t)c * n);
        }
        if (!mll_tune_crew_meet(job->crew))
            return;
        const float scale = add_gradients(gradients, chunks, n, place.total);
        adam(job, &place, n, scale, job->rates[step]);
    }
}

TARGET static void NAME(gradient)(const mll_tune_job *job, float *floats, int32_t first,
                                  int32_t last, float *gradient)
{
    const NAME(place) place = place_of(&job->shape, floats);
    turn_weights(&job->shape, &place);
    chunk_gradient(job, &place, first, last, gradient);
}

TARGET static double NAME(bits)(const mll_tune_job *job, float *floats, int32_t first,
                                int32_t last)
{
    const NAME(place) place = place_of(&job->shape, floats);
    double total = 0.0;
    for (int32_t block = first; block < last; block++) {
        float lanes[MLL_TUNE_LANES] = {0};
        forward(job, &place, block, 0);
        loss_bits(place.outputs,
                  job->pool.targets + (ptrdiff_t)block * MLL_TUNE_TARGETS * MLL_TUNE_LANES, lanes);
        total += lanes_sum(lanes);
    }
    return total;
}

const mll_tune_kernel KERNEL = {NAME(steps), NAME(gradient), NAME(bits), NAME(draw)};
