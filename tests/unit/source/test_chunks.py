"""Digests of values, and rows that were read already cut into chunks."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.model import PackageRow
from rxindex.source.chunks import chunks_of, digest

values = st.one_of(
    st.none(), st.text(st.characters(), max_size=4), st.integers(-9, 9), st.binary(max_size=4),
    st.dates(), st.decimals(allow_nan=False, places=2), st.booleans(),
)  # fmt: skip


@given(st.lists(st.tuples(values, values), max_size=3), st.lists(st.tuples(values, values)))
def test_equal_values_have_equal_digests(first: list[Any], second: list[Any]) -> None:
    assert digest(first) == digest(list(first))
    assert digest(first, b"key") != digest(first)
    if repr(first) == repr(second):
        assert digest(first) == digest(second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        (("", None), (None, "")),
        (("a",), ("a", "")),
        (("x\udcff",), ("x\udcfe",)),
        ((b"\xff",), (b"\xfe",)),
        ((dt.date(2020, 1, 1),), (dt.date(2020, 1, 2),)),
        ((Decimal("1.0000000001"),), (Decimal("1.0000000002"),)),
        ((0.1,), (0.2,)),
    ],
)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5_000)), max_size=6), st.data())
def test_chunks_have_whole_groups_and_give_what_is_wanted(
    sizes: list[tuple[int, int]], data: st.DataObject
) -> None:
    counts = dict(sorted(sizes))
    rows = [
        PackageRow((group,), ("X",), str(number), "X")
        for group, count in counts.items()
        for number in range(count)
    ]
    there = [(group,) for group, count in counts.items() if count]
    wanted = data.draw(st.sets(st.sampled_from(there))) if there else set()
    groups: list[Any] = []
    read: list[PackageRow] = []
    for chunk in chunks_of(rows):
        groups += chunk.digests
        read += chunk.read(wanted)
        assert not chunk.odd
    assert groups == there
    assert read == [row for row in rows if row.group in wanted]


def test_a_change_of_one_row_changes_its_group_alone() -> None:
    rows = [PackageRow((group,), ("X",), str(n), "X") for group in range(3) for n in range(2)]
    other = [*rows[:3], PackageRow((1,), ("X",), "1", "X", size="30"), *rows[4:]]
    [before], [after] = chunks_of(rows), chunks_of(other)
    assert [one for one in before.digests if before.digests[one] != after.digests[one]] == [(1,)]
