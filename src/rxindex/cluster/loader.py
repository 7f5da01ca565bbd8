"""What runs on a worker: it loads one partition after the other.

A Dask worker plugin holds what all partitions need. It is sent to each worker once, to those that
come later too, so that a task is no more than the name of a partition: neither the keys of tasks
nor their arguments, which dashboards and logs of Dask show, have a password in them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import msgspec
from distributed import WorkerPlugin, get_worker

from rxindex.cluster.report import PartitionDone
from rxindex.config import Settings
from rxindex.embed.base import Embedder
from rxindex.errors import RxindexError
from rxindex.index.catalogue import Catalogue
from rxindex.index.turns import RedisTurns
from rxindex.source.base import Partition
from rxindex.sync.load import Load, load_partition
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.shared import SharedLoad
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary
from rxindex.wiring import load_words, open_catalogue, open_rows

__all__ = ["Loader", "load_on_worker"]

#: Seconds between two looks at whether the load is to be stopped.
_LOOK = 1.0


class _Tools(msgspec.Struct, frozen=True):
    """What a partition is loaded with, and what closes it."""

    catalogue: Catalogue
    embedder: Embedder
    vocabulary: Vocabulary
    opened: ExitStack


class Loader(WorkerPlugin):
    """Loads partitions of one load on a worker.

    What it opens is kept for the next partition: a model takes a moment to load, and a service's
    pace a moment to be found.

    Args:
        settings: of the command; they travel as they are, passwords included.
        load: from `rxindex.sync.load.begin_load`.
        options: of the run.
    """

    def __init__(self, settings: Settings, load: Load, options: SyncOptions) -> None:
        self.name = f"rxindex-{settings.catalogue}-{load.loan.number}"
        self._settings = settings
        self._load = load
        self._options = options

    def setup(self, worker: Any) -> None:
        """Begin on a worker (Dask's own call). Nothing is opened before it is needed."""
        del worker
        self._lock = threading.Lock()
        self._idle: list[_Tools] = []
        self._over = False

    def teardown(self, worker: Any) -> None:
        """End on a worker (Dask's own call)."""
        del worker
        with self._lock:
            self._over = True
            idle, self._idle = self._idle, []
        for tools in idle:
            tools.opened.close()

    def load(self, partition: Partition, worker: str) -> PartitionDone:
        """Load a partition; an error of rxindex's is part of the answer.

        Args:
            partition: which.
            worker: this worker's name.
        """
        began = time.monotonic()
        report, failed = SyncReport(), None
        try:
            report = self._carry_out(partition)
        except RxindexError as error:
            # What it was raised from may be of a class that can't be sent.
            error.__cause__ = error.__context__ = None
            failed = error
        return PartitionDone(partition, worker, time.monotonic() - began, report, failed)

    def _carry_out(self, partition: Partition) -> SyncReport:
        with self._tools() as tools:
            stop, shared = Stop(), self._load.shared(tools.catalogue)
            if reason := shared.stop_reason():
                return SyncReport(stopped=reason)
            source = open_rows(self._settings, tools.vocabulary)
            with _listening(shared, stop):
                return load_partition(
                    self._load, partition, source, tools.embedder, tools.catalogue,
                    tools.vocabulary, self._options, stop=stop,
                )  # fmt: skip

    @contextmanager
    def _tools(self) -> Iterator[_Tools]:
        """Lend tools: a worker with several threads has as many as are at work at once."""
        with self._lock:
            tools = self._idle.pop() if self._idle else None
        tools = tools or self._open()
        try:
            yield tools
        except BaseException:
            tools.opened.close()
            raise
        with self._lock:
            if not self._over:
                self._idle.append(tools)
                return
        tools.opened.close()

    def _open(self) -> _Tools:
        with ExitStack() as stack:
            vocabulary = load_words(self._settings)
            catalogue, _ = stack.enter_context(open_catalogue(self._settings, patient=True))
            turns = RedisTurns(catalogue.client, self._load.shared(catalogue).turns)
            embedder = stack.enter_context(closing(self._settings.make_embedder(turns)))
            return _Tools(catalogue, embedder, vocabulary, stack.pop_all())


def load_on_worker(name: str, partition: Partition) -> PartitionDone:
    """Load a partition with the worker's loader of that name; what a task calls."""
    worker = get_worker()
    loader = worker.plugins[name]
    if not isinstance(loader, Loader):
        raise TypeError(f"the worker's plugin {name!r} is no loader of rxindex")
    return loader.load(partition, str(worker.name))


@contextmanager
def _listening(shared: SharedLoad, stop: Stop) -> Iterator[None]:
    """Ask to stop as soon as the whole load is to be stopped, from enter to exit."""
    over = threading.Event()

    def listen() -> None:
        while not over.wait(_LOOK):
            # A Redis that is away for a moment is the run's own affair.
            with suppress(RxindexError):
                if reason := shared.stop_reason():
                    stop.ask(reason)
                    return

    listener = threading.Thread(target=listen, name="rxindex-listener", daemon=True)
    listener.start()
    try:
        yield
    finally:
        over.set()
        listener.join()
