"""When the next call may start: how many at once, how far apart, and pauses for all."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import NamedTuple

__all__ = ["Gate", "GateClosed", "GateState", "Ticket"]

#: A refusal leaves this share of the calls under way at once, and of the pace.
_FEWER, _SLOWER = 0.7, 0.85
#: After a refusal the pace grows by this share of itself each second: quickly up to `_NEAR` of
#: the pace that was refused; from there on carefully, since the quota lies near, but by more the
#: longer nothing is refused (this share times the seconds since).
_QUICKLY, _CAREFULLY, _NEAR = 0.05, 0.02, 0.95
#: The measured rate trails the pace, and pauses lie in it: so much more is believed. Fewer answers
#: than `_ENOUGH` in the window say nothing. One refusal halves the pace at most.
_TRUST, _ENOUGH, _HALF = 1.2, 10, 0.5
#: The rate that the service answers is measured over so many seconds.
_WINDOW = 5.0
#: Late calls may be made up for by so many seconds' worth of calls at once, and so many calls.
_MAKE_UP, _MADE_UP_CALLS = 0.25, 8
#: First and longest pause, in seconds, after a refusal that does not say how long to wait.
_PAUSE, _LONGEST_PAUSE = 0.1, 2.0
#: Slowest pace that refusals lead to, in calls a second.
_SLOWEST = 0.2


class GateClosed(Exception):  # not an error: the pool's own way out of a wait
    """The gate was closed, or the run that waited at it has stopped."""


class Ticket(NamedTuple):
    """What a call under way holds.

    Attributes:
        age: how many times the gate had slowed down when the call started.
        started: time of the start, on the monotonic clock.
    """

    age: int
    started: float


class GateState(NamedTuple):
    """What a gate is set to.

    Attributes:
        started: calls started so far.
        limit: how many may be under way.
        per_second: pace of calls, or None while they are not paced.
    """

    started: int
    limit: int
    per_second: float | None


class Gate:
    """Lets calls start, no more than a number at once and spread evenly over time.

    Each call that is let in ends with exactly one of `answered`, `refused` and `left`.

    Args:
        most: most calls under way at once.
        first: calls under way at once to begin with.
        per_second: budget of calls a second; None for none.
        longest_pause: most seconds that one refusal may pause everything.
    """

    def __init__(
        self, most: int, first: int, per_second: float | None, longest_pause: float
    ) -> None:
        self._most = most
        self._limit = float(first)
        self._budget = per_second
        self._pace = per_second
        #: The pace at which the last refusal came.
        self._wall = 0.0
        self._longest_pause = longest_pause
        self._lock = threading.Lock()
        # Two queues at one lock: who waits for a place must not miss its call because somebody
        # who waits for a time was woken instead.
        self._place = threading.Condition(self._lock)
        self._turn = threading.Condition(self._lock)
        self._under_way = 0
        self._started = 0
        self._age = 0
        self._refusals_in_a_row = 0
        #: Between the calls that find out whether a refusal is over, in seconds.
        self._probe_spacing = 0.0
        #: Counts up when the turns that were given out are void.
        self._plan = 0
        self._next_start = 0.0
        self._paused_until = 0.0
        self._paced_at = self._slowed_at = time.monotonic()
        self._answers: deque[float] = deque()
        self._closed = False

    def state(self) -> GateState:
        """Give what the gate is set to."""
        with self._lock:
            return GateState(self._started, int(self._limit), self._pace)

    def enter(self, stopped: threading.Event) -> Ticket:
        """Wait until a call may start.

        Args:
            stopped: set by whoever no longer wants the call, who then calls `wake`.

        Raises:
            GateClosed: the gate is closed, or ``stopped`` is set.
        """
        with self._lock:
            self._await_place(stopped)
            self._under_way += 1
            try:
                self._await_turn(stopped)
            except BaseException:
                self._end()
                raise
            self._started += 1
            return Ticket(self._age, time.monotonic())

    def answered(self, ticket: Ticket) -> None:
        """End a call that the service answered."""
        now = time.monotonic()
        with self._lock:
            if self._refusals_in_a_row:
                self._refusals_in_a_row = 0
                self._new_plan()
            self._answers.append(now)
            while self._answers[0] < now - _WINDOW:
                self._answers.popleft()
            # Only what is used may grow: a limit that pacing never reaches says nothing.
            if self._under_way >= int(self._limit) and self._limit < self._most:
                self._limit = min(self._most, self._limit + 1.0 / self._limit)
            self._speed_up(now)
            self._end()

    def refused(self, ticket: Ticket, retry_after: float | None) -> float:
        """End a call that the service refused, pause everything, and slow down.

        Calls that started before the gate last slowed down don't slow it down again: they are
        the same burst.

        Returns:
            When calls start again, on the monotonic clock.
        """
        now = time.monotonic()
        with self._lock:
            if ticket.age == self._age:
                self._age += 1
                self._refusals_in_a_row += 1
                self._slow_down(now)
                longest = min(_LONGEST_PAUSE, self._longest_pause)
                pause = min(longest, _PAUSE * 2.0 ** min(self._refusals_in_a_row - 1, 10))
                self._probe_spacing = pause / 2
                if retry_after is None:
                    pause *= random.uniform(0.75, 1.0)  # noqa: S311  # jitter, nothing secret
                    self._pause(now + pause)
            resumes = self._paused_until
            if retry_after is not None:
                resumes = now + retry_after
                self._pause(now + min(retry_after, self._longest_pause))
            self._end()
            return max(now, resumes)

    def left(self, ticket: Ticket) -> None:
        """End a call that says nothing about the service's load."""
        del ticket
        with self._lock:
            self._end()

    def wake(self) -> None:
        """Make all who wait look again at whether they still should."""
        with self._lock:
            self._wake_all()

    def close(self) -> None:
        """Turn away all who wait or come."""
        with self._lock:
            self._closed = True
            self._wake_all()

    def _await_turn(self, stopped: threading.Event) -> None:
        """Take the next start in the spacing, and wait for it."""
        while True:
            self._check(stopped)
            spacing, made_up = self._next_spacing()
            turn = max(self._next_start, time.monotonic() - made_up, self._paused_until)
            self._next_start = turn + spacing
            if self._wait_for(turn, stopped):
                return

    def _spacing(self) -> float:
        """Give the seconds between two calls at the pace."""
        return 0.0 if self._pace is None else 1.0 / self._pace

    def _next_spacing(self) -> tuple[float, float]:
        """Give the seconds until the turn after the next, and how far back the next may lie."""
        spacing = self._spacing()
        made_up = min(_MAKE_UP, _MADE_UP_CALLS * spacing)
        return max(spacing, self._probe_spacing if self._refusals_in_a_row else 0.0), made_up

    def _wait_for(self, turn: float, stopped: threading.Event) -> bool:
        """Wait for a turn; give False if it has become void meanwhile."""
        plan = self._plan
        while (now := time.monotonic()) < turn and plan == self._plan:
            self._turn.wait(turn - now)
            self._check(stopped)
        return plan == self._plan

    def _await_place(self, stopped: threading.Event) -> None:
        while True:
            self._check(stopped)
            if self._under_way < int(self._limit):
                return
            self._place.wait()

    def _check(self, stopped: threading.Event) -> None:
        if self._closed or stopped.is_set():
            raise GateClosed

    def _wake_all(self) -> None:
        self._place.notify_all()
        self._turn.notify_all()

    def _end(self) -> None:
        self._under_way -= 1
        # Two: the place that is free now, and one more if the limit has just grown.
        self._place.notify(2)

    def _pause(self, until: float) -> None:
        self._paused_until = max(self._paused_until, until)
        self._new_plan()

    def _new_plan(self) -> None:
        """Have all who wait for their turn ask for another one."""
        self._plan += 1
        self._next_start = 0.0
        self._turn.notify_all()

    def _slow_down(self, now: float) -> None:
        """Set the pace below the one that was refused, and let fewer calls be under way."""
        self._limit = max(1.0, self._limit * _FEWER)
        self._slowed_at = self._paced_at = now
        if self._refusals_in_a_row > 1:
            return  # The same refusal goes on: the pause grows, and says it all.
        measured = self._measured(now)
        if self._pace is not None:
            believed = self._pace if measured is None else measured * _TRUST
            self._wall = min(self._pace, max(believed, self._pace * _HALF))
        elif measured is not None:
            self._wall = measured
        else:
            return  # Nothing is known yet; the pause and the lower limit must do.
        self._wall = max(self._wall, _SLOWEST)
        self._pace = max(self._wall * _SLOWER, _SLOWEST)

    def _measured(self, now: float) -> float | None:
        """Give the rate of answers lately, or None if there were too few to say."""
        lately = [moment for moment in self._answers if moment >= now - _WINDOW]
        return len(lately) / max(0.1, now - lately[0]) if len(lately) >= _ENOUGH else None

    def _speed_up(self, now: float) -> None:
        """Let the pace grow back with time."""
        if self._pace is None or self._pace == self._budget:
            return
        passed, self._paced_at = min(1.0, now - self._paced_at), now
        if self._pace < _NEAR * self._wall:
            share = _QUICKLY
        else:
            share = _CAREFULLY * (now - self._slowed_at)
        self._pace += share * self._pace * passed
        if self._budget is not None:
            self._pace = min(self._pace, self._budget)
