"""Digests of groups: what changes them, what does not, and reading only what has changed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.services.products import ALL, Product, runs, small, write

from rxindex.model import PackageRow
from rxindex.source.base import Group, Odd, Partition
from rxindex.source.mapping import parse_mapping
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import connect, parse_url

MAPPING = """
table = "p"
group = "g"
ungrouped = "label"
key = ["label"]
[columns]
ndc = "ndc"
name = "label"
size = { column = "size" }
form = "form"
strength = "note"
schedule = { column = "dea", values = { "2" = "CII", "0" = "" } }
end = { column = "ends" }
labeler = "maker.name"
[joins.maker]
table = "makers"
on = { id = "maker" }
[classes]
chain = [{ table = "p_class", match = "g" }, { table = "class", match = "id" }]
name = "name"
"""
COLUMNS = (
    "ndc VARCHAR(11), g {group}, label VARCHAR(60), maker INT, size DECIMAL(9, 3), "
    "form VARCHAR(20), note {note}, dea VARCHAR(1), ends VARCHAR(10)"
)
ROWS = [
    ("1", "1", "ASPIRIN", 1, 30, "tablet", "5 mg", "0", "2030-01-01"),
    ("2", "1", "ASPIRIN", 2, 100, "tablet", None, "0", ""),
    ("3", "2", "IBUPROFEN", 1, 30, "tablet", "5 mg", "0", None),
    ("4", "3", "CODEINE", 1, 30, "tablet", "5 mg", "2", ""),
    ("5", "3", "CODEINE", 1, 30, "tablet", "5 mg", "X", "someday"),
    ("6", "0", "LOOSE ONE", 1, 30, "", "", "0", ""),
    ("7", None, "LOOSE TWO", None, 30, "", "", "Y", ""),
]


def run(url: str, *statements: str) -> None:
    engine, connection = connect(parse_url(url), read_only=False)
    with connection:
        for one in statements:
            connection.exec_driver_sql(one)
        connection.commit()
    engine.dispose()


def fill(url: str, group: str = "INT", note: str = "VARCHAR(20)") -> None:
    """Make the catalogue."""
    run(
        url,
        f"CREATE TABLE p ({COLUMNS.format(group=group, note=note)})",
        "CREATE TABLE makers (id INT PRIMARY KEY, name VARCHAR(30))",
        "INSERT INTO makers VALUES (1, 'ACME'), (2, 'Other')",
        f"CREATE TABLE p_class (g {group}, id INT)",
        "INSERT INTO p_class VALUES (1, 1), (1, 2), (3, 1)",
        "CREATE TABLE class (id INT, name VARCHAR(30))",
        "INSERT INTO class VALUES (1, 'Analgesics'), (2, 'Salicylates')",
    )
    names = ("ndc", "g", "label", "maker", "size", "form", "note", "dea", "ends")
    table = sa.table("p", *map(sa.column, names))
    engine, connection = connect(parse_url(url), read_only=False)
    with connection:
        rows = [dict(zip(names, row, strict=True)) for row in ROWS]
        connection.execute(table.insert(), rows)
        connection.commit()
    engine.dispose()


def digests(
    url: str, mapping: str = MAPPING, partition: Partition = ALL, after: Group | None = None
) -> dict[Group, bytes]:
    with SqlSource(url, parse_mapping(mapping, "p.toml"), page_size=2) as source:
        found: dict[Group, bytes] = {}
        for chunk in source.chunks(partition, after):
            assert not found.keys() & chunk.digests.keys()
            found |= chunk.digests
    return found


def changed(before: Mapping[Group, bytes], after: Mapping[Group, bytes]) -> set[Group]:
    return {one for one in before.keys() | after.keys() if before.get(one) != after.get(one)}


@pytest.fixture(params=["INT", "VARCHAR(9)"])
def catalogue(url: str, request: pytest.FixtureRequest) -> tuple[str, Callable[[int], Group]]:
    """A database, and how its groups are written."""
    fill(url, request.param)
    return url, (lambda number: (number,)) if request.param == "INT" else (
        lambda number: (1, str(number))
    )


@pytest.mark.parametrize(
    ("statement", "groups"),
    [
        ("UPDATE p SET size = 31 WHERE ndc = '3'", [2]),
        ("UPDATE p SET form = 'Tablet' WHERE ndc = '3'", [2]),
        ("UPDATE p SET form = 'tablet ' WHERE ndc = '3'", [2]),
        ("UPDATE p SET form = NULL WHERE ndc = '3'", [2]),
        ("UPDATE p SET note = '' WHERE ndc = '2'", [1]),
        ("UPDATE p SET form = '5 mg', note = 'tablet' WHERE ndc = '3'", [2]),
        ("UPDATE p SET label = 'ASPIRIN EC' WHERE ndc = '1'", [1]),
        ("UPDATE p SET ends = '2031-01-01' WHERE ndc = '1'", [1]),
        ("UPDATE p SET maker = 2 WHERE ndc = '3'", [2]),
        ("UPDATE makers SET name = 'OTHER' WHERE id = 2", [1]),
        ("UPDATE class SET name = 'salicylates' WHERE id = 2", [1]),
        ("UPDATE class SET name = 'Painkillers' WHERE id = 1", [1, 3]),
        ("INSERT INTO p_class VALUES (2, 1)", [2]),
        ("DELETE FROM p_class WHERE g = 1 AND id = 1", [1]),
        ("DELETE FROM p WHERE ndc = '2'", [1]),
        ("DELETE FROM p WHERE ndc = '3'", [2]),
        ("UPDATE p SET g = 2 WHERE ndc = '1'", [1, 2]),
        ("INSERT INTO p SELECT * FROM p WHERE ndc = '3'", [2]),
        ("UPDATE p SET ndc = '8' WHERE ndc = '3'", [2]),
    ],
)
def test_whatever_a_row_is_made_from_changes_its_group_alone(
    catalogue: tuple[str, Callable[[int], Group]], statement: str, groups: list[int]
) -> None:
    url, group_of = catalogue
    before = digests(url)
    assert list(before) == [(0, "LOOSE ONE"), (0, "LOOSE TWO"), *map(group_of, (1, 2, 3))]
    assert digests(url) == before
    run(url, statement)
    assert changed(before, digests(url)) == set(map(group_of, groups))


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE p SET size = 31 WHERE ndc = '6'", "LOOSE ONE"),
        ("UPDATE p SET dea = 'Z' WHERE ndc = '7'", "LOOSE TWO"),
    ],
)
def test_rows_without_a_group_change_by_their_name(url: str, statement: str, name: str) -> None:
    fill(url)
    before = digests(url)
    run(url, statement)
    assert changed(before, digests(url)) == {(0, name)}


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("VARBINARY(20)", "X'FF00'", "X'FE00'"),
        ("BLOB", "X'C328'", "X'A0A1'"),
        ("VARCHAR(20) CHARACTER SET latin1", "'caf\u00e9'", "'cafe'"),
        ("VARCHAR(20) COLLATE utf8mb4_general_ci", "'\u00c9tui'", "'\u00e9tui'"),
        ("DOUBLE", "0.1", "0.2"),
        ("DATE", "'2020-01-01'", "'2020-01-02'"),
        ("DECIMAL(20, 10)", "1.0000000001", "1.0000000002"),
        ("VARCHAR(20)", "NULL", "''"),
        ("VARCHAR(20)", "'='", "''"),
        ("TEXT", "'a'", "'a\u001f'"),
    ],
)
def test_a_column_of_any_type_counts(
    new_database: Callable[[], str], kind: str, first: str, second: str
) -> None:
    url = new_database()
    fill(url, note="VARCHAR(20)")
    run(url, "UPDATE p SET note = NULL", f"ALTER TABLE p MODIFY note {kind}")
    run(url, f"UPDATE p SET note = {first} WHERE ndc = '3'")
    before = digests(url)
    run(url, f"UPDATE p SET note = {second} WHERE ndc = '3'")
    assert changed(before, digests(url)) == {(2,)}
    run(url, f"UPDATE p SET note = {first} WHERE ndc = '3'")
    assert digests(url) == before


def test_two_changes_that_take_each_others_place_are_seen(url: str) -> None:
    fill(url)
    before = digests(url)
    # The same values, each as often as before, with other packages.
    run(url, "UPDATE p SET size = 100 WHERE ndc = '1'", "UPDATE p SET size = 30 WHERE ndc = '2'")
    assert changed(before, digests(url)) == {(1,)}


def test_another_mapping_makes_other_digests(url: str) -> None:
    fill(url)
    other = digests(url, MAPPING.replace('form = "form"', 'form = "note"'))
    assert changed(digests(url), other) == set(other)


def test_partitions_and_what_lies_behind_a_group_have_the_same_digests(url: str) -> None:
    fill(url)
    whole = digests(url)
    with SqlSource(url, parse_mapping(MAPPING, "p.toml")) as source:
        parts = source.partitions(3)
    cut = [digests(url, partition=one) for one in parts]
    assert {group: one for some in cut for group, one in some.items()} == whole
    assert sum(map(len, cut)) == len(whole)
    for group in whole:
        behind = {one: digest for one, digest in whole.items() if one > group}
        assert digests(url, after=group) == behind


def test_only_what_is_wanted_is_read_and_odd_values_are_told(url: str) -> None:
    fill(url)
    with SqlSource(url, parse_mapping(MAPPING, "p.toml")) as source:
        rows = {row.ndc: row for row in source.rows(ALL)}
    with SqlSource(url, parse_mapping(MAPPING, "p.toml")) as source:
        read: list[PackageRow] = []
        odd: dict[Group, Odd] = {}
        for chunk in source.chunks(ALL):
            assert not chunk.odd
            read += chunk.read({(1,), (3,), (0, "LOOSE ONE")} & chunk.digests.keys())
            odd |= chunk.odd
            told = source.notes()
            if (0, "LOOSE TWO") in chunk.digests:
                chunk.tell(frozenset({("schedule", "Y")}))
        assert [row.ndc for row in read] == ["6", "1", "2", "4", "5"]
        assert read == [rows[row.ndc] for row in read]
        assert odd == {(3,): frozenset({("schedule", "X"), ("end", "someday")})}
        assert told[-2:] == [
            "end: values that could not be read: someday",
            "schedule: values that could not be read: X, Y",
        ]
        assert source.notes() == told


@pytest.mark.parametrize("wanted", [1, 100, 2_000, 5_999, 6_000])
def test_few_and_many_of_thousands_of_groups(new_database: Callable[[], str], wanted: int) -> None:
    url = new_database()
    products: list[Product] = [(f"{n:05d}", n // 2, f"DRUG {n}") for n in range(12_002)]
    write(url, products)
    with SqlSource(url, small(), page_size=1_000) as source:
        chosen = {(1 + n * 6_000 // wanted,) for n in range(wanted)}
        read = [
            row
            for chunk in source.chunks(ALL)
            for row in chunk.read(frozenset(chosen & chunk.digests.keys()))
        ]
        assert runs(read) == sorted(chosen)
        assert read == list(source.rows_of(sorted(chosen)))


names = st.sampled_from(["A", "a", "A ", "B", "é", "", "Z\t"])
groups = st.one_of(st.none(), st.integers(-1, 6), st.sampled_from(["", "0", "x", "X", "x ", "9"]))


@given(
    st.lists(st.tuples(groups, names, st.sampled_from(["1", "2", "a", "A", ""])), max_size=30),
    st.integers(1, 12),
    st.sampled_from(["INTEGER", "TEXT", ""]),
    st.data(),
)
@settings(max_examples=80)
def test_groups_are_those_of_the_rows_whatever_they_are(
    rows: list[tuple[object, ...]], page_size: int, kind: str, data: st.DataObject
) -> None:
    if kind == "INTEGER":
        rows = [row for row in rows if not isinstance(row[0], str)]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'p.db'}"
        run(url, f"CREATE TABLE p (g {kind}, label TEXT, ndc TEXT)")
        mapping = parse_mapping(
            'table = "p"\ngroup = "g"\nungrouped = "label"\nkey = ["label"]\n'
            '[columns]\nndc = "ndc"\nname = "label"\n', "p.toml",
        )  # fmt: skip
        engine, connection = connect(parse_url(url), read_only=False)
        with connection:
            for row in rows:
                connection.exec_driver_sql("INSERT INTO p VALUES (?, ?, ?)", row)
            connection.commit()
        engine.dispose()
        with SqlSource(url, mapping, page_size=page_size) as source:
            whole = list(source.rows(ALL))
            wanted = data.draw(st.sets(st.sampled_from(runs(whole)))) if whole else set()
            read: list[PackageRow] = []
            found: list[Group] = []
            for chunk in source.chunks(ALL):
                found += chunk.digests
                read += chunk.read(wanted & chunk.digests.keys())
    assert found == runs(whole)
    assert read == [row for row in whole if row.group in wanted]
