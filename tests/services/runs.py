"""Runs in processes of their own that can be killed, paused and looked at.

A process that is started anew needs a second to import everything. So one process imports all of
it once, makes no connection and no thread, and forks for each run that it is asked for. What a
run did is in its exit code, the one that the command line has, and in a file with its report.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import msgspec
import redis
from tests.services.fdb import create_tables, package

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import RxindexError
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.model import PackageRow
from rxindex.source import open_source
from rxindex.source.base import Source
from rxindex.sync.assemble import RowCounts
from rxindex.sync.options import SyncOptions
from rxindex.sync.plan import plan_batch
from rxindex.sync.reading import drug_batches
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary, load_vocabulary

__all__ = ["TODAY", "Order", "Outcome", "Run", "RunServer", "carry_out"]

#: Decides what is obsolete in all runs of the tests.
TODAY = "2019-05-01"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a process is to run.

    Attributes:
        redis: URL of the server.
        source: URL of the catalogue's database.
        catalogue: its name in Redis.
        options: for `SyncOptions`.
        dimensions: of the fake vectors.
        delay: seconds that each text takes.
        page_size: rows in one query.
        pause_before: the process stops itself (SIGSTOP) before it sends Redis the first command
            with this in it; empty for never. By the word the command is ready to go: whatever was
            looked at before it was sent, was looked at.
        pause_at_batch: likewise, after so many batches were written.
    """

    redis: str
    source: str
    catalogue: str
    options: dict[str, Any] = {}
    dimensions: int = 16
    delay: float = 0.0
    page_size: int = 10_000
    pause_before: str = ""
    pause_at_batch: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        code: what the process exited with; minus the signal that ended it.
        report: if it came to its end.
        error: the name of the error that ended it.
        message: the error's.
    """

    code: int
    report: SyncReport | None = None
    error: str = ""
    message: str = ""

    @property
    def done(self) -> SyncReport:
        """The report of a run that must have come to its end."""
        assert self.report is not None, f"{self.error}: {self.message} (exit code {self.code})"
        return self.report


class Run:
    """A run under way in a process of its own."""

    def __init__(self, server: RunServer, pid: int, file: Path) -> None:
        self.pid = pid
        self._server = server
        self._file = file

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal; one that has ended stays a zombie until `wait`, so it is never
        somebody else that is hit."""
        os.kill(self.pid, how)

    def wait(self) -> Outcome:
        """Wait until it has ended."""
        code = os.waitstatus_to_exitcode(self._server.ask("wait", self.pid, 0))
        if code < 0 or not self._file.exists():
            return Outcome(code)
        return msgspec.structs.replace(
            msgspec.json.decode(self._file.read_bytes(), type=Outcome), code=code
        )

    def wait_until_paused(self) -> None:
        """Wait until it has stopped itself."""
        status = self._server.ask("wait", self.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), f"it was not paused: {status}"

    def resume(self) -> None:
        """Let a paused run go on."""
        self.kill(signal.SIGCONT)


class RunServer:
    """The process that forks, from enter to exit.

    Args:
        folder: for reports and the runs' temporary files.
        source: URL of a catalogue to know by heart, so that runs over it are quick.
    """

    def __init__(self, folder: Path, source: str = "") -> None:
        self.folder = folder
        self._source = source
        self._count = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # What a killed run leaves in the temporary folder goes with the test's own.
        environment = {"TMPDIR": str(self.folder), "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.services.runs", self._source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment | {"OPENBLAS_NUM_THREADS": "1"},
        )
        self.ask("hello", 0, 0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.communicate()
            assert self._process.returncode == 0

    def start(self, order: Order) -> Run:
        """Start a run in a process of its own."""
        self._count += 1
        file = self.folder / f"run-{self._count}.json"
        return Run(self, self.ask("run", order, str(file)), file)

    def carry_out(self, order: Order) -> Outcome:
        """Start a run and wait until it has ended."""
        return self.start(order).wait()

    def ask(self, *words: Any) -> int:
        """Ask for one thing (for `Run` and the methods above)."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        process.stdin.write(msgspec.json.encode(words) + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, "the process that forks has ended"
        return int(line)


class _Pausing(redis.Connection):
    """A connection that stops its own process before it sends a certain word."""

    word = b""

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        parts = command if isinstance(command, list | tuple) else [command]
        word = _Pausing.word
        if word and any(word in part for part in parts):
            _Pausing.word = b""
            os.kill(os.getpid(), signal.SIGSTOP)
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]


@contextmanager
def _client(url: str) -> Iterator[redis.Redis]:
    client = connect(url)
    pool = client.connection_pool
    pool.disconnect()
    pool.reset()  # or else the connection that was made would be made anew, as it was
    pool.connection_class = _Pausing
    try:
        yield client
    finally:
        client.close()


def carry_out(
    order: Order, vocabulary: Vocabulary, told: Callable[[SyncReport, int], None] | None = None
) -> SyncReport:
    """Carry out an order in this process."""
    _Pausing.word = order.pause_before.encode()
    batches = 0

    def progress(report: SyncReport, packages: int) -> None:
        nonlocal batches
        batches += 1
        if batches == order.pause_at_batch:
            os.kill(os.getpid(), signal.SIGSTOP)
        if told is not None:
            told(report, packages)

    options = msgspec.convert({"today": TODAY, **order.options}, SyncOptions)
    with _client(order.redis) as client:
        return sync(
            open_source(order.source, page_size=order.page_size),
            FakeEmbedder(order.dimensions, order.delay),
            Catalogue(client, order.catalogue),
            probe(client),
            vocabulary,
            options,
            progress,
        )


def _child(order: Order, file: str, vocabulary: Vocabulary) -> int:
    code, outcome = 1, Outcome(1)
    try:
        outcome = Outcome(0, carry_out(order, vocabulary))
        code = 0
    except RxindexError as error:
        code = error.exit_code
        outcome = Outcome(code, None, type(error).__name__, str(error))
    except BaseException as error:
        traceback.print_exc()
        outcome = Outcome(1, None, type(error).__name__, str(error))
    Path(file).write_bytes(msgspec.json.encode(outcome))
    return code


def _warm_up(source: str) -> Vocabulary:
    """Import what a run imports when it needs it, and have read what it reads."""
    words = load_vocabulary()
    with tempfile.TemporaryDirectory() as folder:
        if not source:
            source = f"sqlite:///{folder}/fdb.db"
            create_tables(source, [package(1, "WARFARIN 5 MG TABLET", 1)])
        with open_source(source) as rows:
            for batch in drug_batches(_all(rows), words, TODAY, RowCounts(), 500):
                planned = plan_batch(batch, "none", None)
                FakeEmbedder(16).embed([one.text for one in planned.drugs])
    return words


def _all(source: Source) -> list[PackageRow]:
    return [row for part in source.partitions(1) for row in source.rows(part)]


def _serve(source: str, asked: IO[bytes], answers: IO[bytes]) -> None:
    vocabulary = _warm_up(source)
    gc.collect()
    gc.freeze()  # so that children share the pages
    for line in asked:
        what, *words = msgspec.json.decode(line)
        answer = 0
        if what == "run":
            answer = os.fork()
            if not answer:
                _end_as_child(msgspec.convert(words[0], Order), words[1], vocabulary)
        elif what == "wait":
            answer = os.waitpid(words[0], words[1])[1]
        answers.write(b"%d\n" % answer)
        answers.flush()


def _end_as_child(order: Order, file: str, vocabulary: Vocabulary) -> None:
    """Run and end, whatever happens: a child must never come back into the loop."""
    code = 1
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1):
            os.dup2(nothing, number)
        code = _child(order, file, vocabulary)
    finally:
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
