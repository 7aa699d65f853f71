// SPDX-License-Identifier: Apache-2.0
// The body of every mll_look that is vectors: include after defining
//   TARGET   the function attribute of the ISA
//   LOOK     the name of the function to define
// Each loop is over all lanes, so that compilers make vectors of it.
#include "look.h"

#include <string.h>

#define LANES for (int l = 0; l < MLL_LANES; l++)

// Rows of lanes, apart from what only the cells need.
typedef struct {
    uint16_t value[MLL_HITS_CANDIDATES][MLL_LANES], symbol[MLL_HITS_CANDIDATES][MLL_LANES];
    uint16_t cell[3][MLL_LANES], is_new[MLL_HITS_CANDIDATES][MLL_LANES];
    uint16_t near[MLL_LANES];
} lanes;

// mll_fold() of the candidates.
TARGET static inline void fold_candidates(lanes *p, const mll_prediction *found,
                                          int32_t max_sample)
{
    int32_t sign[MLL_LANES], from[MLL_LANES], theta[MLL_LANES];
    LANES sign[l] = found->flip[l] ? -1 : 0;
    LANES from[l] = found->prediction[l];
    LANES theta[l] = mll_fold_theta(from[l], max_sample);
    for (int i = 0; i < MLL_HITS_CANDIDATES; i++)
        LANES {
            const int32_t residual = ((p->value[i][l] - from[l]) ^ sign[l]) - sign[l];
            const int32_t magnitude = residual < 0 ? -residual : residual;
            const int32_t near = 2 * magnitude + (residual >> 31);
            p->symbol[i][l] = (uint16_t)(magnitude <= theta[l] ? near : theta[l] + magnitude);
        }
}

TARGET static inline void set_equal(lanes *p, const uint16_t *at, int32_t row_step,
                                    const mll_prediction *found)
{
    const uint16_t *w = at - 1, *ww = at - 2, *n = at - row_step, *nn = n - row_step;
    const uint16_t *nw = n - 1, *ne = n + 1, *nww = n - 2, *nee = n + 2, *nne = nn + 1;
    uint16_t group[MLL_LANES];
    LANES group[l] = (uint16_t)((found->context[l] >= 30) + (found->context[l] >= 54)
                                + (found->context[l] >= 72));
    LANES {
        p->value[0][l] = w[l];
        p->value[1][l] = n[l];
        p->value[2][l] = ne[l];
        p->value[3][l] = nw[l];
    }
    LANES p->is_new[0][l] = 1;
    LANES p->is_new[1][l] = n[l] != w[l];
    LANES p->is_new[2][l] = (uint16_t)((ne[l] != w[l]) & (ne[l] != n[l]));
    LANES p->is_new[3][l] = (uint16_t)((nw[l] != w[l]) & (nw[l] != n[l]) & (nw[l] != ne[l]));
    LANES p->near[l] = (uint16_t)((n[l] == w[l]) << 3 | (nw[l] == w[l]) << 2
                                  | (n[l] == nw[l]) << 1 | (n[l] == ne[l]));
    LANES {
        const uint16_t far = (uint16_t)((w[l] == ww[l]) << 5 | (n[l] == nn[l]) << 4
                                        | (nne[l] == ne[l]) << 3 | (ne[l] == nee[l]) << 2
                                        | (nw[l] == nww[l]) << 1 | (w[l] == ne[l]));
        p->cell[0][l] = (uint16_t)((p->near[l] << 6 | far) << 2 | group[l]);
    }
}

// The closeness of W, N and NE is looked up lane by lane.
TARGET static inline void set_close(lanes *p, const mll_hits *hits, const mll_prediction *found)
{
    uint16_t close[3][MLL_LANES];
    for (int i = 0; i < 3; i++)
        LANES close[i][l] = (uint16_t)mll_hits_closeness(hits, found->context[l], p->symbol[i][l],
                                                         p->value[i][l]);
    LANES {
        const uint16_t thirds = (uint16_t)((close[2][l] >= 3) + (close[2][l] >= 5));
        const uint16_t pair = (uint16_t)(p->near[l] << 6 | close[0][l] << 3 | close[1][l]);
        p->cell[1][l] = (uint16_t)(MLL_HITS_EQUAL + pair * 3 + thirds);
    }
}

TARGET static inline void add_digit(uint16_t *texture, const uint16_t *a, const uint16_t *b)
{
    LANES {
        const int32_t difference = a[l] - b[l];
        const int32_t low = difference < -2 ? -2 : difference;
        texture[l] = (uint16_t)(texture[l] * 5 + (low > 2 ? 2 : low) + 2);
    }
}

TARGET static inline void set_texture(lanes *p, const uint16_t *at, int32_t row_step)
{
    const uint16_t *n = at - row_step;
    uint16_t texture[MLL_LANES] = {0};
    add_digit(texture, n, n - 1);
    add_digit(texture, n + 1, n);
    add_digit(texture, at - 1, n - 1);
    add_digit(texture, at - 1, at - 2);
    add_digit(texture, n, n - row_step);
    LANES p->cell[2][l] = (uint16_t)(MLL_HITS_EQUAL + MLL_HITS_CLOSE + texture[l]);
}

TARGET void LOOK(const mll_hits *hits, const uint16_t *at, int32_t row_step,
                 const mll_prediction *found, int32_t max_sample, mll_hits_place *places)
{
    lanes p;
    set_equal(&p, at, row_step, found);
    fold_candidates(&p, found, max_sample);
    set_close(&p, hits, found);
    set_texture(&p, at, row_step);
    LANES {
        for (int i = 0; i < MLL_HITS_CANDIDATES; i++) {
            places[l].value[i] = p.value[i][l];
            places[l].symbol[i] = p.symbol[i][l];
            places[l].is_new[i] = (uint8_t)p.is_new[i][l];
        }
        for (int set = 0; set < 3; set++)
            places[l].cell[set] = p.cell[set][l];
    }
}

#undef LANES
