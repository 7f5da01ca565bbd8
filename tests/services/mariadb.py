"""A real MariaDB server for the tests, on its own folder, socket and port.

Works as root and as an ordinary user. Nothing is shared between two servers, so that test workers
do not meet.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import pymysql
from pymysql.cursors import Cursor

__all__ = ["MariaDB"]

#: On purpose full of characters that mean something in a URL.
PASSWORD = "p@ss:w/rd?#%&+ 1"
#: A fifth of the default: a server's data is copied in a moment.
_LOG_SIZE = "--innodb-log-file-size=20M"


class MariaDB:
    """A MariaDB server, from enter to exit.

    Args:
        folder: where its data goes; the default is a temporary folder, removed on exit.
        binlog: whether to write a binary log in row format with full rows, to be followed.
        options: more options for ``mariadbd``, ``--require-secure-transport=ON`` say.

    Attributes:
        user, password: of the ordinary user, who may do anything with any database.
        port: on 127.0.0.1.
        socket: the unix socket.
        log: the server's error log, kept until exit.
    """

    user = "rx"
    password = PASSWORD

    def __init__(
        self,
        folder: Path | None = None,
        *,
        binlog: bool = False,
        options: Sequence[str] = (),
    ) -> None:
        self._own_folder = folder is None
        self._given = folder
        self._binlog = binlog
        self.options = list(options)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Not pytest's tmp_path: a unix socket's path may have 107 characters at most.
        self.folder = self._given or Path(tempfile.mkdtemp(prefix="rx-db-"))
        self.socket = self.folder / "db.sock"
        self.log = self.folder / "error.log"
        self.port = _free_port()
        try:
            self._install()
            self.start()
            self._create_user()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()
        if self._own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    # -- the process ---------------------------------------------------------------------------

    def _install(self) -> None:
        # A server that starts removes temporary tables of the one before, and with a folder in
        # common those of its neighbours.
        (self.folder / "tmp").mkdir(exist_ok=True)
        shutil.copytree(_empty_data(), self.folder / "data")

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RuntimeError: it ended, or does not answer within 60 seconds; with its log.
        """
        command = [
            "mariadbd",
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            f"--pid-file={self.folder / 'db.pid'}",
            f"--log-error={self.log}",
            f"--tmpdir={self.folder / 'tmp'}",
            "--character-set-server=utf8mb4",
            "--collation-server=utf8mb4_general_ci",
            # Commits outlive the process, but need not outlive the machine.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-flush-method=nosync",
            "--innodb-buffer-pool-size=128M",
            _LOG_SIZE,
            "--skip-name-resolve",
            *_as_root(),
            *self._binlog_options(),
            *self.options,
        ]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mariadbd did not start:\n{self.log_text()}")
            time.sleep(0.05)  # between two attempts; there is nothing to be notified by

    def _answers(self) -> bool:
        # The socket is tried first by itself: pymysql leaves it open when it can't connect.
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self.socket)):
                return False
        try:
            self.execute("SELECT 1")
        except pymysql.err.OperationalError:
            return False
        return True

    def _binlog_options(self) -> list[str]:
        if not self._binlog:
            return []
        return [
            f"--log-bin={self.folder / 'binlog'}",
            "--server-id=1",
            "--binlog-format=ROW",
            "--binlog-row-image=FULL",
            "--binlog-row-metadata=FULL",
        ]

    def stop(self) -> None:
        """Shut the server down, as a database operator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server: connections break without a word."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=60)
            self._process = None

    def restart(self) -> None:
        """Stop and start again, on the same port with the same data."""
        self.stop()
        self.start()

    def log_text(self) -> str:
        """Give the server's error log."""
        return self.log.read_text(errors="replace") if self.log.exists() else "(no log)"

    # -- using it ------------------------------------------------------------------------------

    def _create_user(self) -> None:
        for host in ("127.0.0.1", "localhost", "%"):
            self.execute("CREATE USER %s@%s IDENTIFIED BY %s", (self.user, host, self.password))
            self.execute("GRANT ALL PRIVILEGES ON *.* TO %s@%s", (self.user, host))

    def execute(
        self, statement: str, arguments: Sequence[object] = (), database: str | None = None
    ) -> list[tuple[object, ...]]:
        """Run one statement as root, commit, and give its rows."""
        connection = pymysql.connect(
            unix_socket=str(self.socket),
            user="root",
            database=database,
            charset="utf8mb4",
            # Or else it reads all the authorities of this machine first, every time.
            ssl_disabled=True,
        )
        try:
            with connection.cursor(Cursor) as cursor:
                cursor.execute(statement, arguments or None)
                rows = list(cursor.fetchall())
            connection.commit()
            return rows
        finally:
            connection.close()

    def create_database(self, name: str) -> str:
        """Create an empty database (dropping one of that name) and give its URL."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")
        self.execute(f"CREATE DATABASE `{name}`")
        return self.url(name)

    def url(
        self,
        database: str,
        *,
        user: str | None = None,
        password: str | None = None,
        host: str = "127.0.0.1",
        **options: str,
    ) -> str:
        """Give the URL of a database, for the ordinary user unless told otherwise."""
        secret = quote(self.password if password is None else password, safe="")
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in options.items())
        address = f"mysql://{user or self.user}:{secret}@{host}:{self.port}/{database}"
        return f"{address}?{query}" if query else address


@cache
def _empty_data() -> Path:
    """Make the data of a server that holds nothing yet; once, since it takes two seconds."""
    folder = Path(tempfile.mkdtemp(prefix="rx-db-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "tmp").mkdir()
    done = subprocess.run(
        [
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={folder / 'data'}",
            f"--tmpdir={folder / 'tmp'}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            _LOG_SIZE,
            *_as_root(),
        ],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"mariadb-install-db failed:\n{done.stdout!r}\n{done.stderr!r}")
    return folder / "data"


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
