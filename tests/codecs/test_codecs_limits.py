# SPDX-License-Identifier: Apache-2.0
"""A stream that declares more than a machine has is a named error."""

from dataclasses import replace

import numpy as np
import pytest

from medlossless import decode_array, encode_array
from medlossless.container import Header, Section, Stream, join
from medlossless.errors import LimitExceeded
from medlossless.planes import recipe


def test_a_huge_constant_image_is_a_named_error():
    stream = Stream(encode_array(np.full((80, 80), 7, np.uint16)))
    header = Header.from_bytes(stream.section(Section.HEADER))
    plan = recipe.unpack(bytes(stream.section(Section.RECIPE)))
    side = 1 << 23
    sections = [
        (Section.HEADER, replace(header, shape=(side, side)).to_bytes()),
        (
            Section.RECIPE,
            recipe.pack(replace(plan, extent=plan.extent._replace(rows=side, cols=side))),
        ),
        (Section.PLANES, bytes(stream.section(Section.PLANES))),
        (Section.PAYLOAD, b""),
    ]
    bomb = join(sections)
    assert len(bomb) < 100
    with pytest.raises(LimitExceeded, match="140737488355328 bytes"):
        decode_array(bomb)
