# SPDX-License-Identifier: Apache-2.0
"""SOURCES.md names every shipped net by its digest and its shape."""

import re
from importlib.resources import files

from medlossless.predict import net_named, shipped_names

ROW = re.compile(r"\| `(\w+)` \| .* \| (\d+) \| ([\d, ]+|none) \| .* \| `([0-9a-f]{16})` \|")


def test_every_net_stands_there_with_its_digest():
    text = files("medlossless.weights").joinpath("SOURCES.md").read_text()
    rows = {name: rest for name, *rest in ROW.findall(text)}
    assert sorted(rows) == list(shipped_names())
    for name, (inputs, hidden, digest) in rows.items():
        net = net_named(name)
        units = ", ".join(str(layer.weights.shape[0]) for layer in net.hidden) or "none"
        assert (net.n_inputs, units, net.digest.hex()) == (int(inputs), hidden, digest)
