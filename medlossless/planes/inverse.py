# SPDX-License-Identifier: Apache-2.0
"""The decoder's half: planes and an untrusted recipe back to the array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..errors import CorruptStream
from . import colour, distinct, palette, words
from .axes import Extent, measure, unstack
from .colour import Colour
from .recipe import Channel, PlaneGeometry, Recipe, Word, is_empty, unpack


def geometry(recipe: bytes | Recipe) -> list[PlaneGeometry]:
    """Say which planes a recipe expects, before any of them is decoded.

    Parameters
    ----------
    recipe : bytes or Recipe
        Made by `split`; untrusted. What `unpack` has read is not read again, here and below.

    Returns
    -------
    list of (frames, rows, cols, max_sample, constant)
        In the order of decoding. Those marked constant are not coded and not given to `join`.
        The numbers are only what the recipe claims: compare them with the shape and with limits
        before allocating anything.

    Raises
    ------
    CorruptStream
    """
    return _read(recipe).geometry()


def _read(recipe: bytes | Recipe) -> Recipe:
    return recipe if isinstance(recipe, Recipe) else unpack(recipe)


def join(
    planes: list[np.ndarray],
    recipe: bytes | Recipe,
    shape: tuple[int, ...],
    dtype: np.dtype,
    axes: str,
) -> np.ndarray:
    """Put an array together from its planes.

    Parameters
    ----------
    planes : list of (frames, rows, cols) uint16
        The planes of ``geometry(recipe)`` that are not constant; overwritten, as the result may
        take their place.
    recipe : bytes or Recipe
        Made by `split`; untrusted.
    shape, dtype, axes
        Of the array that was split; `dtype` may have either byte order. The caller has checked
        that an array of this size is wanted.

    Returns
    -------
    ndarray of exactly `shape` and `dtype`, C-contiguous, perhaps sharing memory with `planes`

    Raises
    ------
    CorruptStream
        Recipe, planes and shape contradict one another or themselves.
    InvalidInput
        `dtype` is unsupported or `axes` do not describe `shape`.
    """
    dtype = np.dtype(dtype)
    plan = _unpack_for(recipe, measure(tuple(shape), axes))
    return unstack(_join_stack(planes, plan, dtype), tuple(shape))


def join_frames(
    planes: list[np.ndarray],
    recipe: bytes | Recipe,
    n_frames: int,
    shape: tuple[int, ...],
    dtype: np.dtype,
    axes: str,
) -> np.ndarray:
    """Like `join`, from planes of which only `n_frames` frames were decoded.

    Parameters
    ----------
    planes : list of (n_frames, rows, cols) uint16
    recipe, shape, dtype, axes
        Of the whole array.

    Returns
    -------
    (n_frames, rows, cols) or (n_frames, rows, cols, samples) ndarray of `dtype`
    """
    extent = measure(tuple(shape), axes)
    plan = _unpack_for(recipe, extent)
    part = replace(plan, extent=extent._replace(frames=n_frames))
    inner = part.extent if axes.endswith("S") else part.extent[:3]
    return unstack(_join_stack(planes, part, np.dtype(dtype)), tuple(inner))


def _unpack_for(recipe: bytes | Recipe, extent: Extent) -> Recipe:
    plan = _read(recipe)
    if plan.extent != extent:
        raise CorruptStream(f"recipe: extent {tuple(plan.extent)}, shape says {tuple(extent)}")
    return plan


def _join_stack(planes: list[np.ndarray], plan: Recipe, dtype: np.dtype) -> np.ndarray:
    native, extent = words.integer_type(dtype), plan.extent
    _check_planes(planes, plan.geometry())
    if is_empty(extent):
        return np.empty(extent, dtype)
    limits = words.bounds(dtype)
    channels = _channels(iter(planes), plan, native, limits)
    stacked = _interleave(channels, extent, native)
    return words.from_integers(stacked, dtype)


def _check_planes(planes: list[np.ndarray], expected: list[PlaneGeometry]) -> None:
    coded = [plane for plane in expected if not plane.constant]
    if len(planes) != len(coded):
        raise CorruptStream(f"planes: {len(planes)} given, the recipe expects {len(coded)}")
    for i, (plane, size) in enumerate(zip(planes, coded, strict=True)):
        if plane.dtype != np.uint16 or plane.shape != size[:3]:
            raise CorruptStream(
                f"plane {i}: {plane.dtype} {plane.shape}, the recipe expects uint16 {size[:3]}"
            )
        if int(plane.max(initial=0)) > size.max_sample:
            raise CorruptStream(f"plane {i}: sample above {size.max_sample}, its max_sample")


def _channels(
    planes: Iterator[np.ndarray], plan: Recipe, native: np.dtype, limits: tuple[int, int]
) -> Iterator[np.ndarray]:
    """Restore the samples of a position one after another, as integers within `limits`."""
    if plan.palette is not None:
        indices = next(planes, None)
        if indices is None:
            indices = np.zeros(plan.extent[:3], np.uint16)
        yield from palette.inverse(np.ascontiguousarray(indices), plan.palette, native, limits)
    elif plan.colour == Colour.NONE:
        for channel in plan.channels:
            yield _join_channel(planes, channel, plan.extent, native, limits)
    else:
        if native.itemsize > 2:
            raise CorruptStream(f"recipe: colour transform of {native}, expected 8 or 16 bits")
        any_int32 = (-(1 << 18), 1 << 18)
        wide = [
            _join_channel(planes, channel, plan.extent, np.dtype(np.int32), any_int32)
            for channel in plan.channels
        ]
        for samples in colour.inverse(wide, plan.colour):
            colour.check_range(samples, limits)
            yield samples


def _join_channel(
    planes: Iterator[np.ndarray],
    channel: Channel,
    extent: Extent,
    native: np.dtype,
    limits: tuple[int, int],
) -> np.ndarray:
    parts = [_join_word(planes, word, extent) for word in channel.words]
    rest = parts[0] if len(parts) == 1 else words.join_words(parts)
    return words.add(rest, channel.minimum, native, limits)


def _join_word(planes: Iterator[np.ndarray], word: Word, extent: Extent) -> np.ndarray:
    if word.max_sample == 0:
        return np.zeros(extent[:3], np.uint16)
    samples = next(planes)
    if word.levels is None:
        return samples
    table = word.levels.astype(words.narrowest(int(word.levels[-1])))
    samples = np.ascontiguousarray(samples)
    return distinct.values(samples, table, samples if table.dtype == samples.dtype else None)


def _interleave(channels: Iterator[np.ndarray], extent: Extent, native: np.dtype) -> np.ndarray:
    if extent.samples == 1:
        return next(channels).reshape(extent)
    stacked = np.empty(extent, native)
    for i, samples in enumerate(channels):
        stacked[..., i] = samples
    return stacked
