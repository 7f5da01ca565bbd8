"""From changed rows to what they change: the groups to read anew, and the drugs they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.expression import FromClause

from rxindex.errors import SourceDataError
from rxindex.model import drug_id, fold
from rxindex.source.base import Group
from rxindex.source.binlog.layout import Image, TableLayout
from rxindex.source.binlog.tables import Cascade, read_cascades, read_layouts
from rxindex.source.mapping import Mapping
from rxindex.source.sql_pages import Row, batches
from rxindex.source.sql_rows import RowReader
from rxindex.source.sql_scans import Scans, scans_of
from rxindex.source.sql_schema import Resolved, resolve

__all__ = ["Reach", "Touched"]

Fetch = Callable[[sa.Select[*tuple[Any, ...]]], list[Row]]

#: Values in one list, and alternatives of several columns.
LIST_LENGTH = 1_000
FEW = 100


@dataclass
class Touched:
    """What one transaction touched, as far as its rows were read.

    Attributes:
        rows: changed rows in followed tables.
        groups: that package rows and lookups' first tables name.
        drug_ids: that package rows name.
        joined: for each place of a joined table, the values that lead to its groups.
        everything: why only a full comparison can tell, or empty.
        witness: a changed row: its table's name, and columns with the values that find it.
        seen: images of package rows that were read.
    """

    rows: int = 0
    groups: set[Group] = field(default_factory=set)
    drug_ids: set[str] = field(default_factory=set)
    joined: dict[_Path, set[Image]] = field(default_factory=dict)
    everything: str = ""
    witness: tuple[str, dict[str, Any]] | None = None
    seen: set[Image] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class _Path:
    """A way from a row of a joined table to groups.

    Attributes:
        own: where the row's own columns stand that lead on.
        key: where columns stand that the drug key reads.
        other: what those columns are compared with; none if the row holds the group itself.
        tables: where that stands, joined.
        lookup: of a lookup: the column with the group; None for a join.
    """

    own: tuple[int, ...]
    key: tuple[int, ...]
    other: tuple[ColumnElement[Any], ...]
    tables: FromClause | None
    lookup: ColumnElement[Any] | None


class Reach:
    """Knows a mapping's tables in one database, and where a change in them leads.

    Args:
        connection: to the database; each query sees what is committed.
        fetch: runs a query on it.
        mapping: the mapping.
        name: the database, for messages.
        most_groups: if more are affected, a full comparison is cheaper.

    Attributes:
        tables: the layouts of all tables that matter, by name in lower case.

    Raises:
        SourceSchemaError: a table or column is missing.
        SourceError: a column's type can't be followed, or a table is a view.
    """

    def __init__(
        self,
        connection: sa.Connection,
        fetch: Fetch,
        mapping: Mapping,
        name: str,
        most_groups: int,
    ) -> None:
        self._fetch = fetch
        self._most = most_groups
        self._resolved: Resolved = resolve(connection, mapping, name)
        self._scans: Scans = scans_of(self._resolved, mapping, name, sqlite=False)
        self._mapping, self._name = mapping, name
        self._package = _table_of(self._resolved.package)
        names = {self._package, *(join.table for join in self._resolved.joins.values())}
        names |= {link.table for chain in self._resolved.chains.values() for link in chain}
        self._cascades: dict[str, list[tuple[Cascade, tuple[int, ...]]]] = {}
        cascades = read_cascades(connection, names)
        self.tables = read_layouts(connection, names | {c.parent for c in cascades}, name)
        for cascade in cascades:
            layout = self.tables[cascade.parent.lower()]
            places = tuple(layout.compare(column) for column in cascade.columns)
            self._cascades.setdefault(cascade.parent.lower(), []).append((cascade, places))
        self._paths: dict[str, list[_Path]] = {}
        self._read_package()
        self._read_joins()
        self._read_lookups()

    # -- what there is -------------------------------------------------------------------------

    def _read_package(self) -> None:
        layout, mapping = self.tables[self._package.lower()], self._mapping
        keys = [name for names in (*mapping.key, *mapping.ungrouped_key) for name in names]
        ndc = mapping.columns.ndc.column[0]
        own = {mapping.group, mapping.ungrouped, ndc, *(n for n in keys if "." not in n)}
        position = {name: layout.need(name, self._name) for name in sorted(own)}
        self._reader = RowReader(mapping, position)
        self._group, self._ungrouped = position[mapping.group], position[mapping.ungrouped]
        self._ndc = position[ndc], layout.columns[position[ndc]].name
        there = self._resolved.position
        self._key_joins = sorted({n.rpartition(".")[0] for n in keys if "." in n and n in there})

    def _read_joins(self) -> None:
        mapping, resolved = self._mapping, self._resolved
        keys = [name for names in (*mapping.key, *mapping.ungrouped_key) for name in names]
        for name, join in resolved.joins.items():
            layout = self.tables[join.table.lower()]
            own = tuple(layout.need(column, self._name) for column, _ in join.on)
            key = tuple(
                layout.compare(reference.rpartition(".")[2])
                for reference in keys
                if reference.rpartition(".")[0] == name and reference in resolved.position
            )
            # Where a join that the drug key reads hangs on this one, its columns are in the key.
            leads = any(name in resolved.joins[other].parents for other in self._key_joins)
            path = _Path(
                own,
                own if leads else key,
                tuple(other for _, other in join.on),
                self._tables_for(join.parents),
                None,
            )
            self._paths.setdefault(join.table.lower(), []).append(path)

    def _tables_for(self, parents: frozenset[str]) -> FromClause:
        """Join the package table with these joins and all that they hang on."""
        joins, needed = self._resolved.joins, set(parents)
        for name in reversed(joins):
            if name in needed:
                needed |= joins[name].parents
        tables = self._resolved.package
        for name, join in joins.items():
            if name in needed:
                tables = tables.outerjoin(join.clause, join.condition)
        return tables

    def _read_lookups(self) -> None:
        for kind, chain in self._resolved.chains.items():
            lookup = getattr(self._resolved, kind)
            for link in chain:
                layout = self.tables[link.table.lower()]
                path = _Path(
                    (layout.need(link.match, self._name),),
                    (),
                    () if link.before is None else (link.before,),
                    link.tables,
                    lookup.group,
                )
                self._paths.setdefault(link.table.lower(), []).append(path)

    # -- rows ----------------------------------------------------------------------------------

    def add(
        self, touched: Touched, layout: TableLayout, before: Image | None, after: Image | None
    ) -> None:
        """Note what one changed row touches.

        Args:
            touched: the transaction so far.
            layout: the row's table.
            before: the row as it was, or None for a new one.
            after: the row as it is, or None for one that is gone.
        """
        table = layout.name.lower()
        is_package = table == self._package.lower()
        touched.rows += is_package or table in self._paths
        images = [image for image in (before, after) if image is not None]
        for cascade, places in self._cascades.get(table, ()):
            if cascade.reaches(before, after, places):
                touched.everything = (
                    f"a row of {layout.name} may have taken rows of {cascade.child} along, of "
                    "which the binlog says nothing"
                )
        for path in self._paths.get(table, ()):
            if path.key and not _same(before, after, (*path.key, *path.own)):
                touched.everything = f"{layout.name} changed, which the drug key reads"
            values = {tuple(image[at] for at in path.own) for image in images}
            touched.joined.setdefault(path, set()).update(values)
            self._bound(touched, len(touched.joined[path]))
        if is_package:
            for image in images:
                self._add_package(touched, image)
            self._bound(touched, len(touched.groups))
        elif table in self._paths:
            path = self._paths[table][0]
            names = [layout.columns[at].name for at in path.own]
            found = [images[-1][at] for at in path.own]
            touched.witness = layout.name, dict(zip(names, found, strict=True))

    def _bound(self, touched: Touched, groups: int) -> None:
        if groups > self._most:
            touched.everything = f"more than {self._most:,} groups changed in one transaction"

    def _add_package(self, touched: Touched, image: Image) -> None:
        if image in touched.seen:
            return
        touched.seen.add(image)
        if self._key_joins:
            touched.everything = f"the drug key reads a joined table ({self._key_joins[0]})"
            return
        try:
            group = self._scans.grouping.of_row(image[self._group], image[self._ungrouped])
        except SourceDataError as error:
            touched.everything = str(error)
            return
        grouped = group[0] != 0
        key = self._reader.key(image, grouped)
        touched.groups.add(group)
        touched.drug_ids.add(drug_id(group, [fold(part) for part in key]))
        place, column = self._ndc
        touched.witness = self._package, {column: image[place]}

    # -- from joined rows to groups ------------------------------------------------------------

    def resolve(self, touched: Touched) -> None:
        """Ask the database which groups the changed rows of joined tables lead to, now.

        Raises:
            SourceUnavailable: the database hung up.
        """
        for path, images in touched.joined.items():
            if touched.everything:
                return
            # NULL is equal to nothing, and so leads nowhere.
            values = [image for image in images if None not in image]
            if not path.other:
                for (value,) in values:
                    self._add_value(touched, value)
                continue
            for some in batches(values, LIST_LENGTH if len(path.own) == 1 else FEW):
                self._ask(touched, path, self._condition(path.other, some))
                self._bound(touched, len(touched.groups))
                if touched.everything:
                    return

    @staticmethod
    def _condition(
        columns: tuple[ColumnElement[Any], ...], values: Sequence[Image]
    ) -> ColumnElement[bool]:
        if len(columns) == 1:
            return columns[0].in_([value for (value,) in values])
        return sa.or_(
            *(
                sa.and_(*(column == one for column, one in zip(columns, value, strict=True)))
                for value in values
            )
        )

    def _ask(self, touched: Touched, path: _Path, condition: ColumnElement[bool]) -> None:
        if path.tables is None:
            return
        if path.lookup is not None:
            query = sa.select(path.lookup).select_from(path.tables).where(condition)
            for (raw,) in self._fetch(query):
                self._add_value(touched, raw)
            return
        grouping = self._scans.grouping
        for scan in (self._scans.grouped, self._scans.ungrouped):
            # By the scan's own order, which folds nothing: DISTINCT by the column would.
            query = sa.select(scan.order).select_from(path.tables).where(scan.where, condition)
            for (raw,) in self._fetch(query.distinct().limit(self._most + 1)):
                touched.groups.add(
                    grouping.of_value(grouping.value(raw))
                    if scan.grouped
                    else (0, raw.decode("utf-8", "surrogateescape"))
                )

    def _add_value(self, touched: Touched, raw: Any) -> None:
        """Add the group that a lookup's first table names; it may be none."""
        try:
            group = self._scans.grouping.of_raw(raw)
        except SourceDataError as error:
            touched.everything = str(error)
            return
        if group is not None:
            touched.groups.add(group)


def _table_of(clause: FromClause) -> str:
    """Give the name of an aliased table."""
    element: Any = getattr(clause, "element", clause)
    return str(element.name)


def _same(before: Image | None, after: Image | None, places: Sequence[int]) -> bool:
    if before is None or after is None:
        return False
    return all(before[at] == after[at] for at in places)
