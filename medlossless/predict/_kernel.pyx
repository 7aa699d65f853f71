# SPDX-License-Identifier: Apache-2.0
# cython: language_level=3, cdivision=True
"""Nets as the C kernels want them, and the kernels' prediction of whole frames."""

from libc.string cimport memcpy

import os

import numpy as np

from ..errors import Unsupported
from . import neighbourhood as nb
from .net import MAX_UNITS


cdef class KernelNet:
    """A proved `Net` laid out for the C kernels: offsets and weights padded inputs.

    Parameters
    ----------
    net : medlossless.predict.net.Net
    kernel : str, optional
        One of `available_kernels()`; default: the environment variable MEDLOSSLESS_KERNEL, else
        the fastest.

    Raises
    ------
    Unsupported
        This processor or this build does not have that kernel.
    """

    def __cinit__(self, net, kernel=None):
        self.number = _kernel_number(kernel)
        self.predict = mll_kernel_function(<mll_kernel>self.number)
        members = nb.NEIGHBOURHOODS[net.neighbourhood]
        layers = (*net.hidden, net.output)
        if len(members) > MLL_MAX_NEIGHBOURS or len(layers) > MLL_MAX_LAYERS:
            raise ValueError(f"{len(members)} neighbours, {len(layers)} layers: too many")
        for i, member in enumerate(members):
            self.net.frame[i] = member.frame
            self.net.row[i] = member.row
            self.net.col[i] = member.col
        self.net.n_neighbours = len(members)
        self.net.n_hidden = len(net.hidden)
        self.n_frames = nb.frames_needed(net.neighbourhood)
        self.arrays = []
        for number, layer in enumerate(layers):
            split = layer.weights.shape[1] - net.n_inputs
            parts = [layer.weights]
            if number == len(net.hidden) and net.hidden:
                parts = [layer.weights[:, :split], layer.weights[:, split:]]
            self._set_layer(number, layer, parts)

    cdef int _set_layer(self, int number, layer, parts) except -1:
        weights = _padded(parts)
        biases = np.ascontiguousarray(layer.biases, np.int32)
        cdef const int16_t[:, ::1] w = weights
        cdef const int32_t[::1] b = biases
        if weights.shape[0] > MAX_UNITS or weights.shape[1] > MLL_MAX_PADDED_INPUTS:
            raise ValueError(f"layer {number} is {weights.shape}, too large for the kernels")
        self.net.layers[number].weights = &w[0, 0]
        self.net.layers[number].biases = &b[0]
        self.net.layers[number].n_units = weights.shape[0]
        self.net.layers[number].n_inputs = weights.shape[1]
        self.net.layers[number].shift = layer.shift
        self._set_pairs(number, weights, biases)
        self.arrays.append((weights, biases))
        return 0

    cdef int _set_pairs(self, int number, weights, biases) except -1:
        """The weights again, two inputs in one int32, units side by side."""
        units, inputs = weights.shape
        step = units + -units % MLL_UNIT_STEP
        paired = np.zeros((inputs // 2, step), np.int32)
        paired[:, :units] = weights.astype("<i2", copy=False).view("<i4").T
        padded = np.zeros(step, np.int32)
        padded[:units] = biases
        cdef const int32_t[:, ::1] p = paired
        cdef const int32_t[::1] b = padded
        self.net.layers[number].paired = &p[0, 0]
        self.net.layers[number].padded_biases = &b[0]
        self.net.layers[number].paired_step = paired.shape[1]
        self.arrays.append((paired, padded))
        return 0


KERNELS = ("plain", "avx2", "avx512", "neon")  # by mll_kernel
KERNEL_VARIABLE = "MEDLOSSLESS_KERNEL"


def available_kernels():
    """Names of the kernels that this processor runs, slowest first."""
    return tuple(
        name for number, name in enumerate(KERNELS) if mll_kernel_best(1 << number) == number
    )


cdef mll_kernel _kernel_number(name):
    name = name or os.environ.get(KERNEL_VARIABLE)
    if not name:
        return mll_kernel_best(0xFFFFFFFF)
    if name not in available_kernels():
        raise Unsupported(
            f"kernel {name!r}: this processor runs {', '.join(available_kernels())}"
        )
    return KERNELS.index(name)


def kernel_number(name=None):
    """The mll_kernel of a name; by default as `KernelNet` chooses."""
    return <int>_kernel_number(name)


def _padded(parts):
    """Weights side by side, each part with columns of zeros up to a multiple of MLL_INPUT_STEP."""
    widths = [part.shape[1] + -part.shape[1] % MLL_INPUT_STEP for part in parts]
    weights = np.zeros((parts[0].shape[0], sum(widths)), np.int16)
    start = 0
    for part, n_inputs in zip(parts, widths):
        weights[:, start : start + part.shape[1]] = part
        start += n_inputs
    return weights


cdef list _flat_frames(frames, KernelNet handle, int rows, int cols):
    """Copies of padded frames with the slack behind them that kernels may read."""
    if len(frames) < handle.n_frames:
        raise ValueError(f"{len(frames)} frames given, the net looks at {handle.n_frames}")
    kept = []
    for k in range(handle.n_frames):
        padded = np.zeros(mll_frame_samples(rows, cols), np.uint16)
        padded[: frames[k].size] = frames[k].reshape(-1)
        kept.append(padded)
    return kept


def predict_frame(KernelNet handle, frames, int rows, int cols, int max_sample):
    """What `reference.predict` gives for every sample of a frame, from a kernel.

    Parameters
    ----------
    handle : KernelNet
    frames : sequence of padded frames (rows + 6, cols + 8) uint16
        The frame itself and as many before it as the net looks at.
    rows, cols, max_sample : int

    Returns
    -------
    prediction : (rows, cols) uint16
    context, flip : (rows, cols) uint8
    """
    cdef mll_view view
    cdef mll_prediction found
    cdef const uint16_t[::1] flat
    cdef const uint16_t *base[3]
    cdef int row, col, k
    cdef size_t place, n
    kept = _flat_frames(frames, handle, rows, cols)
    for k in range(handle.n_frames):
        flat = kept[k]
        base[k] = &flat[0]
    prediction = np.empty((rows, cols), np.uint16)
    context = np.empty((rows, cols), np.uint8)
    flip = np.empty((rows, cols), np.uint8)
    cdef uint16_t[:, ::1] out_prediction = prediction
    cdef uint8_t[:, ::1] out_context = context
    cdef uint8_t[:, ::1] out_flip = flip
    mll_view_steps(&view, &handle.net, mll_frame_stride(cols), 1)
    with nogil:
        for row in range(rows):
            for col from 0 <= col < cols by MLL_LANES:
                place = (row + MLL_TOP) * mll_frame_stride(cols) + MLL_SIDE + col
                for k in range(handle.n_frames):
                    view.frame[k] = base[k] + place
                handle.predict(&handle.net, &view, max_sample, &found)
                n = min(MLL_LANES, cols - col)
                memcpy(&out_prediction[row, col], found.prediction, n * sizeof(uint16_t))
                memcpy(&out_context[row, col], found.context, n)
                memcpy(&out_flip[row, col], found.flip, n)
    return prediction, context, flip
