// SPDX-License-Identifier: Apache-2.0
// Code length of a discretised logistic and its gradient; included by body.h once an ISA.
// With s = 2^-log2_scale, near = (|residual| - 1/2) s, far = near + s and the logistic's tails
// t(a) = 1 / (1 + e^a), the probability is
//     mass = t(near) - t(far) = e^near (e^s - 1) t(near) t(far),
// whose logarithm has the derivatives
//     by near at fixed s    -(1 - t(near) - t(far))
//     by log s              s e^s / (e^s - 1) (1 + e^near) t(far) - near (1 - t(near) - t(far)).

// 2^value, |value| < 126, to 2 units in the last place: the polynomial of Cephes exp2f.
INLINE vec exp2_of(vec value)
{
    const vec magic = SPLAT(12582912.0f); // 1.5 * 2^23: adding it rounds to an integer
    vec shifted = value + magic;
    vec f = value - (shifted - magic);
    vec sum = SPLAT(1.535336188319500e-4f);
    sum = sum * f + SPLAT(1.339887440266574e-3f);
    sum = sum * f + SPLAT(9.618437357674640e-3f);
    sum = sum * f + SPLAT(5.550332471162809e-2f);
    sum = sum * f + SPLAT(2.402264791363012e-1f);
    sum = sum * f + SPLAT(6.931472028550421e-1f);
    sum = sum * f + SPLAT(1.0f);
    return sum * AS_FLOAT((AS_INT(shifted) - AS_INT(magic) + 127) << 23);
}

// log2 of a positive normal value: the series of atanh about the nearest power of two.
INLINE vec log2_of(vec value)
{
    ivec bits = AS_INT(value) - 0x3F3504F3; // of sqrt(1/2): the mantissa lands in [0.7, 1.42)
    vec exponent = TO_FLOAT(bits >> 23);
    vec mantissa = AS_FLOAT((bits & 0x7FFFFF) + 0x3F3504F3);
    vec t = (mantissa - SPLAT(1.0f)) / (mantissa + SPLAT(1.0f));
    vec square = t * t;
    vec sum = SPLAT(3.2059889e-1f); // 2 / ln 2 / 9, / 7, ...
    sum = sum * square + SPLAT(4.1219858e-1f);
    sum = sum * square + SPLAT(5.7707802e-1f);
    sum = sum * square + SPLAT(9.6179669e-1f);
    sum = sum * square + SPLAT(2.8853901f);
    return exponent + sum * t;
}

typedef struct {
    vec residual, unit, log2_scale, inverse, near, e_near, e_inverse, t_near, t_far;
} NAME(logistic);

INLINE NAME(logistic) logistic_of(vec mean, vec scale, const float *target)
{
    NAME(logistic) l;
    l.unit = LOAD(target + MLL_TUNE_LANES);
    l.residual = LOAD(target)
                 - VMIN(VMAX(mean, SPLAT(-MEAN_CLIP)), SPLAT(MEAN_CLIP)) * l.unit;
    l.log2_scale = LOAD(target + 2 * MLL_TUNE_LANES)
                   + VMIN(VMAX(scale, SPLAT(-SCALE_CLIP)), SPLAT(SCALE_CLIP));
    l.inverse = exp2_of(-VMIN(VMAX(l.log2_scale, SPLAT(LOG2_SCALE_LOW)), SPLAT(LOG2_SCALE_HIGH)));
    vec distance = VMAX(l.residual, -l.residual) - SPLAT(0.5f);
    l.near = VMIN(distance * l.inverse, SPLAT(NEAR_CLIP));
    l.e_near = exp2_of(l.near * SPLAT(LOG2_E));
    l.e_inverse = exp2_of(l.inverse * SPLAT(LOG2_E));
    l.t_near = SPLAT(1.0f) / (SPLAT(1.0f) + l.e_near);
    l.t_far = SPLAT(1.0f) / (SPLAT(1.0f) + l.e_near * l.e_inverse);
    return l;
}

// Gradients of one block by both outputs, times weight and share: back[0] and back[STRIDE].
TARGET static void loss_gradient(const float *outputs, const float *target, float share,
                                 float *back)
{
    for (int p = 0; p < PARTS; p++) {
        const float *at = target + p * V;
        vec mean = LOAD(outputs + p * V), scale = LOAD(outputs + STRIDE + p * V);
        NAME(logistic) l = logistic_of(mean, scale, at);
        vec weight = LOAD(at + 3 * MLL_TUNE_LANES) * SPLAT(share);
        vec slope = SPLAT(1.0f) - l.t_near - l.t_far;
        vec by_mean = BELOW(l.near, NEAR_CLIP, slope * l.inverse * l.unit * SPLAT(LOG2_E));
        by_mean = BELOW(l.residual, 0.0f, by_mean + by_mean) - by_mean; // minus its sign
        by_mean = INSIDE(mean + SPLAT(MEAN_CLIP), 2 * MEAN_CLIP, by_mean);
        vec by_scale = l.inverse * l.e_inverse / (l.e_inverse - SPLAT(1.0f))
                       * (SPLAT(1.0f) + l.e_near) * l.t_far;
        by_scale = by_scale - BELOW(l.near, NEAR_CLIP, l.near * slope);
        by_scale = INSIDE(scale + SPLAT(SCALE_CLIP), 2 * SCALE_CLIP, by_scale);
        by_scale = INSIDE(l.log2_scale - SPLAT(LOG2_SCALE_LOW), LOG2_SCALE_HIGH - LOG2_SCALE_LOW,
                          by_scale);
        STORE(back + p * V, by_mean * weight);
        STORE(back + STRIDE + p * V, by_scale * weight);
    }
}

// Adds the weighted bits of one block to 16 lanes.
TARGET static void loss_bits(const float *outputs, const float *target, float *lanes)
{
    for (int p = 0; p < PARTS; p++) {
        const float *at = target + p * V;
        NAME(logistic) l = logistic_of(LOAD(outputs + p * V), LOAD(outputs + STRIDE + p * V), at);
        vec mass = l.e_near * (l.e_inverse - SPLAT(1.0f)) * l.t_near * l.t_far;
        vec bits = SPLAT(0.0f) - log2_of(mass);
        STORE(lanes + p * V, LOAD(lanes + p * V) + bits * LOAD(at + 3 * MLL_TUNE_LANES));
    }
}
