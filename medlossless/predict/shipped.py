# SPDX-License-Identifier: Apache-2.0
"""The nets that came with this release, by name and by digest."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ..errors import InvalidWeights, WeightsMissing
from .net import Net, from_bytes


@cache
def shipped_names() -> tuple[str, ...]:
    """Names of the shipped nets."""
    folder = files("medlossless.weights")
    return tuple(sorted(p.name[:-4] for p in folder.iterdir() if p.name.endswith(".mlw")))


@cache
def net_named(name: str) -> Net:
    """A shipped net; its bounds are proved as it is read."""
    if name not in shipped_names():
        raise InvalidWeights(f"net {name!r}: not shipped, there are {', '.join(shipped_names())}")
    data = files("medlossless.weights").joinpath(f"{name}.mlw").read_bytes()
    return from_bytes(data)[0]


@cache
def _names() -> dict[bytes, str]:
    """Names by digest."""
    return {net_named(name).digest: name for name in shipped_names()}


def name_of(digest: bytes) -> str:
    """The name of the shipped net with a digest.

    Raises
    ------
    WeightsMissing
    """
    name = _names().get(digest)
    if name is None:
        raise WeightsMissing(
            f"net {digest.hex()}: not among the shipped nets ({', '.join(shipped_names())});"
            " the stream was made by another release"
        )
    return name
