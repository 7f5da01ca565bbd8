"""Keyset paging over one ordered pass, with no row lost between two that the database ties."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from rxindex.source.sql_order import Scan

__all__ = ["Fetch", "Pager", "Row", "batches", "names_of", "read_rows"]

Row = tuple[Any, ...]
Fetch = Callable[[sa.Select[*tuple[Any, ...]]], list[Row]]


class Pager:
    """Reads an ordered query a page at a time.

    Each page begins where the one before ended; an OFFSET would have the database count its way
    there again for every page. A page may end between two rows with the same key, which paging by
    key would then lose: all rows with a page's last key are fetched along with it.

    Args:
        fetch: runs a query.
        page_size: rows in a page.
        ndc: what rows are ordered by behind the scan's own order.
        ndc_of: reads that from a row.
    """

    def __init__(
        self, fetch: Fetch, page_size: int, ndc: ColumnElement[Any], ndc_of: Callable[[Row], Any]
    ) -> None:
        self._fetch = fetch
        self._page_size = page_size
        self._ndc = ndc
        self._ndc_of = ndc_of

    def pages(
        self,
        rows: sa.Select[*tuple[Any, ...]],
        scan: Scan,
        low: Any = None,
        strict: bool = False,
        high: Any = None,
    ) -> Iterator[list[Row]]:
        """Yield the pages of one scan.

        Args:
            rows: the query for all of its rows, in no order.
            scan: the order.
            low: where to begin, or None for the start.
            strict: begin behind that value, not with it.
            high: where to end (excluded), or None.
        """
        order, ndc = scan.order, self._ndc
        query = rows.where(scan.where).order_by(order, ndc)
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
            # Not to hold it while the next one is read.
            del page
            # The first condition is implied by the second, but is what MySQL finds its place by.
            query_now = page_query.where(order >= last, sa.or_(order > last, ndc > last_ndc))

    def _with_ties(self, scan: Scan, page: list[Row], ties: list[Row]) -> list[Row]:
        """Replace the page's last rows by all rows that the database takes for equal to them."""
        last = scan.value(page[-1])
        tied = {self._ndc_of(row) for row in ties}
        while page and scan.value(page[-1]) == last and self._ndc_of(page[-1]) in tied:
            page.pop()
        return page + ties


def read_rows(connection: sa.Connection, query: sa.Select[*tuple[Any, ...]]) -> list[Row]:
    """Run a query and give the driver's own tuples, which is the cheapest form there is.

    Args:
        connection: to any database. SQLite first decodes text by itself, several times as fast
            as by the connection's own way, and ends at text that is not UTF-8; the query is then
            run again in the connection's way.
        query: the query.
    """
    driver: Any = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        return _fetched(connection, query)
    lenient, driver.text_factory = driver.text_factory, str
    try:
        return _fetched(connection, query)
    except (sqlite3.OperationalError, sa.exc.OperationalError):
        # Whatever else was wrong is wrong again.
        driver.text_factory = lenient
        return _fetched(connection, query)
    finally:
        driver.text_factory = lenient


def _fetched(connection: sa.Connection, query: sa.Select[*tuple[Any, ...]]) -> list[Row]:
    result = connection.execute(query)
    rows = list(result.cursor.fetchall())
    result.close()
    return rows


def batches(values: Sequence[Any], length: int) -> Iterator[Sequence[Any]]:
    """Cut ``values`` into runs of at most ``length``."""
    for start in range(0, len(values), length):
        yield values[start : start + length]


def names_of(
    found: Sequence[Row], value_of: Callable[[Any], Any], wanted: set[Any]
) -> dict[Any, tuple[str, ...]]:
    """Gather names by what they belong to, sorted and each once.

    Args:
        found: pairs of a raw value and a name.
        value_of: reads the value.
        wanted: values to keep; a database may give others that it takes for equal.
    """
    values = {raw: value_of(raw) for raw in {raw for raw, _ in found}}
    # Few names, of very many groups.
    texts = {name: str(name or "").strip() for name in {name for _, name in found}}
    names: dict[Any, set[str]] = {value: set() for value in values.values() if value in wanted}
    for raw, name in found:
        if (value := values[raw]) in names:
            names[value].add(texts[name])
    return {value: tuple(sorted(filter(None, of_it))) for value, of_it in names.items()}
