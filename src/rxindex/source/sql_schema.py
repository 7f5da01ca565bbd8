"""A mapping held against a real database: which tables and columns it comes down to there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause

from rxindex.errors import SourceSchemaError
from rxindex.source.mapping import Link, Lookup, Mapping

__all__ = [
    "Resolved",
    "ResolvedJoin",
    "ResolvedLink",
    "ResolvedLookup",
    "UpdatedKind",
    "resolve",
]

UpdatedKind = Literal["date", "datetime", "number", "text"]


@dataclass(frozen=True)
class ResolvedLookup:
    """A class or indication lookup, ready to be asked for some groups.

    Attributes:
        group: the first link's column that is compared with the group.
        name: the column that holds the name.
        tables: the joined chain.
        where: rows to leave out.
    """

    group: ColumnElement[str]
    name: ColumnElement[str]
    tables: FromClause
    where: tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class ResolvedJoin:
    """A joined table.

    Attributes:
        table: its name in the database.
        clause: the table.
        on: its own columns' names, with the columns that they are compared with.
        parents: names of the joins that those columns stand in.
        condition: what it is joined by.
    """

    table: str
    clause: FromClause
    on: tuple[tuple[str, ColumnElement[Any]], ...]
    parents: frozenset[str]
    condition: ColumnElement[bool]


@dataclass(frozen=True)
class ResolvedLink:
    """One table of a lookup's chain.

    Attributes:
        table: its name in the database.
        match: its own column's name that is compared with the table before (or the group).
        before: that column of the table before; None for the first.
        tables: the chain up to the table before, joined; None for the first.
    """

    table: str
    match: str
    before: ColumnElement[Any] | None
    tables: FromClause | None


@dataclass(frozen=True)
class Resolved:
    """A mapping's tables and columns in one database.

    Attributes:
        tables: the package table with its left joins.
        package: the package table alone.
        group, ungrouped, ndc: columns of the package table that rows are ordered by.
        group_kind: what the group column holds; ``other`` is a type that says neither.
        ndc_may_be_null: whether the database allows rows without an NDC.
        columns: everything to select.
        position: where each column of the mapping stands among ``columns``; a column of a join
            that was left out is not there.
        classes, indications: the lookups, where their tables exist.
        left_out: optional joins and lookups whose tables do not exist.
        ungrouped_is_text: whether the column that stands in for the group is declared as text.
        updated: the update time's column, if the mapping names one and the database has it.
        updated_kind: what that column is declared as.
        joins: each join that is there.
        chains: of each lookup that is there (``classes``, ``indications``) its links.
    """

    tables: FromClause
    package: FromClause
    group: ColumnElement[str]
    ungrouped: ColumnElement[str]
    ndc: ColumnElement[str]
    group_kind: Literal["number", "text", "other"]
    ndc_may_be_null: bool
    columns: tuple[ColumnElement[str], ...]
    position: dict[str, int]
    classes: ResolvedLookup | None
    indications: ResolvedLookup | None
    left_out: tuple[str, ...]
    ungrouped_is_text: bool
    updated: ColumnElement[Any] | None
    updated_kind: UpdatedKind
    joins: dict[str, ResolvedJoin]
    chains: dict[str, tuple[ResolvedLink, ...]]


@dataclass(frozen=True)
class _Table:
    name: str
    clause: FromClause
    columns: dict[str, ColumnElement[str]]
    types: dict[str, sa.types.TypeEngine[object]]
    nullable: dict[str, bool]


class _Database:
    """The database's tables and columns, found without regard to case."""

    def __init__(self, connection: sa.Connection, name: str) -> None:
        self.name = name
        self._inspector = sa.inspect(connection)
        names = [*self._inspector.get_table_names(), *self._inspector.get_view_names()]
        # Sorted, so that of two names that differ in case only it is always the same one.
        self._actual = {table.lower(): table for table in sorted(names, reverse=True)}

    def table(self, names: Sequence[str], alias: str) -> _Table | None:
        actual = next((self._actual[n.lower()] for n in names if n.lower() in self._actual), None)
        if actual is None:
            return None
        found = self._inspector.get_columns(actual)
        clause = sa.table(actual, *(sa.column(entry["name"]) for entry in found)).alias(alias)
        return _Table(
            actual,
            clause,
            {entry["name"].lower(): clause.c[entry["name"]] for entry in found},
            {entry["name"].lower(): entry["type"] for entry in found},
            {entry["name"].lower(): bool(entry["nullable"]) for entry in found},
        )

    def missing_table(self, names: Sequence[str], entry: str) -> SourceSchemaError:
        there = ", ".join(sorted(self._actual.values())[:20]) or "none"
        return SourceSchemaError(
            f"{self.name} has no table {' or '.join(names)}, which the mapping names in {entry!r}. "
            f"Tables there: {there}. Check the database in the URL, or give a mapping file."
        )

    def column(self, table: _Table, name: str, entry: str) -> ColumnElement[str]:
        found = table.columns.get(name.lower())
        if found is None:
            there = ", ".join(column.name for column in table.clause.c)
            raise SourceSchemaError(
                f"{self.name}: table {table.name} has no column {name}, which the mapping names "
                f"in {entry!r}. Columns there: {there}. Add it, or give a mapping file."
            )
        return found

    def first_column(self, table: _Table, names: Sequence[str], entry: str) -> ColumnElement[str]:
        found = next((n for n in names if n.lower() in table.columns), None)
        return self.column(table, found or " or ".join(names), entry)


def resolve(connection: sa.Connection, mapping: Mapping, name: str) -> Resolved:
    """Find the mapping's tables and columns in a database.

    Args:
        connection: an open connection.
        mapping: the mapping.
        name: the database, for messages.

    Raises:
        SourceSchemaError: a table or column is missing; the message names it, the entry of the
            mapping that asks for it, and what is there.
    """
    database = _Database(connection, name)
    package = database.table(mapping.table, "package")
    if package is None:
        raise database.missing_table(mapping.table, "table")
    left_out: list[str] = []
    joined, joins, tables = _joins(database, mapping, package, left_out)
    columns, position = _columns(database, mapping, {"": package, **joined}, left_out)
    chains: dict[str, tuple[ResolvedLink, ...]] = {}
    classes = _lookup(database, mapping.classes, "classes", left_out, chains)
    indications = _lookup(database, mapping.indications, "indications", left_out, chains)
    updated = mapping.columns.updated.column[0].lower() if mapping.columns.updated else ""
    group_type = package.types.get(mapping.group.lower())
    ndc = mapping.columns.ndc.column[0]
    return Resolved(
        tables=tables,
        package=package.clause,
        group=database.column(package, mapping.group, "group"),
        ungrouped=database.column(package, mapping.ungrouped, "ungrouped"),
        ndc=database.column(package, ndc, "columns.ndc"),
        group_kind=_kind(group_type),
        ndc_may_be_null=package.nullable[ndc.lower()],
        columns=columns,
        position=position,
        classes=classes,
        indications=indications,
        left_out=tuple(left_out),
        ungrouped_is_text=_kind(package.types.get(mapping.ungrouped.lower())) == "text",
        updated=package.columns.get(updated),
        updated_kind=_updated_kind(package.types.get(updated)),
        joins=joins,
        chains=chains,
    )


def _kind(column_type: object) -> Literal["number", "text", "other"]:
    if isinstance(column_type, sa.types.Integer | sa.types.Numeric | sa.types.Float):
        return "number"
    return "text" if isinstance(column_type, sa.types.String) else "other"


def _updated_kind(column_type: object) -> UpdatedKind:
    if isinstance(column_type, sa.types.DateTime):
        return "datetime"
    if isinstance(column_type, sa.types.Date):
        return "date"
    return "number" if _kind(column_type) == "number" else "text"


def _joins(
    database: _Database, mapping: Mapping, package: _Table, left_out: list[str]
) -> tuple[dict[str, _Table], dict[str, ResolvedJoin], FromClause]:
    joined: dict[str, _Table] = {}
    joins: dict[str, ResolvedJoin] = {}
    tables: FromClause = package.clause
    for name, join in mapping.joins.items():
        entry = f"joins.{name}"
        parents = {reference.rpartition(".")[0] for reference in join.on.values()} - {""}
        table = database.table(join.table, name)
        if table is None or parents & set(left_out):
            if not join.optional:
                raise database.missing_table(join.table, entry)
            left_out.append(name)
            continue
        on: list[tuple[ColumnElement[str], ColumnElement[str]]] = []
        for own, reference in join.on.items():
            parent, _, column = reference.rpartition(".")
            other = joined[parent] if parent else package
            on.append(
                (
                    database.column(table, own, f"{entry}.on"),
                    database.column(other, column, f"{entry}.on"),
                )
            )
        condition = sa.and_(*(own == other for own, other in on))
        joined[name] = table
        joins[name] = ResolvedJoin(
            table.name,
            table.clause,
            tuple((str(own.key), other) for own, other in on),
            frozenset(parents),
            condition,
        )
        tables = tables.outerjoin(table.clause, condition)
    return joined, joins, tables


def _columns(
    database: _Database, mapping: Mapping, tables: dict[str, _Table], left_out: list[str]
) -> tuple[tuple[ColumnElement[str], ...], dict[str, int]]:
    wanted = [("group", mapping.group), ("ungrouped", mapping.ungrouped), *mapping.references()]
    found: list[ColumnElement[str]] = []
    position: dict[str, int] = {}
    last_of_join: dict[tuple[str, str], str] = {}
    for entry, reference in wanted:
        join, _, column = reference.rpartition(".")
        if reference in position or join in left_out:
            continue
        if join and column.lower() not in tables[join].columns:
            # Of several columns of a join it is enough that one is there.
            last_of_join[entry, join] = column
            continue
        position[reference] = len(found)
        found.append(database.column(tables[join], column, entry))
    for (entry, join), column in last_of_join.items():
        alternatives = [name for field, name in wanted if field == entry]
        if not any(name in position for name in alternatives):
            database.column(tables[join], column, entry)
    return tuple(found), position


def _lookup(
    database: _Database,
    lookup: Lookup | None,
    entry: str,
    left_out: list[str],
    chains: dict[str, tuple[ResolvedLink, ...]],
) -> ResolvedLookup | None:
    if lookup is None:
        return None
    chain: list[tuple[Link, _Table]] = []
    for number, link in enumerate(lookup.chain):
        table = database.table(link.table, f"{entry}_{number}")
        if table is None:
            if not lookup.optional:
                raise database.missing_table(link.table, f"{entry}.chain")
            left_out.append(entry)
            return None
        chain.append((link, table))
    where: list[ColumnElement[bool]] = []
    links: list[ResolvedLink] = []
    tables: FromClause = chain[0][1].clause
    for number, (link, table) in enumerate(chain):
        own = database.column(table, link.match, f"{entry}.chain")
        if number:
            before = chain[number - 1][1]
            other = database.column(before, link.equals or link.match, f"{entry}.chain")
            links.append(ResolvedLink(table.name, str(own.key), other, tables))
            tables = tables.join(table.clause, own == other)
        else:
            links.append(ResolvedLink(table.name, str(own.key), None, None))
        for column, values in link.drop.items():
            if column.lower() in table.columns:
                flag = table.columns[column.lower()]
                where.append(sa.or_(flag.is_(None), flag.not_in(values)))
    chains[entry] = tuple(links)
    first_link, first = chain[0]
    return ResolvedLookup(
        group=database.column(first, first_link.match, f"{entry}.chain"),
        name=database.first_column(chain[-1][1], lookup.name, f"{entry}.name"),
        tables=tables,
        where=tuple(where),
    )
