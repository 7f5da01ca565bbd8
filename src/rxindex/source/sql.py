"""A drug catalogue in a SQL database: MySQL, Aurora, MariaDB or SQLite.

Rows are read a page at a time, each page beginning where the one before ended (keyset paging; an
OFFSET would have the database count its way there again for every page). Three traps shape the
order in which they are read:

- MySQL's usual collations take ``A``, ``a`` and ``A `` for the same, Python does not. Rows are
  therefore ordered by the group *number*; a group column of text is ordered by its bytes.
- Rows without a formulation (group empty or zero) are no group, and may be many. They are a scan
  of their own, ahead of the others, ordered by the bytes of the label name.
- A page may end between two rows with the same group and NDC, which keyset paging would then
  lose. All rows with the last key of a page are fetched along with it.

Groups are ``(number,)``, or ``(1, text)`` for a group column of text, and ``(0, label name)`` for
rows without a formulation, so that any two of them compare, and the latter come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from rxindex.errors import SourceDataError, SourceError
from rxindex.model import PackageRow
from rxindex.source.base import Partition
from rxindex.source.fdb import fdb_mapping
from rxindex.source.mapping import Mapping
from rxindex.source.sql_connect import TLS, connect, parse_url, public_name, source_errors
from rxindex.source.sql_order import Scan, by_bytes, exact, utf8_bound, without_leading_zeroes
from rxindex.source.sql_rows import Group, RowReader, number_of
from rxindex.source.sql_schema import ResolvedLookup, resolve

__all__ = ["SqlSource"]

Row = tuple[Any, ...]
Names = dict[str | int, tuple[str, ...]]

#: Values in one IN list.
LIST_LENGTH = 1_000


class SqlSource:
    """A drug catalogue in a SQL database; see `rxindex.source.base.Source`.

    Not safe to share between threads: give each its own, they read the same partitions.

    Args:
        url: the database; see `rxindex.source.sql_connect.parse_url`.
        mapping: its tables and columns; the default is FDB MedKnowledge's.
        page_size: rows that are read, and held in memory, at a time.
        tls_ca: file with the certificates of the authorities to trust (PEM).
        tls: how to use TLS; see `rxindex.source.sql_connect.TLS`.

    Attributes:
        name: the database, for messages, without user or password.
        left_out: after enter: optional joins and lookups whose tables do not exist.

    Raises:
        ConfigurationError: the URL is not one.
    """

    def __init__(
        self,
        url: str,
        mapping: Mapping | None = None,
        page_size: int = 10_000,
        tls_ca: str | Path | None = None,
        tls: TLS | None = None,
    ) -> None:
        if page_size < 1:
            raise ValueError("page_size must be at least 1")
        self._url = parse_url(url)
        self._mapping = mapping or fdb_mapping()
        self._page_size = page_size
        self._tls, self._tls_ca = tls, tls_ca
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self.name = public_name(self._url)
        self.left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"SqlSource({self.name!r})"

    def __enter__(self) -> Self:
        """Connect, begin the snapshot and check the schema.

        Raises:
            SourceError: no such host, database, file, table or column, or no rights.
            SourceUnavailable: it does not answer.
            MissingExtra: pymysql is not installed.
        """
        self._engine, self._connection = connect(
            self._url, read_only=True, tls=self._tls, tls_ca=self._tls_ca
        )
        try:
            with source_errors(self.name):
                self._connection.exec_driver_sql(
                    "BEGIN"
                    if self._is_sqlite
                    else "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
                )
                self._resolved = resolve(self._connection, self._mapping, self.name)
            self._prepare()
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the snapshot and the connection."""
        connection, engine = self._connection, self._engine
        self._connection = self._engine = None
        if connection is not None and engine is not None:
            try:
                with source_errors(self.name):
                    connection.close()
            except Exception:  # noqa: S110  a lost connection can't be closed, nor need it be
                pass
            engine.dispose()

    def notes(self) -> list[str]:
        """Say what was left out or could not be read so far, in sentences for the report."""
        said = [
            f"{field}: values that could not be read: {', '.join(sorted(values)[:5])}"
            for field, values in sorted(self.odd_values.items())
        ]
        if self.left_out:
            said.insert(0, f"not in this database, and left out: {', '.join(self.left_out)}")
        return said

    @property
    def odd_values(self) -> dict[str, set[str]]:
        """Values that could not be read so far, by field: unlisted codes, dates that are none."""
        return self._reader.odd_values

    @property
    def _is_sqlite(self) -> bool:
        return self._url.drivername.startswith("sqlite")

    # -- the contract --------------------------------------------------------------------------

    def count(self) -> int:
        """Count the rows (packages).

        Raises:
            SourceUnavailable: the database hung up.
        """
        query = sa.select(sa.func.count()).select_from(self._resolved.package)
        return int(self._fetch(query)[0][0])

    def partitions(self, parts: int = 1) -> list[Partition]:
        """Cut the catalogue into about ``parts`` partitions of about as many rows.

        With more than one part, the rows without a formulation are a partition of their own.
        No group is cut, so that one very large group makes for an uneven cut.
        """
        if parts <= 1:
            return [Partition("all")]
        scan = self._grouped
        counted = self._fetch(
            sa.select(sa.func.min(self._resolved.group), sa.func.count())
            .select_from(self._resolved.package)
            .where(scan.where)
            .group_by(scan.order)
            .order_by(scan.order)
        )
        total = sum(rows for _, rows in counted)
        bounds: list[Group] = []
        passed, share = 0, max(1, total // (parts - 1))
        for value, rows in counted:
            if passed >= share * (len(bounds) + 1) and len(bounds) < parts - 2:
                bounds.append(self._group_of(self._group_value(value)))
            passed += rows
        first: Group = (1,)
        edges: list[Group | None] = [first, *bounds, None]
        cut = [Partition("without formulation", None, first)]
        for low, high in pairwise(edges):
            start = str(low[-1]) if low and low != first else "start"
            end = str(high[-1]) if high else "end"
            cut.append(Partition(f"{start} to {end}", low, high))
        return cut

    def rows(self, partition: Partition, after: Group | None = None) -> Iterator[PackageRow]:
        """Yield the partition's rows, all rows of one group in one run, groups in order.

        Args:
            partition: one of `partitions`.
            after: go on behind this group; it need not exist any more.

        Raises:
            SourceUnavailable: the database hung up.
            SourceDataError: a group is neither a number nor empty.
        """
        low, high = partition.low, partition.high
        strict = after is not None and (low is None or after >= low)
        low = after if strict else low
        first: Group = (1,)
        if low is None or low < first:
            yield from self._scan_rows(
                self._ungrouped,
                None if low is None else low[-1],
                strict,
                None if high is None or high >= first else high[-1],
            )
            low, strict = None, False
        if high is None or high > first:
            yield from self._scan_rows(
                self._grouped,
                None if low is None or (low == first and not strict) else low[-1],
                strict,
                None if high is None else high[-1],
            )

    # -- one scan ------------------------------------------------------------------------------

    def _scan_rows(
        self, scan: Scan, low: str | int | None, strict: bool, high: str | int | None
    ) -> Iterator[PackageRow]:
        read = self._reader.row
        value_of = scan.value
        group: Group = ()
        classes: Names = {}
        indications: Names = {}
        previous: str | int | None = None
        own_classes: tuple[str, ...] = ()
        own_indications: tuple[str, ...] = ()
        for page in self._pages(scan, low, strict, high):
            if scan.grouped:
                values = list(dict.fromkeys(map(value_of, page)))
                classes = self._names(self._resolved.classes, values)
                indications = self._names(self._resolved.indications, values)
            for row in page:
                value = value_of(row)
                if value != previous or not group:
                    previous = value
                    group = self._group_of(value) if scan.grouped else (0, value)
                    own_classes = classes.get(value, ())
                    own_indications = indications.get(value, ())
                yield read(row, group, scan.grouped, own_classes, own_indications)

    def _pages(
        self, scan: Scan, low: str | int | None, strict: bool, high: str | int | None
    ) -> Iterator[list[Row]]:
        order, ndc = scan.order, self._ndc
        query = (
            sa.select(*self._resolved.columns)
            .select_from(self._resolved.tables)
            .where(scan.where)
            .order_by(order, ndc)
        )
        bounded = query if high is None else query.where(order < scan.bound(high))
        page_query = bounded.limit(self._page_size)
        query_now = page_query
        if low is not None:
            bound = scan.bound(low)
            query_now = page_query.where(order > bound if strict else order >= bound)
        while True:
            page = self._fetch(query_now)
            if len(page) < self._page_size:
                if page:
                    yield page
                return
            last, last_ndc = scan.bound(scan.value(page[-1])), self._ndc_of(page[-1])
            ties = self._fetch(query.where(order == last, ndc == last_ndc))
            if len(ties) > 1:
                page = self._with_ties(scan, page, ties)
            yield page
            # The first condition is implied by the second, but is what MySQL finds its place by.
            query_now = page_query.where(order >= last, sa.or_(order > last, ndc > last_ndc))

    def _with_ties(self, scan: Scan, page: list[Row], ties: list[Row]) -> list[Row]:
        """Replace the page's last rows by all rows that the database takes for equal to them."""
        last = scan.value(page[-1])
        tied = {self._ndc_of(row) for row in ties}
        while page and scan.value(page[-1]) == last and self._ndc_of(page[-1]) in tied:
            page.pop()
        return page + ties

    def _names(self, lookup: ResolvedLookup | None, values: list[str | int]) -> Names:
        """Look up the names that belong to a page's groups."""
        if lookup is None or not values:
            return {}
        wanted = set(values)
        found: dict[str | int, set[str]] = {}
        if self._resolved.group_kind == "number":
            conditions = [lookup.group.between(values[0], values[-1])]
        else:
            conditions = [
                lookup.group.in_(values[start : start + LIST_LENGTH])
                for start in range(0, len(values), LIST_LENGTH)
            ]
        for condition in conditions:
            query = (
                sa.select(lookup.group, lookup.name)
                .select_from(lookup.tables)
                .where(condition, *lookup.where)
            )
            for raw, name in self._fetch(query):
                value = self._group_value(raw)
                text = str(name or "").strip()
                if text and value in wanted:
                    found.setdefault(value, set()).add(text)
        return {value: tuple(sorted(names)) for value, names in found.items()}

    # -- how this database orders --------------------------------------------------------------

    def _prepare(self) -> None:
        resolved = self._resolved
        sqlite = self._is_sqlite
        bound = str if sqlite else utf8_bound
        self.left_out = resolved.left_out
        self._reader = RowReader(self._mapping, resolved.position)
        position = resolved.position
        ndc_place = position[self._mapping.columns.ndc.column[0]]
        group_place, ungrouped_place = (
            position[self._mapping.group],
            position[self._mapping.ungrouped],
        )
        self._ndc: ColumnElement[Any] = resolved.ndc
        self._ndc_of: Callable[[Row], Any] = lambda row: row[ndc_place]
        if resolved.ndc_may_be_null and self._fetch(
            sa.select(resolved.ndc).where(resolved.ndc.is_(None)).limit(1)
        ):
            # NULL is neither equal to nor greater than anything: no page could begin behind it.
            # Not done unless it must be, since it keeps the database from using an index.
            self._ndc = sa.func.coalesce(resolved.ndc, "")
            self._ndc_of = lambda row: "" if row[ndc_place] is None else row[ndc_place]
        if resolved.group_kind == "number":
            group = resolved.group
            self._grouped = Scan(
                True, group > 0, group, lambda row: self._group_value(row[group_place]), int
            )
            no_group: ColumnElement[bool] = sa.or_(group.is_(None), group <= 0)
        else:
            digits = without_leading_zeroes(resolved.group, sqlite)
            self._grouped = Scan(
                True,
                digits != "",
                by_bytes(resolved.group, sqlite, resolved.group_kind == "text"),
                lambda row: self._group_value(row[group_place]),
                bound,
            )
            no_group = digits == ""
        self._ungrouped = Scan(
            False,
            no_group,
            by_bytes(sa.func.coalesce(resolved.ungrouped, ""), sqlite),
            lambda row: exact(row[ungrouped_place]),
            bound,
        )

    def _group_of(self, value: str | int) -> Group:
        return (value,) if isinstance(value, int) else (1, value)

    def _group_value(self, raw: Any) -> str | int:
        if self._resolved.group_kind != "number":
            return exact(raw)
        if type(raw) is int:
            return raw
        number = number_of(raw)
        if number is None:
            raise SourceDataError(
                f"{self.name}: column {self._mapping.group} holds {raw!r}, which is no whole "
                "number. Mend the row, or map another group column."
            )
        return number

    def _fetch(self, query: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """Run a query and give the driver's own tuples, which is the cheapest form there is."""
        if self._connection is None:
            raise SourceError(f"{self.name} is not open: use it in a with statement.")
        with source_errors(self.name):
            result = self._connection.execute(query)
            rows = list(result.cursor.fetchall())
            result.close()
        return rows
