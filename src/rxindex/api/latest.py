"""A value that is read when somebody asks, though not more often than it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread

__all__ = ["Latest"]

T = TypeVar("T")


class Latest(Generic[T]):
    """Reads a value in a thread of its own; all who ask meanwhile wait for the same one.

    So what watches the service has an answer while every other thread waits for an index that
    hangs, and never more than one thread waits for this value.

    Args:
        read: gives the value, and may block.
        seconds: for which a value, or an error, stands.
    """

    def __init__(self, read: Callable[[], T], seconds: float) -> None:
        self._read = read
        self._seconds = seconds
        self._reading: asyncio.Task[T] | None = None
        self._stands_until = 0.0

    async def get(self, timeout: float | None = None) -> T:
        """Give the value.

        Args:
            timeout: seconds to wait for it; the reading goes on after them.

        Raises:
            TimeoutError: it was not there in time.
            Exception: whatever reading it raised.
        """
        loop = asyncio.get_running_loop()
        reading = self._reading
        if reading is None or (reading.done() and loop.time() >= self._stands_until):
            reading = self._reading = loop.create_task(self._get())
        return await asyncio.wait_for(asyncio.shield(reading), timeout)

    async def _get(self) -> T:
        try:
            return await to_thread.run_sync(self._read, limiter=CapacityLimiter(1))
        finally:
            self._stands_until = asyncio.get_running_loop().time() + self._seconds
