"""What information_schema says about followed tables: columns, views, and silent cascades."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from rxindex.errors import SourceError
from rxindex.source.binlog.layout import Image, TableColumn, TableLayout

__all__ = ["Cascade", "read_cascades", "read_layouts"]

_COLUMNS = sa.text(
    "SELECT table_name, column_name, data_type, column_type, character_set_name, "
    "character_octet_length FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name IN :names ORDER BY ordinal_position"
).bindparams(sa.bindparam("names", expanding=True))
_VIEWS = sa.text(
    "SELECT table_name FROM information_schema.views "
    "WHERE table_schema = DATABASE() AND table_name IN :names"
).bindparams(sa.bindparam("names", expanding=True))
_FOREIGN_KEYS = sa.text(
    "SELECT k.table_name, k.referenced_table_name, k.referenced_column_name, r.delete_rule, "
    "r.update_rule, k.constraint_name FROM information_schema.key_column_usage k "
    "JOIN information_schema.referential_constraints r "
    "ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name "
    "AND r.table_name = k.table_name "
    "WHERE k.table_schema = DATABASE() AND k.referenced_table_schema = DATABASE() "
    "ORDER BY k.table_name, k.constraint_name, k.ordinal_position"
)
_SILENT = frozenset({"CASCADE", "SET NULL", "SET DEFAULT"})


@dataclass(frozen=True)
class Cascade:
    """A foreign key by which InnoDB changes rows itself: no binlog has those changes.

    Attributes:
        child: the table whose rows change.
        parent: the table whose rows they change with.
        columns: the parent's columns that are referenced.
        on_delete, on_update: what they change on.
    """

    child: str
    parent: str
    columns: tuple[str, ...]
    on_delete: bool
    on_update: bool

    def reaches(self, before: Image | None, after: Image | None, places: Sequence[int]) -> bool:
        """Tell whether a changed parent row may have changed rows of the child.

        Args:
            before: the row as it was, or None for a new one.
            after: the row as it is, or None for one that is gone.
            places: where `columns` stand.
        """
        if before is None:
            return False
        if after is None:
            return self.on_delete
        return self.on_update and any(before[at] != after[at] for at in places)


def read_layouts(
    connection: sa.Connection, names: set[str], database: str
) -> dict[str, TableLayout]:
    """Read the columns of tables.

    Args:
        connection: to their database.
        names: their names.
        database: for messages.

    Returns:
        Their layouts by name in lower case.

    Raises:
        SourceError: one is a view.
    """
    views = _rows(connection, _VIEWS, names=sorted(names))
    if views:
        raise SourceError(
            f"{database}: {views[0][0]} is a view, and a binlog names only the tables below it. "
            "Name those in the mapping, or run sync by a schedule instead of following."
        )
    columns: dict[str, list[TableColumn]] = {name: [] for name in names}
    for table, name, kind, full, charset, octets in _rows(
        connection, _COLUMNS, names=sorted(names)
    ):
        columns[_text(table)].append(
            TableColumn(
                _text(name), _text(kind).lower(), _text(full), _text(charset), int(octets or 0)
            )
        )
    return {name.lower(): TableLayout(name, found) for name, found in columns.items()}


def read_cascades(connection: sa.Connection, names: set[str]) -> list[Cascade]:
    """Find the foreign keys by which rows of these tables change unseen, however far away."""
    keys: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in _rows(connection, _FOREIGN_KEYS):
        keys.setdefault((_text(row[0]), _text(row[5])), []).append(row)
    found: dict[tuple[str, str], Cascade] = {}
    reached, more = set(names), True
    while more:
        more = False
        for key, rows in keys.items():
            child, parent = key[0], _text(rows[0][1])
            on_delete, on_update = rows[0][3] in _SILENT, rows[0][4] in _SILENT
            if child in reached and key not in found and (on_delete or on_update):
                columns = tuple(_text(row[2]) for row in rows)
                found[key] = Cascade(child, parent, columns, on_delete, on_update)
                reached.add(parent)
                more = True
    return list(found.values())


def _rows(connection: sa.Connection, query: sa.TextClause, **values: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(query, values)]


def _text(value: Any) -> str:
    """MySQL 8 gives some of information_schema's texts as bytes."""
    if isinstance(value, bytes):
        return value.decode()
    return "" if value is None else str(value)
