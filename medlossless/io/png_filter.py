# SPDX-License-Identifier: Apache-2.0
"""PNG row filters: filtered bytes <-> samples.

Read me first:

- A filter works on bytes, not samples; *left* is the byte one whole position (`step` bytes: all
  channels of it) earlier. Outside the image everything is 0.
- Removing Average and Paeth is a recurrence along the row AND down the column, but no byte of an
  anti-diagonal depends on another: `_restore_diagonals` takes one diagonal at a time, all rows
  at once. `restore_reference` is the definition and serves thin images, whose diagonals are short.
- Applying filters has no recurrence at all.

Source: PNG specification (W3C, third edition), section 9.
"""

from __future__ import annotations

import numpy as np

NONE, SUB, UP, AVERAGE, PAETH = range(5)
N_KINDS = 5
THIN = 48  # below this many rows or columns a diagonal costs more than its bytes one by one
BAND_ROWS = 256  # temporaries of `apply` stay in cache


def restore(filtered: np.ndarray, kinds: np.ndarray, step: int) -> np.ndarray:
    """Undo the row filters.

    Parameters
    ----------
    filtered : (rows, row_bytes) uint8
    kinds : (rows,) uint8
        Filter of each row, 0..4.
    step : int
        Bytes from a position to the next, at least 1; divides row_bytes.

    Returns
    -------
    (rows, row_bytes) uint8, C-contiguous

    Cost
    ----
    About 50 ns a byte of a large image with Paeth or Average in it, next to nothing without.
    """
    rows, row_bytes = filtered.shape
    recursive = bool(np.isin(kinds, (AVERAGE, PAETH)).any())
    if recursive and min(rows, row_bytes // step) >= THIN:
        return _restore_diagonals(filtered, kinds, step)
    return restore_reference(filtered, kinds, step)


def apply(image: np.ndarray, kinds: np.ndarray, step: int) -> np.ndarray:
    """Filter the rows; the inverse of `restore`, same shapes.

    Returns
    -------
    (rows, row_bytes) uint8, C-contiguous
    """
    rows, row_bytes = image.shape
    padded = np.zeros((rows + 1, row_bytes + step), np.uint8)
    padded[1:, step:] = image
    filtered = np.empty_like(image, order="C")
    for top in range(0, rows, BAND_ROWS):
        band = slice(top, min(top + BAND_ROWS, rows))
        left = padded[top + 1 : band.stop + 1, :-step]
        up, corner = padded[band, step:], padded[band, :-step]
        masks = _masks(kinds[band, None])
        filtered[band] = image[band] - _prediction(left, up, corner, masks)
    return filtered


def restore_reference(filtered: np.ndarray, kinds: np.ndarray, step: int) -> np.ndarray:
    """`restore`, row by row and byte by byte where the filter needs it: the definition."""
    image = np.empty_like(filtered, order="C")
    above = np.zeros(filtered.shape[1], np.uint8)
    for row, kind, out in zip(filtered, kinds.tolist(), image):
        if kind == SUB:
            np.add.accumulate(row.reshape(-1, step), axis=0, dtype=np.uint8,
                              out=out.reshape(-1, step))  # fmt: skip
        elif kind == UP:
            np.add(row, above, out=out)
        elif kind in (AVERAGE, PAETH):
            out[:] = _restore_row(row.tolist(), above.tolist(), kind, step)
        else:
            out[:] = row
        above = out
    return image


def _restore_row(row: list[int], above: list[int], kind: int, step: int) -> list[int]:
    done = [0] * step + row  # `step` zeros stand left of the image
    corners = [0] * step + above
    for at, up in enumerate(above):
        left = done[at]
        if kind == AVERAGE:
            prediction = (left + up) >> 1
        else:
            corner = corners[at]
            d_left, d_up = abs(up - corner), abs(left - corner)
            d_corner = abs(left + up - 2 * corner)
            if d_left <= d_up and d_left <= d_corner:
                prediction = left
            else:
                prediction = up if d_up <= d_corner else corner
        done[at + step] = (row[at] + prediction) & 0xFF
    return done[step:]


def _restore_diagonals(filtered: np.ndarray, kinds: np.ndarray, step: int) -> np.ndarray:
    """`restore` by anti-diagonals of positions; in place in a frame of zeros above and left.

    With `cols` + 1 positions a row, the next row's position of the same diagonal lies
    (cols + 1) - 1 positions on: a diagonal is a slice of the flat array with stride `cols`.
    """
    rows = filtered.shape[0]
    cols = filtered.shape[1] // step
    framed = np.zeros((rows + 1, cols + 1, step), np.uint8)
    framed[1:, 1:] = filtered.reshape(rows, cols, step)
    flat = framed.reshape(-1, step)
    masks = _masks(kinds[:, None])
    for diagonal in range(rows + cols - 1):
        top, end = max(0, diagonal - cols + 1), min(rows, diagonal + 1)
        here = (top + 1) * (cols + 1) + diagonal - top + 1
        span = (end - top - 1) * cols + 1
        left, up, corner = (
            flat[here - back : here - back + span : cols] for back in (1, cols + 1, cols + 2)
        )
        rows_masks = [(kind, mask[top:end]) for kind, mask in masks]
        flat[here : here + span : cols] += _prediction(left, up, corner, rows_masks)
    return framed[1:, 1:].reshape(rows, -1)


def _masks(kinds: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The filters that occur, each with where it does."""
    return [(int(kind), kinds == kind) for kind in np.unique(kinds) if kind != NONE]


def _prediction(
    left: np.ndarray, up: np.ndarray, corner: np.ndarray, masks: list[tuple[int, np.ndarray]]
) -> np.ndarray:
    """What the filters subtract: uint8, the shape of `left`."""
    prediction = np.zeros(left.shape, np.uint8)
    for kind, mask in masks:
        if kind == SUB:
            chosen = left
        elif kind == UP:
            chosen = up
        elif kind == AVERAGE:
            chosen = (left & up) + ((left ^ up) >> 1)  # floor of the mean without a ninth bit
        else:
            chosen = _paeth(left, up, corner)
        np.copyto(prediction, chosen, where=mask)
    return prediction


def _paeth(left: np.ndarray, up: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The one of the three nearest to left + up - corner; ties in this order."""
    to_left = up.astype(np.int16) - corner
    to_up = left.astype(np.int16) - corner
    to_corner = np.abs(to_left + to_up)
    to_left, to_up = np.abs(to_left), np.abs(to_up)
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)
