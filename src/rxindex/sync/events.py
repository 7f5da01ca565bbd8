"""What a run tells while it goes on, and to whom.

A run tells events; observers turn them into logs, metrics or traces (`rxindex.observe`), or into
whatever an application wants. An observer is any callable that takes an event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import msgspec

from rxindex.sync.history import RunRecord

__all__ = [
    "BatchWritten",
    "ChangesApplied",
    "Event",
    "Observer",
    "Observers",
    "RunEnded",
    "RunStarted",
]

_log = logging.getLogger("rxindex.events")


class RunStarted(msgspec.Struct, frozen=True, tag="run_started", tag_field="event"):
    """A run begins to read the source.

    Attributes:
        run: the run's own id.
        command: ``sync``, ``reindex``, ``verify``, ``follow``, ...
        catalogue: its name in Redis.
        generation: that is written.
        source: where the rows come from, without secrets.
        model: the embedder's identity.
        resumed: whether it goes on where another run stopped.
        started: seconds since the epoch.
    """

    run: str
    command: str
    catalogue: str
    generation: str
    source: str
    model: str
    resumed: bool
    started: float


class BatchWritten(msgspec.Struct, frozen=True, tag="batch_written", tag_field="event"):
    """Redis has confirmed a batch. Told at once, so that the batch ends at the time of telling.

    Attributes:
        run: the run's own id.
        catalogue: its name in Redis.
        drugs: drugs of the batch.
        packages: their packages (NDCs).
        written: drugs that were written.
        failed: drugs that were not, and should have been.
        embedding_calls: texts of it that went to the model.
        seconds: since the batch before was confirmed, or since the run began.
    """

    run: str
    catalogue: str
    drugs: int
    packages: int
    written: int
    failed: int
    embedding_calls: int
    seconds: float


class RunEnded(msgspec.Struct, frozen=True, tag="run_ended", tag_field="event"):
    """A run is over, whether well or not. Told of each run, even of one that never began to read.

    Attributes:
        record: what it did.
    """

    record: RunRecord


class ChangesApplied(msgspec.Struct, frozen=True, tag="changes_applied", tag_field="event"):
    """A follower has put changes of the source into the index. Told at once.

    Attributes:
        catalogue: its name in Redis.
        rows: changed rows of the source.
        drugs: drugs that they lead to.
        written: of these, those that were written.
        deleted: of these, those that were deleted.
        lag: seconds from the commit of the oldest of these changes to now.
    """

    catalogue: str
    rows: int
    drugs: int
    written: int
    deleted: int
    lag: float


Event = RunStarted | BatchWritten | RunEnded | ChangesApplied

#: What is told of each event, in the thread that tells it. It should return soon: the run waits.
Observer = Callable[[Event], None]


class Observers(list[Observer]):
    """All that want to know of a run's events, told in this order."""

    def tell(self, event: Event) -> None:
        """Tell each observer of an event.

        One that raises is logged and not told any more: no run fails because of who looks on.
        """
        for observer in tuple(self):
            try:
                observer(event)
            except Exception:
                self[:] = [one for one in self if one is not observer]
                _log.exception(
                    "the observer %s failed and is not told any more; the run goes on",
                    _name(observer),
                )


def _name(observer: Observer) -> str:
    return str(getattr(observer, "__qualname__", type(observer).__qualname__))
