"""The frame around every run: a report, a record, the lease, and a snapshot younger than it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

import msgspec

from rxindex.embed.base import Embedder
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.source.base import Source
from rxindex.sync.events import Observer
from rxindex.sync.options import SyncOptions
from rxindex.sync.record import Recording, recorded
from rxindex.sync.report import SyncReport

__all__ = ["Running", "running"]


class Running(msgspec.Struct, frozen=True):
    """A run that holds the lease and has its source open.

    Attributes:
        source: entered.
        catalogue: that only this run can write.
        report: to fill in; finished when the run ends.
        recording: of the run.
    """

    source: Source
    catalogue: Catalogue
    report: SyncReport
    recording: Recording


@contextmanager
def running(
    command: str,
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    options: SyncOptions,
    observers: Sequence[Observer],
    borrowed: AbstractContextManager[Catalogue] | None = None,
) -> Iterator[Running]:
    """Hold the lease and open the source, in this order, from enter to exit.

    A snapshot that is older than the lease could lack what the run before has written, and undo
    it. A dry run takes no lease, since it writes nothing.

    Args:
        command: what the run is called.
        source: not entered yet.
        embedder: of the run.
        catalogue: to write.
        options: of the run.
        observers: told of the run's end, whatever it is.
        borrowed: a lease that others hold too. The whole of which this run is one part is what
            the history remembers, not the part.

    Raises:
        LeaseHeld: another run is at work on the catalogue.
        SourceError, SourceUnavailable: the source can't be read.
    """
    begun = time.monotonic()
    report = SyncReport(
        source=source.name,
        catalogue=catalogue.name,
        model=embedder.model_id,
        dry_run=options.dry_run,
    )
    lease = borrowed
    if lease is None:
        lease = (
            nullcontext(catalogue)
            if options.dry_run
            else hold(catalogue, command, wait=options.wait, seconds=options.lease_seconds)
        )
    kept = borrowed is None
    with recorded(catalogue, command, report, observers, kept=kept) as recording:
        try:
            with ExitStack() as opened:
                held = opened.enter_context(lease)
                # What is committed from now on may not be in the snapshot.
                recording.snapshot = time.time()
                entered = opened.enter_context(source)
                yield Running(entered, held, report, recording)
        finally:
            report.finish(time.monotonic() - begun)
