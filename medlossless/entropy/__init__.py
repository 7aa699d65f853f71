# SPDX-License-Identifier: Apache-2.0
"""Symbols and contexts <-> payload: folding, adaptive tables, rANS and Huffman.

`reference` is the definition; `coder` runs the C core on whole tiles. The decoder of the product
is the same C core, fused into the scan of the codecs.
"""

from .coder import (
    CODERS,
    INCREMENT,
    LIMIT,
    decode_tile,
    encode_steps,
    encode_tile,
    ideal_bits,
    sample_bits,
    step_bits,
)
from .fold import fold, unfold
from .prior import SCALE, Prior, freq_from_counts

__all__ = [
    "CODERS",
    "INCREMENT",
    "LIMIT",
    "SCALE",
    "Prior",
    "decode_tile",
    "encode_steps",
    "encode_tile",
    "fold",
    "freq_from_counts",
    "ideal_bits",
    "sample_bits",
    "step_bits",
    "unfold",
]
