# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The fused trainer (csrc/tune): gradients, steps and code lengths of a float net.

`medlossless.predict.tune` defines the arithmetic and lays out the arrays.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int16_t, int32_t, uint16_t

import numpy as np

from ._kernel cimport (
    KernelNet, mll_frame_close, mll_frame_open, mll_frame_put_row,
    mll_frame_row, mll_frame_samples, mll_frame_stride, mll_net, mll_view, mll_view_steps,
)

from ._kernel import kernel_number


cdef extern from "tune/crew.h" nogil:
    ctypedef struct mll_tune_crew:
        pass
    void mll_tune_crew_init(mll_tune_crew *crew, int32_t n_threads)
    void mll_tune_crew_break(mll_tune_crew *crew)


cdef extern from "tune/tune.h" nogil:
    enum: MLL_TUNE_LANES
    enum: MLL_TUNE_CHUNK_BLOCKS
    enum: MLL_TUNE_UNIT_STEP
    enum: MLL_TUNE_INPUT_STEP
    enum: MLL_TUNE_MAX_HIDDEN
    enum: MLL_TUNE_TARGETS
    enum: MLL_TUNE_ALIGNMENT
    ctypedef struct mll_tune_shape:
        int32_t n_inputs, n_hidden
        int32_t units[3]
    ctypedef struct mll_tune_pool:
        const int16_t *inputs
        const float *targets
        int32_t n_blocks
    ctypedef struct mll_tune_rate:
        float rate, unbias
    ctypedef struct mll_tune_job:
        mll_tune_shape shape
        mll_tune_pool pool
        int32_t batch_blocks
        float share
        const mll_tune_rate *rates
        const float *starts
        const float *finenesses
        float price
        float *gradients
        mll_tune_crew *crew
    ctypedef struct mll_tune_kernel:
        void (*steps)(const mll_tune_job *, float *, int32_t, int32_t, int32_t) noexcept nogil
        void (*gradient)(const mll_tune_job *, float *, int32_t, int32_t, float *) noexcept nogil
        double (*bits)(const mll_tune_job *, float *, int32_t, int32_t) noexcept nogil
        void (*draw)(const mll_net *, const mll_view *, const int32_t *, int32_t, int16_t *,
                     float *) noexcept nogil
    size_t mll_tune_parameters(const mll_tune_shape *shape)
    size_t mll_tune_floats(const mll_tune_shape *shape)
    int32_t mll_tune_chunks(int32_t batch_blocks)
    const mll_tune_kernel *mll_tune_kernel_of(int32_t kernel)


LANES = MLL_TUNE_LANES
CHUNK_BLOCKS = MLL_TUNE_CHUNK_BLOCKS
UNIT_STEP = MLL_TUNE_UNIT_STEP
INPUT_STEP = MLL_TUNE_INPUT_STEP
TARGETS = MLL_TUNE_TARGETS


cdef _aligned(size_t n):
    """(n,) float32 that starts on a cache line."""
    room = np.zeros(n * sizeof(float) + MLL_TUNE_ALIGNMENT, np.uint8)
    first = -room.ctypes.data % MLL_TUNE_ALIGNMENT
    return room[first : first + n * sizeof(float)].view(np.float32)


cdef class Trainer:
    """A net and a pool as the C trainer takes them.

    Parameters
    ----------
    n_inputs : int
        At least 1.
    units : sequence of int
        Of 1 to 3 hidden layers, each a multiple of `UNIT_STEP`.
    parameters : (n_parameters,) float32
        As csrc/tune/tune.h lays them out; copied.
    inputs : (n_blocks, n_inputs, 16) int16, C-contiguous
    targets : (n_blocks, 4, 16) float32, C-contiguous
    rates : (steps, 2) float32, C-contiguous
    batch_blocks : int
        1..n_blocks
    finenesses : (n_parameters,) float32, optional
    price : float
        What moving parameters costs, see `tune.Price`.
    threads : int
        At least 1; the result does not depend on it.
    kernel : str, optional
        As in `KernelNet`.

    Raises
    ------
    ValueError
        Arrays whose sizes contradict one another.
    Unsupported
        The kernel is not to be had here.
    """

    cdef mll_tune_job job
    cdef mll_tune_crew crew
    cdef const mll_tune_kernel *kernel
    cdef list floats  # of each thread
    cdef tuple arrays
    cdef readonly int n_threads, n_steps
    cdef readonly size_t n_parameters

    def __cinit__(self, int n_inputs, units, parameters, const int16_t[:, :, ::1] inputs,
                  const float[:, :, ::1] targets, const float[:, ::1] rates, int batch_blocks,
                  finenesses=None, float price=0.0, int threads=1, kernel=None):
        cdef int n_blocks = inputs.shape[0]
        cdef float[::1] gradients, starts, fine
        self._set_shape(n_inputs, units)
        if (inputs.shape[1] != n_inputs or inputs.shape[2] != MLL_TUNE_LANES
                or targets.shape[0] != n_blocks or targets.shape[1] != MLL_TUNE_TARGETS
                or targets.shape[2] != MLL_TUNE_LANES or not 1 <= batch_blocks <= n_blocks
                or rates.shape[0] < 1 or rates.shape[1] != 2
                or parameters.shape != (self.n_parameters,) or threads < 1
                or finenesses is not None and finenesses.shape != (self.n_parameters,)):
            raise ValueError(f"pool of {n_blocks} blocks, batch of {batch_blocks}: bad sizes")
        self.kernel = mll_tune_kernel_of(kernel_number(kernel))
        self.n_threads = min(threads, mll_tune_chunks(batch_blocks))
        self.n_steps = rates.shape[0]
        gradients = _aligned(2 * mll_tune_chunks(batch_blocks) * self.n_parameters)
        self.floats = [_aligned(mll_tune_floats(&self.job.shape)) for _ in range(self.n_threads)]
        for floats in self.floats:
            floats[: self.n_parameters] = parameters
        starts, fine = _aligned(self.n_parameters), _aligned(self.n_parameters)
        np.asarray(starts)[:] = parameters
        np.asarray(fine)[:] = 0 if finenesses is None else finenesses
        self.job.starts, self.job.finenesses, self.job.price = &starts[0], &fine[0], price
        self.arrays = (inputs, targets, rates, starts, fine, gradients)
        self.job.pool.inputs = &inputs[0, 0, 0]
        self.job.pool.targets = &targets[0, 0, 0]
        self.job.pool.n_blocks = n_blocks
        self.job.batch_blocks = batch_blocks
        self.job.share = 1.0 / (MLL_TUNE_LANES * batch_blocks)
        self.job.rates = <const mll_tune_rate *>&rates[0, 0]
        self.job.gradients = &gradients[0]
        self.job.crew = &self.crew
        mll_tune_crew_init(&self.crew, self.n_threads)

    cdef int _set_shape(self, int n_inputs, units) except -1:
        if n_inputs < 1 or not 1 <= len(units) <= MLL_TUNE_MAX_HIDDEN:
            raise ValueError(f"{n_inputs} inputs, {len(units)} hidden layers")
        self.job.shape.n_inputs = n_inputs
        self.job.shape.n_hidden = len(units)
        for k, n_units in enumerate(units):
            if n_units < 1 or n_units % MLL_TUNE_UNIT_STEP:
                raise ValueError(f"hidden layer {k}: {n_units} units")
            self.job.shape.units[k] = n_units
        self.n_parameters = mll_tune_parameters(&self.job.shape)
        return 0

    @property
    def parameters(self):
        """(n_parameters,) float32, as they are after the last step."""
        return self.floats[0][: self.n_parameters].copy()

    def steps(self, int thread, int first, int last):
        """Steps first..last - 1 as one thread of the crew; all threads must be called alike."""
        cdef float[::1] floats = self.floats[thread]
        if not 0 <= first <= last <= self.n_steps:
            raise ValueError(f"steps {first} to {last} of {self.n_steps}")
        with nogil:
            self.kernel.steps(&self.job, &floats[0], thread, first, last)

    def give_up(self):
        """Let the threads that wait for one that will not come go on, and end."""
        mll_tune_crew_break(&self.crew)

    def gradient(self, int first, int last):
        """Gradient of blocks first..last - 1, at most `CHUNK_BLOCKS`, laid out as parameters."""
        cdef float[::1] floats = self.floats[0]
        cdef float[::1] out
        if not 0 <= first < last <= self.job.pool.n_blocks or last - first > CHUNK_BLOCKS:
            raise ValueError(f"blocks {first} to {last} of {self.job.pool.n_blocks}")
        gradient = np.empty(self.n_parameters, np.float32)
        out = gradient
        self.kernel.gradient(&self.job, &floats[0], first, last, &out[0])
        return gradient

    def bits(self, int first, int last):
        """Weighted sum of the code lengths of blocks first..last - 1."""
        cdef float[::1] floats = self.floats[0]
        cdef double bits
        if not 0 <= first <= last <= self.job.pool.n_blocks:
            raise ValueError(f"blocks {first} to {last} of {self.job.pool.n_blocks}")
        with nogil:
            bits = self.kernel.bits(&self.job, &floats[0], first, last)
        return bits


def _pad(const uint16_t[:, ::1] frame, int edge):
    """A padded frame with the slack behind it that runs may read, (n,) uint16."""
    cdef int rows = frame.shape[0], cols = frame.shape[1], row
    padded = np.zeros(mll_frame_samples(rows, cols), np.uint16)
    cdef uint16_t[::1] flat = padded
    with nogil:
        mll_frame_open(&flat[0], cols, edge)
        for row in range(rows):
            mll_frame_put_row(&flat[0], cols, row, &frame[row, 0])
        mll_frame_close(&flat[0], rows, cols)
    return padded


def draw(KernelNet handle, frames, int edge, picked, const int32_t[::1] blocks,
         int16_t[:, :, ::1] inputs, float[:, :, ::1] targets, kernel=None):
    """Draw samples of a frame into blocks of a pool; features as `reference.features` has them.

    Parameters
    ----------
    handle : KernelNet
    frames : sequence of (rows, cols) uint16
        The frame itself and as many before it as the net looks at.
    edge : int
        The value above the first row.
    picked : (n,) integers
        Indices row * cols + col, at least one.
    blocks : (ceil(n / 16),) int32
        Where each 16 of them go; lanes that are left over in the last weigh nothing.
    inputs : (n_blocks, n_inputs, 16) int16
    targets : (n_blocks, 4, 16) float32
        Written where `blocks` says, as `tune.Pool` describes.
    kernel : str, optional
        As in `KernelNet`.

    Raises
    ------
    ValueError
        Sizes or indices that contradict one another.
    """
    cdef mll_view view
    cdef const mll_tune_kernel *chosen = mll_tune_kernel_of(kernel_number(kernel))
    cdef uint16_t[::1] flat
    cdef int rows = frames[0].shape[0], cols = frames[0].shape[1], k, b
    cdef int n = len(picked), n_blocks = blocks.shape[0]
    if (n < 1 or n_blocks != (n + MLL_TUNE_LANES - 1) // MLL_TUNE_LANES
            or inputs.shape[1] != handle.net.n_neighbours + 1
            or inputs.shape[2] != MLL_TUNE_LANES or targets.shape[0] != inputs.shape[0]
            or targets.shape[1] != MLL_TUNE_TARGETS or targets.shape[2] != MLL_TUNE_LANES
            or np.min(blocks) < 0 or np.max(blocks) >= inputs.shape[0]
            or np.min(picked) < 0 or np.max(picked) >= rows * cols
            or len(frames) < handle.n_frames):
        raise ValueError(f"{n} samples of a frame of {rows} x {cols}: bad sizes or indices")
    kept = [
        _pad(np.ascontiguousarray(frame, np.uint16), edge) for frame in frames[: handle.n_frames]
    ]
    for k in range(handle.n_frames):
        flat = kept[k]
        view.frame[k] = mll_frame_row(&flat[0], cols, 0)
    mll_view_steps(&view, &handle.net, mll_frame_stride(cols), 1)
    places = np.zeros(n_blocks * MLL_TUNE_LANES, np.int32)
    places[:n] = picked // cols * mll_frame_stride(cols) + picked % cols
    cdef const int32_t[::1] at = places
    with nogil:
        for b in range(n_blocks):
            chosen.draw(&handle.net, &view, &at[b * MLL_TUNE_LANES],
                        min(MLL_TUNE_LANES, n - b * MLL_TUNE_LANES), &inputs[blocks[b], 0, 0],
                        &targets[blocks[b], 0, 0])
