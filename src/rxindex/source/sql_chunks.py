"""Pages of a database's rows cut at the borders of groups, with what else belongs to them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Any, TypeVar

from rxindex.model import PackageRow
from rxindex.source.base import Group, Odd
from rxindex.source.chunks import digest
from rxindex.source.sql_pages import Row
from rxindex.source.sql_rows import RowReader

__all__ = ["Names", "Rows", "whole_groups"]

T = TypeVar("T")

#: Of each value of the group column the names of its classes, or of its indications.
Names = Mapping[str | int, tuple[str, ...]]

#: Rows that are made together: few enough that a processor's cache holds them.
ROWS_TOGETHER = 500


@dataclass(frozen=True)
class Rows:
    """Rows of a database as its driver gave them, with what the lookups say of their groups.

    Attributes:
        rows: in order, all rows of a group in one run.
        values: of each row its group's value.
        groups: the group of each value, in order. Rows of a group share it, in memory too.
        grouped: whether those are real groups.
        classes, indications: names by value.
    """

    rows: list[Row]
    values: list[str | int]
    groups: dict[str | int, Group]
    grouped: bool
    classes: Names
    indications: Names

    def digests(self, key: bytes) -> dict[Group, bytes]:
        """Give each group with a digest of its rows.

        Args:
            key: what else the digests are to depend on, at most 64 bytes.
        """
        found: dict[Group, bytes] = {}
        start, rows = 0, self.rows
        for value, run in groupby(self.values):
            end = start + len(list(run))
            group, names = (
                self.groups[value],
                (self.classes.get(value), self.indications.get(value)),
            )
            # What a column of numbers has as text, SQLite orders behind the numbers.
            found[group] = digest((rows[start:end], names, found.get(group)), key)
            start = end
        return found

    def made(
        self,
        reader: RowReader,
        wanted: Collection[Group] | None = None,
        odd: dict[Group, Odd] | None = None,
    ) -> Iterator[PackageRow]:
        """Make the rows; once, since what was made is let go of.

        Args:
            reader: makes them.
            wanted: only those of these groups; None for all.
            odd: see `RowReader.rows`.
        """
        rows, values = self.rows, self.values
        kept = {value for value, group in self.groups.items() if wanted is None or group in wanted}
        if len(kept) < len(self.groups):
            places = [place for place, value in enumerate(values) if value in kept]
            rows = [rows[place] for place in places]
            values = [values[place] for place in places]
        while rows:
            here = _taken(values, ROWS_TOGETHER)
            yield from reader.rows(
                _taken(rows, ROWS_TOGETHER),
                list(map(self.groups.__getitem__, here)),
                self.grouped,
                map(self.classes.get, here, repeat(())),
                map(self.indications.get, here, repeat(())),
                odd,
            )


def whole_groups(
    pages: Iterable[list[Row]], values_of: Callable[[list[Row]], list[Any]]
) -> Iterator[tuple[list[Row], list[Any]]]:
    """Cut pages anew so that none ends within a group; gives each with the values of its rows.

    Args:
        pages: in order; each is emptied.
        values_of: reads the groups' values of rows.
    """
    rows: list[Row] = []
    values: list[Any] = []
    for page in pages:
        rows += page
        values += values_of(page)
        # Pages are the larger part of memory, and whoever has read this one holds it until the
        # next one is asked for.
        page.clear()
        last, end = values[-1], len(values) - 1
        while end and values[end - 1] == last:
            end -= 1
        if end:
            yield _taken(rows, end), _taken(values, end)
    if rows:
        yield rows, values


def _taken(items: list[T], count: int) -> list[T]:
    """Take the first items out of a list."""
    some = items[:count]
    del items[:count]
    return some
