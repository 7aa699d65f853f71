// SPDX-License-Identifier: Apache-2.0
// Features of 16 samples wherever they stand, steps 1 to 3 of medlossless/predict/reference.py, as
// a block of a pool; included by body.h once an ISA. The compiler vectorises loops over lanes.
#define LANES for (int l = 0; l < MLL_TUNE_LANES; l++)

INLINE int32_t gap(int32_t a, int32_t b) { return a < b ? b - a : a - b; }
INLINE int32_t lesser(int32_t a, int32_t b) { return a < b ? a : b; }
INLINE int32_t greater(int32_t a, int32_t b) { return a > b ? a : b; }

typedef struct {
    int32_t lane[MLL_TUNE_LANES];
} NAME(sixteen);

INLINE NAME(sixteen) gather(const uint16_t *frame, const int32_t *places, int32_t offset)
{
    NAME(sixteen) found;
    LANES found.lane[l] = frame[places[l] + offset];
    return found;
}

// Baseline, and the sum of the gradients.
TARGET static void look_around(const mll_view *view, const int32_t *places, int32_t *baseline,
                               int32_t *sum)
{
    const int32_t r = view->row_step, c = view->col_step;
    const uint16_t *frame = view->frame[0];
    const NAME(sixteen) w = gather(frame, places, -c), n = gather(frame, places, -r);
    const NAME(sixteen) nw = gather(frame, places, -r - c), ne = gather(frame, places, c - r);
    const NAME(sixteen) ww = gather(frame, places, -2 * c), nn = gather(frame, places, -2 * r);
    const NAME(sixteen) nww = gather(frame, places, -r - 2 * c);
    const NAME(sixteen) nne = gather(frame, places, c - 2 * r);
    const NAME(sixteen) nee = gather(frame, places, 2 * c - r);
    LANES {
        const int32_t low = lesser(w.lane[l], n.lane[l]), high = greater(w.lane[l], n.lane[l]);
        baseline[l] = greater(lesser(w.lane[l] + n.lane[l] - nw.lane[l], high), low);
        sum[l] = gap(w.lane[l], ww.lane[l]) + gap(w.lane[l], nw.lane[l])
                 + gap(n.lane[l], nw.lane[l]) + gap(n.lane[l], nn.lane[l])
                 + gap(n.lane[l], ne.lane[l]) + gap(ne.lane[l], nne.lane[l])
                 + gap(ne.lane[l], nee.lane[l]) + gap(nw.lane[l], nww.lane[l]);
    }
}

TARGET static void NAME(draw)(const mll_net *net, const mll_view *view, const int32_t *places,
                              int32_t n_lanes, int16_t *inputs, float *targets)
{
    static const int32_t reciprocals[8] = {15420, 13797, 12483, 11398, 10486, 9709, 9039, 8456};
    int32_t baseline[MLL_TUNE_LANES], sum[MLL_TUNE_LANES], reciprocal[MLL_TUNE_LANES];
    int32_t e[MLL_TUNE_LANES], f[MLL_TUNE_LANES];
    const NAME(sixteen) sample = gather(view->frame[0], places, 0);
    look_around(view, places, baseline, sum);
    LANES {
        // exact as a float, being below 2^24: the fields are exponent and mantissa
        const float activity = (float)(2 * sum[l] + 8);
        int32_t bits;
        memcpy(&bits, &activity, sizeof bits);
        e[l] = (bits >> 23) - 127;
        f[l] = bits >> 20 & 7;
        reciprocal[l] = reciprocals[f[l]];
        const int32_t unit_bits = (e[l] - 8 + 127) << 23;
        float unit;
        memcpy(&unit, &unit_bits, sizeof unit);
        targets[l] = (float)(sample.lane[l] - baseline[l]);
        targets[MLL_TUNE_LANES + l] = (float)(17 + 2 * f[l]) * unit;
        targets[2 * MLL_TUNE_LANES + l] = (float)(8 * e[l] + f[l] - 32) * 0.125f;
        targets[3 * MLL_TUNE_LANES + l] = l < n_lanes ? 1.0f : 0.0f;
    }
    for (int32_t i = 0; i < net->n_neighbours; i++, inputs += MLL_TUNE_LANES) {
        const NAME(sixteen) at = gather(view->frame[net->frame[i]], places, view->offset[i]);
        LANES {
            int32_t scaled = ((at.lane[l] - baseline[l]) * reciprocal[l]) >> (e[l] + 4);
            inputs[l] = (int16_t)greater(lesser(scaled, MLL_INPUT_LIMIT), -MLL_INPUT_LIMIT);
        }
    }
    LANES inputs[l] = (int16_t)(8 * (8 * e[l] + f[l]) - 320);
}
