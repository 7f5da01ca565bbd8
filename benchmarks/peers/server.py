"""A fresh Redis for each peer: the same server, the same query engine, the same settings."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from rxindex.index.connect import Client, connect
from rxindex.index.embedded import EmbeddedRedis, server_files

__all__ = ["fresh_redis"]

#: What the embedded Redis is started with, as far as it bears on time and memory.
SETTINGS = """
--appendonly yes --appendfsync everysec --maxmemory-policy noeviction
--hash-max-listpack-value 8192 --hash-max-listpack-entries 128
"""


@contextmanager
def fresh_redis(folder: Path, *, json: bool) -> Iterator[tuple[str, Client]]:
    """Start a Redis in an empty folder, and stop it.

    Args:
        folder: for its data; made.
        json: load the JSON module, too, which rxindex' embedded Redis has no use for.

    Yields:
        Its address, and a connection.
    """
    if not json:
        with EmbeddedRedis(folder) as server:
            yield server.url, server.start()
        return
    folder.mkdir(parents=True)
    socket = folder / "redis.sock"
    program, search = server_files(folder)
    documents = search.with_name("rejson.so")
    documents.chmod(0o755)  # Redis loads no module that is not executable
    with subprocess.Popen(
        [program, "--port", "0", "--unixsocket", socket, "--dir", folder,
         "--logfile", folder / "redis.log", "--save", "", *SETTINGS.split(),
         "--loadmodule", search, "--loadmodule", documents],
    ) as process:  # fmt: skip
        try:
            client = _connected(f"unix://{socket}", process)
            yield f"unix://{socket}", client
            client.close()
        finally:
            process.terminate()


def _connected(url: str, process: subprocess.Popen[bytes]) -> Client:
    """Connect as soon as the server answers."""
    probe = redis.Redis.from_url(url)
    while process.poll() is None:
        try:
            probe.ping()
            break
        except redis.ConnectionError:
            time.sleep(0.02)
    probe.close()
    return connect(url)
