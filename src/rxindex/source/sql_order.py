"""How rows are ordered, in terms that a database and Python agree on.

MySQL's usual collations take ``A``, ``a`` and ``A `` for the same text; Python does not. Text is
therefore ordered and compared by its bytes in UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

__all__ = ["Scan", "by_bytes", "exact", "utf8_bound", "without_leading_zeroes"]


@dataclass(frozen=True)
class Scan:
    """One ordered pass over a part of the package table.

    Attributes:
        grouped: whether these rows have a real group.
        where: which rows belong to it.
        order: what they are ordered by, ahead of the NDC.
        value: reads the order's value from a row.
        bound: turns such a value into one that the database compares.
    """

    grouped: bool
    where: ColumnElement[bool]
    order: ColumnElement[Any]
    value: Callable[[tuple[Any, ...]], str | int]
    bound: Callable[[str | int], Any]


def by_bytes(column: ColumnElement[Any], sqlite: bool, is_text: bool = False) -> ColumnElement[Any]:
    """Order text by its bytes in UTF-8, so that neither case nor blanks are folded.

    Args:
        column: what to order by.
        sqlite: whether the database is SQLite, else it is MySQL or MariaDB.
        is_text: whether the column is declared as text, so that SQLite may use its index.
    """
    if sqlite:
        return sa.collate(column if is_text else sa.cast(column, sa.Text), "BINARY")
    as_utf8 = sa.func.convert(column.op("USING")(sa.literal_column("utf8mb4")))
    return sa.cast(as_utf8, sa.LargeBinary)


def utf8_bound(value: str | int) -> bytes:
    """Give text as the bytes that MySQL compares with `by_bytes`."""
    return str(value).encode("utf-8", "surrogateescape")


def without_leading_zeroes(column: ColumnElement[Any], sqlite: bool) -> ColumnElement[Any]:
    """Give a group number that is kept as text without its zeroes in front: none for zero."""
    text = sa.func.trim(sa.func.coalesce(column, ""))
    if sqlite:
        return sa.func.ltrim(text, "0")
    return sa.func.trim(sa.literal_column("LEADING '0'").op("FROM")(text))


def exact(raw: Any) -> str:
    """Give a database's text as it is, blanks and all."""
    if raw is None:
        return ""
    if isinstance(raw, bytes | bytearray):
        return raw.decode("utf-8", "surrogateescape")
    return str(raw)
