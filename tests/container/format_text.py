# SPDX-License-Identifier: Apache-2.0
"""FORMAT.md, taken apart: its text, its tables and what its python blocks define."""

from __future__ import annotations

import re
from pathlib import Path

from medlossless import container

FORMAT = Path(container.__file__).with_name("FORMAT.md")
TEXT = FORMAT.read_text(encoding="utf-8")


def read_tables(text: str) -> dict[tuple[str, ...], list[list[str]]]:
    """Rows of all tables by their heads; tables of one head are joined."""
    tables: dict[tuple[str, ...], list[list[str]]] = {}
    rows: list[list[str]] | None = None
    for line in [*text.splitlines(), ""]:
        cells = [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        if not cells:
            rows = None
        elif rows is None:
            rows = tables.setdefault(tuple(cells), [])
        elif not set(line) <= set("|-"):
            rows.append(cells)
    return tables


def run_blocks(text: str) -> dict:
    """The names that the python blocks define."""
    names: dict = {}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, str(FORMAT), "exec"), names)
    return names


TABLES = read_tables(TEXT)
BLOCK = run_blocks(TEXT)
