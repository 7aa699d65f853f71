# SPDX-License-Identifier: Apache-2.0
"""Streams: sections with checksums behind a magic; FORMAT.md is the specification."""

from .header import MAX_BITS, MAX_DIMENSIONS, MAX_SAMPLES, NO_ARRAY, Header
from .stream import (
    MAGIC,
    SECTION_NAMES,
    VERSION,
    Section,
    Stream,
    Writer,
    entry_bytes,
    is_stream,
    join,
)

__all__ = [
    "MAGIC",
    "MAX_BITS",
    "MAX_DIMENSIONS",
    "MAX_SAMPLES",
    "NO_ARRAY",
    "SECTION_NAMES",
    "VERSION",
    "Header",
    "Section",
    "Stream",
    "Writer",
    "entry_bytes",
    "is_stream",
    "join",
]
