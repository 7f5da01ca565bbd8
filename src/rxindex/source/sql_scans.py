"""The two passes that make up a catalogue: rows of real groups, and rows without a group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from rxindex.source.mapping import Mapping
from rxindex.source.sql_order import (
    Grouping,
    Scan,
    by_bytes,
    exact,
    sqlite_bound,
    utf8_bound,
    without_leading_zeroes,
)
from rxindex.source.sql_pages import Row
from rxindex.source.sql_schema import Resolved

__all__ = ["Scans", "members", "scans_of"]


@dataclass(frozen=True)
class Scans:
    """How one database's rows are passed over.

    Attributes:
        grouping: tells a row's group.
        grouped: rows of real groups, by group.
        ungrouped: rows without one, by the column that stands in for it.
        ndc: the NDC's column.
        ndc_of: reads it from a row.
        null_ndc, null_ndc_of: the same with NULL as the empty text. NULL is neither equal to nor
            greater than anything, so that no page could begin behind it; but the database can't
            use an index with this.
    """

    grouping: Grouping
    grouped: Scan
    ungrouped: Scan
    ndc: ColumnElement[Any]
    ndc_of: Callable[[Row], Any]
    null_ndc: ColumnElement[Any]
    null_ndc_of: Callable[[Row], Any]


def scans_of(resolved: Resolved, mapping: Mapping, name: str, sqlite: bool) -> Scans:
    """Work out how to pass over a database's rows.

    Args:
        resolved: its tables and columns.
        mapping: the mapping.
        name: the database, for messages.
        sqlite: whether it is SQLite, else it is MySQL or MariaDB.
    """
    position = resolved.position
    ndc_place = position[mapping.columns.ndc.column[0]]
    group_place, ungrouped_place = position[mapping.group], position[mapping.ungrouped]
    grouping = Grouping(resolved.group_kind == "number", name, mapping.group)
    group, bound = resolved.group, sqlite_bound if sqlite else utf8_bound

    if grouping.by_number:
        grouped = Scan(True, group > 0, group, itemgetter(group_place), grouping.value, int, group)
        no_group: ColumnElement[bool] = sa.or_(group.is_(None), group <= 0)
    else:
        digits, is_text = without_leading_zeroes(group, sqlite), resolved.group_kind == "text"
        grouped = Scan(
            True,
            digits != "",
            by_bytes(group, sqlite, is_text),
            itemgetter(group_place),
            grouping.value,
            bound,
            group if is_text and not sqlite else None,
        )
        no_group = digits == ""
    ungrouped = Scan(
        False,
        no_group,
        by_bytes(sa.func.coalesce(resolved.ungrouped, ""), sqlite),
        itemgetter(ungrouped_place),
        exact,
        bound,
        resolved.ungrouped if resolved.ungrouped_is_text and not sqlite else None,
    )
    return Scans(
        grouping,
        grouped,
        ungrouped,
        resolved.ndc,
        lambda row: row[ndc_place],
        sa.func.coalesce(resolved.ndc, ""),
        lambda row: "" if row[ndc_place] is None else row[ndc_place],
    )


def members(scan: Scan, values: Sequence[str | int]) -> ColumnElement[bool]:
    """Say which of a scan's rows have one of these values.

    Args:
        scan: the scan.
        values: few enough for one list.
    """
    bounds = [scan.bound(value) for value in values]
    exactly = scan.order.in_(bounds)
    if scan.raw is None or scan.raw is scan.order:
        return exactly
    texts = [str(value) for value in values]
    if any(text.encode("utf-8", "replace") != utf8_bound(text) for text in texts):
        # Bytes that are no text can't be sent as one.
        return exactly
    # The column itself is compared too, by its own collation: that gives all of these rows and
    # some more, but by an index, which no expression has.
    near: ColumnElement[bool] = scan.raw.in_(texts)
    if not scan.grouped and "" in texts:
        near = sa.or_(near, scan.raw.is_(None))
    return sa.and_(near, exactly)
