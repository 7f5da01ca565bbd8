"""When a run has to stop."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from rxindex.sync.stop import Stop


def test_there_is_no_reason_until_there_is_one() -> None:
    stop = Stop()
    assert not stop
    assert stop.reason == ""
    stop.ask("enough")
    assert stop
    assert stop.reason == "enough"


def test_the_first_reason_counts() -> None:
    stop = Stop(max_seconds=0)
    assert "0 seconds" in stop.reason
    stop.ask("too late")
    assert "0 seconds" in stop.reason
    asked = Stop(max_seconds=0)
    asked.ask("first")
    assert asked.reason == "first"


def test_a_deadline_comes_by_itself() -> None:
    assert not Stop(max_seconds=60)
    stop = Stop(max_seconds=0.05)
    assert stop.wait(10)
    assert stop.reason == "the 0.05 seconds that it was given were over"


@pytest.mark.parametrize(("left", "stops"), [(31.0, False), (30.0, True), (0.0, True)])
def test_a_lambda_stops_while_the_margin_is_left(left: float, stops: bool) -> None:
    assert bool(Stop(remaining=lambda: left)) is stops
    assert not Stop(remaining=lambda: left, margin=-1)


def test_what_is_left_is_asked_for_each_time_until_it_is_little() -> None:
    left = [40.0, 35.0, 20.0, 50.0]
    stop = Stop(remaining=lambda: left.pop(0))
    assert [bool(stop) for _ in range(5)] == [False, False, True, True, True]
    assert left == [50.0]


def test_a_sleeper_is_woken_by_whoever_asks() -> None:
    stop = Stop()
    asking = threading.Timer(0.05, stop.ask, ["wake up"])
    asking.start()
    begun = time.monotonic()
    assert stop.wait(30)
    assert time.monotonic() - begun < 10
    asking.join()


def test_a_short_sleep_ends_without_a_reason() -> None:
    assert not Stop(max_seconds=60).wait(0.01)


def test_a_signal_asks_and_the_handler_of_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stop = Stop()
    with stop.on_signals():
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(10)
    assert stop.reason == "it received SIGTERM"
    assert signal.getsignal(signal.SIGTERM) is before


def test_other_signals_may_be_named() -> None:
    stop = Stop()
    with stop.on_signals(signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), signal.SIGUSR2)
        assert stop.wait(10)
    assert stop.reason == "it received SIGUSR2"
