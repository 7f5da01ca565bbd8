"""A budget of calls that several processes share: each call takes its turn from a common row.

The row knows when the next call of all may start, and until when nobody may. A process takes one
turn at a time, so that calls that were given a turn before a refusal are at most one for each
process; the others hear of it with their next turn, and take over the slower pace.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple, Protocol

from rxindex.embed.pace import Gate, Ticket

__all__ = ["SharedGate", "Turn", "Turns"]


class Turn(NamedTuple):
    """What a process is told of the common row.

    Attributes:
        wait: seconds until the call may start; less than nothing for one that makes up for time
            that was lost.
        slowed: how many times the row has slowed down.
        spacing: seconds between two calls when it last did; 0 while it never has.
    """

    wait: float
    slowed: int
    spacing: float


class Turns(Protocol):
    """A common row of turns."""

    def take(self, spacing: float, made_up: float) -> Turn:
        """Take the next turn.

        Args:
            spacing: seconds until the turn after it.
            made_up: so many seconds back may a turn lie that nobody took.

        Raises:
            TransientError: the row is out of reach.
        """
        ...

    def refused(self, pause: float, spacing: float, slowed: int) -> Turn:
        """Have everybody pause, and slow down if nobody else has for the same burst.

        Args:
            pause: seconds.
            spacing: seconds between two calls from then on.
            slowed: how many times the row had slowed down, as far as the caller knew.

        Returns:
            What holds now.

        Raises:
            TransientError: the row is out of reach.
        """
        ...


class SharedGate(Gate):
    """A gate whose calls take their turns with those of other processes.

    How many calls are under way at once stays each process's own business.

    Args:
        most: most calls under way at once.
        first: calls under way at once to begin with.
        per_second: budget of calls a second, of all processes together.
        longest_pause: most seconds that one refusal may pause everything.
        turns: the common row.
    """

    def __init__(
        self, most: int, first: int, per_second: float, longest_pause: float, turns: Turns
    ) -> None:
        super().__init__(most, first, per_second, longest_pause)
        self._turns = turns
        self._slowed = 0
        #: Whoever has it takes the next turn and waits for it; the others wait for it.
        self._head = threading.Lock()

    def refused(self, ticket: Ticket, retry_after: float | None) -> float:
        """See `Gate.refused`; the other processes pause and slow down as well."""
        resumes = super().refused(ticket, retry_after)
        with self._lock:
            spacing, slowed = self._spacing(), self._slowed
        pause = min(max(0.0, resumes - time.monotonic()), self._longest_pause)
        told = self._turns.refused(pause, spacing, slowed)
        with self._lock:
            self._take_over(told)
        return resumes

    def _await_turn(self, stopped: threading.Event) -> None:
        self._lock.release()
        try:
            # Without the gate's own lock: calls must be able to end meanwhile.
            with self._head:
                while not self._is_turn(stopped):
                    pass
        finally:
            self._lock.acquire()

    def _is_turn(self, stopped: threading.Event) -> bool:
        """Take a turn and wait for it; give False if it has become void meanwhile."""
        with self._lock:
            self._check(stopped)
            spacing, made_up = self._next_spacing()
        turn = self._turns.take(spacing, made_up)
        with self._lock:
            self._take_over(turn)
            start = max(time.monotonic() + turn.wait, self._paused_until)
            return self._wait_for(start, stopped)

    def _take_over(self, turn: Turn) -> None:
        """Slow down as another process has."""
        if turn.slowed == self._slowed:
            return
        self._slowed = turn.slowed
        self._age += 1  # calls under way began at the old pace
        self._wall = self._pace = 1.0 / turn.spacing
        self._paced_at = self._slowed_at = time.monotonic()

    def _measured(self, now: float) -> float | None:
        """Give None: what this process is answered says nothing of the rate of all."""
        del now
        return None
