"""How rows are ordered, in terms that a database and Python agree on.

MySQL's usual collations take ``A``, ``a`` and ``A `` for the same text; Python does not. Text is
therefore ordered and compared by its bytes in UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from rxindex.errors import SourceDataError

__all__ = [
    "Grouping",
    "Scan",
    "by_bytes",
    "exact",
    "number_of",
    "sqlite_bound",
    "utf8_bound",
    "without_leading_zeroes",
]

Group = tuple[str | int, ...]


@dataclass(frozen=True)
class Scan:
    """One ordered pass over a part of the package table.

    Attributes:
        grouped: whether these rows have a real group.
        where: which rows belong to it.
        order: what they are ordered by, ahead of the NDC.
        column: gives what a row has in the order's column.
        read: reads the order's value from that.
        bound: turns such a value into one that the database compares.
        raw: the column as it stands, if the database takes values for equal that are equal by
            the order too: what it may find rows by an index with.
    """

    grouped: bool
    where: ColumnElement[bool]
    order: ColumnElement[Any]
    column: Callable[[tuple[Any, ...]], Any]
    read: Callable[[Any], Any]
    bound: Callable[[Any], Any]
    raw: ColumnElement[Any] | None = None

    def value(self, row: tuple[Any, ...]) -> Any:
        """Read the order's value of a row."""
        return self.read(self.column(row))

    def values(self, rows: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Read the order's values of rows, of which many have the same."""
        found = list(map(self.column, rows))
        known = {one: self.read(one) for one in dict.fromkeys(found)}
        return list(map(known.__getitem__, found))


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


def sqlite_bound(value: str | int) -> Any:
    """Give text as SQLite compares it with `by_bytes`, also where its bytes are no text."""
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        # The driver sends no such text, but any bytes, which the database then takes for text.
        return sa.cast(sa.literal(utf8_bound(text), sa.LargeBinary), sa.Text)
    return text


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


def number_of(value: Any) -> int | None:
    """Read a whole number from any form that a driver gives it in, or give None."""
    if type(value) is int:
        return value
    if isinstance(value, bytes | bytearray):
        value = value.decode("utf-8", "replace")
    try:
        number = Decimal(str(value).strip())
        return int(number) if number == int(number) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


@dataclass(frozen=True)
class Grouping:
    """Which group a package row belongs to, told in Python as the scans tell it in SQL.

    Attributes:
        by_number: whether the group column is declared as a number.
        database, column: for messages.
    """

    by_number: bool
    database: str
    column: str

    def value(self, raw: Any) -> str | int:
        """Read the value of a real group.

        Raises:
            SourceDataError: the column holds numbers, and this is none.
        """
        if not self.by_number:
            return exact(raw)
        if type(raw) is int:
            return raw
        number = number_of(raw)
        if number is None:
            raise SourceDataError(
                f"{self.database}: column {self.column} holds {raw!r}, which is no whole "
                "number. Mend the row, or map another group column."
            )
        return number

    def of_value(self, value: str | int) -> Group:
        """Give the group with this value."""
        return (value,) if self.by_number else (1, value)

    def of_raw(self, raw: Any) -> Group | None:
        """Give the group, or None where the value says that there is none (empty or zero).

        Raises:
            SourceDataError: as `value`.
        """
        if self.by_number:
            value = 0 if raw is None else self.value(raw)
            return (value,) if int(value) > 0 else None
        text = exact(raw)
        # TRIM takes blanks only away, and so must this.
        return (1, text) if text.strip(" ").lstrip("0") else None

    def of_row(self, raw: Any, ungrouped: Any) -> Group:
        """Give a package row's group.

        Args:
            raw: the group column.
            ungrouped: the column that stands in for it.

        Raises:
            SourceDataError: as `value`.
        """
        return self.of_raw(raw) or (0, exact(ungrouped))
