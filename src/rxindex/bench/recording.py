"""What searches send to Redis, recorded at the socket, and sent again with nothing around it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import redis
from redis.connection import AbstractConnection

from rxindex.bench.timing import Latencies, latencies
from rxindex.index.connect import Client, redis_errors

__all__ = ["Recorder", "Trip", "replay"]


class Trip:
    """One round trip.

    Attributes:
        sent: what went to Redis, as it was on the wire.
        replies: how many were read before the next was sent.
    """

    def __init__(self, sent: Any) -> None:
        self.sent = sent
        self.replies = 0


class Recorder:
    """A second connection to a Redis, of which every round trip is kept.

    Args:
        client: the first one; it is not changed.

    Attributes:
        client: the second one; close it.
    """

    def __init__(self, client: Client) -> None:
        self._trips: list[Trip] = []
        pool = client.connection_pool
        self.client: Client = redis.Redis(
            connection_pool=redis.ConnectionPool(
                connection_class=_recording(pool.connection_class, self._trips),
                **pool.connection_kwargs,
            )
        )

    def take(self) -> list[Trip]:
        """Give the round trips since the last time."""
        taken = list(self._trips)
        self._trips.clear()
        return taken


def _recording(kind: type[AbstractConnection], trips: list[Trip]) -> type[AbstractConnection]:
    """Make a kind of connection that keeps what it sends, and counts the replies."""

    class Recording(kind):  # type: ignore[misc, valid-type]
        def send_packed_command(self, command: Any, check_health: bool = True) -> None:
            # A generator can be read only once.
            words = command if isinstance(command, bytes | str) else list(command)
            trips.append(Trip(words))
            super().send_packed_command(words, check_health)

        def read_response(self, *args: Any, **kwargs: Any) -> Any:
            if trips:
                trips[-1].replies += 1
            return super().read_response(*args, **kwargs)

    return Recording


def replay(client: Client, recorded: Sequence[Sequence[Trip]], seconds: float) -> Latencies:
    """Send recorded searches again over one connection, over and over, for so many seconds.

    Args:
        client: to the Redis that they were recorded with.
        recorded: the round trips of each search; at least one search.
        seconds: how long. Each search is sent at least once.

    Raises:
        IndexUnavailable: Redis does not answer.
        TerminalError: it refuses a command that it took before.
    """
    pool = client.connection_pool
    with redis_errors("sending recorded searches again"):
        connection = pool.get_connection()
        took: list[float] = []
        begun = time.perf_counter()
        try:
            while not took or time.perf_counter() - begun < seconds:
                for trips in recorded:
                    since = time.perf_counter()
                    for trip in trips:
                        connection.send_packed_command(trip.sent)  # type: ignore[no-untyped-call]
                        for _ in range(trip.replies):
                            connection.read_response()
                    took.append(time.perf_counter() - since)
            elapsed = time.perf_counter() - begun
        finally:
            pool.release(connection)
    return latencies(took, elapsed)
