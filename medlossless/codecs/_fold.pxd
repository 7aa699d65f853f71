# SPDX-License-Identifier: Apache-2.0
from libc.stdint cimport int32_t, uint16_t, uint32_t

from ..entropy._core cimport mll_hits, mll_hits_place, mll_model
from ..predict._kernel cimport mll_prediction


cdef extern from "entropy/record.h" nogil:
    ctypedef void mll_record_fn(mll_model *, const uint16_t *, const mll_prediction *, int32_t,
                                uint32_t *, uint16_t *)
    mll_record_fn *mll_recorder(int32_t kernel)


cdef extern from "entropy/look.h" nogil:
    ctypedef void mll_look_fn(const mll_hits *, const uint16_t *, int32_t, const mll_prediction *,
                              int32_t, mll_hits_place *)
    mll_look_fn *mll_looker(int32_t kernel)
