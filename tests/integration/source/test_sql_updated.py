"""What changed since a point in time, by update times of every kind."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.services.products import small, write

from rxindex.errors import ConfigurationError, SourceSchemaError
from rxindex.source.base import Group
from rxindex.source.fdb import FDB_MAPPING
from rxindex.source.mapping import Mapping, parse_mapping
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import connect, parse_url

BASE = """
table = "products"
group = "gcn"
key = ["label"]
[columns]
ndc = "ndc"
name = "label"
updated = %s
"""
AUTO = BASE % '"changed"'


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def fill(url: str, kind: str, rows: Sequence[tuple[str | None, int, str, object]]) -> None:
    engine, connection = connect(parse_url(url), read_only=False)
    sqlite = url.startswith("sqlite")
    with connection:
        if not sqlite:
            connection.exec_driver_sql("SET SESSION sql_mode = ''")
        connection.exec_driver_sql(
            f"CREATE TABLE products (ndc VARCHAR(11), gcn INT, label VARCHAR(30), changed {kind})"
        )
        connection.exec_driver_sql("CREATE INDEX by_time ON products (changed, ndc)")
        mark = "?" if sqlite else "%s"
        for row in rows:
            connection.exec_driver_sql(
                f"INSERT INTO products VALUES ({', '.join([mark] * 4)})", tuple(row)
            )
        connection.commit()
    engine.dispose()


def changed(
    url: str, since: str, mapping: str | Mapping = AUTO, page_size: int = 10_000
) -> tuple[list[tuple[Group, dt.datetime]], list[str]]:
    chosen = parse_mapping(mapping, "x.toml") if isinstance(mapping, str) else mapping
    with SqlSource(url, chosen, page_size=page_size) as source:
        found = list(source.changed(at(since)))
        return found, source.notes()


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        ("VARCHAR(8)", "%Y%m%d"),
        ("CHAR(10)", "%Y-%m-%d"),
        ("DATE", "%Y-%m-%d"),
        ("INT", "%Y%m%d"),
    ],
)
@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_a_day_is_a_closed_bound(url: str, kind: str, form: str, page_size: int) -> None:
    days = [f"2024-02-{day:02d}" for day in (28, 29, 1, 15)]
    fill(url, kind, [(str(n), n, "A", at(day).strftime(form)) for n, day in enumerate(days)])

    found, notes = changed(url, "2024-02-28 23:59:59", page_size=page_size)

    assert found == [((0, "A"), at("2024-02-28")), ((1,), at("2024-02-29"))]
    assert notes == []
    with SqlSource(url, parse_mapping(AUTO, "x")) as source:
        assert source.latest_update() == at("2024-02-29")


@pytest.mark.parametrize("kind", ["DATETIME", "DATETIME(6)", "TIMESTAMP NULL", "VARCHAR(30)"])
def test_a_time_is_a_closed_bound(url: str, kind: str) -> None:
    times = [
        "2024-02-28 10:00:00",
        "2024-02-28 10:00:01",
        "2024-02-28 09:59:59",
        "2023-01-01 23:00:00",
    ]
    fill(url, kind, [(str(n), n + 1, "A", time) for n, time in enumerate(times)])

    found, _ = changed(url, "2024-02-28 10:00:00.5")

    # Half a second is less than the column may have.
    assert found == [((1,), at(times[0])), ((2,), at(times[1]))]
    with SqlSource(url, parse_mapping(AUTO, "x")) as source:
        assert source.latest_update() == at(times[1])
        zoned = source.changed(at("2024-02-28 12:00:00+02:00"))
        assert [group for group, _ in zoned] == [(1,), (2,)]


def test_thousands_of_equal_times_all_come(url: str) -> None:
    rows: list[tuple[str | None, int, str, object]] = [
        (f"{n:05d}", n % 40, f"L{n % 3}", "20240101") for n in range(3000)
    ]
    rows += [("00007", 5, "again", "20240101"), (None, 5, "no NDC", "20240101")]
    rows += [("x", 6, "older", "20231231"), ("y", 7, "newer", "20240102")]
    fill(url, "VARCHAR(8)", rows)

    found, _ = changed(url, "2024-01-01", page_size=10)

    expected = Counter(
        ((gcn,) if gcn else (0, label)) for _, gcn, label, day in rows if str(day) >= "20240101"
    )
    assert Counter(group for group, _ in found) == expected
    assert found == sorted(found, key=lambda one: one[1])


@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_packages_without_a_readable_time_are_counted(url: str, page_size: int) -> None:
    odd = [None, "", "00000000", "N/A", "2024", "1/2/2024", "2024-1-1", "20241301", "zz"]
    fill(
        url,
        "VARCHAR(12)",
        [(str(n), 1, "A", text) for n, text in enumerate([*odd, "20240101", "20230101"])],
    )

    found, notes = changed(url, "2024-01-01", page_size=page_size)

    assert found == [((1,), at("2024-01-01"))]
    assert notes == [
        "9 packages have no readable update time (changed): only a full sync sees their changes"
    ]
    with SqlSource(url, parse_mapping(AUTO, "x")) as source:
        assert source.latest_update() == at("2024-01-01")


def test_zeroes_in_a_typed_column_are_counted(url: str) -> None:
    fill(
        url, "DATE", [("1", 1, "A", "0000-00-00"), ("2", 1, "A", None), ("3", 1, "A", "2024-01-01")]
    )

    found, notes = changed(url, "2020-01-01")

    assert len(found) == 1
    assert "2 packages" in notes[0]


def test_a_pattern_of_ones_own_is_kept_to(url: str) -> None:
    mapping = BASE % '{ column = "changed", format = "%Y/%m/%d %H:%M" }'
    fill(url, "VARCHAR(20)", [("1", 1, "A", "2024/01/01 10:30"), ("2", 2, "A", "2024/01/01 9:30")])

    found, notes = changed(url, "2024-01-01 10:30:59", mapping)

    assert found == [((1,), at("2024-01-01 10:30"))]
    assert "1 package has" in notes[0]


def test_an_empty_table_has_no_latest_time(url: str) -> None:
    fill(url, "DATE", [])
    with SqlSource(url, parse_mapping(AUTO, "x")) as source:
        assert source.latest_update() is None
        assert list(source.changed(at("2020-01-01"))) == []


def test_a_mapping_without_an_update_time_says_what_to_add(url: str) -> None:
    write(url, [("1", 1, "A")])
    with SqlSource(url, small()) as source:
        for call in (lambda: source.changed(at("2020-01-01")), source.latest_update):
            with pytest.raises(ConfigurationError, match=r"columns\.updated"):
                call()


def test_a_database_without_the_column_still_works_but_for_this(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}"
    engine, connection = connect(parse_url(url), read_only=False)
    with connection:
        columns = "NDC, LN, LN60, BN, INNOV, GCN_SEQNO, GNI, DEA, PS, DF, PD, AD, LBLRID"
        connection.exec_driver_sql(f"CREATE TABLE rndc14 ({columns}, DADDNC, OBSDTEC)")
        connection.commit()
    engine.dispose()
    assert "DUPDC" in FDB_MAPPING

    with SqlSource(url) as source:
        assert source.count() == 0
        with pytest.raises(SourceSchemaError, match=r"no column DUPDC.*columns\.updated"):
            source.changed(at("2020-01-01"))
        with pytest.raises(SourceSchemaError, match="DUPDC"):
            source.latest_update()


def test_the_index_on_the_update_time_is_used(url: str) -> None:
    fill(url, "VARCHAR(8)", [(str(n), n, "A", f"2024{n % 12 + 1:02d}01") for n in range(600)])
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        found, _ = changed(url, "2024-12-01")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    statement, values = asked[-1]
    engine, connection = connect(parse_url(url), read_only=True)
    with connection:
        how = "EXPLAIN QUERY PLAN " if url.startswith("sqlite") else "EXPLAIN "
        plan = connection.exec_driver_sql(how + statement, values).all()
    engine.dispose()

    assert len(found) == 50
    assert "by_time" in str(plan)
