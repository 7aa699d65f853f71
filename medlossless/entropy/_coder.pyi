# SPDX-License-Identifier: Apache-2.0
import numpy as np

from .prior import Prior

Learning = tuple[int, int, int]

def encode(
    symbols: np.ndarray,
    contexts: np.ndarray,
    flags: np.ndarray | None,
    prior: Prior,
    learning: Learning,
    rows_log2: tuple[int, int],
    huffman: bool,
) -> tuple[int, np.ndarray]: ...
def encode_steps(
    flags: np.ndarray, steps: np.ndarray, streams_log2: int
) -> tuple[int, np.ndarray]: ...
def encode_records(
    steps: np.ndarray,
    raws: np.ndarray,
    shape: tuple[int, int, int],
    streams_log2: int,
    kernel: int,
) -> tuple[int, np.ndarray]: ...
def decode(
    payload: np.ndarray,
    contexts: np.ndarray,
    prior: Prior,
    learning: Learning,
    rows_log2: tuple[int, int],
    huffman: bool,
) -> tuple[int, np.ndarray]: ...
def trace(
    symbols: np.ndarray,
    contexts: np.ndarray,
    flags: np.ndarray | None,
    prior: Prior,
    learning: Learning,
    rows_log2: tuple[int, int],
) -> tuple[int, np.ndarray]: ...
def fold(
    samples: np.ndarray, predictions: np.ndarray, max_sample: int, flips: np.ndarray
) -> np.ndarray: ...
def unfold(
    symbols: np.ndarray, predictions: np.ndarray, max_sample: int, flips: np.ndarray
) -> np.ndarray: ...
