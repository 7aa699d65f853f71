# SPDX-License-Identifier: Apache-2.0
"""Level tables: every form read back, the shortest one chosen, hostile bytes refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless._fields import varint
from medlossless.errors import CorruptStream, Truncated
from medlossless.planes import levels
from medlossless.planes.varint import Reader

HIGHEST = (1 << 64) - 1


def random_table(share: float, n: int, seed: int = 0) -> np.ndarray:
    present = np.random.default_rng(seed).random(n) < share
    present[[0, -1]] = True
    return np.flatnonzero(present).astype(np.uint64)


TABLES = {
    "stride": np.arange(100, dtype=np.uint64) * np.uint64(16),
    "two": np.array([0, HIGHEST], np.uint64),
    "runs": np.concatenate([np.arange(5), np.arange(1000, 1400)]).astype(np.uint64),
    "dense": random_table(0.8, 4096),
    "half": random_table(0.5, 4096),
    "sparse": random_table(0.01, 1 << 20),
    "ramp": np.cumsum(np.arange(300)).astype(np.uint64),
    "wide": np.unique(np.random.default_rng(2).integers(0, 1 << 63, 500).astype(np.uint64)),
    "all": np.arange(1 << 16, dtype=np.uint64) * np.uint64(3),
    "float": np.unique(np.arange(3000).astype(np.float32).view(np.uint32)).astype(np.uint64),
}


def unpack(data: bytes, n_levels: int, highest: int = HIGHEST) -> np.ndarray:
    reader = Reader(data, "test")
    table = levels.unpack_table(reader, n_levels, highest)
    reader.end()
    return table


@pytest.mark.parametrize("name", TABLES)
def test_unpack_table_inverts_pack_table(name):
    table = TABLES[name] - TABLES[name][0]
    restored = unpack(levels.pack_table(table), table.size, int(table[-1]))
    assert restored.dtype == np.uint64
    assert np.array_equal(restored, table)


def test_every_form_is_chosen_for_some_table():
    codings = {levels.pack_table(table - table[0])[0] for table in TABLES.values()}
    assert {coding % levels.PACKED for coding in codings} == set(range(5))
    assert any(coding >= levels.PACKED for coding in codings)


@given(st.sets(st.integers(1, HIGHEST) | st.integers(1, 500), min_size=1, max_size=60))
def test_any_table_round_trips(values):
    table = np.array([0, *sorted(values)], np.uint64)
    assert np.array_equal(unpack(levels.pack_table(table), table.size), table)


@pytest.mark.parametrize(
    ("name", "most"), [("stride", 2), ("runs", 9), ("half", 530), ("all", 2), ("float", 80)]
)
def test_tables_are_short(name, most):
    assert len(levels.pack_table(TABLES[name])) <= most


@pytest.mark.parametrize("name", ["runs", "half", "ramp", "two"])
def test_every_prefix_is_corrupt(name):
    table = TABLES[name]
    packed = levels.pack_table(table)
    for end in range(len(packed)):
        with pytest.raises(CorruptStream):
            unpack(packed[:end], table.size)


def body(form: int, *numbers: int) -> bytes:
    return bytes([form]) + b"".join(varint(number) for number in numbers)


@pytest.mark.parametrize(
    ("data", "n_levels"),
    [
        (body(5, 0), 2),  # no such form
        (body(13, 0), 2),
        (body(levels.STRIDE, HIGHEST - 1), 3),  # past 64 bits
        (body(levels.RUNS, 0, 2), 3),  # a run past the last level
        (body(levels.DELTAS, HIGHEST), 2),  # a delta of 2^64 is one of 0
        (body(levels.DELTAS, HIGHEST - 1, 5), 3),  # wraps
        (body(levels.BENDS, 2, 1, 1, 1), 5),  # deltas 1, 0
        (body(levels.MAP, 4) + b"\x08", 3),  # bits above the highest level
        (body(levels.MAP, 4) + b"\x80", 3),
        (body(levels.MAP, 4) + b"\x01", 2),  # three levels
        (body(levels.MAP, 0), 2),
        (body(levels.MAP, 1 << 20), 2),
    ],
)
def test_contradictory_tables_are_corrupt(data, n_levels):
    with pytest.raises(CorruptStream):
        unpack(data, n_levels)


def test_a_run_past_the_last_level_is_named():
    with pytest.raises(CorruptStream, match="run of levels"):
        unpack(body(levels.RUNS, 0, 2, 0, 0), 3)


def test_levels_above_the_limit_are_corrupt():
    packed = levels.pack_table(TABLES["stride"])
    assert unpack(packed, 100, 1584).size == 100
    with pytest.raises(CorruptStream, match="1583"):
        unpack(packed, 100, 1583)


def packed_body(content: bytes, tail: bytes = b"") -> bytes:
    frame = levels._zstd.compress(content, level=1) + tail
    return body(levels.DELTAS + levels.PACKED, len(frame)) + frame


def test_packed_bodies_are_bounded():
    assert unpack(packed_body(b"\0"), 2).tolist() == [0, 1]
    for data in (
        packed_body(bytes(1 << 26)),  # a bomb
        packed_body(b"\0\0"),  # a delta too many
        packed_body(b"\0", b"\0"),  # bytes after the frame
        body(levels.DELTAS + levels.PACKED, 3) + b"abc",
    ):
        with pytest.raises(CorruptStream):
            unpack(data, 2)
    with pytest.raises(Truncated):
        unpack(packed_body(b"\0"), 3)


def test_most_worth_trying_asks_for_a_quarter_of_gaps():
    assert [levels.most_worth_trying(highest) for highest in (0, 1, 2, 3, 4, 7)] == [
        0, 1, 2, 3, 3, 6,
    ]  # fmt: skip
