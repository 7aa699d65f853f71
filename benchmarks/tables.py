# SPDX-License-Identifier: Apache-2.0
"""Tables for the terminal (rich) and for a README (Markdown)."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from benchmarks.corpus import Skipped

_PIPE_WIDTH = 400  # columns when the output is not a terminal: never cut a figure off


@dataclass(frozen=True)
class Table:
    """Rows of ready-made text.

    Parameters
    ----------
    title : str
    columns : list of str
        The first is aligned left, the others right.
    rows : list of list of str
    notes : list of str
        Printed below.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)

    def markdown(self) -> str:
        lines = [f"**{self.title}**", ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|---" + "|--:" * (len(self.columns) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines) + "\n"


def show(table: Table, *, markdown: bool = False) -> None:
    """Print a table to standard output."""
    if markdown:
        print(table.markdown())
        return
    import rich.box
    import rich.console
    import rich.table

    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    console = rich.console.Console(width=width, markup=False, highlight=False)
    drawn = rich.table.Table(
        title=table.title, title_justify="left", box=rich.box.SIMPLE, pad_edge=False
    )
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="right" if number else "left", no_wrap=number > 0)
    for row in table.rows:
        drawn.add_row(*row)
    console.print(drawn)
    for note in table.notes:
        console.print(note)


def skipped_lines(skipped: list[Skipped], n_named: int = 3) -> list[str]:
    """One line a reason, with the number of files and the first of their names."""
    names: dict[str, list[str]] = defaultdict(list)
    for one in skipped:
        names[one.reason].append(one.path.rsplit("/", 1)[-1])
    lines = []
    for reason, files in names.items():
        more = f" and {len(files) - n_named} more" if len(files) > n_named else ""
        lines.append(f"not compared: {reason}: {', '.join(files[:n_named])}{more}")
    return lines


def counted(reasons: list[str]) -> str:
    """``2 x one slice, 1 x float32 samples``."""
    return ", ".join(f"{count} x {reason}" for reason, count in Counter(reasons).items())


def short(name: str, width: int = 36) -> str:
    """A long name with its middle left out."""
    if len(name) <= width:
        return name
    tail = (width - 3) // 2
    return name[: width - 3 - tail] + "..." + name[-tail:]
