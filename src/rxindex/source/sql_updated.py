"""What changed since a point in time, by the update time that rows carry.

The column is compared as it stands, never a function of it, so that an index on it serves. The
bound is closed and in the column's own resolution, a day for FDB's DUPDC: a row that was changed
later on the same day must not be lost, and one that comes twice does no harm.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from rxindex.errors import ConfigurationError, SourceSchemaError
from rxindex.source.base import Group
from rxindex.source.mapping import Mapping
from rxindex.source.sql_order import Scan
from rxindex.source.sql_pages import Pager, Row
from rxindex.source.sql_scans import Scans
from rxindex.source.sql_schema import Resolved

__all__ = ["UpdateTimes"]

_DAY = "%Y-%m-%d"
_SECOND = "%Y-%m-%d %H:%M:%S"
_DIGITS = "%Y%m%d"
#: Earlier times are none: what MySQL's datetime begins with, and what sorts as text.
_EARLIEST = dt.datetime(1000, 1, 1)  # noqa: DTZ001  the column has no time zone either
#: Distinct values looked at in one query, when the latest are no times.
_LOOK = 100


class UpdateTimes:
    """Reads the update times of one catalogue.

    Args:
        resolved: its tables and columns.
        mapping: the mapping.
        scans: how its rows are passed over.
        name: the database, for messages.
        sqlite: whether it is SQLite, which keeps dates as text.
        fetch: runs a query.
        page_size: rows that are read at a time.

    Attributes:
        unreadable: packages whose update time is missing or none, as `changed` last found.

    Raises:
        ConfigurationError: the mapping names no update time.
        SourceSchemaError: the database does not have the column.
    """

    def __init__(
        self,
        resolved: Resolved,
        mapping: Mapping,
        scans: Scans,
        name: str,
        sqlite: bool,
        fetch: Callable[[sa.Select[*tuple[Any, ...]]], list[Row]],
        page_size: int,
    ) -> None:
        field = mapping.columns.updated
        if field is None:
            raise ConfigurationError(
                "reading what changed since a time needs the rows' update time, and the mapping "
                "has no entry 'columns.updated': add it, or run a full sync"
            )
        self.column_name = field.column[0]
        if resolved.updated is None:
            raise SourceSchemaError(
                f"{name}: the package table has no column {self.column_name}, which the mapping "
                "names in 'columns.updated' as the rows' update time. Add it, name another in a "
                "mapping file, or run a full sync."
            )
        self.unreadable = 0
        self._column: ColumnElement[Any] = resolved.updated
        self._package = resolved.package
        self._group, self._ungrouped = resolved.group, resolved.ungrouped
        self._scans = scans
        self._ndc = scans.null_ndc if resolved.ndc_may_be_null else scans.ndc
        self._fetch = fetch
        self._page_size = page_size
        # SQLite has no type for dates: what is declared as one is text.
        typed = resolved.updated_kind in {"date", "datetime"} and not sqlite
        self._is_number = resolved.updated_kind == "number"
        self._free = field.format == "auto" and not typed and not self._is_number
        if typed:
            self._pattern = _DAY if resolved.updated_kind == "date" else _SECOND
        else:
            self._pattern = _DIGITS if field.format == "auto" else field.format
        self._typed = typed

    def changed(self, since: dt.datetime) -> Iterator[tuple[Group, dt.datetime]]:
        """Yield group and update time of each package that was changed at ``since`` or later.

        Args:
            since: compared with the column as it stands, which knows no time zone; one that has
                a zone is taken in UTC.

        Yields:
            In the order of time; a group as often as it has such packages.
        """
        since = max(_plain(since), _EARLIEST)
        if self._free:
            self._pattern = self._style()
        bound = self._bound(since)
        self.unreadable = self._unreadable_before(bound, since)
        column = self._column

        def same(value: Any) -> Any:
            return value

        scan = Scan(False, column >= bound, column, itemgetter(3), same, same)
        pager = Pager(self._fetch, self._page_size, self._ndc, lambda row: row[2])
        rows = sa.select(self._group, self._ungrouped, self._ndc, column).select_from(self._package)
        for page in pager.pages(rows, scan):
            for group, ungrouped, _, raw in page:
                time = self._time(raw)
                if time is None:
                    self.unreadable += 1
                elif time >= self._floor(since, raw):
                    yield self._scans.grouping.of_row(group, ungrouped), time

    def latest(self) -> dt.datetime | None:
        """Give the latest update time, or None if no row has one."""
        if self._free:
            self._pattern = self._style()
        for raw in self._downwards():
            time = self._time(raw)
            if time is not None:
                return time
        return None

    def _downwards(self) -> Iterator[Any]:
        """Yield the distinct values from the greatest down."""
        column = self._column
        query = sa.select(column).select_from(self._package).where(column.is_not(None)).distinct()
        query = query.order_by(column.desc()).limit(_LOOK)
        query_now = query
        while page := self._fetch(query_now):
            for (raw,) in page:
                yield raw
            if len(page) < _LOOK:
                return
            query_now = query.where(column < page[-1][0])

    def _style(self) -> str:
        """Tell how a text column writes its times, by the greatest that is one."""
        for raw in self._downwards():
            text = _text(raw)
            for pattern in (_DIGITS, _DAY):
                if _parsed(text[:10] if pattern == _DAY else text, pattern):
                    return pattern
        return _DIGITS

    def _bound(self, since: dt.datetime) -> str | int:
        text = since.strftime(self._pattern)
        return int(text) if self._is_number else text

    def _floor(self, since: dt.datetime, raw: Any) -> dt.datetime:
        """Take from ``since`` what the column's resolution does not have."""
        pattern = self._pattern
        if self._free and len(_text(raw)) > len("YYYY-MM-DD"):
            pattern = _SECOND
        return dt.datetime.strptime(since.strftime(pattern), pattern)  # noqa: DTZ007

    def _time(self, raw: Any) -> dt.datetime | None:
        text = _text(raw)
        if self._typed or (self._free and self._pattern == _DAY):
            try:
                time = _plain(dt.datetime.fromisoformat(text)) if text[4:5] == "-" else None
            except ValueError:
                return None
        else:
            time = _parsed(text, self._pattern)
        return time if time is not None and time >= _EARLIEST else None

    def _unreadable_before(self, bound: str | int, since: dt.datetime) -> int:
        """Count the packages that the comparison leaves out though their time may be later."""
        column, count = self._column, sa.func.count()
        missing = sa.select(count).select_from(self._package).where(column.is_(None))
        found = int(self._fetch(missing)[0][0])
        query = sa.select(column, count).select_from(self._package).where(column < bound)
        query = query.group_by(column).order_by(column).limit(self._page_size)
        if self._typed:
            # These can hold no text, but zeroes for no time.
            query = query.where(column < _EARLIEST.strftime(self._pattern))
        query_now = query
        while page := self._fetch(query_now):
            for raw, rows in page:
                time = self._time(raw)
                if time is None or time >= self._floor(since, raw):
                    found += rows
            if len(page) < self._page_size:
                break
            query_now = query.where(column > page[-1][0])
        return found


def _text(raw: Any) -> str:
    if isinstance(raw, bytes | bytearray):
        return raw.decode("utf-8", "replace").strip()
    return "" if raw is None else str(raw).strip()


def _plain(time: dt.datetime) -> dt.datetime:
    """Take a time without its zone, in UTC if it has one."""
    return time.astimezone(dt.UTC).replace(tzinfo=None) if time.tzinfo else time


def _parsed(text: str, pattern: str) -> dt.datetime | None:
    """Read a time that is written just as the pattern says; others would not sort by time."""
    try:
        time = dt.datetime.strptime(text, pattern)  # noqa: DTZ007
    except ValueError:
        return None
    return time if time.strftime(pattern) == text else None
