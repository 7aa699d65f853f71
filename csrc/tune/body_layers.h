// SPDX-License-Identifier: Apache-2.0
// Layers of the float net over blocks of 16 samples; included by body.h once an ISA.
// A row of activations is the same unit of all samples of a chunk: 16 floats a block, STRIDE floats
// from the next row. The odd number of lines in STRIDE keeps rows out of one another's cache sets.
#define STRIDE ((MLL_TUNE_CHUNK_BLOCKS + 1) * MLL_TUNE_LANES)

// `units` (a multiple of TILE) sums of one block, in the order of k: starts[u] + sum over k of
// weights[k][u] * from[k]. to[u] = 0 < sum < top ? sum : the nearer end, unless top is 0.
INLINE void tile_sums(const float *weights, int32_t step, const float *from, int32_t n,
                      const float *starts, float start_add, float top, float *to)
{
    vec sum[TILE][PARTS];
    UNROLL for (int u = 0; u < TILE; u++)
        UNROLL for (int p = 0; p < PARTS; p++)
            sum[u][p] = starts ? SPLAT(starts[u] + start_add) : SPLAT(0.0f);
    for (int32_t k = 0; k < n; k++, weights += step, from += STRIDE) {
        vec x[PARTS];
        UNROLL for (int p = 0; p < PARTS; p++)
            x[p] = LOAD(from + p * V);
        UNROLL for (int u = 0; u < TILE; u++)
            UNROLL for (int p = 0; p < PARTS; p++)
                sum[u][p] = sum[u][p] + x[p] * SPLAT(weights[u]);
    }
    UNROLL for (int u = 0; u < TILE; u++)
        UNROLL for (int p = 0; p < PARTS; p++) {
            vec value = sum[u][p];
            if (top > 0.0f)
                value = VMIN(VMAX(value, SPLAT(0.0f)), SPLAT(top));
            STORE(to + u * STRIDE + p * V, value);
        }
}

TARGET static void layer_forward(const float *weights, const float *biases, int32_t units,
                                 const float *from, int32_t n, float *to)
{
    for (int32_t u = 0; u < units; u += TILE)
        tile_sums(weights + u, units, from, n, biases + u, -FLOOR_LOSS, HIDDEN_CLIP,
                  to + (ptrdiff_t)u * STRIDE);
}

// The gradient by a layer's inputs: turned[k][i] are its weights with inputs side by side. Where an
// activation was clipped nothing comes through.
TARGET static void layer_back(const float *turned, int32_t inputs, const float *back, int32_t n,
                              const float *activations, float *to)
{
    for (int32_t i = 0; i < inputs; i += TILE) {
        float *at = to + (ptrdiff_t)i * STRIDE;
        tile_sums(turned + i, inputs, back, n, NULL, 0.0f, 0.0f, at);
        for (int t = 0; t < TILE; t++)
            for (int p = 0; p < PARTS; p++) {
                const ptrdiff_t place = t * STRIDE + p * V;
                STORE(at + place, INSIDE(LOAD(activations + (ptrdiff_t)i * STRIDE + place),
                                         HIDDEN_CLIP, LOAD(at + place)));
            }
    }
}

// Both outputs of one block: biases + hidden part, and the part of the inputs, each in order.
TARGET static void outputs_forward(const float *weights, const float *biases, const float *hidden,
                                   int32_t n_hidden, const float *inputs, int32_t n_inputs,
                                   float *to)
{
    vec sum[2][2][PARTS];
    for (int p = 0; p < PARTS; p++) {
        sum[0][0][p] = SPLAT(biases[0]);
        sum[0][1][p] = SPLAT(biases[1]);
        sum[1][0][p] = sum[1][1][p] = SPLAT(0.0f);
    }
    for (int32_t k = 0; k < n_hidden; k++)
        for (int p = 0; p < PARTS; p++) {
            vec h = LOAD(hidden + (ptrdiff_t)k * STRIDE + p * V);
            sum[0][0][p] = sum[0][0][p] + h * SPLAT(weights[2 * k]);
            sum[0][1][p] = sum[0][1][p] + h * SPLAT(weights[2 * k + 1]);
        }
    weights += 2 * n_hidden;
    for (int32_t k = 0; k < n_inputs; k++)
        for (int p = 0; p < PARTS; p++) {
            vec x = LOAD(inputs + (ptrdiff_t)k * STRIDE + p * V);
            sum[1][0][p] = sum[1][0][p] + x * SPLAT(weights[2 * k]);
            sum[1][1][p] = sum[1][1][p] + x * SPLAT(weights[2 * k + 1]);
        }
    for (int p = 0; p < PARTS; p++) {
        STORE(to + p * V, sum[0][0][p] + sum[1][0][p]);
        STORE(to + STRIDE + p * V, sum[0][1][p] + sum[1][1][p]);
    }
}

// The gradient by the last hidden layer.
TARGET static void outputs_back(const float *weights, const float *back, const float *hidden,
                                int32_t n_hidden, float *to)
{
    for (int p = 0; p < PARTS; p++) {
        const vec mean = LOAD(back + p * V), scale = LOAD(back + STRIDE + p * V);
        for (int32_t k = 0; k < n_hidden; k++) {
            const ptrdiff_t place = (ptrdiff_t)k * STRIDE + p * V;
            vec sum = mean * SPLAT(weights[2 * k]) + scale * SPLAT(weights[2 * k + 1]);
            STORE(to + place, INSIDE(LOAD(hidden + place), HIDDEN_CLIP, sum));
        }
    }
}

// Sum of 16 lanes: l with l + 8, then with l + 4, l + 2, l + 1.
INLINE float lanes_sum(const float *lanes)
{
    float four[4];
    for (int l = 0; l < 4; l++)
        four[l] = (lanes[l] + lanes[l + 8]) + (lanes[l + 4] + lanes[l + 12]);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

// The same of four times 16 lanes.
INLINE void lanes_sum_four(float lanes[4][MLL_TUNE_LANES], float *to)
{
#ifdef TURN_FOUR
    four sum[4];
    UNROLL for (int u = 0; u < 4; u++)
        sum[u] = (FOUR(lanes[u]) + FOUR(lanes[u] + 8)) + (FOUR(lanes[u] + 4) + FOUR(lanes[u] + 12));
    TURN_FOUR(sum[0], sum[1], sum[2], sum[3]);
    STORE_FOUR(to, (sum[0] + sum[2]) + (sum[1] + sum[3]));
#else
    for (int u = 0; u < 4; u++)
        to[u] = lanes_sum(lanes[u]);
#endif
}

// Gradients of weights[i][u] for IN_TILE inputs and 4 units over the blocks of a chunk.
INLINE void tile_products(const float *inputs, const float *back, int32_t n_blocks,
                          float *gradient, int32_t step)
{
    _Alignas(64) float lanes[IN_TILE][4][MLL_TUNE_LANES];
    UNROLL for (int p = 0; p < PARTS; p++) {
        vec sum[IN_TILE][4];
        UNROLL for (int i = 0; i < IN_TILE; i++)
            UNROLL for (int u = 0; u < 4; u++)
                sum[i][u] = SPLAT(0.0f);
        for (ptrdiff_t at = p * V; at < n_blocks * MLL_TUNE_LANES; at += MLL_TUNE_LANES) {
            vec d[4];
            UNROLL for (int u = 0; u < 4; u++)
                d[u] = LOAD(back + u * STRIDE + at);
            UNROLL for (int i = 0; i < IN_TILE; i++) {
                vec x = LOAD(inputs + i * STRIDE + at);
                UNROLL for (int u = 0; u < 4; u++)
                    sum[i][u] = sum[i][u] + x * d[u];
            }
        }
        UNROLL for (int i = 0; i < IN_TILE; i++)
            UNROLL for (int u = 0; u < 4; u++)
                STORE(lanes[i][u] + p * V, sum[i][u]);
    }
    UNROLL for (int i = 0; i < IN_TILE; i++)
        lanes_sum_four(lanes[i], gradient + (ptrdiff_t)i * step);
}

TARGET static void biases_gradient(const float *back, int32_t units, int32_t n_blocks,
                                   float *gradient)
{
    _Alignas(64) float lanes[MLL_TUNE_LANES];
    for (int32_t u = 0; u < units; u++, back += STRIDE) {
        for (int p = 0; p < PARTS; p++) {
            vec sum = SPLAT(0.0f);
            for (ptrdiff_t at = p * V; at < n_blocks * MLL_TUNE_LANES; at += MLL_TUNE_LANES)
                sum = sum + LOAD(back + at);
            STORE(lanes + p * V, sum);
        }
        gradient[u] = lanes_sum(lanes);
    }
}

// inputs and units are padded.
TARGET static void weights_gradient(const float *from, int32_t inputs, const float *back,
                                    int32_t units, int32_t n_blocks, float *gradient)
{
    for (int32_t u = 0; u < units; u += 4)
        for (int32_t i = 0; i < inputs; i += IN_TILE)
            tile_products(from + (ptrdiff_t)i * STRIDE, back + (ptrdiff_t)u * STRIDE, n_blocks,
                          gradient + (ptrdiff_t)i * units + u, units);
}

// Both outputs' weights, four inputs at a time: the roles of inputs and units are exchanged.
TARGET static void outputs_gradient(const float *from, int32_t inputs, const float *back,
                                    int32_t n_blocks, float *gradient)
{
    _Alignas(64) float lanes[2][4][MLL_TUNE_LANES];
    float sums[2][4];
    for (int32_t i = 0; i < inputs; i += 4, from += 4 * STRIDE) {
        UNROLL for (int p = 0; p < PARTS; p++) {
            vec sum[2][4];
            UNROLL for (int k = 0; k < 4; k++)
                sum[0][k] = sum[1][k] = SPLAT(0.0f);
            for (ptrdiff_t at = p * V; at < n_blocks * MLL_TUNE_LANES; at += MLL_TUNE_LANES) {
                vec mean = LOAD(back + at), scale = LOAD(back + STRIDE + at);
                UNROLL for (int k = 0; k < 4; k++) {
                    vec x = LOAD(from + k * STRIDE + at);
                    sum[0][k] = sum[0][k] + x * mean;
                    sum[1][k] = sum[1][k] + x * scale;
                }
            }
            UNROLL for (int k = 0; k < 4; k++) {
                STORE(lanes[0][k] + p * V, sum[0][k]);
                STORE(lanes[1][k] + p * V, sum[1][k]);
            }
        }
        lanes_sum_four(lanes[0], sums[0]);
        lanes_sum_four(lanes[1], sums[1]);
        for (int k = 0; k < 4; k++, gradient += 2) {
            gradient[0] = sums[0][k];
            gradient[1] = sums[1][k];
        }
    }
}
