"""Reading some groups anew gives the rows that reading everything gives; so does renewing."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integration.source.following import CATALOGUE, SCHEMA, run
from tests.integration.source.test_sql_paging import MAPPING, numbers, table, texts
from tests.services.mariadb import MariaDB
from tests.services.products import ALL, Product, read, runs, small, write

from rxindex.errors import SourceSchemaError, SourceUnavailable
from rxindex.source.base import Group
from rxindex.source.sql import SqlSource
from rxindex.source.sql_scanning import LIST_LENGTH

Wanted = st.lists(st.integers(0, 60), max_size=12)
#: Groups of no catalogue here, of every shape.
ABSENT: list[Group] = [(99,), (1, "zz"), (0, "nobody"), (1,), (0,), (), (2, "x"), (1, "x", 3)]


def check(source: SqlSource, wanted: list[int]) -> None:
    """Ask for some groups, in some order and some twice, among others that do not exist."""
    whole = list(source.rows(ALL))
    there = runs(whole)
    groups: list[Group] = [there[number % len(there)] for number in wanted if there]
    asked = [*groups, *(group for group in ABSENT if group not in there)]

    found = list(source.rows_of(asked))

    assert runs(found) == sorted(set(groups))
    expected = [row for row in whole if row.group in set(groups)]
    assert Counter(map(repr, found)) == Counter(map(repr, expected))


def check_sqlite(
    rows: list[tuple[object, ...]], kind: str, page_size: int, wanted: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.db"
        database = sqlite3.connect(path)
        database.execute(f"CREATE TABLE p (g {kind}, label TEXT, ndc TEXT COLLATE NOCASE)")
        database.executemany("INSERT INTO p VALUES (?, ?, ?)", rows)
        database.commit()
        database.close()
        with SqlSource(f"sqlite:///{path}", MAPPING, page_size=page_size) as source:
            check(source, wanted)


@given(table(numbers), st.integers(1, 12), Wanted)
@settings(max_examples=80)
def test_numbered_groups(rows: list[tuple[object, ...]], page_size: int, wanted: list[int]) -> None:
    check_sqlite(rows, "INTEGER", page_size, wanted)


@given(table(texts), st.integers(1, 12), Wanted)
@settings(max_examples=80)
def test_groups_of_text(rows: list[tuple[object, ...]], page_size: int, wanted: list[int]) -> None:
    check_sqlite(rows, "TEXT", page_size, wanted)


@given(table(st.one_of(numbers, texts)), st.integers(1, 12), Wanted)
@settings(max_examples=60)
def test_groups_of_no_declared_type(
    rows: list[tuple[object, ...]], page_size: int, wanted: list[int]
) -> None:
    check_sqlite(rows, "", page_size, wanted)


@pytest.mark.parametrize(
    "kind",
    [
        "VARCHAR(9)",
        "VARCHAR(9) COLLATE utf8mb4_bin",
        "CHAR(9) CHARACTER SET latin1",
        "VARBINARY(9)",
    ],
)
@pytest.mark.parametrize("page_size", [1, 3, 100])
def test_groups_that_mariadb_takes_for_the_same_stay_apart(
    new_database: Callable[[], str], kind: str, page_size: int
) -> None:
    url = new_database()
    groups = ["b", "B", "b ", "É", "e", "10", "9", "007", "000", "", " ", None]
    products: list[Product] = [
        (f"{number:03d}", groups[number % 12], ("N", "n", "N ", "", None)[number % 5])
        for number in range(60)
    ]
    write(url, products, f"ndc VARCHAR(11), gcn {kind}, label VARCHAR(60), maker INT")

    with SqlSource(url, small(), page_size=page_size) as source:
        check(source, list(range(60)))
        check(source, [0, 3, 5])
        for number in range(20):
            check(source, [number])


def test_more_groups_than_fit_one_list_come_in_order(url: str) -> None:
    count = LIST_LENGTH + 50
    write(
        url, [(f"{n:05d}", n, "N") for n in range(1, count)] + [("x", 0, f"U{n}") for n in (1, 2)]
    )
    backwards: list[Group] = [(n,) for n in range(count + 5, 0, -1)]

    with SqlSource(url, small(), page_size=700) as source:
        assert list(source.rows_of([*backwards, (0, "U2")])) == [
            row for row in source.rows(ALL) if row.group != (0, "U1")
        ]
        assert list(source.rows_of([])) == []


def test_classes_and_indications_come_with_groups_that_are_far_apart(
    new_database: Callable[[], str],
) -> None:
    url = new_database()
    run(url, *SCHEMA)

    with SqlSource(url, CATALOGUE) as source:
        found = list(source.rows_of([(1,), (5,), (0, "DRUG 0")]))
        whole = [row for row in source.rows(ALL) if row.group in {(1,), (5,), (0, "DRUG 0")}]

    assert found == whole
    assert {row.indications for row in found} == {("fever", "pain"), ()}


# -- renewing -------------------------------------------------------------------------------------


def test_a_renewed_snapshot_shows_what_was_committed(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    write(url, [("1", 1, "A")])
    database = url.rpartition("/")[2]
    with SqlSource(url, small()) as source:
        mariadb.execute("INSERT INTO products VALUES (NULL, 1, 'B', 1)", database=database)
        assert [row.name for row in source.rows_of([(1,)])] == ["A"]
        source.renew()
        assert [row.name for row in source.rows_of([(1,)])] == ["B", "A"]
        # A row without an NDC is new; reading everything in small pages must not lose it.
        assert source.count() == len(list(source.rows(ALL))) == 2


def test_rows_without_an_ndc_that_came_later_are_not_lost(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    write(url, [(str(n), 5, "A") for n in range(4)])
    database = url.rpartition("/")[2]
    with SqlSource(url, small(), page_size=1) as source:
        assert len(list(source.rows(ALL))) == 4
        mariadb.execute(
            "INSERT INTO products VALUES (NULL, 5, 'B', 1), (NULL, 5, 'B', 1)", database=database
        )
        source.renew()
        assert len(list(source.rows(ALL))) == len(list(source.rows_of([(5,)]))) == 6


def test_a_renewed_snapshot_of_sqlite_is_one(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}"
    write(url, [("1", 1, "A")])
    writer = sqlite3.connect(tmp_path / "drugs.db")
    writer.execute("PRAGMA journal_mode=WAL")
    try:
        with SqlSource(url, small()) as source:
            for number in (2, 3):
                source.renew()
                # The snapshot is of the moment of renewing, not of the first read behind it.
                writer.execute(f"INSERT INTO products VALUES ('{number}', 1, 'A', 1)")
                writer.commit()
                assert source.count() == number - 1
    finally:
        writer.close()


def test_renewing_connects_anew_where_the_connection_was_lost(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    write(url, [("1", 1, "A")])
    database = url.rpartition("/")[2]

    def cut() -> None:
        for (number,) in mariadb.execute(
            "SELECT id FROM information_schema.processlist WHERE db = %s", (database,)
        ):
            mariadb.execute(f"KILL {number}")

    with SqlSource(url, small()) as source:
        cut()
        source.renew()
        assert source.count() == 1
        cut()
        with pytest.raises(SourceUnavailable):
            source.count()
        source.renew()
        assert source.count() == 1
        cut()
        mariadb.execute("DROP TABLE products", database=database)
        with pytest.raises(SourceSchemaError, match="products"):
            source.renew()


def test_renewing_says_that_the_server_is_away() -> None:
    with MariaDB() as server:
        url = server.create_database("drugs")
        write(url, [("1", 1, "A")])
        with SqlSource(url, small()) as source:
            server.stop()
            for _ in range(2):
                with pytest.raises(SourceUnavailable):
                    source.renew()
            server.start()
            source.renew()
            assert [row.ndc for row in source.rows_of([(1,)])] == ["1"]
        assert len(read(url)) == 1
