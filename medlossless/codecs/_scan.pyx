# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The decoder of a tile: buffers and tables for the fused loop, csrc/scan/walk.h."""

import numpy as np

from libc.stdint cimport int8_t, int32_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy, memset

from ..predict._kernel cimport KernelNet, mll_net, mll_predict_fn

from ..entropy._core cimport (
    MLL_BAND_ROWS_LOG2_MAX, MLL_CORRUPT, MLL_OK, MLL_TRUNCATED, mll_abundance, mll_hits,
    mll_huffman_code, mll_huffman_code_bytes, mll_huffman_code_init, mll_huffman_decoder,
    mll_model, mll_model_bytes, mll_model_init, mll_model_setup, mll_status,
)
from ._frames cimport next_frame, point, scale_earlier
from ._tables cimport AbundanceTables, HitTables

from ..errors import CorruptStream, Truncated


cdef extern from "mlp/frame.h" nogil:
    enum: MLL_ROUND_ROWS
    size_t mll_frame_samples(int32_t rows, int32_t cols)
    size_t mll_skew_samples(int32_t cols, int32_t n_rounds)


cdef extern from "scan/lanes.h" nogil:
    enum: MLL_LANES_SLACK
    ctypedef struct mll_lanes:
        pass
    ctypedef mll_status mll_lanes_decode_fn(mll_lanes *, uint32_t, const void *,
                                            uint16_t *)
    size_t mll_lanes_bytes(uint32_t n_contexts)
    mll_lanes_decode_fn *mll_lanes_decoder(int32_t kernel)


cdef extern from "scan/hit_lanes.h" nogil:
    ctypedef mll_status mll_hit_lanes_decode_fn(mll_lanes *, mll_hits *, mll_abundance *,
                                                uint32_t, const void *, const void *, uint16_t *)
    mll_hit_lanes_decode_fn *mll_hit_lanes_decoder(int32_t kernel)


cdef extern from "scan/walk.h" nogil:
    enum: MLL_WALK_LANES
    enum: MLL_WALK_HITS
    enum: MLL_WALK_HUFFMAN
    ctypedef struct mll_walk:
        int32_t rows, cols, max_sample, n_streams, mode
        uint32_t band_rows_log2
        const mll_net *net
        mll_predict_fn *predict
        int32_t n_frames
        uint16_t *padded[3]
        int32_t keeps_frames
        uint16_t *skew[3]
        int32_t n_rounds
        mll_model *model
        mll_lanes_decode_fn *decode_lanes
        mll_hit_lanes_decode_fn *decode_hit_lanes
        mll_lanes *lanes
        mll_hits *hits
        mll_abundance *abundance
        mll_huffman_code *code
        mll_huffman_decoder *huffman
        const int32_t *runs
        uint16_t fill
    mll_status mll_walk_open(mll_walk *walk, void *memory, const uint8_t *payload,
                             size_t payload_bytes)
    mll_status mll_walk_frame(mll_walk *walk, uint32_t frame, uint16_t edge, uint16_t *samples)
    mll_status mll_walk_close(const mll_walk *walk)


cdef object _check(mll_status status, str where):
    if status == MLL_TRUNCATED:
        raise Truncated(f"{where}: the payload ends before its samples do")
    if status == MLL_CORRUPT:
        raise CorruptStream(f"{where}: the payload contradicts itself")
    if status != MLL_OK:
        raise CorruptStream(f"{where}: coding parameters out of range (status {<int>status})")


cdef list _three(size_t n_samples, bint keeps_frames):
    """Buffers of a frame and the two before it: one and the same where none is looked at again."""
    if not keeps_frames:
        return 3 * [np.zeros(n_samples, np.uint16)]
    return [np.zeros(n_samples, np.uint16) for _ in range(3)]


cdef class _Decoder:
    """A walk and the memory that it points to."""

    cdef mll_walk walk
    cdef mll_model model
    cdef mll_lanes lanes
    cdef mll_huffman_code code
    cdef HitTables hits
    cdef AbundanceTables abundance
    cdef object buffers, skews
    cdef uint8_t[::1] memory, tables, decoders, payload

    def __cinit__(self, shape, int max_sample, int n_streams, int n_frames):
        cdef mll_walk *walk = &self.walk
        _, walk.rows, walk.cols = shape
        walk.max_sample, walk.n_streams = max_sample, n_streams
        walk.band_rows_log2 = MLL_BAND_ROWS_LOG2_MAX
        walk.model = &self.model
        walk.n_rounds = (1 << MLL_BAND_ROWS_LOG2_MAX) // MLL_ROUND_ROWS
        self.buffers = _three(mll_frame_samples(walk.rows, walk.cols), n_frames > 1)
        self.skews = _three(mll_skew_samples(walk.cols, walk.n_rounds), n_frames > 1)
        point(self.skews, walk.skew)

    cdef mll_status make_model(self, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                               uint32_t increment, uint32_t limit):
        cdef mll_model_setup setup
        setup.shift, setup.freq = &shifts[0], &freqs[0, 0]
        setup.n_contexts, setup.max_sample = shifts.shape[0], self.walk.max_sample
        setup.increment, setup.limit = increment, limit
        self.memory = np.empty(mll_model_bytes(setup.n_contexts), np.uint8)
        return mll_model_init(&self.model, &self.memory[0], self.memory.shape[0], &setup)

    cdef int use_lanes(self, int kernel) except -1:
        self.tables = np.empty(mll_lanes_bytes(self.model.n_contexts), np.uint8)
        self.walk.mode = MLL_WALK_LANES
        self.walk.lanes, self.walk.decode_lanes = &self.lanes, mll_lanes_decoder(kernel)
        self.walk.decode_hit_lanes = mll_hit_lanes_decoder(kernel)
        return 0

    cdef int use_hits(self, int candidates, int band_rows_log2, const uint8_t[::1] shifts,
                      const uint16_t[:, ::1] freqs, const int8_t[::1] quarters) except -1:
        self.hits = HitTables(candidates, shifts, freqs, quarters)
        self.walk.mode, self.walk.band_rows_log2 = MLL_WALK_HITS, band_rows_log2
        self.walk.hits = &self.hits.tables
        self.walk.abundance = NULL
        return 0

    cdef int use_abundance(self, const uint8_t[::1] shifts, const uint16_t[:, ::1] freqs,
                           const int8_t[::1] quarters, uint32_t increment,
                           uint32_t limit) except -1:
        self.abundance = AbundanceTables(shifts, freqs, quarters, increment, limit)
        self.walk.abundance = &self.abundance.tables
        return 0

    cdef mll_status use_huffman(self):
        cdef uint32_t n_contexts = self.model.n_contexts
        self.walk.mode = MLL_WALK_HUFFMAN
        self.decoders = np.zeros(16 * sizeof(mll_huffman_decoder), np.uint8)
        self.tables = np.zeros(mll_huffman_code_bytes(n_contexts), np.uint8)
        self.walk.code, self.walk.huffman = &self.code, <mll_huffman_decoder *>&self.decoders[0]
        return mll_huffman_code_init(&self.code, &self.tables[0], self.tables.shape[0],
                                     &self.model)

    cdef mll_status open(self, const uint8_t[::1] payload):
        """Open the streams of a copy of the payload that has the slack behind it."""
        cdef size_t n_bytes = payload.shape[0]
        self.payload = np.empty(n_bytes + MLL_LANES_SLACK, np.uint8)
        memcpy(&self.payload[0], &payload[0], n_bytes)
        memset(&self.payload[n_bytes], 0, MLL_LANES_SLACK)
        return mll_walk_open(&self.walk, &self.tables[0], &self.payload[0], n_bytes)


def decode_tile(const uint8_t[::1] payload, shape, KernelNet first, KernelNet later,
                int max_sample, int edge, const uint8_t[::1] shifts,
                const uint16_t[:, ::1] freqs, int streams_log2, unsigned int increment,
                unsigned int limit, bint use_huffman, hits=None, mask=None,
                str where="tile", uint16_t[:, :, :] out=None, const uint16_t[::1] gains=None):
    """Decode a tile from its payload; the inverse of `fold_tile` and the entropy coder.

    Parameters
    ----------
    payload : (n,) uint8
    shape : (frames, rows, cols)
    first, later : KernelNet
    max_sample, edge : int
    shifts, freqs : the tables the contexts start from
    streams_log2, increment, limit, use_huffman : as written in the stream
    hits : (candidates, band_rows_log2, quarters), optional
        Hit mode; not with use_huffman. quarters is None or the abundance of each value in quarter
        octaves, (max_sample + 1,) int8.
    mask : ((frames, rows, 2) int32, fill), optional
        How many samples at the left and at the right of each row are not coded, together no more
        than cols, and what they are; not in hit mode.
    where : str
        What error texts call this tile.
    out : (frames, rows, cols) uint16, each frame C-contiguous, optional
        Gets the samples.
    gains : (frames,) uint16, optional
        What brings earlier frames to the scale of each, in 1/4096; the first is not used.

    Returns
    -------
    (frames, rows, cols) uint16
        `out`, if given.

    Raises
    ------
    Truncated, CorruptStream
    """
    cdef _Decoder decoder = _Decoder(shape, max_sample, 1 << streams_log2, later.n_frames)
    cdef mll_walk *walk = &decoder.walk
    cdef mll_status status
    cdef int32_t n = shape[0], f
    if out is not None and (out.shape[0] != n or out.shape[1] != shape[1]
                            or out.shape[2] != shape[2] or out.strides[1] != 2 * shape[2]
                            or out.strides[2] != 2):
        raise ValueError("out: not frames of the shape of the tile")
    if gains is not None and gains.shape[0] != n:
        raise ValueError(f"{gains.shape[0]} gains of {n} frames")
    cdef KernelNet handle
    cdef uint16_t *padded[3]
    if first.n_frames != 1 or payload.shape[0] == 0:
        raise CorruptStream(f"{where}: empty, or the first frame's net looks at several frames")
    if hits is not None and (use_huffman or mask is not None):
        raise CorruptStream(f"{where}: hit mode with Huffman codes or a mask")
    _check(decoder.make_model(shifts, freqs, increment, limit), where)
    if use_huffman:
        _check(decoder.use_huffman(), where)
    else:
        decoder.use_lanes(first.number)
    if hits is not None:
        decoder.use_hits(hits[0], hits[1], shifts, freqs, hits[2])
        if hits[2] is not None:
            decoder.use_abundance(shifts, freqs, hits[2], increment, limit)
    status = decoder.open(payload)
    walk.keeps_frames = later.n_frames > 1
    point(decoder.buffers, padded)
    cdef const int32_t[:, :, ::1] runs = None
    if mask is not None:
        runs, walk.fill = mask
    if out is None:
        out = np.empty((n, walk.rows, walk.cols), np.uint16)
    for f in range(n):
        if status != MLL_OK:
            break
        handle = later if f else first
        walk.net, walk.predict, walk.n_frames = &handle.net, handle.predict, handle.n_frames
        walk.padded[0], walk.padded[1] = padded[0], padded[1]
        walk.padded[2] = padded[1] if f == 1 else padded[2]
        walk.runs = NULL
        if runs is not None:
            walk.runs = &runs[f, 0, 0]
        with nogil:
            if f > 0 and gains is not None:
                scale_earlier(padded, f, walk.rows, walk.cols, gains[f], <uint16_t>max_sample)
            status = mll_walk_frame(walk, f, <uint16_t>edge, &out[f, 0, 0])
        next_frame(padded, f)
    if status == MLL_OK:
        status = mll_walk_close(walk)
    _check(status, where)
    return np.asarray(out)
