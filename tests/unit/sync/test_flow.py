"""Stages that work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.sync.flow import ahead, batches


def numbers(count: int, log: list[str]) -> Generator[int, None, None]:
    try:
        for number in range(count):
            log.append(f"made {number}")
            yield number
    finally:
        log.append(f"closed in {threading.current_thread().name}")


def test_items_come_in_order_and_from_another_thread() -> None:
    log: list[str] = []
    with ahead(numbers(5, log)) as items:
        assert list(items) == [0, 1, 2, 3, 4]
    assert log[-1] == "closed in rxindex-stage"


def test_a_stage_is_never_more_than_its_depth_ahead() -> None:
    log: list[str] = []
    with ahead(numbers(100, log), depth=3) as items:
        for item in items:
            # One is in the reader's hands, three wait or are being made.
            assert len(log) <= item + 1 + 3


def test_a_failure_arrives_after_what_came_before_it() -> None:
    def failing() -> Generator[int, None, None]:
        yield 1
        raise ValueError("broken")

    got = []
    with pytest.raises(ValueError, match="broken"), ahead(failing()) as items:
        for item in items:
            got.append(item)  # noqa: PERF402
    assert got == [1]


def test_leaving_early_closes_the_stage_in_its_own_thread() -> None:
    log: list[str] = []
    with ahead(numbers(1000, log), depth=1) as items:
        assert next(items) == 0
    assert log[-1] == "closed in rxindex-stage"
    assert len(log) < 10
    assert not [one for one in threading.enumerate() if one.name == "rxindex-stage"]


def test_stages_can_be_chained() -> None:
    def doubled(items: Iterator[int]) -> Generator[int, None, None]:
        for item in items:
            yield 2 * item

    log: list[str] = []
    with ahead(numbers(50, log)) as first, ahead(doubled(first)) as second:
        assert list(second) == list(range(0, 100, 2))


def test_a_failure_in_the_last_stage_ends_the_ones_before() -> None:
    def broken(items: Iterator[int]) -> Generator[int, None, None]:
        for item in items:
            if item == 3:
                raise RuntimeError("no more")
            yield item

    log: list[str] = []
    with (
        pytest.raises(RuntimeError, match="no more"),
        ahead(numbers(10_000, log)) as first,
        ahead(broken(first)) as second,
    ):
        list(second)
    assert not [one for one in threading.enumerate() if one.name == "rxindex-stage"]


@given(st.lists(st.integers()), st.integers(1, 10))
def test_batches_hold_everything_in_order(items: list[int], size: int) -> None:
    cut = list(batches(items, size))
    assert [item for batch in cut for item in batch] == items
    assert all(len(batch) == size for batch in cut[:-1])
    assert all(cut)
