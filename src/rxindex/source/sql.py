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
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from rxindex.errors import SourceError, SourceUnavailable
from rxindex.model import PackageRow
from rxindex.source.base import Chunk, Group, Partition
from rxindex.source.chunks import digest
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
from rxindex.source.sql_pages import Row, read_rows
from rxindex.source.sql_rows import RowReader
from rxindex.source.sql_scanning import Scanner
from rxindex.source.sql_scans import scans_of
from rxindex.source.sql_schema import resolve
from rxindex.source.sql_updated import UpdateTimes

__all__ = ["SqlSource"]


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
        url: str | sa.URL,
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
            self._scanner = Scanner(
                self._fetch, self._resolved, self._scans, self._reader, self._page_size,
                digest((self._mapping, self._resolved.position)),
            )  # fmt: skip
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
        if self._connection is not None:
            try:
                with source_errors(self.name):
                    self._connection.rollback()
                    self._begin(self._connection)
            except SourceUnavailable:
                pass
            else:
                self._scanner.renew()
                return
            self.__exit__(None, None, None)
        self.__enter__()

    def reopened(self) -> SqlSource:
        """Give the same source, not entered, in a form that can be sent to another process.

        It has the password of the database in it. It is read as this class reads: one that reads
        otherwise has to make its own.
        """
        return SqlSource(self._url, self._mapping, self._page_size, self._tls_ca, self._tls)

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
        for scan, low, strict, high in self._ranges(partition, after):
            yield from self._scanner.rows(scan, low, strict, high)

    def chunks(self, partition: Partition, after: Group | None = None) -> Iterator[Chunk]:
        """Yield the partition's groups, in order, each with a digest of its rows.

        Args:
            partition: one of `partitions`.
            after: go on behind this group; it need not exist any more.

        Raises:
            SourceUnavailable: the database hung up.
            SourceDataError: a group is neither a number nor empty.
        """
        for scan, low, strict, high in self._ranges(partition, after):
            # A database that is a file has nobody else to make digests.
            chunks = self._scanner.read_chunks if self._is_sqlite else self._scanner.asked_chunks
            yield from chunks(scan, low, strict, high)

    def _ranges(
        self, partition: Partition, after: Group | None
    ) -> Iterator[tuple[Scan, Any, bool, Any]]:
        """Give the parts of the scans that make up a partition, as `Pager.pages` wants them."""
        low, high = partition.low, partition.high
        strict = after is not None and (low is None or after >= low)
        low = after if strict else low
        first: Group = (1,)
        if low is None or low < first:
            end = None if high is None or high >= first else high[-1]
            yield self._scans.ungrouped, None if low is None else low[-1], strict, end
            low, strict = None, False
        if high is None or high > first:
            begin = None if low is None or (low == first and not strict) else low[-1]
            yield self._scans.grouped, begin, strict, None if high is None else high[-1]

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
            yield from self._scanner.among(scan, wanted)

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

    def _fetch(self, query: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        """Run a query and give the driver's own tuples."""
        if self._connection is None:
            raise SourceError(f"{self.name} is not open: use it in a with statement.")
        with source_errors(self.name):
            return read_rows(self._connection, query)
