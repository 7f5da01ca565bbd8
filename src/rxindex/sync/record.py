"""Every run leaves a record, however it ends, and tells its observers."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rxindex.errors import RxindexError
from rxindex.index.catalogue import Catalogue
from rxindex.sync.events import BatchWritten, Observer, Observers, RunEnded, RunStarted
from rxindex.sync.history import History, Outcome, RunRecord
from rxindex.sync.report import SyncReport
from rxindex.sync.vectors import EmbeddedBatch

__all__ = ["Recording", "recorded"]

_log = logging.getLogger("rxindex.sync")


class Recording:
    """What is told of one run while it goes on.

    Attributes:
        run: the run's id.
        snapshot: when reading began of the oldest data that goes in, seconds since the epoch.
    """

    def __init__(self, command: str, report: SyncReport, observers: Observers) -> None:
        self.run = uuid.uuid4().hex[:12]
        self.command = command
        self.report = report
        self.observers = observers
        self.started = time.time()
        self.snapshot = 0.0
        self._last = time.monotonic()
        self._failed = 0

    def reading(self) -> None:
        """Tell that the source is there and reading begins."""
        report = self.report
        self.observers.tell(
            RunStarted(
                self.run, self.command, report.catalogue, report.generation, report.source,
                report.model, report.resumed, self.started,
            )
        )  # fmt: skip

    def batch(self, batch: EmbeddedBatch) -> None:
        """Tell that Redis has confirmed a batch."""
        now, failed = time.monotonic(), self.report.failed
        drugs = batch.plan.drugs
        written = sum(one.action != "unchanged" for one in drugs) - (failed - self._failed)
        self.observers.tell(
            BatchWritten(
                self.run,
                self.report.catalogue,
                len(drugs) + len(batch.plan.unchanged.ids),
                sum(len(one.drug.packages) for one in drugs) + batch.plan.unchanged.packages,
                max(written, 0),
                failed - self._failed,
                batch.calls,
                now - self._last,
            )
        )
        self._last, self._failed = now, failed


@contextmanager
def recorded(
    catalogue: Catalogue,
    command: str,
    report: SyncReport,
    observers: Sequence[Observer],
    *,
    kept: bool = True,
) -> Iterator[Recording]:
    """Record what happens from enter to exit, errors included; a dry run leaves no record.

    Args:
        catalogue: whose history.
        command: what is run.
        report: that the run fills in.
        observers: to tell.
        kept: whether the history remembers the run.
    """
    recording = Recording(command, report, Observers(observers))
    error: BaseException | None = None
    try:
        yield recording
    except BaseException as raised:
        error = raised
        raise
    finally:
        record = RunRecord.of(
            report,
            run=recording.run,
            command=command,
            outcome=_outcome(report, error),
            started=recording.started,
            ended=time.time(),
            error=error,
            snapshot=recording.snapshot,
            resumed=report.resumed,
            next_cursor=report.next_cursor,
        )
        if kept and not report.dry_run:
            _add(catalogue, record)
        recording.observers.tell(RunEnded(record))


def _add(catalogue: Catalogue, record: RunRecord) -> None:
    try:
        History(catalogue).add(record)
    except RxindexError as error:
        # The run itself has told what is wrong with Redis, or went well.
        _log.warning("the run could not be recorded in the history: %s", error)


def _outcome(report: SyncReport, error: BaseException | None) -> Outcome:
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if error is not None:
        return "failed"
    if report.completed:
        return "completed"
    return "stopped" if report.stopped or report.deferred else "held"
