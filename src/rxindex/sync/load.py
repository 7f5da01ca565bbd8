"""A bulk load: many workers fill one generation, each a partition of the source at a time.

One process begins the load: it takes the lease, opens the generation and cuts the source. Workers
on any machine then load partitions, as often and in whatever order they like: a partition is
idempotent, since the documents' own fingerprints say what is left to do. They share the lease, the
error budget and the counts (`rxindex.sync.shared`). Whoever ends the load gives the lease back and
runs an ordinary `rxindex.sync.run.sync`: that finds nearly everything
unchanged, and does what takes one run that has seen the whole source: it deletes what has
vanished, checks the counts and lets searches go to the new generation.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import EmptySource
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import Loan, borrow, give_back, lend
from rxindex.source.base import Partition, Source
from rxindex.sync.assemble import RowCounts
from rxindex.sync.batch import DrugBatch
from rxindex.sync.checkpoint import cursor_text
from rxindex.sync.events import Observer
from rxindex.sync.options import SyncOptions
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.reading import changed_batches
from rxindex.sync.report import SyncReport
from rxindex.sync.running import running
from rxindex.sync.shared import SharedBudget, SharedLoad
from rxindex.sync.spool import RunSpool
from rxindex.sync.stages import Stages
from rxindex.sync.stop import Stop
from rxindex.sync.target import choose_target, named_target
from rxindex.sync.unchanged import Unchanged
from rxindex.sync.vectors import EmbeddedBatch
from rxindex.vocabulary import Vocabulary

__all__ = ["LOAN_SECONDS", "Load", "abandon_load", "begin_load", "end_load", "load_partition"]

#: How long the lease of a load lasts while no worker is heard of: longer than the longest life of
#: a Lambda (900 s), so that a worker that died can be replaced.
LOAN_SECONDS = 960.0


class Load(msgspec.Struct, frozen=True):
    """A bulk load under way, to be handed to its workers.

    Attributes:
        loan: the lease that they share.
        generation: that they fill.
        packages: rows in the source when the load began.
        workers: at most so many work at the same time; each has its share of the model's quota.
    """

    loan: Loan
    generation: str
    packages: int
    workers: int = 1

    def shared(self, catalogue: Catalogue) -> SharedLoad:
        """Give what the load's workers have in common."""
        return SharedLoad(catalogue, self.loan.number)


def begin_load(
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    capabilities: Capabilities,
    options: SyncOptions,
    parts: int,
    workers: int = 1,
    seconds: float = LOAN_SECONDS,
) -> tuple[Load, list[Partition]]:
    """Take the lease, open the generation and cut the source.

    Args:
        source: not entered yet.
        embedder: of the load.
        catalogue: where to write.
        capabilities: of the server.
        options: how to run.
        parts: about how many partitions to cut.
        workers: how many are going to work at the same time.
        seconds: how long the lease lasts while nobody keeps it alive.

    Returns:
        What each worker needs, and the partitions, which cover the source.

    Raises:
        LeaseHeld: another run is at work on the catalogue.
        EmptySource: there is not one row.
        GenerationMismatch: see `choose_target`.
    """
    loan = lend(catalogue, "bulk load", wait=options.wait, seconds=seconds)
    try:
        with source, borrow(catalogue, loan) as held:
            packages = source.count()
            if packages == 0:
                raise EmptySource(f"{source.name} has no package at all: there is nothing to load")
            target = choose_target(
                held, embedder, options.index, capabilities,
                packages=packages, new_generation=options.new_generation,
                rebuild=options.rebuild, dry_run=False,
            )  # fmt: skip
            name = target.store.generation.name if target.store else ""
            load = Load(loan, name, packages, workers)
            partitions = source.partitions(parts)
            load.shared(held).begin()
            return load, partitions
    except BaseException:
        give_back(catalogue, loan)
        raise


def load_partition(
    load: Load,
    partition: Partition,
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    options: SyncOptions,
    *,
    stop: Stop | None = None,
    observers: Sequence[Observer] = (),
) -> SyncReport:
    """Put one partition of the source into the load's generation.

    Nothing is deleted. A partition that was loaded already, or half, costs little more than
    reading it.

    Args:
        load: from `begin_load`.
        partition: likewise.
        source: not entered yet.
        embedder: of the load.
        catalogue: where to write.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        stop: ask it to stop, and the partition ends clean, to be loaded again.
        observers: told of its beginning, batches and end.

    Returns:
        The counts of this partition; ``completed`` says whether all of it is in the generation.

    Raises:
        LeaseLost: the load has ended.
        ErrorBudgetSpent: too many drugs failed, on all workers together.
        IndexRejected: Redis could not index what was written.
        RxindexError: whatever stops source, embedder or index as a whole.
    """
    stop = Stop() if stop is None else stop
    lease = borrow(catalogue, load.loan)
    with (
        running("load", source, embedder, catalogue, options, observers, lease) as run,
        RunSpool() as spool,
    ):
        report, counts = run.report, RowCounts()
        target = named_target(run.catalogue, embedder, options.index, load.generation)
        report.generation = load.generation
        quarantine = Quarantine(run.catalogue, dry_run=False, patient=target.live)
        budget = SharedBudget(options.limits, load.shared(run.catalogue), report, stop)
        # Others may have spent it by now; no drug more should fail for that.
        budget.check()
        unchanged = None
        if target.store is not None:
            unchanged = Unchanged(
                target.store, vocabulary, options.day, full=options.full, dry_run=False
            )
        stages = Stages(
            embedder, target, spool, report, quarantine, stop, options.limits,
            dry_run=False, budget=budget, unchanged=unchanged,
        )  # fmt: skip
        run.recording.reading()
        whole = False

        def read() -> Generator[DrugBatch, None, None]:
            nonlocal whole
            batches = changed_batches(
                run.source.chunks(partition), unchanged, vocabulary, options.day, counts,
                options.batch_size,
            )  # fmt: skip
            with closing(batches):
                for batch in batches:
                    yield batch
                    if stop:
                        return
            whole = not stop

        def done(batch: EmbeddedBatch) -> None:
            if batch.plan.after:
                report.next_cursor = cursor_text(batch.plan.after)
            run.recording.batch(batch)

        written = stages.carry(read(), done)
        # Calls for drugs that were not written, since there was a reason to stop.
        budget.add()
        stages.check_indexed()
        quarantine.save()
        report.in_quarantine = len(quarantine)
        report.completed = whole and written and not report.deferred
        if whole and written:
            report.next_cursor = ""
        else:
            report.stopped = stop.reason
    return report


def end_load(load: Load, catalogue: Catalogue) -> None:
    """Give the lease back; run a sync next.

    Raises:
        IndexUnavailable: Redis does not answer.
        CatalogueNotIndexed: the generation is not there any more; begin anew.
    """
    abandon_load(load, catalogue)
    catalogue.read_generation(load.generation)


def abandon_load(load: Load, catalogue: Catalogue) -> None:
    """Give the lease back; workers that are still at it write nothing any more.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    give_back(catalogue, load.loan)
    load.shared(catalogue).forget()
