"""A comparison of source and index as a run: with a record, and under the lease if it mends."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from rxindex.embed.base import Embedder
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import LEASE_SECONDS, hold, read_holder
from rxindex.source.base import Source
from rxindex.sync.differences import VerifyReport
from rxindex.sync.events import Observer
from rxindex.sync.record import recorded
from rxindex.sync.report import SyncReport
from rxindex.sync.verify import Progress, VerifyOptions, verify
from rxindex.vocabulary import Vocabulary

__all__ = ["compare"]


def compare(
    rows: Source,
    make_embedder: Callable[[], Embedder],
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    options: VerifyOptions,
    progress: Progress | None = None,
    *,
    wait: float = 0.0,
    lease_seconds: float = LEASE_SECONDS,
    observers: Sequence[Observer] = (),
) -> VerifyReport:
    """Compare, leave a record, and mend if asked to.

    Args:
        rows: the source, not entered yet.
        make_embedder: called only for a repair. Comparing needs no model: the live index knows
            which one it was built with.
        catalogue: whose live generation to compare.
        vocabulary: joined to the drugs by ingredient.
        options: how to compare.
        progress: told after each batch.
        wait: seconds to wait for another run to end, before a repair.
        lease_seconds: how long after its last sign of life a repair is taken for dead.
        observers: told of the run's beginning and end.

    Raises:
        LeaseHeld: a repair, and another run is at work on the catalogue.
        RxindexError: see `rxindex.sync.verify.verify`.
    """
    command = "verify --repair" if options.repair else "verify"
    summary = SyncReport(source=rows.name, catalogue=catalogue.name)
    with ExitStack() as opened:
        recording = opened.enter_context(recorded(catalogue, command, summary, observers))
        embedder = None
        if options.repair:
            embedder = opened.enter_context(closing(make_embedder()))
            lease = hold(catalogue, command, wait=wait, seconds=lease_seconds)
            catalogue = opened.enter_context(lease)
        source = opened.enter_context(rows)
        recording.reading()
        report = verify(source, embedder, catalogue, vocabulary, options, progress)
        _summarise(report, summary)
        if not report.clean and (holder := read_holder(catalogue)) and holder.pid != os.getpid():
            report.warnings.append(
                f"another run is at work ({holder.command}, process {holder.pid} on "
                f"{holder.host}): some differences may be what it is about to mend"
            )
        return report


def _summarise(report: VerifyReport, summary: SyncReport) -> None:
    """Fill in what the history keeps of a comparison."""
    summary.generation, summary.model = report.generation, report.model
    summary.total_processed, summary.packages = report.drugs, report.packages
    summary.unchanged = max(report.drugs - report.different, 0)
    summary.failed = report.still_different if report.repair else report.different
    summary.updated = report.repaired
    summary.embedding_calls = report.embedding_calls
    summary.completed = report.clean
