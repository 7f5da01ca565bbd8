"""A Redis server as tests want it: with or without the query engine, passwords, TLS, limits."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from rxindex.index.embedded import server_files

__all__ = ["RedisServer", "calls", "free_port"]


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def calls(client: redis.Redis, command: str) -> int:
    """Count how often the server was given a command so far.

    Args:
        client: of the server.
        command: as the server writes it: ``hset``, ``FT.SEARCH``.
    """
    told: dict[str, dict[str, int]] = client.info("commandstats")
    return told.get(f"cmdstat_{command}", {"calls": 0})["calls"]


class RedisServer:
    """A server on a free loopback port, in a folder of the test's.

    Args:
        folder: its data and log.
        options: words for its command line.
        search: load the query engine.
    """

    def __init__(self, folder: Path, *options: str, search: bool = True) -> None:
        self.folder = folder
        self.options = options
        self.search = search
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        server, module = server_files(self.folder)
        words = [str(server), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--dir", str(self.folder), "--logfile", str(self.folder / "log")]  # fmt: skip
        if self.search:
            words += ["--loadmodule", str(module)]
        self.process = subprocess.Popen([*words, *self.options])
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            # Any answer will do: with a password or TLS it is a refusal.
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        self.kill()
        raise AssertionError((self.folder / "log").read_text())

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Stop it at once, or as ``how`` says."""
        if self.process is not None:
            os.kill(self.process.pid, how)
            self.process.wait()
            self.process = None

    def client(self, **options: object) -> redis.Redis:
        """A connection of the test's own."""
        return redis.Redis(port=self.port, protocol=2, **options)  # type: ignore[arg-type]
