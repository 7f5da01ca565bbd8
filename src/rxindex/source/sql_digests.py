"""Digests of groups that a MySQL server makes, so that rows that have not changed stay there.

The server hashes each row and adds up the hashes of a group: 64 bits a row, so that two states of a
group are taken for the same once in 10^19 changes. The order of rows does not count, and a row that
is there twice counts twice. Every value is hashed as the bytes that it is stored as, whatever its
collation takes for equal. SHA-1 is the hash that servers are quickest at (half as long again for
SHA-2, and MD5 is no better); nobody gains by making two rows that share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import BIGINT
from sqlalchemy.sql.elements import ColumnElement

from rxindex.source.chunks import digest
from rxindex.source.sql_order import Scan
from rxindex.source.sql_pages import Fetch, Row
from rxindex.source.sql_schema import Resolved, ResolvedLookup

__all__ = ["ServerDigests"]

#: Groups in one answer: some ten thousand rows.
_GROUPS = 5_000

#: What stands for NULL, and between two values: no catalogue has these.
_NULL: ColumnElement[Any] = sa.literal_column("0x1e")
_BETWEEN: ColumnElement[Any] = sa.literal_column("0x1f")
_BY_CHANCE: ColumnElement[Any] = sa.literal_column("FLOOR(RAND() * 1e18)")

#: Of each group what the server says of it.
_Sums = dict[str | int, list[object]]


class ServerDigests:
    """Asks a MySQL or MariaDB server for digests.

    Args:
        fetch: runs a query.
        resolved: the tables.
        key: what else the digests are to depend on, at most 64 bytes.
        names: gives what the lookups say of groups, for groups that the server would fold.
    """

    def __init__(
        self,
        fetch: Fetch,
        resolved: Resolved,
        key: bytes,
        names: Callable[[ResolvedLookup | None, list[str | int]], Any],
    ) -> None:
        self._fetch = fetch
        self._resolved = resolved
        self._key = key
        self._names = names

    def pages(
        self, scan: Scan, low: Any = None, strict: bool = False, high: Any = None
    ) -> Iterator[dict[str | int, bytes]]:
        """Yield the groups of a scan, in order, some thousand at a time: digests by value.

        Args:
            scan: the order.
            low: where to begin, or None for the start.
            strict: begin behind that value, not with it.
            high: where to end (excluded), or None.
        """
        order, table = scan.order, self._resolved.tables
        query = sa.select(order, *_sums(self._resolved.columns)).select_from(table)
        query = query.where(scan.where).group_by(order).order_by(order).limit(_GROUPS)
        if high is not None:
            query = query.where(order < scan.bound(high))
        while True:
            page = query
            if low is not None:
                bound = scan.bound(low)
                page = query.where(order > bound if strict else order >= bound)
            found = self._fetch(page)
            if found:
                sums = _by_value(found, scan.read)
                yield self._digests(scan, sums)
                low, strict = next(reversed(sums)), True
            if len(found) < _GROUPS:
                return

    def _digests(self, scan: Scan, sums: _Sums) -> dict[str | int, bytes]:
        values = list(sums)
        lookups = (self._resolved.classes, self._resolved.indications) if scan.grouped else ()
        said = [self._of_lookup(scan, one, values) for one in lookups]
        return {
            value: digest((own, *[one.get(value) for one in said]), self._key)
            for value, own in sums.items()
        }

    def _of_lookup(self, scan: Scan, lookup: ResolvedLookup | None, values: list[str | int]) -> Any:
        if lookup is None or not isinstance(values[0], int):
            return self._names(lookup, values)
        query = (
            sa.select(lookup.group, *_sums([lookup.name]))
            .select_from(lookup.tables)
            .where(*lookup.where, lookup.group.between(values[0], values[-1]))
            .group_by(lookup.group)
            .order_by(lookup.group)
        )
        return _by_value(self._fetch(query), scan.read)


def _sums(columns: Sequence[ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Count rows, and add up their hashes."""
    # CONCAT_WS alone would leave NULL out.
    values = [sa.func.coalesce(_bytes(one), _NULL) for one in columns]
    hashed = sa.func.sha1(sa.func.concat_ws(_BETWEEN, *values))
    # A row too long for the server to hash makes its group look changed each time.
    number = sa.func.coalesce(sa.func.conv(sa.func.left(hashed, 16), 16, 10), _BY_CHANCE)
    return [sa.func.count(), sa.func.sum(sa.cast(number, BIGINT(unsigned=True)))]


def _bytes(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return sa.cast(column, sa.LargeBinary)


def _by_value(found: Sequence[Row], read: Callable[[Any], Any]) -> _Sums:
    """Put together what was said of each group, by its value."""
    sums: _Sums = {}
    for raw, rows, total in found:
        sums.setdefault(read(raw), []).append((rows, total))
    return sums
