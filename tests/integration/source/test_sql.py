"""Reading catalogues from a real MariaDB and from SQLite: the order of rows, the snapshot."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.services.mariadb import MariaDB
from tests.services.products import ALL, Product, read, runs, small, write

from rxindex.source.base import Source
from rxindex.source.sql import SqlSource

# -- the order of rows ----------------------------------------------------------------------------


def test_sql_source_is_a_source(tmp_path: Path) -> None:
    source: Source = SqlSource(f"sqlite:///{tmp_path / 'x.db'}")
    assert source.name == f"sqlite:///{tmp_path / 'x.db'}"


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 100])
def test_every_row_comes_once_and_groups_in_one_run(url: str, page_size: int) -> None:
    products: list[Product] = [
        (f"{number:011d}", number * 7 % 5, f"DRUG {number % 3}") for number in range(40)
    ]
    write(url, products)

    rows = read(url, page_size=page_size)

    assert sorted(row.ndc for row in rows) == [ndc for ndc, _, _ in products]
    groups = runs(rows)
    assert groups == sorted(set(groups))
    assert groups[:3] == [(0, "DRUG 0"), (0, "DRUG 1"), (0, "DRUG 2")]


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_names_that_the_collation_takes_for_the_same_stay_apart(url: str, page_size: int) -> None:
    names = ["aspirin", "ASPIRIN", "Aspirin", "aspirin ", "aspirin  ", "äspirin", "aspirin\t"]
    products: list[Product] = [
        (f"{number:03d}", None if number % 2 else 0, names[number % len(names)])
        for number in range(28)
    ]
    write(url, products)

    rows = read(url, page_size=page_size)

    assert len(rows) == len({row.ndc for row in rows}) == 28
    groups = runs(rows)
    assert groups == sorted((0, name) for name in names)
    assert {row.ndc: row.group for row in rows} == {str(n): (0, name) for n, _, name in products}


@pytest.mark.parametrize("page_size", [1, 2, 3, 100])
def test_ndcs_that_the_collation_takes_for_the_same_and_repeated_ones_all_come(
    url: str, page_size: int
) -> None:
    ndcs = ["a1", "A1", "a1 ", "b", "B", "b", "b", "c", "c", "c", "c", "d"]
    write(url, [(ndc, 5, "X") for ndc in ndcs] + [("z", 6, "Y")])

    rows = read(url, page_size=page_size)

    assert sorted(row.ndc for row in rows) == sorted([*(n.strip() for n in ndcs), "z"])
    assert runs(rows) == [(5,), (6,)]


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_rows_without_an_ndc_or_name_come_too(url: str, page_size: int) -> None:
    write(url, [(None, 5, "X"), (None, 5, "X"), ("1", 5, "X"), (None, 0, None), ("2", 0, "")])

    rows = read(url, page_size=page_size)

    assert sorted((row.group, row.ndc) for row in rows) == [
        ((0, ""), ""), ((0, ""), "2"), ((5,), ""), ((5,), ""), ((5,), "1"),
    ]  # fmt: skip


def test_a_negative_group_is_no_group(url: str) -> None:
    write(url, [("1", -3, "X"), ("2", 3, "X")])

    assert [row.group for row in read(url)] == [(0, "X"), (3,)]


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_a_group_column_of_text_is_ordered_by_its_bytes(url: str, page_size: int) -> None:
    groups = ["b", "B", "b ", "É", "a", "10", "9", "007", "000", "", " ", None]
    products: list[Product] = [
        (f"{number:03d}", groups[number % len(groups)], "N") for number in range(48)
    ]
    write(url, products, "ndc VARCHAR(11) NOT NULL, gcn VARCHAR(9), label VARCHAR(60), maker INT")

    rows = read(url, page_size=page_size)

    assert len({row.ndc for row in rows}) == len(rows) == 48
    real = sorted((1, g) for g in ["b", "B", "b ", "É", "a", "10", "9", "007"])
    assert runs(rows) == [(0, "N"), *real]
    assert {row.gcn for row in rows if row.group == (1, "007")} == {7}


@pytest.mark.parametrize("page_size", [1, 3, 100])
@pytest.mark.parametrize("parts", [1, 2, 3, 10])
def test_partitions_cover_everything_without_overlap(url: str, parts: int, page_size: int) -> None:
    products: list[Product] = [
        (f"{number:04d}", number * number % 23, f"D{number % 4}") for number in range(120)
    ]
    write(url, products)

    with SqlSource(url, small(), page_size=page_size) as source:
        cut = source.partitions(parts)
        found = [[row.ndc for row in source.rows(partition)] for partition in cut]

    assert len({partition.name for partition in cut}) == len(cut) <= max(parts, 2)
    assert sorted(itertools.chain(*found)) == [ndc for ndc, _, _ in products]
    assert parts < 3 or len(cut) == parts or parts > 5


@pytest.mark.parametrize("parts", [1, 4])
def test_reading_goes_on_behind_any_group(url: str, parts: int) -> None:
    write(url, [(f"{n:04d}", n % 6, f"D{n % 2}") for n in range(60)])

    with SqlSource(url, small(), page_size=4) as source:
        for partition in source.partitions(parts):
            rows = list(source.rows(partition))
            for group in runs(rows):
                rest = list(source.rows(partition, after=group))
                assert rest == [row for row in rows if row.group > group]


def test_reading_goes_on_behind_a_group_that_is_gone(url: str) -> None:
    write(url, [("1", 1, "A"), ("2", 0, "M"), ("3", 9, "A")])

    assert [row.ndc for row in read(url, after=(0, "B"))] == ["2", "1", "3"]
    assert [row.ndc for row in read(url, after=(0, "Z"))] == ["1", "3"]
    assert [row.ndc for row in read(url, after=(1,))] == ["3"]
    assert [row.ndc for row in read(url, after=(5,))] == ["3"]
    assert read(url, after=(9,)) == []


def test_an_empty_table_has_no_rows(url: str) -> None:
    write(url, [])

    with SqlSource(url, small()) as source:
        assert source.count() == 0
        assert list(source.rows(ALL)) == []
        for partition in source.partitions(4):
            assert list(source.rows(partition)) == []


# -- the snapshot ---------------------------------------------------------------------------------


def test_rows_committed_in_mid_read_are_not_seen(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    write(url, [(str(n), n, "A") for n in range(1, 10)])
    database = url.rpartition("/")[2]

    with SqlSource(url, small(), page_size=2) as source:
        rows = source.rows(ALL)
        first = next(rows)
        mariadb.execute("INSERT INTO products VALUES ('99', 5, 'NEW', 1)", database=database)
        mariadb.execute("UPDATE products SET label = 'CHANGED'", database=database)
        rest = list(rows)
        counted = source.count()

    assert {row.name for row in [first, *rest]} == {"A"}
    assert len(rest) == 8 and counted == 9
    assert len(read(url)) == 10


def test_rows_committed_in_mid_read_are_not_seen_in_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}"
    write(url, [(str(n), n, "A") for n in range(1, 10)])
    writer = sqlite3.connect(tmp_path / "drugs.db")
    # With a write-ahead log a writer need not wait for the reader.
    writer.execute("PRAGMA journal_mode=WAL")
    try:
        with SqlSource(url, small(), page_size=2) as source:
            rows = source.rows(ALL)
            next(rows)
            writer.execute("INSERT INTO products VALUES ('99', 5, 'NEW', 1)")
            writer.commit()
            assert len(list(rows)) == 8
            assert source.count() == 9
        assert len(read(url)) == 10
    finally:
        writer.close()


def test_the_source_never_writes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}"
    write(url, [("1", 1, "A")])
    before = (tmp_path / "drugs.db").read_bytes()
    (tmp_path / "drugs.db").chmod(0o400)

    assert len(read(url)) == 1
    assert (tmp_path / "drugs.db").read_bytes() == before
