# SPDX-License-Identifier: Apache-2.0
from ..entropy._core cimport mll_abundance, mll_hits, mll_model


cdef class HitTables:
    cdef mll_hits tables
    cdef object memory, kept


cdef class AbundanceTables:
    cdef mll_abundance tables
    cdef object memory


cdef class ModelTables:
    cdef mll_model tables
    cdef object memory
