"""Pools that share one budget of calls, through a row of turns in memory."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rxindex.embed.pool import AdaptivePool
from rxindex.embed.shared_pace import Turn
from rxindex.errors import EmbedderUnavailable, IndexUnavailable, Throttled

#: Calls a minute, of all pools together: one in twenty milliseconds.
BUDGET = 3000
SPACING = 60 / BUDGET
#: So many late calls may be made up for at once.
MADE_UP = 8


class Row:
    """A row of turns, as Redis keeps it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = self._paused = 0.0
        self.slowed, self.spacing = 0, 0.0
        self.refused_at = 0.0
        self.away = False

    def take(self, spacing: float, made_up: float) -> Turn:
        if self.away:
            raise IndexUnavailable("Redis does not answer")
        with self._lock:
            now = time.monotonic()
            turn = max(self._next, self._paused, now - made_up)
            self._next = turn + spacing
            return Turn(turn - now, self.slowed, self.spacing)

    def refused(self, pause: float, spacing: float, slowed: int) -> Turn:
        with self._lock:
            self.refused_at = now = time.monotonic()
            if slowed == self.slowed:
                self.slowed, self.spacing = self.slowed + 1, spacing
            self._paused = self._next = max(self._paused, now + pause)
            return Turn(self._paused - now, self.slowed, self.spacing)


class Service:
    """Notes when it is called; refuses the calls of one pool when it is told to."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {"one": [], "other": []}
        self.refuse = ""

    def call(self, pool: str) -> str:
        self.times[pool].append(time.monotonic())
        if pool == self.refuse:
            self.refuse = ""
            raise Throttled("slow down", retry_after=0.6)
        return pool

    @property
    def all(self) -> list[float]:
        return sorted(self.times["one"] + self.times["other"])


def pool(row: Row, retry_seconds: float = 30.0) -> AdaptivePool:
    return AdaptivePool(8, BUDGET, retry_seconds, first_concurrency=8, turns=row)


def test_two_pools_stay_under_the_budget_of_one() -> None:
    row, service = Row(), Service()
    began = time.monotonic()
    with pool(row) as one, pool(row) as other, ThreadPoolExecutor(2) as beside:
        runs = [
            beside.submit(one.run, service.call, ["one"] * 30),
            beside.submit(other.run, service.call, ["other"] * 30),
        ]
        assert [run.result() for run in runs] == [["one"] * 30, ["other"] * 30]
    for place, moment in enumerate(service.all):
        assert moment - began >= (place - MADE_UP) * SPACING


def test_a_refusal_of_one_pool_is_heard_by_the_other() -> None:
    row, service = Row(), Service()
    with pool(row) as one, pool(row) as other, ThreadPoolExecutor(2) as beside:
        running = beside.submit(other.run, service.call, ["other"] * 60)
        while len(service.times["other"]) < 10:
            time.sleep(0.005)
        service.refuse = "one"
        assert one.run(service.call, ["one"]) == ["one"]
        running.result()
        paces = [one.counters.calls_per_minute, other.counters.calls_per_minute]
    assert (one.counters.throttles, other.counters.throttles) == (1, 0)
    assert row.slowed == 1
    assert row.spacing > SPACING
    # At its pace it would have made thirty calls in that time. One may have had its turn already,
    # and those that had begun may have been slow to get through.
    pause = (row.refused_at, row.refused_at + 0.6)
    assert sum(pause[0] < moment < pause[1] for moment in service.times["other"]) <= 8
    assert all(pace is not None and pace <= BUDGET for pace in paces)


def test_a_row_out_of_reach_ends_the_run() -> None:
    row, service = Row(), Service()
    row.away = True
    with pool(row) as one, pytest.raises(IndexUnavailable):
        one.run(service.call, ["one"] * 3)
    assert service.all == []


def test_a_pool_that_is_closed_lets_go_of_all_that_wait_for_their_turn() -> None:
    row, service = Row(), Service()
    row.refused(60.0, SPACING, 0)
    one = pool(row)
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(one.run, service.call, ["one"] * 20)
        time.sleep(0.1)
        one.close()
        with pytest.raises(EmbedderUnavailable):
            running.result(10)
    assert service.all == []
