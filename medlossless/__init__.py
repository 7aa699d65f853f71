# SPDX-License-Identifier: Apache-2.0
"""medlossless: the lossless codec for medical images.

>>> import medlossless
>>> stream = medlossless.encode_array(array)
>>> array = medlossless.decode_array(stream)
>>> medlossless.compress("scan.dcm")  # writes scan.dcm.mls
>>> medlossless.decompress("scan.dcm.mls", "again.dcm")

Names are imported when they are first used, so that ``import medlossless`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors
    from .api import (
        codecs,
        compress,
        decode_array,
        decompress,
        encode_array,
        inspect,
        verify,
    )
    from .result import Info, Result

__all__ = [
    "Info",
    "Result",
    "__version__",
    "codecs",
    "compress",
    "decode_array",
    "decompress",
    "encode_array",
    "errors",
    "inspect",
    "verify",
]

__version__ = "0.1.0"

_MODULES = {"Info": "result", "Result": "result"}  # of the other names: api


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in ("codecs", "errors"):
        return import_module(f".{name}", __name__)
    value = getattr(import_module(f".{_MODULES.get(name, 'api')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
