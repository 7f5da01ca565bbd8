"""A sync whose partitions are loaded by several workers at once.

The partitions of a bulk load (`rxindex.sync.load`) become tasks of Dask. Several times more of
them are cut than there are workers, so that nobody waits long for the last one. A worker that
dies is replaced, or its partition goes to another; to load a partition twice does no harm. When
all are done, an ordinary sync, here, ends the load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Any

import msgspec
from distributed import CancelledError, Client, Future, KilledWorker

from rxindex.cluster.loader import Loader, load_on_worker
from rxindex.cluster.report import ClusterReport, PartitionDone, sum_up
from rxindex.cluster.workers import slots
from rxindex.config import Settings
from rxindex.errors import RxindexError, WorkersUnavailable
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import borrow
from rxindex.source.base import Partition
from rxindex.sync.events import Observer
from rxindex.sync.load import Load, abandon_load, begin_load, end_load
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.sync.shared import SharedLoad
from rxindex.sync.stop import Stop
from rxindex.wiring import load_words, open_rows

__all__ = ["Tell", "sync_on_workers"]

#: Partitions for each that can be under way at once.
_PARTS = 8
#: Seconds: between two looks at what is done; between two looks at the workers; without any
#: worker until the run is given up; to let workers end clean when they were asked to stop.
_LOOK, _COUNT, _WITHOUT, _GRACE = 0.2, 5.0, 60.0, 120.0

#: Told what is being done, packages done, and of how many.
Tell = Callable[[str, int, int], None]


def sync_on_workers(
    client: Client,
    settings: Settings,
    catalogue: Catalogue,
    capabilities: Capabilities,
    options: SyncOptions,
    tell: Tell,
    *,
    stop: Stop,
    observers: Sequence[Observer] = (),
) -> ClusterReport:
    """Bring the index in step with the source, on the workers of a Dask cluster.

    Args:
        client: of the cluster; see `rxindex.cluster.workers`.
        settings: that name source, Redis and embedder as the workers, too, can reach them.
        catalogue: where to write.
        capabilities: of the server.
        options: how to run, without ``dry_run`` and ``limit``.
        tell: told how far the workers are.
        stop: ask it to stop, and the workers end clean; the next run goes on.
        observers: told of the run that ends the load.

    Raises:
        WorkersUnavailable: the scheduler is lost, or workers die one after the other.
        RxindexError: whatever stops a worker, or see `rxindex.sync.run.sync`.
    """
    began = time.monotonic()
    vocabulary = load_words(settings)
    with closing(settings.make_embedder()) as embedder:
        at_once = max(1, slots(client))
        load, partitions = begin_load(
            open_rows(settings, vocabulary), embedder, catalogue, capabilities, options,
            _PARTS * at_once, at_once, options.lease_seconds,
        )  # fmt: skip
        live = catalogue.live() == load.generation
        shared = load.shared(catalogue)
        with _ended(load, catalogue):
            with borrow(catalogue, load.loan):
                loader = Loader(settings, load, options)
                done = _Flight(client, loader, shared, stop).carry(
                    partitions, lambda: tell("loading", shared.counts()["packages"], load.packages)
                )
            counts = shared.counts()
        rows = open_rows(settings, vocabulary)
        if stop:
            last = SyncReport(
                source=rows.name, catalogue=catalogue.name, generation=load.generation,
                model=embedder.model_id, stopped=stop.reason,
            )  # fmt: skip
        else:
            # From the beginning: a run that goes on somewhere does not see the whole source.
            last = sync(
                rows, embedder, catalogue, capabilities, vocabulary,
                msgspec.structs.replace(options, resume=False),
                lambda report, packages: tell("checking", report.packages, packages),
                stop=stop, observers=observers,
            )  # fmt: skip
    return sum_up(last, counts, done, time.monotonic() - began, live=live)


class _Flight:
    """The partitions of a load on their way through a cluster.

    Args:
        client: of the cluster.
        loader: that its workers load with.
        shared: what they have in common.
        stop: when to stop.
    """

    def __init__(self, client: Client, loader: Loader, shared: SharedLoad, stop: Stop) -> None:
        self._client = client
        self._loader = loader
        self._shared = shared
        self._stop = stop
        self._done: list[PartitionDone] = []
        self._failure: RxindexError | None = None
        self._asked_at: float | None = None
        self._counted_at = self._seen_at = time.monotonic()

    def carry(
        self, partitions: Sequence[Partition], tell: Callable[[], None]
    ) -> list[PartitionDone]:
        """Load all partitions, or those that were begun when there was a reason to stop.

        Raises:
            WorkersUnavailable: the cluster is of no use any more.
            RxindexError: the first error that a worker met with; the others have stopped.
        """
        name = self._loader.name
        try:
            self._client.register_plugin(self._loader)
        except OSError as error:
            raise _lost() from error
        try:
            pending = {
                self._client.submit(load_on_worker, name, one, key=f"{name}-{number}", pure=False)
                for number, one in enumerate(partitions, 1)
            }
            while pending and not self._is_overdue():
                pending -= set(self._take(pending))
                tell()
                if self._stop:
                    self._ask_to_stop(self._stop.reason)
                self._require_cluster()
                if pending:
                    time.sleep(_LOOK)
        finally:
            if self._client.status == "running":
                with suppress(OSError, TimeoutError):
                    self._client.unregister_worker_plugin(name)  # type: ignore[no-untyped-call]
        if self._failure is not None:
            raise self._failure
        return self._done

    def _take(self, pending: set[Future[Any]]) -> Iterator[Future[Any]]:
        """Take in what has ended, and give those that have."""
        for future in [one for one in pending if one.status != "pending"]:
            try:
                done = future.result(timeout=_GRACE)
            except KilledWorker as error:
                self._fail(
                    WorkersUnavailable(
                        f"{error.allowed_failures + 1} workers died, one after the other, at the "
                        "same partition of the source; perhaps they have too little memory. Look "
                        "into their logs, then run again: what was written is kept"
                    )
                )
            except CancelledError as error:
                raise _lost() from error
            except OSError as error:
                if future.status == "error":
                    raise  # the worker's own
                raise _lost() from error
            else:
                self._done.append(done)
                if done.error is not None:
                    self._fail(done.error)
            yield future

    def _fail(self, error: RxindexError) -> None:
        if self._failure is None:
            self._failure = error
            self._ask_to_stop("another worker failed")

    def _ask_to_stop(self, reason: str) -> None:
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._shared.ask_to_stop(reason)

    def _is_overdue(self) -> bool:
        """Tell whether workers that were asked to stop had their time to.

        Those that still have not can't write any more once the lease is given back.
        """
        return self._asked_at is not None and time.monotonic() > self._asked_at + _GRACE

    def _require_cluster(self) -> None:
        if self._client.status != "running":
            raise _lost()
        now = time.monotonic()
        if now < self._counted_at + _COUNT:
            return
        self._counted_at = now
        if slots(self._client):
            self._seen_at = now
        elif now > self._seen_at + _WITHOUT:
            raise WorkersUnavailable(
                f"the Dask cluster has had no worker for {_WITHOUT:g} seconds; start some, then "
                "run again: what was written is kept"
            )


@contextmanager
def _ended(load: Load, catalogue: Catalogue) -> Iterator[None]:
    """Give the lease of a load back on exit, whatever happened."""
    try:
        yield
    except BaseException:
        # If Redis is away too, the lease ends by itself.
        with suppress(RxindexError):
            abandon_load(load, catalogue)
        raise
    end_load(load, catalogue)


def _lost() -> WorkersUnavailable:
    return WorkersUnavailable(
        "the Dask scheduler was lost: it ended, or the network did; run again: what was written is "
        "kept"
    )
