"""What the sync Lambda does, one function for each action of its event."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from rxindex.aws.continuation import next_link, send
from rxindex.aws.event import Action, SyncEvent
from rxindex.config import Settings
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.sync.comparison import compare
from rxindex.sync.events import Observer
from rxindex.sync.load import Load, begin_load, end_load, load_partition
from rxindex.sync.run import sync
from rxindex.sync.status import read_status
from rxindex.sync.stop import Stop
from rxindex.sync.verify import VerifyOptions
from rxindex.wiring import load_words, open_rows, sync_options

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from rxindex.embed import Embedder

__all__ = ["ACTIONS", "Task"]

#: Partitions of a bulk load, and workers, if the event does not say.
PARTS, WORKERS = 100, 10


class Task(msgspec.Struct, frozen=True):
    """One invocation's work.

    Attributes:
        event: what is asked.
        settings: with what the event overrides.
        catalogue: opened.
        capabilities: of the server.
        context: of the invocation.
        observers: to tell.
        embedder: makes the embedder; observers may want to see it.
        margin: seconds before the time limit at which to stop clean.
        most_continuations: links that a chain of invocations may have.
    """

    event: SyncEvent
    settings: Settings
    catalogue: Catalogue
    capabilities: Capabilities
    context: LambdaContext
    observers: list[Observer]
    embedder: Callable[[Settings], Embedder]
    margin: float
    most_continuations: int

    def paced(self, settings: Settings) -> Settings:
        """Make batches small enough for one to be done in the time that is left to stop in.

        A batch is finished before a run stops. At the pace of a small quota one of the usual size
        would take longer than Lambda lets the invocation live. What the event says holds.
        """
        quota = settings.titan_requests_per_minute
        if settings.embedder != "titan" or quota is None or self.event.batch_size is not None:
            return settings
        most = max(1, int(quota / 60 * self.margin / 2))
        return settings.model_copy(update={"batch_size": min(settings.batch_size, most)})

    def stop(self) -> Stop:
        """Say when to stop: a while before Lambda ends the invocation."""
        context = self.context
        return Stop(
            remaining=lambda: context.get_remaining_time_in_millis() / 1000, margin=self.margin
        )


def _sync(task: Task) -> dict[str, Any]:
    """Bring the index into step, or as far as there is time, and see that the rest follows."""
    event, settings = task.event, task.paced(task.settings)
    vocabulary = load_words(settings)
    options = sync_options(
        settings,
        rebuild=event.action == "reindex",
        full=bool(event.full),
        dry_run=bool(event.dry_run),
        allow_deletes=bool(event.allow_deletes),
        max_drugs=event.max_drugs,
        begin_after=event.cursor or "",
        skip=event.offset or 0,
        # A function is given as much memory as one process needs.
        reader_from=None,
    )
    with closing(task.embedder(settings)) as embedder:
        report = sync(
            open_rows(settings, vocabulary), embedder, task.catalogue, task.capabilities,
            vocabulary, options, stop=task.stop(), observers=task.observers,
        )  # fmt: skip
    link = next_link(event, report, task.context.aws_request_id, task.most_continuations)
    if link is not None:
        send(link, task.context.invoked_function_arn)
    return report.as_dict() | {"continued": link is not None}


def _verify(task: Task) -> dict[str, Any]:
    """Compare drug by drug."""
    event, settings = task.event, task.settings
    vocabulary = load_words(settings)
    options = VerifyOptions(
        batch_size=settings.batch_size,
        sample=event.sample,
        repair=bool(event.repair),
        allow_deletes=bool(event.allow_deletes),
        most_deletes=settings.most_deletes,
        reader_from=None,
    )
    report = compare(
        open_rows(settings, vocabulary), lambda: task.embedder(settings), task.catalogue,
        vocabulary, options, wait=settings.wait, lease_seconds=settings.lease_seconds,
        observers=task.observers,
    )  # fmt: skip
    left = report.still_different if report.repair else report.different
    shown: dict[str, Any] = msgspec.to_builtins(report)
    return shown | {
        "total_processed": report.drugs,
        "successful": max(report.drugs - left, 0),
        "failed": left,
        "completed": True,
    }


def _status(task: Task) -> dict[str, Any]:
    """Say what is indexed and how the last runs went."""
    return read_status(task.catalogue, task.capabilities)


def _begin_load(task: Task) -> dict[str, Any]:
    """Open a bulk load and name its partitions."""
    event, settings = task.event, task.settings
    vocabulary = load_words(settings)
    with closing(task.embedder(settings)) as embedder:
        load, partitions = begin_load(
            open_rows(settings, vocabulary), embedder, task.catalogue, task.capabilities,
            sync_options(settings), event.parts or PARTS, event.workers or WORKERS,
        )  # fmt: skip
    return {
        "load": msgspec.to_builtins(load),
        "partitions": msgspec.to_builtins(partitions),
        "packages": load.packages,
        "generation": load.generation,
    }


def _load(task: Task) -> dict[str, Any]:
    """Load one partition."""
    event, load = task.event, _given(task.event)
    settings = task.paced(_share(task.settings, load.workers))
    vocabulary = load_words(settings)
    if event.partition is None:
        raise ValueError("read_event lets no load through without a partition")
    with closing(task.embedder(settings)) as embedder:
        report = load_partition(
            load, event.partition, open_rows(settings, vocabulary), embedder, task.catalogue,
            vocabulary, sync_options(settings), stop=task.stop(), observers=task.observers,
        )  # fmt: skip
    return report.as_dict()


def _end_load(task: Task) -> dict[str, Any]:
    """Give the lease back, and let an ordinary run do the rest."""
    end_load(_given(task.event), task.catalogue)
    return _sync(task)


def _given(event: SyncEvent) -> Load:
    if event.load is None:
        raise ValueError("read_event lets no step of a load through without the load")
    return event.load


def _share(settings: Settings, workers: int) -> Settings:
    """Give a worker its share of the model's quota."""
    whole = settings.titan_requests_per_minute
    if whole is None:
        return settings
    return settings.model_copy(
        update={"titan_requests_per_minute": max(1, whole // max(1, workers))}
    )


#: What each action of an event calls; it gives the answer's body.
ACTIONS: dict[Action, Callable[[Task], dict[str, Any]]] = {
    "sync": _sync,
    "reindex": _sync,
    "verify": _verify,
    "status": _status,
    "begin_load": _begin_load,
    "load": _load,
    "end_load": _end_load,
}
