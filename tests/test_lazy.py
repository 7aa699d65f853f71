# SPDX-License-Identifier: Apache-2.0
"""Lazy stands for an ndarray, FileBytes for a memoryview."""

from __future__ import annotations

import hashlib
import tempfile
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medlossless import image
from medlossless._bytes import WINDOW_BYTES, FileBytes, Sha256, pieces, view_of, whole
from medlossless.image import Lazy, chunks

ARRAY = np.arange(7 * 4 * 5, dtype=np.int16).reshape(7, 4, 5)
DATA = np.random.default_rng(0).integers(0, 256, 3 * WINDOW_BYTES, np.uint8).tobytes()


def lazily(array):
    return Lazy(array.shape, array.dtype, lambda start, stop: array[start:stop])


@pytest.fixture(scope="module")
def file():
    with tempfile.TemporaryFile() as file:
        file.write(DATA)
        file.flush()
        yield file


def test_sizes_are_those_of_an_array():
    lazy = lazily(ARRAY)
    for name in ("shape", "dtype", "ndim", "size", "itemsize", "nbytes"):
        assert getattr(lazy, name) == getattr(ARRAY, name), name
    assert len(lazy) == len(ARRAY)


KEYS = [0, -1, 6, slice(2, 5), slice(None), slice(5, 99), slice(4, 2), (1, 2), (slice(1, 3), 2)]
KEYS += [(slice(1, 6), slice(1, 3)), (-2, slice(None), 3), (3, 1, slice(0, 4, 2))]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_what_is_indexed_is_what_an_array_has(key):
    lazy = lazily(ARRAY)
    for _ in range(2):
        found = lazy[key]
        assert found.shape == ARRAY[key].shape
        assert np.array_equal(found, ARRAY[key])


@pytest.mark.parametrize("key", [7, -8, slice(None, None, 2), slice(None, None, -1), "a"], ids=str)
def test_what_an_array_has_not_or_not_in_order_is_refused(key):
    with pytest.raises((IndexError, TypeError)):
        lazily(ARRAY)[key]


@pytest.mark.parametrize("shape", [(7, 20), (1, 7, 4, 5), (7, 2, 10), (1, 140)])
def test_a_reshaped_one_has_the_same_samples(shape):
    lazy = lazily(ARRAY).reshape(shape)
    assert np.array_equal(lazy[:], ARRAY.reshape(shape))
    assert np.array_equal(lazy.whole(), ARRAY.reshape(shape))
    assert np.array_equal(lazy.reshape((7, 4, 5))[3], ARRAY[3])


@pytest.mark.parametrize("shape", [(28, 5), (7, 4, 6), (14, 10)])
def test_items_are_not_cut(shape):
    with pytest.raises(ValueError, match="items of shape"):
        lazily(ARRAY).reshape(shape)


@pytest.mark.parametrize("chunk_bytes", [1, 40, 90, 10_000])
def test_chunks_are_all_samples_in_order(chunk_bytes, monkeypatch):
    monkeypatch.setattr(image, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(image, "WHOLE_BYTES", 100)
    for array in (ARRAY, lazily(ARRAY)):
        parts = list(chunks(array))
        assert np.array_equal(np.concatenate(parts), ARRAY)
        assert all(part.nbytes <= max(chunk_bytes, ARRAY[0].nbytes) for part in parts)
    small = ARRAY[:2]
    assert [part is small for part in chunks(small)] == [True]


def test_pieces_in_order_are_taken_where_they_are_given():
    halves = [ARRAY[:3], ARRAY[3:]]
    lazy = Lazy(ARRAY.shape, ARRAY.dtype, lambda a, b: ARRAY[a:b], lambda: iter(halves))
    for one in (lazy, lazy.reshape((1, 7, 4, 5))):
        assert [len(part) for part in one.chunks()] == [3, 4]
    assert np.array_equal(lazy.whole(), ARRAY)


@given(start=st.integers(-3 * WINDOW_BYTES, 3 * WINDOW_BYTES + 9), size=st.integers(-2, 1 << 17))
def test_bytes_of_a_file_are_those_of_the_memory(file, start, size):
    data = FileBytes(file)
    stop = max(start + size, start)
    for key in (slice(start, stop), slice(start, None), slice(None, stop)):
        assert data[key] == DATA[key]
    assert len(data) == len(DATA)
    if -len(DATA) <= start < len(DATA):
        assert data[start] == DATA[start]


def test_a_file_is_not_read_backwards(file):
    with pytest.raises(ValueError, match="step"):
        FileBytes(file)[::-1]


def test_threads_read_side_by_side(file):
    data, wrong = FileBytes(file), []

    def read(seed):
        for start in np.random.default_rng(seed).integers(0, len(DATA), 2000):
            if data[start : start + 9] != DATA[start : start + 9]:
                wrong.append(start)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_file_that_has_become_shorter_is_an_error():
    with tempfile.TemporaryFile() as file:
        file.write(DATA)
        file.flush()
        data = FileBytes(file)
        file.truncate(len(DATA) - 5)
        for key in (slice(-9, None), slice(None)):
            with pytest.raises(OSError, match="the file ends at byte"):
                data[key]


def test_pieces_and_all_of_them(file):
    for data in (FileBytes(file), view_of(DATA)):
        assert b"".join(pieces(data, 1000)) == DATA
        assert whole(data) == DATA


@pytest.mark.parametrize("threads", [1, 2])
def test_sha256_of_pieces(threads, file):
    expected = hashlib.sha256(DATA).digest()
    with Sha256(threads) as one, Sha256(threads) as other:
        one.feed(pieces(FileBytes(file), 999))
        for piece in pieces(view_of(DATA), 5000):
            other.update(piece)
        assert one.digest() == other.digest() == expected


def test_a_failure_to_read_is_told_with_the_sha256():
    def fail():
        yield b"some"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"), Sha256(2) as sha256:
        sha256.feed(fail())
        sha256.digest()
