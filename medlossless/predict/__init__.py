# SPDX-License-Identifier: Apache-2.0
"""Known samples -> prediction and context: neighbourhood, integer MLP, reference and kernels.

`neighbourhood` and `reference` are the definition; the C kernels (csrc/mlp) equal it bit for bit.
"""

from .net import DIGEST_BYTES, Layer, Net
from .shipped import name_of, net_named, shipped_names

__all__ = ["DIGEST_BYTES", "Layer", "Net", "name_of", "net_named", "shipped_names"]
