"""A tap on the way to Redis: what a service sends there, round trip by round trip."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import hiredis

#: Bytes read at once.
CHUNK = 1 << 18


class RedisTap:
    """Passes on what comes to a unix socket, and keeps what was sent; from enter to exit.

    Args:
        target: socket of the Redis.
        socket: where to listen.
    """

    def __init__(self, target: Path, socket: Path) -> None:
        self.socket = socket
        self._target = target
        self._sent: list[bytearray] = []
        self._answered = True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._loop.run_until_complete(
            asyncio.start_unix_server(self._pass_on, self.socket, limit=CHUNK)
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def take(self) -> list[tuple[bytes, int]]:
        """Give what was sent since the last time: commands, and how many replies they had."""
        sent, self._sent = self._sent, []
        return [(bytes(one), _count(one)) for one in sent]

    def _run(self) -> None:
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        redis_reader, redis_writer = await asyncio.open_unix_connection(self._target, limit=CHUNK)

        async def back() -> None:
            while data := await redis_reader.read(CHUNK):
                self._answered = True
                writer.write(data)
                await writer.drain()
            writer.close()

        answering = asyncio.create_task(back())
        while data := await reader.read(CHUNK):
            # What comes before there was an answer belongs to the same round trip.
            if self._answered or not self._sent:
                self._sent.append(bytearray())
            self._answered = False
            self._sent[-1] += data
            redis_writer.write(data)
            await redis_writer.drain()
        redis_writer.close()
        await answering


def _count(commands: bytes | bytearray) -> int:
    reader, count = hiredis.Reader(), 0
    reader.feed(bytes(commands))
    while reader.gets() is not False:
        count += 1
    return count
