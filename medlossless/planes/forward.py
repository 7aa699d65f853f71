# SPDX-License-Identifier: Apache-2.0
"""The encoder's half: take an image apart into planes and write down how."""

from __future__ import annotations

import numpy as np

from ..image import Image, Plane
from . import axes, colour, distinct, levels, palette, recipe, words
from .colour import Colour
from .estimate import Cost, Judge, estimate_bits
from .recipe import Channel, Recipe, Word

# Samples in an excerpt, by effort; also the most an estimate costs.
EXCERPT_SAMPLES = {1: 1 << 15, 2: 1 << 16, 3: 1 << 16, 4: 1 << 17, 5: 1 << 17, 6: 1 << 18}
EXCERPT_SAMPLES_MOST = 1 << 20
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
        C-contiguous uint16, `max_sample` is the true maximum and never 0: constant planes are
        only in the recipe. None for an array of size zero.
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
    array = np.asarray(image.array)
    extent = axes.measure(array.shape, image.axes)
    integers = words.to_integers(array)
    if recipe.is_empty(extent):
        return [], recipe.pack(Recipe(extent))
    judge = Judge(cost or estimate_bits, EXCERPT_SAMPLES.get(effort, EXCERPT_SAMPLES_MOST))
    stack = axes.stack(integers, extent)
    transform = Colour.NONE
    if extent.samples in palette.SAMPLES and stack.itemsize <= 2:
        transform, estimate = _choose_colour(stack, judge)
        found = _cheaper_palette(stack, estimate, judge)
        if found is not None:
            table, planes = found
            return planes, recipe.pack(Recipe(extent, palette=table))
    channels, planes = _split_channels(stack, transform, judge)
    return planes, recipe.pack(Recipe(extent, tuple(channels), transform))


def _choose_colour(stack: np.ndarray, judge: Judge) -> tuple[Colour, float]:
    """Return the cheapest colour transform and its bits."""
    candidates = list(Colour) if stack.shape[-1] == 3 else [Colour.NONE]
    excerpt, n_samples = judge.excerpt(stack), stack[..., 0].size
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


def _fits(stack: np.ndarray, transform: Colour) -> bool:
    """Tell whether all results of a transform span at most 65536 values."""
    if stack.itemsize == 1:
        return True
    return all(
        int(channel.max()) - int(channel.min()) < 1 << 16
        for channel in colour.forward(stack, transform)
    )


def _cheaper_palette(
    stack: np.ndarray, limit_bits: float, judge: Judge
) -> tuple[palette.Palette, list[Plane]] | None:
    """Return a palette and its plane of indices if they take fewer bits than `limit_bits`."""
    excerpt = judge.excerpt(stack)
    if excerpt is not stack and palette.find(excerpt) is None:
        return None
    found = palette.find(stack)
    if found is None:
        return None
    table, ranks = found
    if table.keys.size * SAMPLES_A_COLOUR > ranks.size:
        return None
    bits, table = _cheapest_order(table, judge.excerpt(ranks), ranks.size, judge)
    if bits + 8 * len(palette.pack(table)) >= limit_bits:
        return None
    max_sample = table.keys.size - 1
    plane = Plane(distinct.values(ranks, table.indices()), max_sample)
    return table, [plane] if max_sample else []


def _cheapest_order(
    table: palette.Palette, excerpt: np.ndarray, n_samples: int, judge: Judge
) -> tuple[float, palette.Palette]:
    """Return the bits of the indices in the best order, and the palette so ordered."""
    excerpt = np.ascontiguousarray(excerpt)
    orders = table.orders()
    estimates = [
        judge.bits([distinct.values(excerpt, order.indices())], n_samples) for order in orders
    ]
    cheapest = int(np.argmin(estimates))
    return estimates[cheapest], orders[cheapest]


def _split_channels(
    stack: np.ndarray, transform: Colour, judge: Judge
) -> tuple[list[Channel], list[Plane]]:
    channels, planes = [], []
    for integers in _separate(stack, transform):
        minimum, maximum = int(integers.min()), int(integers.max())
        rest = words.subtract(integers, minimum, maximum)
        if rest.dtype == np.uint16:
            parts = [_split_word(rest, maximum - minimum, judge)]
        else:
            parts = _split_wide(rest, judge)
        channels.append(Channel(minimum, tuple(word for word, _ in parts)))
        planes += [Plane(samples, word.max_sample) for word, samples in parts if word.max_sample]
    return channels, planes


def _split_word(samples: np.ndarray, max_sample: int, judge: Judge) -> tuple[Word, np.ndarray]:
    """Pack the levels of a plane if that is cheaper."""
    plain = Word(max_sample), samples
    excerpt = judge.excerpt(samples)
    if max_sample < 2 or not _has_gaps(np.ascontiguousarray(excerpt), max_sample):
        return plain
    table = distinct.distinct(samples, levels.MAX_LEVELS)
    if table is None or not levels.worth_trying(table):
        return plain
    packed = Word(table.size - 1, table)
    bits = judge.bits([distinct.ranks(np.ascontiguousarray(excerpt), table)], samples.size)
    bits += 8 * len(levels.pack_table(table))
    if bits >= judge.bits([excerpt], samples.size):
        return plain
    return packed, distinct.ranks(samples, table)


def _has_gaps(samples: np.ndarray, max_sample: int) -> bool:
    """Tell whether an excerpt leaves open that a quarter of the range is not used."""
    present = distinct.distinct(samples, levels.MAX_LEVELS)
    return present is not None and 4 * present.size <= 3 * (max_sample + 1)


def _split_wide(rest: np.ndarray, judge: Judge) -> list[tuple[Word, np.ndarray]]:
    """Code integers above 65535 by rank if they are few and that is cheaper, else by words."""
    excerpt, n_samples = judge.excerpt(rest), rest.size
    table = distinct.distinct(rest, levels.MAX_LEVELS)
    if table is not None:
        ranked = distinct.ranks(np.ascontiguousarray(excerpt), table)
        bits = judge.bits([ranked], n_samples) + 8 * len(levels.pack_table(table))
        if bits < judge.bits(words.split_words(excerpt), n_samples):
            return [(Word(table.size - 1, table), distinct.ranks(rest, table))]
    parts = words.split_words(rest)
    return [_split_word(part, int(part.max()), judge) for part in parts]
