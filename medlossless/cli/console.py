# SPDX-License-Identifier: Apache-2.0
"""What is drawn: progress on stderr, tables on stdout. rich is imported when drawing begins."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

PATIENCE_S = 0.4
"""Work that ends sooner than this (seconds) is over before a bar could be read."""

PIPE_COLUMNS = 1000
"""Width used when stdout is not a terminal, so that no line is folded for nobody."""


class ProgressBar:
    """Callable (done, total) that draws a bar on stderr once the work proves to be long."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = time.monotonic()
        self._progress: Any = None
        self._task: Any = None

    def __call__(self, done_units: int, total_units: int) -> None:
        if self._progress is None:
            if time.monotonic() - self._started < PATIENCE_S:
                return
            self._open()
        self._progress.update(self._task, completed=done_units, total=total_units)

    def _open(self) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as TimeColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(escape(printable(self._label)), total=None)
        self._progress.start()

    def close(self) -> None:
        """Remove the bar, if there is one, and give the terminal back."""
        if self._progress is not None:
            self._progress.stop()


@contextmanager
def progress_bar(label: str, *, quiet: bool) -> Iterator[ProgressBar | None]:
    """Yield a progress callback for the api, or None where nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bar = ProgressBar(label)
    try:
        yield bar
    finally:
        bar.close()


def print_fields(title: str, fields: Iterable[tuple[str, Any]]) -> None:
    """Print a title and ``name  value`` lines on stdout; fields that are None are left out."""
    print(printable(title))
    for name, value in fields:
        if value is not None:
            print(f"  {name:<16} {printable(str(value))}")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Draw a table on stdout, under its title if any; columns of numbers are set flush right."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    body = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False)
    for index, name in enumerate(columns):
        numeric = bool(body) and all(isinstance(row[index], int | float) for row in body)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in body:
        table.add_row(*(Text(describe_cell(cell)) for cell in row))
    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    if title:
        print(f"  {title}")
    indent = 4 if title else 0
    Console(file=sys.stdout, width=width).print(Padding(table, (0, 0, 0, indent), expand=False))


def describe_cell(cell: Any) -> str:
    """A cell as text: extents as ``2 x 4 x 8``, names as ``a, b``."""
    if isinstance(cell, list | tuple):
        separator = " x " if all(isinstance(part, int) for part in cell) else ", "
        return printable(separator.join(map(str, cell)))
    return printable(str(cell))


def printable(text: str) -> str:
    """Replace bytes of a file name that are no valid text, which rich could not print."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
