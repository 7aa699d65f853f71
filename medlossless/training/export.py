# SPDX-License-Identifier: Apache-2.0
"""A trained float net, quantised, with its tables and proof vectors, as a .mlw file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..predict.net import Net, to_bytes
from .data import Samples
from .model import FloatNet
from .quantise import integer_layers, med_layers, trained_freqs

N_PROOFS = 16


def export(
    model: FloatNet | None, neighbourhood: str, samples: Samples, target: Path, table_samples: int
) -> Net:
    """Write a net file.

    Parameters
    ----------
    model : FloatNet or None
        None exports the MED baseline, which has tables but no net.
    neighbourhood : str
    samples : Samples
        Of that neighbourhood; the tables are counted on the first `table_samples` of a shuffle.
    target : Path
    table_samples : int

    Returns
    -------
    Net
        As written, its bounds proved.
    """
    layers = med_layers() if model is None else integer_layers(model)
    order = np.random.default_rng(0).permutation(len(samples.values))[:table_samples]
    counted = Samples(*(getattr(samples, name)[order] for name in Samples.__dataclass_fields__))
    net = Net(neighbourhood, *layers, trained_freqs(layers, neighbourhood, counted))
    proofs = np.ascontiguousarray(counted.inputs[:N_PROOFS].T)
    target.write_bytes(to_bytes(net, proofs))
    return net
