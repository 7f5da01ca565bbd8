from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxindex.embed.pool import AdaptivePool
from rxindex.errors import (
    EmbedAccessDenied,
    EmbedderUnavailable,
    EmbedRejected,
    RxindexError,
    Throttled,
)


class Service:
    """Doubles numbers, after it has refused a number of calls."""

    def __init__(self, errors: list[RxindexError] | None = None, seconds: float = 0.0) -> None:
        self.errors = errors or []
        self.seconds = seconds
        self.times: list[float] = []
        self.under_way = self.most_under_way = 0
        self._lock = threading.Lock()

    def double(self, number: int) -> int:
        with self._lock:
            self.times.append(time.monotonic())
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            error = self.errors.pop() if self.errors else None
        time.sleep(self.seconds)
        with self._lock:
            self.under_way -= 1
        if error is not None:
            raise error
        return 2 * number


@settings(max_examples=25)
@given(items=st.lists(st.integers(), max_size=40), most=st.integers(1, 6))
def test_results_come_in_the_order_of_the_items(items: list[int], most: int) -> None:
    with AdaptivePool(max_concurrency=most) as pool:
        assert pool.run(lambda number: number + 1, items) == [number + 1 for number in items]


def test_no_more_calls_are_under_way_than_allowed() -> None:
    service = Service(seconds=0.005)
    with AdaptivePool(max_concurrency=4, first_concurrency=4) as pool:
        pool.run(service.double, range(60))
    assert 2 <= service.most_under_way <= 4


def test_the_limit_grows_with_answers() -> None:
    service = Service(seconds=0.002)
    with AdaptivePool(max_concurrency=16, first_concurrency=1) as pool:
        pool.run(service.double, range(300))
        assert 8 < pool.counters.limit <= 16


def test_throttled_items_do_not_fail_and_the_pool_slows_down_and_recovers() -> None:
    service = Service([Throttled("slow down") for _ in range(7)], seconds=0.002)
    with AdaptivePool(max_concurrency=8, first_concurrency=8) as pool:
        first = pool.run(service.double, range(20))
        slowed = pool.counters
        second = pool.run(service.double, range(60))
        recovered = pool.counters
    assert first == [2 * number for number in range(20)]
    assert second == [2 * number for number in range(60)]
    assert (slowed.throttles, slowed.answered, slowed.calls) == (7, 20, 27)
    assert slowed.limit < 8
    assert recovered.throttles == 7
    assert recovered.limit > slowed.limit


def test_one_burst_of_refusals_slows_down_once() -> None:
    together = threading.Barrier(8)
    refused = itertools.count()

    def call(number: int) -> int:
        if next(refused) < 8:
            together.wait()
            raise Throttled("slow down", retry_after=0.05)
        return number

    with AdaptivePool(max_concurrency=8, first_concurrency=8) as pool:
        pool.run(call, range(8))
        # 8 * 0.7, not 8 * 0.7 ** 8.
        assert pool.counters.limit >= 5


def test_the_whole_pool_waits_as_long_as_the_service_asks() -> None:
    service = Service([Throttled("slow down", retry_after=0.5)], seconds=0.01)
    with AdaptivePool(max_concurrency=4, first_concurrency=1) as pool:
        assert pool.run(service.double, range(10)) == [2 * number for number in range(10)]
    assert service.times[1] - service.times[0] >= 0.5


def test_an_item_throttled_for_too_long_fails_as_throttled() -> None:
    def refuse(number: int) -> int:
        raise Throttled("slow down")

    with AdaptivePool(max_concurrency=4, retry_seconds=0.3) as pool:
        started = time.monotonic()
        results = pool.run(refuse, range(50))
        assert time.monotonic() - started < 10
        assert all(isinstance(result, Throttled) for result in results)
        assert pool.counters.throttles == pool.counters.calls


def test_a_wait_longer_than_the_bound_fails_at_once() -> None:
    def refuse(number: int) -> int:
        raise Throttled("come back tomorrow", retry_after=86_400)

    with AdaptivePool(max_concurrency=4, retry_seconds=5) as pool:
        started = time.monotonic()
        results = pool.run(refuse, [1])
        assert time.monotonic() - started < 4
        assert isinstance(results[0], Throttled)


def test_failures_of_the_service_are_tried_again() -> None:
    service = Service([EmbedderUnavailable("hung up") for _ in range(5)])
    with AdaptivePool(max_concurrency=4) as pool:
        assert pool.run(service.double, range(10)) == [2 * number for number in range(10)]
        assert (pool.counters.unavailable, pool.counters.throttles) == (5, 0)
        # Not a sign of too many calls: nothing is paced.
        assert pool.counters.calls_per_minute is None


def test_a_service_that_is_down_fails_all_items_within_the_bound_of_one() -> None:
    def down(number: int) -> int:
        raise EmbedderUnavailable("nobody there")

    with AdaptivePool(max_concurrency=2, retry_seconds=0.4) as pool:
        started = time.monotonic()
        results = pool.run(down, range(500))
        assert time.monotonic() - started < 5
    assert all(isinstance(result, EmbedderUnavailable) for result in results)


def test_one_item_that_always_fails_leaves_the_others() -> None:
    def call(number: int) -> int:
        if number == 3:
            raise EmbedderUnavailable("not this one")
        return number

    with AdaptivePool(max_concurrency=2, retry_seconds=0.3) as pool:
        results = pool.run(call, range(40))
    assert isinstance(results[3], EmbedderUnavailable)
    assert [result for result in results if isinstance(result, int)] == [
        number for number in range(40) if number != 3
    ]


def test_a_rejected_item_fails_alone_and_is_not_tried_again() -> None:
    calls: list[int] = []

    def call(number: int) -> int:
        calls.append(number)
        if number == 1:
            raise EmbedRejected("too long")
        return number

    with AdaptivePool(max_concurrency=2) as pool:
        results = pool.run(call, [0, 1, 2])
        assert pool.counters.answered == 3
    assert sorted(calls) == [0, 1, 2]
    assert isinstance(results[1], EmbedRejected)
    assert (results[0], results[2]) == (0, 2)


@pytest.mark.parametrize("error", [EmbedAccessDenied("no"), ZeroDivisionError("a fault")])
def test_a_fatal_error_stops_everything_at_once(error: Exception) -> None:
    calls: list[int] = []

    def call(number: int) -> int:
        calls.append(number)
        raise error

    with AdaptivePool(max_concurrency=4) as pool, pytest.raises(type(error)):
        pool.run(call, range(1000))
    assert len(calls) <= 4


def test_calls_are_spread_evenly_under_a_budget() -> None:
    service = Service()
    with AdaptivePool(max_concurrency=16, requests_per_minute=6000) as pool:
        pool.run(service.double, range(80))
        assert pool.counters.calls_per_minute == pytest.approx(6000)
    times = sorted(service.times)
    for first, last in itertools.combinations(range(len(times)), 2):
        # 100 a second; what is late may be made up for by a few at once.
        assert last - first <= 100 * (times[last] - times[first]) + 20
    assert times[-1] - times[0] >= 0.5


def test_several_runs_share_the_limit() -> None:
    service = Service(seconds=0.002)
    with AdaptivePool(max_concurrency=3, first_concurrency=3) as pool:
        threads = [
            threading.Thread(target=pool.run, args=(service.double, range(20))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert pool.counters.answered == 80
    assert service.most_under_way <= 3


def test_closing_ends_a_run_that_waits() -> None:
    refused = threading.Event()
    caught: list[BaseException] = []

    def refuse(number: int) -> int:
        refused.set()
        raise Throttled("slow down", retry_after=60)

    pool = AdaptivePool(max_concurrency=2, retry_seconds=120)

    def run() -> None:
        try:
            pool.run(refuse, range(5))
        except EmbedderUnavailable as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert refused.wait(10)
    pool.close()
    pool.close()
    thread.join(10)
    assert not thread.is_alive()
    assert "closed" in str(caught[0])
    with pytest.raises(EmbedderUnavailable, match="closed"):
        pool.run(refuse, range(5))


def test_an_interrupt_ends_the_run_at_once() -> None:
    code = (
        "import sys\n"
        "from rxindex.embed.pool import AdaptivePool\n"
        "from rxindex.errors import Throttled\n"
        "def refuse(number):\n"
        "    print('refused', flush=True)\n"
        "    raise Throttled('slow down', retry_after=60)\n"
        "try:\n"
        "    AdaptivePool(4, retry_seconds=120).run(refuse, range(100))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "refused\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
