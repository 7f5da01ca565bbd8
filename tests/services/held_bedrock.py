"""A Bedrock that stops answering when a test says so, until it says otherwise.

A test can then do something in the middle of a run, at a place that it knows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.aws.bedrock_endpoint import BedrockEndpoint, Behaviour, Counts

__all__ = ["HeldBedrock"]


class HeldBedrock(BedrockEndpoint):
    """See the module's text."""

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        super().__init__(behaviour)
        self._gate = threading.Condition()
        self._left: int | None = None
        self._held = 0

    def answer(self, http: Any, raw: bytes) -> None:
        """Answer one call, when that is allowed (the handler's business)."""
        with self._gate:
            if self._left == 0:
                self._held += 1
                self._gate.notify_all()
                self._gate.wait_for(lambda: self._left != 0)
                self._held -= 1
            if self._left:
                self._left -= 1
        super().answer(http, raw)

    @contextmanager
    def held_after(self, calls: int) -> Iterator[None]:
        """Answer so many calls more and let the others wait, from enter to exit."""
        with self._gate:
            self._left = calls
        try:
            yield
        finally:
            with self._gate:
                self._left = None
                self._gate.notify_all()

    def wait_until_held(self, seconds: float = 60.0) -> None:
        """Wait until a call waits.

        Raises:
            TimeoutError: none does.
        """
        with self._gate:
            if not self._gate.wait_for(lambda: self._held > 0, seconds):
                raise TimeoutError(f"no call was held in {seconds:g} seconds")

    def reset(self) -> None:
        """Behave as usual, and count from nothing."""
        with self._gate:
            self._left = None
            self._gate.notify_all()
        self.behaviour = Behaviour()
        self.counts = Counts()
