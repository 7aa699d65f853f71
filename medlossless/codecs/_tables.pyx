# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3
"""What the fused loops learn while they code: tables of a tile, each in its own memory, fresh."""

import numpy as np

from libc.stdint cimport int8_t, uint8_t, uint16_t, uint32_t

from ..entropy._core cimport (
    MLL_OK, mll_abundance_bytes, mll_abundance_init, mll_hits_bytes, mll_hits_init,
    mll_model_bytes, mll_model_init, mll_model_setup,
)

from ..errors import InvalidInput


cdef mll_model_setup _setup(const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                            uint32_t max_sample, uint32_t increment, uint32_t limit):
    cdef mll_model_setup setup
    setup.shift, setup.freq, setup.n_contexts = &shifts[0], &freqs[0, 0], <uint32_t>shifts.shape[0]
    setup.max_sample, setup.increment, setup.limit = max_sample, increment, limit
    return setup


cdef class HitTables:
    """Tables of hit mode."""

    def __init__(self, uint32_t n_candidates, const uint8_t[::1] shifts,
                 const uint16_t[:, ::1] freqs, const int8_t[::1] quarters=None):
        cdef mll_model_setup setup = _setup(shifts, freqs, 0, 0, 0)
        cdef uint8_t[::1] memory
        self.kept = shifts, quarters
        self.memory = memory = np.empty(mll_hits_bytes(n_candidates, setup.n_contexts), np.uint8)
        if mll_hits_init(&self.tables, &memory[0], memory.shape[0], n_candidates, &setup,
                         &quarters[0] if quarters is not None else NULL) != MLL_OK:
            raise InvalidInput(f"hits: {n_candidates} candidates, expected 1 to 4")


cdef class AbundanceTables:
    """Tables of samples that are no candidates, coded by their abundances."""

    def __init__(self, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                 const int8_t[::1] quarters, uint32_t increment, uint32_t limit):
        cdef uint32_t max_sample = <uint32_t>(quarters.shape[0] - 1)
        cdef mll_model_setup setup = _setup(shifts, freqs, max_sample, increment, limit)
        cdef uint8_t[::1] memory
        memory = np.empty(mll_abundance_bytes(setup.n_contexts, setup.max_sample), np.uint8)
        self.memory = memory
        if mll_abundance_init(&self.tables, &memory[0], memory.shape[0], &setup,
                              &quarters[0]) != MLL_OK:
            raise InvalidInput(f"abundances of {quarters.shape[0]} values: out of range")


cdef class ModelTables:
    """Tables of tokens."""

    def __init__(self, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                 uint32_t max_sample, uint32_t increment, uint32_t limit):
        cdef mll_model_setup setup = _setup(shifts, freqs, max_sample, increment, limit)
        cdef uint8_t[::1] memory
        self.memory = memory = np.empty(mll_model_bytes(setup.n_contexts), np.uint8)
        if mll_model_init(&self.tables, &memory[0], memory.shape[0], &setup) != MLL_OK:
            raise InvalidInput(f"increment {increment}, limit {limit}: out of range")
