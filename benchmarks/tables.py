"""Tables in Markdown: for the page, and for the terminal, where Rich draws them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from benchmarks.ratios import Ratio, met

__all__ = ["megabytes", "ratio_table", "table"]


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Write a table; the first column is text, the others are numbers.

    Args:
        headings: of the columns.
        rows: their cells; whole numbers get commas, anything else is written as it is.
    """
    lines = [
        _line(headings),
        _line(["---", *["---:"] * (len(headings) - 1)]),
        *(_line([_cell(one) for one in row]) for row in rows),
    ]
    return "\n".join(lines) + "\n"


def ratio_table(ratios: Mapping[str, Any]) -> str:
    """Write the table of a part's ratios (see `benchmarks.ratios.ratio`)."""
    rows = []
    for built in ratios.values():
        one = msgspec.convert(built, Ratio)
        word = "at least" if one.better == "higher" else "at most"
        aim = "" if one.aim is None else f"{word} {one.aim:g}"
        state = {None: "", True: "yes", False: "no"}[met(one)]
        rows.append((one.label, f"{one.value:.2f}", aim, state))
    return table(("ratio, in the same run", "here", "aimed at", "met"), rows)


def megabytes(size: float) -> str:
    """Write bytes as MB (2^20)."""
    return f"{size / 2**20:,.0f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
