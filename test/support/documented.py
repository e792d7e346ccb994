"""The tables of a page of docs, as they stand there."""

import pathlib
import re

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def tables(page):
    """Every table of the page: a list of rows, the heading first; a row is a list of its cells."""
    found, rows = [], []
    for line in [*(DOCS / page).read_text().splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
            if not all(re.fullmatch(r":?-+:?", cell) for cell in cells):
                rows.append(cells)
        elif rows:
            found.append(rows)
            rows = []
    return found


def table(page, *heading):
    """The rows of the page's table that has this heading, without it."""
    (only,) = [rows for rows in tables(page) if rows[0] == list(heading)]
    return only[1:]


def quoted(cell):
    """What a cell quotes: `t`, `f`."""
    return re.findall(r"`([^`]+)`", cell)
