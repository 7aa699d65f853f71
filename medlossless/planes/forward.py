# SPDX-License-Identifier: Apache-2.0
"""The encoder's half: take an image apart into planes and write down how.

First the recipe is found, by excerpts and by passes over the parts of the image; then planes are
made from the parts of the image that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from math import prod

import numpy as np

from .._bytes import WHOLE_BYTES
from ..image import Array, Image, Lazy, Plane, chunks
from . import axes, colour, distinct, palette, recipe, words
from .colour import Colour
from .estimate import Cost, Judge, estimate_bits
from .recipe import Channel, Recipe
from .wording import Samples, choose_words

# Samples in an excerpt, by effort; also the most an estimate costs.
EXCERPT_SAMPLES = {1: 1 << 14, 2: 1 << 16, 3: 1 << 16, 4: 1 << 17, 5: 1 << 17, 6: 1 << 18}
EXCERPT_SAMPLES_MOST = 1 << 20
PIECE_SAMPLES = 1 << 18
SAMPLES_A_COLOUR = 4  # fewer positions for each colour than this and no palette is tried


def split(image: Image, *, cost: Cost | None = None, effort: int = 5) -> tuple[list[Plane], bytes]:
    """Take an image apart into planes.

    Parameters
    ----------
    image : Image
        Any shape, also of size zero; strides and byte order; bool, integers of 8 to 64 bits,
        floats of 16, 32 and 64 bits.
    cost : callable (Plane) -> float, or None
        Estimated bits of a plane; it is shown excerpts, see `estimate.Judge`. None means
        `estimate.estimate_bits`.
    effort : int
        1 to 9: the size of the excerpts.

    Returns
    -------
    planes : list of Plane
        C-contiguous uint16, Lazy where the array is Lazy or large; `max_sample` is the true
        maximum and never 0: constant planes are only in the recipe. None for an array of size
        zero.
    recipe : bytes
        For `join` and `geometry`; layout in module `recipe`.

    Raises
    ------
    InvalidInput
        Unsupported dtype, or axes that do not describe the array.

    Exact
    -----
    ``join([p.samples for p in planes], recipe, shape, dtype, axes)`` has the bits of the array.

    Cost
    ----
    A 16-bit grey volume: 1 ns a sample and one copy; 10 ns and two when its levels are packed.
    Floats that hold few values take longest, 80 ns.
    """
    array = image.array if isinstance(image.array, Lazy) else np.asarray(image.array)
    extent = axes.measure(array.shape, image.axes)
    native = words.integer_type(array.dtype)
    if recipe.is_empty(extent):
        return [], recipe.pack(Recipe(extent))
    stack = _integers(axes.stack(array, extent), native)
    judge = Judge(cost or estimate_bits, EXCERPT_SAMPLES.get(effort, EXCERPT_SAMPLES_MOST))
    found, channels = _choose_recipe(stack, extent, judge)
    return _planes(stack, found, channels), recipe.pack(found)


def _integers(stack: Array, native: np.dtype) -> Array:
    """The values of a stack as integers; lazily where there are many."""
    if isinstance(stack, np.ndarray) and stack.nbytes <= WHOLE_BYTES:
        return words.to_integers(stack)
    return Lazy(stack.shape, native, lambda start, stop: words.to_integers(stack[start:stop]))


class _Channels:
    """The channels of a stack after a colour transform, made of any part of it.

    The channels of the last part are remembered: a small stack is its only part.
    """

    def __init__(self, transform: Colour) -> None:
        self.transform = transform
        self._last: tuple[np.ndarray, list[np.ndarray]] | None = None

    def __call__(self, part: np.ndarray) -> list[np.ndarray]:
        last = self._last
        if last is None or last[0] is not part:
            self._last = last = part, _separate(part, self.transform)
        return last[1]


def _choose_recipe(stack: Array, extent: axes.Extent, judge: Judge) -> tuple[Recipe, _Channels]:
    """The cheapest recipe, and what makes the channels of parts of the stack."""
    transform = Colour.NONE
    if extent.samples in palette.SAMPLES and stack.itemsize <= 2:
        transform, estimate = _choose_colour(stack, judge)
        table = _cheaper_palette(stack, estimate, judge)
        if table is not None:
            return Recipe(extent, palette=table), _Channels(Colour.NONE)
    channels = _Channels(transform)
    return Recipe(extent, _choose_channels(stack, channels, judge), transform), channels


def _planes(stack: Array, found: Recipe, channels: _Channels) -> list[Plane]:
    """The planes of a recipe, made now if the stack is small."""
    sizes = [plane for plane in found.geometry() if not plane.constant]
    if isinstance(stack, np.ndarray):
        made = list(_apply(stack, found, channels))
        return [Plane(one, size.max_sample) for one, size in zip(made, sizes, strict=True)]

    def plane(number: int) -> Callable[[int, int], np.ndarray]:
        own = _Channels(found.colour)
        return lambda a, b: next(islice(_apply(stack[a:b], found, own), number, None))

    return [
        Plane(Lazy(size[:3], np.dtype(np.uint16), plane(number)), size.max_sample)
        for number, size in enumerate(sizes)
    ]


def _apply(part: np.ndarray, found: Recipe, channels: _Channels) -> Iterator[np.ndarray]:
    """The planes of some frames of a stack, those that are not constant, as a recipe says."""
    if found.palette is not None:
        if found.palette.keys.size > 1:
            yield distinct.values(palette.ranks(part, found.palette), found.palette.indices())
        return
    for samples, channel in zip(channels(part), found.channels, strict=True):
        rest = words.subtract(samples, channel.minimum, channel.maximum)
        split_up = len(channel.words) > 1
        parts = words.split_words(rest, len(channel.words)) if split_up else [rest]
        for values, word in zip(parts, channel.words, strict=True):
            if word.levels is not None:
                yield distinct.ranks(values, word.levels)
            elif word.max_sample:
                yield values


def _choose_colour(stack: Array, judge: Judge) -> tuple[Colour, float]:
    """Return the cheapest colour transform and its bits."""
    candidates = list(Colour) if stack.shape[-1] == 3 else [Colour.NONE]
    excerpt, n_samples = judge.excerpt(stack), prod(stack.shape[:3])
    estimates = {}
    for candidate in candidates:
        channels = [_fitted(channel) for channel in _separate(excerpt, candidate)]
        if all(channel.dtype == np.uint16 for channel in channels):
            estimates[candidate] = judge.bits(channels, n_samples)
    cheapest = min(estimates, key=lambda candidate: estimates[candidate])
    if cheapest != Colour.NONE and not _fits(stack, cheapest):
        cheapest = Colour.NONE  # the excerpt did not show the full range
    return cheapest, estimates[cheapest]


def _separate(stack: np.ndarray, transform: Colour) -> list[np.ndarray]:
    if stack.shape[-1] == 3:
        return colour.forward(stack, transform)
    return [stack[..., i] for i in range(stack.shape[-1])]


def _fitted(integers: np.ndarray) -> np.ndarray:
    return words.subtract(integers, int(integers.min()), int(integers.max()))


def _fits(stack: Array, transform: Colour) -> bool:
    """Tell whether all results of a transform span at most 65536 values."""
    if stack.itemsize == 1:
        return True
    return all(high - low < 1 << 16 for low, high in _bounds(stack, _Channels(transform)))


def _bounds(stack: Array, channels: _Channels) -> list[tuple[int, int]]:
    """The least and the largest value of each channel."""
    found: list[tuple[int, int]] = []
    for part in chunks(stack):
        here = [(int(channel.min()), int(channel.max())) for channel in channels(part)]
        pairs = zip(found or here, here, strict=True)
        found = [(min(old[0], new[0]), max(old[1], new[1])) for old, new in pairs]
    return found


def _cheaper_palette(stack: Array, limit_bits: float, judge: Judge) -> palette.Palette | None:
    """Return a palette if it and its plane of indices take fewer bits than `limit_bits`."""
    excerpt, n_samples = judge.excerpt(stack), prod(stack.shape[:3])
    if excerpt is not stack and palette.find(excerpt) is None:
        return None
    table = palette.find(stack)
    if table is None or table.keys.size * SAMPLES_A_COLOUR > n_samples:
        return None
    bits, table = _cheapest_order(table, palette.ranks(excerpt, table), n_samples, judge)
    return table if bits + 8 * len(palette.pack(table)) < limit_bits else None


def _cheapest_order(
    table: palette.Palette, excerpt: np.ndarray, n_samples: int, judge: Judge
) -> tuple[float, palette.Palette]:
    """Return the bits of the indices in the best order, and the palette so ordered."""
    estimates: dict[bytes, tuple[float, palette.Palette]] = {}
    for order in table.orders():
        indices = order.indices()
        if indices.tobytes() not in estimates:  # where colours are few, many orders are the same
            bits = judge.bits([distinct.values(excerpt, indices)], n_samples)
            estimates[indices.tobytes()] = bits, order
    return min(estimates.values(), key=lambda pair: pair[0])


def _pieces(channel: np.ndarray) -> Iterator[np.ndarray]:
    """A channel in pieces, so that whoever looks for something need not see all of it."""
    frames, rows, cols = channel.shape
    n_frames, n_rows = max(1, PIECE_SAMPLES // (rows * cols)), max(1, PIECE_SAMPLES // cols)
    for frame in range(0, frames, n_frames):
        for row in range(0, rows, n_rows):
            yield channel[frame : frame + n_frames, row : row + n_rows]


def _choose_channels(stack: Array, channels: _Channels, judge: Judge) -> tuple[Channel, ...]:
    """How each channel of a stack is written."""
    excerpts, found = _separate(judge.excerpt(stack), channels.transform), []
    for number, (low, high) in enumerate(_bounds(stack, channels)):

        def parts(number: int = number) -> Iterator[np.ndarray]:
            return (p for part in chunks(stack) for p in _pieces(channels(part)[number]))

        integers = Samples(excerpts[number], parts, prod(stack.shape[:3]))
        rest = integers.map(partial(words.subtract, minimum=low, maximum=high))
        found.append(Channel(low, choose_words(rest, high - low, judge)))
    return tuple(found)
