"""A drug catalogue in a SQL database: MySQL, Aurora, MariaDB or SQLite.

Rows are read a page at a time (see `rxindex.source.sql_pages`). Two traps shape the order in which
they are read:

- MySQL's usual collations take ``A``, ``a`` and ``A `` for the same, Python does not. Rows are
  therefore ordered by the group *number*; a group column of text is ordered by its bytes.
- Rows without a formulation (group empty or zero) are no group, and may be many. They are a scan
  of their own, ahead of the others, ordered by the bytes of the label name.

Groups are ``(number,)``, or ``(1, text)`` for a group column of text, and ``(0, label name)`` for
rows without a formulation, so that any two of them compare, and the latter come first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from rxindex.errors import SourceError, SourceUnavailable
from rxindex.model import PackageRow
from rxindex.source.base import Group, Partition
from rxindex.source.fdb import fdb_mapping
from rxindex.source.mapping import Mapping
from rxindex.source.sql_connect import (
    TLS,
    connect,
    disconnect,
    parse_url,
    public_name,
    source_errors,
)
from rxindex.source.sql_order import Scan
from rxindex.source.sql_pages import Pager, Row, batches, names_of, read_rows
from rxindex.source.sql_rows import RowReader
from rxindex.source.sql_scans import members, scans_of
from rxindex.source.sql_schema import ResolvedLookup, resolve
from rxindex.source.sql_updated import UpdateTimes

__all__ = ["SqlSource"]

Names = dict[str | int, tuple[str, ...]]

#: Values in one IN list.
LIST_LENGTH = 1_000

#: Rows that are made together: few enough that a processor's cache holds them.
ROWS_TOGETHER = 500


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
        self._ndc_has_null: bool | None = None
        self._update_times: UpdateTimes | None = None
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
                self._begin(self._connection)
                self._resolved = resolve(self._connection, self._mapping, self.name)
            self.left_out = self._resolved.left_out
            self._reader = RowReader(self._mapping, self._resolved.position)
            self._scans = scans_of(self._resolved, self._mapping, self.name, self._is_sqlite)
            self._ndc_has_null = None
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
            disconnect(engine, connection)

    def _begin(self, connection: sa.Connection) -> None:
        """Begin the snapshot."""
        if self._is_sqlite:
            connection.exec_driver_sql("BEGIN")
            # Its snapshot is that of the first read.
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").close()
        else:
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def renew(self) -> None:
        """Begin a fresh snapshot on the same connection, or on a new one if that was lost.

        Two round trips; the schema is looked at only on a new connection.

        Raises:
            SourceError: after connecting anew, as on enter.
            SourceUnavailable: the database does not answer.
        """
        self._ndc_has_null = None
        if self._connection is not None:
            try:
                with source_errors(self.name):
                    self._connection.rollback()
                    self._begin(self._connection)
            except SourceUnavailable:
                pass
            else:
                return
            self.__exit__(None, None, None)
        self.__enter__()

    def notes(self) -> list[str]:
        """Say what was left out or could not be read so far, in sentences for the report."""
        said = [
            f"{field}: values that could not be read: {', '.join(sorted(values)[:5])}"
            for field, values in sorted(self.odd_values.items())
        ]
        if self.left_out:
            said.insert(0, f"not in this database, and left out: {', '.join(self.left_out)}")
        times = self._update_times
        if times is not None and times.unreadable:
            count = times.unreadable
            said.append(
                f"{count:,} package{' has' if count == 1 else 's have'} no readable update time "
                f"({times.column_name}): only a full sync sees their changes"
            )
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
        scan, grouping = self._scans.grouped, self._scans.grouping
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
                bounds.append(grouping.of_value(grouping.value(value)))
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
                self._scans.ungrouped,
                None if low is None else low[-1],
                strict,
                None if high is None or high >= first else high[-1],
            )
            low, strict = None, False
        if high is None or high > first:
            yield from self._scan_rows(
                self._scans.grouped,
                None if low is None or (low == first and not strict) else low[-1],
                strict,
                None if high is None else high[-1],
            )

    def rows_of(self, groups: Sequence[Group]) -> Iterator[PackageRow]:
        """Yield all rows of exactly these groups, each group's in one run, groups in order.

        Args:
            groups: in any order; one that does not exist yields nothing.

        Raises:
            SourceUnavailable: the database hung up.
            SourceDataError: a group is neither a number nor empty.
        """
        by_number = self._scans.grouping.by_number
        ordered = sorted(set(groups))
        names = [group[1] for group in ordered if len(group) == 2 and group[0] == 0]
        values = [
            group[-1]
            for group in ordered
            if len(group) == (1 if by_number else 2)
            and isinstance(group[-1], int) == by_number
            and (by_number or group[0] == 1)
        ]
        for scan, wanted in ((self._scans.ungrouped, names), (self._scans.grouped, values)):
            for some in batches(wanted, LIST_LENGTH):
                yield from self._scan_rows(scan, only=some)

    def changed(self, since: dt.datetime) -> Iterator[tuple[Group, dt.datetime]]:
        """Yield group and update time of each package changed at ``since`` or later.

        Packages without a readable time can't be among them; `notes` says how many there are.

        Args:
            since: in the column's own resolution (a day for FDB): ``since`` itself counts. The
                column knows no time zone; a time that has one is taken in UTC.

        Yields:
            In the order of time, so that a reader that stops can go on from the last one; a group
            as often as it has such packages.

        Raises:
            ConfigurationError: the mapping names no update time.
            SourceSchemaError: the database does not have that column.
            SourceUnavailable: the database hung up.
        """
        self._update_times = self._read_times()
        return self._update_times.changed(since)

    def latest_update(self) -> dt.datetime | None:
        """Give the latest update time of any package, or None if none has one.

        Raises:
            ConfigurationError, SourceSchemaError, SourceUnavailable: as `changed`.
        """
        return self._read_times().latest()

    def _read_times(self) -> UpdateTimes:
        return UpdateTimes(
            self._resolved,
            self._mapping,
            self._scans,
            self.name,
            self._is_sqlite,
            self._fetch,
            self._page_size,
        )

    # -- one scan ------------------------------------------------------------------------------

    def _scan_rows(
        self,
        scan: Scan,
        low: str | int | None = None,
        strict: bool = False,
        high: str | int | None = None,
        only: Sequence[str | int] | None = None,
    ) -> Iterator[PackageRow]:
        """Read a range of a scan, or only these values of it."""
        value_of, group_of = scan.value, self._scans.grouping.of_value
        query = sa.select(*self._resolved.columns).select_from(self._resolved.tables)
        sparse = only is not None
        if only is not None:
            query = query.where(members(scan, only))
        for page in self._pager(few=sparse).pages(query, scan, low, strict, high):
            values = list(map(value_of, page))
            # The rows of a group share what belongs to the group, in memory too.
            groups: dict[str | int, Group] = {
                value: group_of(value) if scan.grouped else (0, value)
                for value in dict.fromkeys(values)
            }
            classes: Names = {}
            indications: Names = {}
            if scan.grouped:
                classes = self._names(self._resolved.classes, list(groups), sparse)
                indications = self._names(self._resolved.indications, list(groups), sparse)
            for start in range(0, len(page), ROWS_TOGETHER):
                here = values[start : start + ROWS_TOGETHER]
                yield from self._reader.rows(
                    page[start : start + ROWS_TOGETHER],
                    map(groups.__getitem__, here),
                    scan.grouped,
                    map(classes.get, here, repeat(())),
                    map(indications.get, here, repeat(())),
                )

    def _pager(self, few: bool) -> Pager:
        """Make the pager for a scan: by the plain NDC column, unless there is a NULL in it.

        Args:
            few: the rows are few, so that sorting them without an index is cheaper than to find
                out.
        """
        scans, may_be_null = self._scans, self._resolved.ndc_may_be_null
        if may_be_null and not few and self._ndc_has_null is None:
            query = sa.select(scans.ndc).where(scans.ndc.is_(None)).limit(1)
            self._ndc_has_null = bool(self._fetch(query))
        if may_be_null and (few or self._ndc_has_null):
            return Pager(self._fetch, self._page_size, scans.null_ndc, scans.null_ndc_of)
        return Pager(self._fetch, self._page_size, scans.ndc, scans.ndc_of)

    def _names(self, lookup: ResolvedLookup | None, values: list[str | int], sparse: bool) -> Names:
        """Look up the names that belong to a page's groups.

        Args:
            lookup: where.
            values: the groups, in order.
            sparse: there may be many groups between two of them.
        """
        if lookup is None or not values:
            return {}
        query = sa.select(lookup.group, lookup.name).select_from(lookup.tables).where(*lookup.where)
        if self._scans.grouping.by_number and not sparse:
            found = self._fetch(query.where(lookup.group.between(values[0], values[-1])))
        else:
            found = []
            for some in batches(values, LIST_LENGTH):
                found += self._fetch(query.where(lookup.group.in_(some)))
        return names_of(found, self._scans.grouping.value, set(values))

    def _fetch(self, query: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """Run a query and give the driver's own tuples."""
        if self._connection is None:
            raise SourceError(f"{self.name} is not open: use it in a with statement.")
        with source_errors(self.name):
            return read_rows(self._connection, query)
