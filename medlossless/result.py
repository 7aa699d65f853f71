# SPDX-License-Identifier: Apache-2.0
"""What the public functions tell: Result of an operation on a file, Info about a stream."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a file operation did.

    source, target : str
        Names; ``-`` for what has none, `target` None where nothing was written.
    original_bytes, stream_bytes : int
        Sizes of the original file and of its stream, whichever of them was the source.
    format, codec, guarantee, note : str
        As in `Info`.
    verified : bool
        Whether the stream was decoded and the outcome compared with its original as far as the
        guarantee goes: ``file-exact`` by its bytes or sha256, ``pixel-exact`` by its samples. False
        where a ``pixel-exact`` stream was decoded and no original was at hand.
    seconds : float
    sha256 : str
        Of the original file, hexadecimal; empty for the stream of an array.
    output_bytes, output_sha256 : int, str
        Of what was written or returned; 0 and empty where nothing was. After `decompress` of a
        ``pixel-exact`` stream they differ from those of the original.
    data : bytes or None
        The output, when bytes came in and no target was named.
    """

    source: str
    target: str | None
    original_bytes: int
    stream_bytes: int
    format: str
    codec: str
    guarantee: str
    note: str
    verified: bool
    seconds: float
    sha256: str
    output_bytes: int = 0
    output_sha256: str = ""
    data: bytes | None = None


@dataclass(frozen=True)
class Info:
    """What a stream says about itself, nothing decoded.

    version : int
        Of the stream format.
    codec : str
        Name of the codec, see `medlossless.api.codecs`.
    kind : ``file`` or ``array``
    format : str
        ``dicom``, ``nifti``, ``npy``, ``png``, ``tiff``, ``opaque``; ``array`` for arrays.
    guarantee : ``file-exact`` or ``pixel-exact``
    note : str
        Why something was done in a lesser way, or empty.
    shape, dtype, axes, bits
        Of the array; empty, "" and None where there is none.
    original_bytes, stream_bytes : int
    sha256, name : str or None
        Of the original file; None for arrays.
    coder : ``ans``, ``huffman`` or empty where nothing is entropy coded
    effort : int
    nets : list of str
        Names of the nets that predict.
    planes : list of dict
        Of each coded plane: shape, max_sample, nets, slab_frames, stripe_rows, tiles, bytes.
    tiles : int
    sections : list of dict
        ``name`` and ``bytes`` of each section in stream order.
    """

    version: int
    codec: str
    kind: str
    format: str
    guarantee: str
    note: str
    shape: tuple[int, ...]
    dtype: str
    axes: str
    bits: int | None
    original_bytes: int
    stream_bytes: int
    sha256: str | None
    name: str | None
    coder: str
    effort: int
    nets: list[str]
    planes: list[dict[str, Any]]
    tiles: int
    sections: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON."""
        return asdict(self)
