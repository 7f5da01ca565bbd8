"""`python -m benchmarks.load_client`: asks a service over many connections, as cheaply as can be.

A process of its own, so that its work is not the service's. It reads one JSON object from standard
input, what to ask and how, and writes one, what it took. Requests and commands are sent as bytes
that were made before; of replies only their end is looked for. It speaks HTTP/1.1 with keep-alive,
or Redis' protocol.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any

import hiredis
import msgspec
import uvloop

from rxindex.bench.timing import latencies

#: Bytes read at once.
CHUNK = 1 << 18


class Connection:
    """One connection, which answers one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @abstractmethod
    async def ask(self, question: Any) -> str:
        """Ask, and wait for the whole answer; gives what kind of one it was."""

    @classmethod
    async def open(cls, address: str) -> Connection:
        """Connect to ``host:port``, or to the path of a unix socket."""
        if address.startswith("/"):
            return cls(*await asyncio.open_unix_connection(address, limit=CHUNK))
        host, _, port = address.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port), limit=CHUNK))


class HttpConnection(Connection):
    """Asks a service; a question is a whole request."""

    async def ask(self, question: bytes) -> str:
        self.writer.write(question)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(length))
        return head[9:12].decode()


class RedisConnection(Connection):
    """Asks Redis; a question is what goes there at once, with the number of replies to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self.replies = hiredis.Reader()

    async def ask(self, question: Sequence[tuple[bytes, int]]) -> str:
        for commands, count in question:
            self.writer.write(commands)
            left = count
            while left:
                reply = self.replies.gets()
                if reply is False:
                    self.replies.feed(await self.reader.read(CHUNK))
                    continue
                left -= 1
                if isinstance(reply, hiredis.ReplyError):
                    return "error"
        return "ok"


class Times:
    """What was measured."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.kinds: Counter[str] = Counter()
        self.began = time.perf_counter()

    def add(self, since: float, kind: str) -> None:
        self.seconds.append(time.perf_counter() - since)
        self.kinds[kind] += 1

    def summary(self) -> dict[str, Any]:
        """Give rate and quantiles (see `Latencies`), and the number of answers of each kind."""
        elapsed = time.perf_counter() - self.began
        built: dict[str, Any] = msgspec.to_builtins(latencies(self.seconds, elapsed))
        return built | {"kinds": dict(self.kinds)}


async def closed_loop(
    connections: Sequence[Connection], questions: Sequence[Any], seconds: float
) -> Times:
    """Let each connection ask the next question as soon as the last one was answered."""
    times, waiting = Times(), iter(questions)
    end = times.began + seconds

    async def work(connection: Connection) -> None:
        for question in waiting:
            since = time.perf_counter()
            if since > end:
                return
            times.add(since, await connection.ask(question))

    await asyncio.gather(*map(work, connections))
    return times


async def open_loop(
    connections: Sequence[Connection], questions: Sequence[Any], seconds: float, rate: float
) -> Times:
    """Let questions come evenly, whether or not those before them were answered.

    A question's time is counted from when it came: one that waits for a connection waits for the
    service.
    """
    times, tasks = Times(), set[asyncio.Task[None]]()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)

    async def work(question: Any, since: float) -> None:
        connection = await free.get()
        times.add(since, await connection.ask(question))
        free.put_nowait(connection)

    for number, question in zip(range(round(seconds * rate)), questions, strict=False):
        due = times.began + number / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        task = asyncio.create_task(work(question, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return times


async def main() -> None:
    """Do what standard input says."""
    asked = json.load(sys.stdin)
    kind = HttpConnection if asked["protocol"] == "http" else RedisConnection
    connections = [await kind.open(asked["address"]) for _ in range(asked["connections"])]
    if asked["protocol"] == "http":
        questions = [one.encode() for one in asked["questions"]]
    else:
        questions = [
            [(base64.b64decode(commands), count) for commands, count in one]
            for one in asked["questions"]
        ]
    if "rate" in asked:
        times = await open_loop(connections, questions, asked["seconds"], asked["rate"])
    else:
        times = await closed_loop(connections, questions, asked["seconds"])
    for connection in connections:
        connection.writer.close()
    print(json.dumps(times.summary()))


if __name__ == "__main__":
    uvloop.run(main())
