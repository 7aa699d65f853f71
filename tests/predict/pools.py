# SPDX-License-Identifier: Apache-2.0
"""Pools made of samples one by one, in order."""

import numpy as np

from medlossless.predict import tune


def pool_from(inputs, baseline, exponent, mantissa, samples) -> tune.Pool:
    """A pool of inputs (n, n_inputs) int16, and (n,) each of the rest."""
    n_blocks = -(-len(samples) // tune.LANES)
    targets = np.zeros((tune.TARGETS, n_blocks * tune.LANES), np.float32)
    targets[0, : len(samples)] = samples.astype(np.int32) - baseline
    targets[1:3, : len(samples)] = tune.origin(exponent, mantissa)
    targets[3, : len(samples)] = 1
    padded = np.zeros((n_blocks * tune.LANES, inputs.shape[1]), np.int16)
    padded[: len(samples)] = inputs
    return tune.Pool(
        np.ascontiguousarray(padded.reshape(n_blocks, tune.LANES, -1).transpose(0, 2, 1)),
        np.ascontiguousarray(targets.reshape(tune.TARGETS, n_blocks, -1).transpose(1, 0, 2)),
    )
