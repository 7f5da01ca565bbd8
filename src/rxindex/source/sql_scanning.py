"""One pass over a database's rows, or over some of its groups."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import starmap
from typing import Any

import sqlalchemy as sa

from rxindex.model import PackageRow
from rxindex.source.base import Chunk, Group, Odd
from rxindex.source.sql_chunks import Names, Rows, whole_groups
from rxindex.source.sql_digests import ServerDigests
from rxindex.source.sql_order import Scan
from rxindex.source.sql_pages import Fetch, Pager, Row, batches, names_of
from rxindex.source.sql_rows import RowReader
from rxindex.source.sql_scans import Scans, members
from rxindex.source.sql_schema import Resolved, ResolvedLookup

__all__ = ["Scanner"]

#: Values in one IN list.
LIST_LENGTH = 1_000

#: Of the groups of a chunk, one in so many is few: they are asked for by name.
_FEW = 4


class Scanner:
    """Reads scans of one database.

    Args:
        fetch: runs a query.
        resolved: the tables.
        scans: the order of the rows.
        reader: makes rows of tuples.
        page_size: rows that are read, and held in memory, at a time.
        digest_key: what else digests are to depend on, at most 64 bytes.
    """

    def __init__(
        self,
        fetch: Fetch,
        resolved: Resolved,
        scans: Scans,
        reader: RowReader,
        page_size: int,
        digest_key: bytes,
    ) -> None:
        self._fetch = fetch
        self._resolved = resolved
        self._scans = scans
        self._reader = reader
        self._page_size = page_size
        self._digest_key = digest_key
        self._query = sa.select(*resolved.columns).select_from(resolved.tables)
        self.renew()

    def renew(self) -> None:
        """Forget what was found out about the rows: there is another snapshot."""
        self._ndc_has_null: bool | None = None

    def rows(self, scan: Scan, low: Any, strict: bool, high: Any) -> Iterator[PackageRow]:
        """Read a range of a scan (see `Pager.pages`)."""
        for page in self._pager(few=False).pages(self._query, scan, low, strict, high):
            yield from self._read(scan, page, scan.values(page)).made(self._reader)

    def read_chunks(self, scan: Scan, low: Any, strict: bool, high: Any) -> Iterator[Chunk]:
        """Read a range of a scan, and digest what was read."""
        pages = self._pager(few=False).pages(self._query, scan, low, strict, high)
        # Not a loop, whose variables would hold a chunk while the next one is read.
        yield from starmap(partial(self._read_chunk, scan), whole_groups(pages, scan.values))

    def _read_chunk(self, scan: Scan, page: list[Row], values: list[str | int]) -> Chunk:
        rows, odd = self._read(scan, page, values), dict[Group, Odd]()
        read = partial(rows.made, self._reader, odd=odd)
        return Chunk(rows.digests(self._digest_key), read, odd, self._reader.tell)

    def asked_chunks(self, scan: Scan, low: Any, strict: bool, high: Any) -> Iterator[Chunk]:
        """Have a MySQL server digest a range of a scan, and read from it what is wanted."""
        digests = ServerDigests(
            self._fetch, self._resolved, self._digest_key, partial(self._names, sparse=False)
        )
        for page in digests.pages(scan, low, strict, high):
            groups = {self._group_of(scan, value): one for value, one in page.items()}
            odd = dict[Group, Odd]()
            read = partial(self._wanted, scan, len(groups), odd)
            yield Chunk(groups, read, odd, self._reader.tell)

    def among(
        self, scan: Scan, values: Sequence[Any], odd: dict[Group, Odd] | None = None
    ) -> Iterator[PackageRow]:
        """Read only the groups with these values, in order."""
        for some in batches(values, LIST_LENGTH):
            query = self._query.where(members(scan, some))
            for page in self._pager(few=True).pages(query, scan):
                rows = self._read(scan, page, scan.values(page), sparse=True)
                yield from rows.made(self._reader, odd=odd)

    def _wanted(
        self,
        scan: Scan,
        groups: int,
        odd: dict[Group, Odd],
        wanted: Collection[Group],
    ) -> Iterator[PackageRow]:
        """Read what is wanted of a chunk of so many groups: as a range, if that is much."""
        if not wanted:
            return
        if len(wanted) * _FEW < groups:
            yield from self.among(scan, sorted(group[-1] for group in wanted), odd)
            return
        first, last = min(wanted)[-1], max(wanted)[-1]
        query = self._query.where(scan.order <= scan.bound(last))
        for page in self._pager(few=False).pages(query, scan, first):
            yield from self._read(scan, page, scan.values(page)).made(self._reader, wanted, odd)

    def _group_of(self, scan: Scan, value: str | int) -> Group:
        return self._scans.grouping.of_value(value) if scan.grouped else (0, value)

    def _read(
        self, scan: Scan, page: list[Row], values: list[str | int], sparse: bool = False
    ) -> Rows:
        """Look up what else belongs to the groups of some rows.

        Args:
            scan: that they come from.
            page: the rows.
            values: of each its group's value.
            sparse: there may be many groups between two of them.
        """
        grouped = scan.grouped
        groups = {value: self._group_of(scan, value) for value in dict.fromkeys(values)}
        classes: Names = {}
        indications: Names = {}
        if grouped:
            classes = self._names(self._resolved.classes, list(groups), sparse)
            indications = self._names(self._resolved.indications, list(groups), sparse)
        return Rows(page, values, groups, grouped, classes, indications)

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
