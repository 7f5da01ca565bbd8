"""Rates: a minute's quota at once, then one by one; each key for itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rxindex.api.keys import ApiKey
from rxindex.api.rates import Rates


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def key(name: str = "a", quota: int | None = None) -> ApiKey:
    return ApiKey(name, "0" * 64, "", quota)


def test_a_quota_may_come_at_once_and_comes_back_evenly() -> None:
    clock = Clock()
    rates = Rates(3, clock)
    taken = [rates.take(key()) for _ in range(4)]
    assert [one.allowed for one in taken] == [True, True, True, False]
    assert [one.left for one in taken] == [2, 1, 0, 0]
    assert taken[-1].retry_after == 20
    clock.now += 19.9
    assert not rates.take(key()).allowed
    clock.now += 0.2
    assert rates.take(key()).allowed
    assert not rates.take(key()).allowed


def test_each_key_has_its_own_quota() -> None:
    rates = Rates(1, Clock())
    assert rates.take(key("a")).allowed
    assert not rates.take(key("a")).allowed
    assert rates.take(key("b")).allowed
    assert [rates.take(key("c", 2)).allowed for _ in range(3)] == [True, True, False]


def test_what_is_left_is_told_in_headers() -> None:
    rates = Rates(60, Clock())
    told = rates.take(key()).headers()
    assert told == {"RateLimit-Policy": '"key";q=60;w=60', "RateLimit": '"key";r=59;t=1'}
    for _ in range(59):
        rates.take(key())
    assert rates.take(key()).headers()["Retry-After"] == "1"


@given(st.integers(1, 1000), st.lists(st.floats(0, 120), min_size=1, max_size=300))
def test_never_more_than_the_quota_and_what_came_back(quota: int, pauses: list[float]) -> None:
    clock = Clock()
    rates = Rates(quota, clock)
    allowed = 0
    for pause in pauses:
        clock.now += pause
        one = rates.take(key())
        allowed += one.allowed
        assert one.allowed or one.retry_after >= 1
        assert 0 <= one.left < quota
    elapsed = clock.now - 1000.0
    assert allowed <= quota + elapsed * quota / 60 + 1e-6


@given(st.integers(1, 1000), st.integers(0, 50))
def test_who_waits_as_long_as_told_is_let_in(quota: int, more: int) -> None:
    clock = Clock()
    rates = Rates(quota, clock)
    for _ in range(quota + more):
        last = rates.take(key())
    clock.now += last.retry_after
    assert rates.take(key()).allowed
