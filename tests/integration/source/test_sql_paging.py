"""The rules of paging, on catalogues that hypothesis makes up."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from rxindex.source.base import Partition
from rxindex.source.mapping import parse_mapping
from rxindex.source.sql import SqlSource

MAPPING = parse_mapping(
    """
    table = "p"
    group = "g"
    ungrouped = "label"
    key = ["label"]
    [columns]
    ndc = "ndc"
    name = "label"
    """,
    "paging.toml",
)

labels = st.sampled_from(["A", "a", "A ", "B", "b", "é", "", "Z\t"])
ndcs = st.one_of(st.none(), st.sampled_from(["1", "2", "2 ", "a", "A", "", "é"]))
numbers = st.one_of(st.none(), st.integers(-1, 6))
texts = st.one_of(st.none(), st.sampled_from(["", " ", "0", "00", "x", "X", "x ", "10", "9"]))


def table(kind: st.SearchStrategy[int | str | None]) -> st.SearchStrategy[list[tuple[object, ...]]]:
    return st.lists(st.tuples(kind, labels, ndcs), max_size=40)


def check(
    rows: list[tuple[object, ...]], kind: str, page_size: int, parts: int, index: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.db"
        database = sqlite3.connect(path)
        database.execute(f"CREATE TABLE p (g {kind}, label TEXT, ndc TEXT COLLATE NOCASE)")
        if index:
            database.execute("CREATE INDEX p_g ON p (g, ndc)")
        database.executemany("INSERT INTO p VALUES (?, ?, ?)", rows)
        database.commit()
        database.close()
        with SqlSource(f"sqlite:///{path}", MAPPING, page_size=page_size) as source:
            assert source.count() == len(rows)
            whole = list(source.rows(Partition("all")))
            runs = [group for group, _ in itertools.groupby(row.group for row in whole)]
            cut = [list(source.rows(partition)) for partition in source.partitions(parts)]
            behind = {group: list(source.rows(Partition("all"), group)) for group in runs}

    assert Counter((row.name, row.ndc) for row in whole) == Counter(
        (str(label).strip(), str(ndc or "").strip()) for _, label, ndc in rows
    )
    assert runs == sorted(set(runs))
    in_parts = [row for part in cut for row in part]
    assert Counter(map(repr, in_parts)) == Counter(map(repr, whole))
    for part, other in itertools.combinations(cut, 2):
        assert {row.group for row in part}.isdisjoint(row.group for row in other)
    for group, rest in behind.items():
        expected = [row for row in whole if row.group > group]
        assert Counter(map(repr, rest)) == Counter(map(repr, expected))


@given(table(numbers), st.integers(1, 12), st.integers(1, 6), st.booleans())
@settings(max_examples=150)
def test_numbered_groups(
    rows: list[tuple[object, ...]], page_size: int, parts: int, index: bool
) -> None:
    check(rows, "INTEGER", page_size, parts, index)


@given(table(texts), st.integers(1, 12), st.integers(1, 6), st.booleans())
@settings(max_examples=150)
def test_groups_of_text(
    rows: list[tuple[object, ...]], page_size: int, parts: int, index: bool
) -> None:
    check(rows, "TEXT", page_size, parts, index)


@given(table(st.one_of(numbers, texts)), st.integers(1, 12), st.integers(1, 6))
@settings(max_examples=80)
def test_groups_of_no_declared_type(
    rows: list[tuple[object, ...]], page_size: int, parts: int
) -> None:
    check(rows, "", page_size, parts, True)
