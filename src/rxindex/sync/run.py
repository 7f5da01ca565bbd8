"""One run: rows, drugs, plan, vectors, writes, report.

Only one run is at work on a catalogue at a time. The order of effects is fixed: a drug's vector is
made before its document is written, documents are written before others are deleted, and the
alias moves last, to a generation that was checked.

A run that has to stop leaves a checkpoint, and the next one goes on from there to the end of the
source. It then reads the part before the checkpoint too, which may have changed in the meantime:
so whatever was committed before a run began is in the index when it has completed. One that has no
time for that believes the runs before it (see `Passage`), and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rxindex.embed.base import Embedder
from rxindex.errors import EmptySource
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.source.base import Source
from rxindex.sync.events import Observer
from rxindex.sync.finish import Finish
from rxindex.sync.options import SyncOptions
from rxindex.sync.passage import Passage
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.reader import Reader, reader_for
from rxindex.sync.report import SyncReport
from rxindex.sync.running import running
from rxindex.sync.since import note_latest_update
from rxindex.sync.spool import RunSpool
from rxindex.sync.stages import Stages
from rxindex.sync.stop import Stop
from rxindex.sync.target import choose_target
from rxindex.sync.unchanged import Unchanged
from rxindex.vocabulary import Vocabulary

__all__ = ["Progress", "SyncOptions", "sync"]

#: Called after each batch with the report so far and the number of packages in the source.
Progress = Callable[[SyncReport, int], None]


def sync(
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    options: SyncOptions,
    progress: Progress | None = None,
    *,
    stop: Stop | None = None,
    observers: Sequence[Observer] = (),
) -> SyncReport:
    """Bring the index in step with the source.

    Args:
        source: not entered yet: its snapshot has to begin after the run before has ended.
        embedder: makes the vectors. Closed if the run fails, to end calls under way.
        catalogue: where to write.
        capabilities: of the server.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        progress: told after each batch.
        stop: ask it to stop, and the run ends clean, to be resumed by the next one.
        observers: told of the run's beginning, batches and end.

    Raises:
        LeaseHeld: another run is at work on the catalogue.
        LeaseLost: another run has begun, since this one gave no sign of life.
        EmptySource: there is not one row; the index was left as it is.
        GenerationMismatch: see `choose_target`.
        ErrorBudgetSpent: too many drugs failed.
        IndexRejected: Redis could not index what was written; searches were not moved to it.
        RxindexError: whatever stops source, embedder or index as a whole.
    """
    stop = Stop() if stop is None else stop
    with (
        running(options.command, source, embedder, catalogue, options, observers) as run,
        RunSpool() as spool,
    ):
        source, catalogue, report = run.source, run.catalogue, run.report
        packages = source.count()
        if packages == 0:
            raise EmptySource(
                f"{source.name} has no package at all; taken at its word this would empty the "
                "index, so nothing was changed"
            )
        target = choose_target(
            catalogue,
            embedder,
            options.index,
            capabilities,
            packages=packages,
            new_generation=options.new_generation,
            rebuild=options.rebuild,
            dry_run=options.dry_run,
        )
        report.generation = target.store.generation.name if target.store else "(new)"
        quarantine = Quarantine(catalogue, dry_run=options.dry_run, patient=target.live)
        unchanged = None
        # A trial's limit, and drugs to skip, are counted one by one.
        if target.store is not None and options.limit is None and not options.skip:
            unchanged = Unchanged(
                target.store, vocabulary, options.day, full=options.full, dry_run=options.dry_run
            )
        stages = Stages(
            embedder, target, spool, report, quarantine, stop, options.limits,
            dry_run=options.dry_run, unchanged=unchanged,
        )  # fmt: skip
        passage = Passage(
            source, catalogue, vocabulary, target, options, stop, report, run.recording,
            _reader(source, vocabulary, options, packages, unchanged),
        )  # fmt: skip
        passage.carry_out(stages, lambda: progress(report, packages) if progress else None)
        finish = Finish(catalogue, target, stages, spool, quarantine, options, report)
        finish.carry_out(passage)
        # Not past drugs that have no vector yet: the next look at updates has to find them.
        if passage.whole and not (report.deferred or options.dry_run or target.store is None):
            note_latest_update(catalogue, report.generation, source, run.recording.started)
        passage.say_what_was_odd()
    if progress is not None:
        progress(report, packages)
    return report


def _reader(
    source: Source,
    vocabulary: Vocabulary,
    options: SyncOptions,
    packages: int,
    unchanged: Unchanged | None,
) -> Reader | None:
    """Give what reads in another process, where a run lets it."""
    # How many drugs are left of those that the run was given is known here only.
    if options.max_drugs is not None or unchanged is None or unchanged.knows_any():
        return None
    return reader_for(
        source, vocabulary, options.day, options.batch_size, packages, options.reader_from
    )
