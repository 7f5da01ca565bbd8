"""When a run has to stop clean: at a deadline, on a signal, or near the end of a Lambda's time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stop"]


class Stop:
    """A wish to stop, which the stages of a run look at between two pieces of work.

    What is under way is finished: a text that was sent is written, a batch that was begun ends.

    Args:
        max_seconds: from now on; None for no limit.
        remaining: gives the seconds that are left, for a Lambda
            (``context.get_remaining_time_in_millis() / 1000``).
        margin: with ``remaining``: stop while that many seconds are left, to end in.
    """

    def __init__(
        self,
        max_seconds: float | None = None,
        remaining: Callable[[], float] | None = None,
        margin: float = 30.0,
    ) -> None:
        self._max_seconds = max_seconds
        self._deadline = None if max_seconds is None else time.monotonic() + max_seconds
        self._remaining = remaining
        self._margin = margin
        self._reason = ""
        self._asked = threading.Event()

    def ask(self, reason: str) -> None:
        """Ask to stop, from any thread or signal handler; the first reason counts."""
        self._reason = self._reason or reason
        self._asked.set()

    @property
    def reason(self) -> str:
        """Why to stop, for a person; empty while there is no reason to."""
        if not self._asked.is_set():
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self.ask(f"the {self._max_seconds:g} seconds that it was given were over")
            elif self._remaining is not None and self._remaining() <= self._margin:
                self.ask("its time was nearly over")
        return self._reason

    def __bool__(self) -> bool:
        """Tell whether to stop."""
        return bool(self.reason)

    def wait(self, seconds: float) -> bool:
        """Sleep, but not beyond the moment at which there is a reason to stop.

        Returns:
            Whether to stop.
        """
        if self._deadline is not None:
            seconds = min(seconds, max(0.0, self._deadline - time.monotonic()))
        self._asked.wait(seconds)
        return bool(self)

    @contextmanager
    def on_signals(self, *signals: signal.Signals) -> Iterator[None]:
        """Stop on these signals (SIGTERM if none is named); only from the main thread."""

        def handle(number: int, frame: FrameType | None) -> None:
            del frame
            self.ask(f"it received {signal.Signals(number).name}")

        before = {one: signal.signal(one, handle) for one in signals or (signal.SIGTERM,)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)
