"""The stages that every run sends its drugs through: plan, vectors, writes.

They work at the same time, each at most a few batches ahead of the next, so that memory does not
depend on the size of the catalogue. The order of effects is fixed: a drug's vector is made before
its document is written, and a batch counts as done only when Redis has confirmed it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from itertools import chain

from rxindex.embed.base import Embedder
from rxindex.errors import IndexRejected
from rxindex.index.generation import IndexCounts
from rxindex.sync.apply import Applier
from rxindex.sync.batch import DrugBatch
from rxindex.sync.budget import ErrorBudget, Limits
from rxindex.sync.flow import ahead
from rxindex.sync.plan import PlannedBatch, plan_batch
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.report import SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.stop import Stop
from rxindex.sync.target import Target
from rxindex.sync.unchanged import Unchanged
from rxindex.sync.vectors import EmbeddedBatch, VectorStage

__all__ = ["Stages"]


class Stages:
    """Plan, vectors and writes for one run.

    Args:
        embedder: makes the vectors.
        target: where to.
        spool: what the run remembers.
        report: to fill in.
        quarantine: what to leave alone, and where failures go.
        stop: when to stop.
        limits: how many failures are too many.
        dry_run: write nothing and embed nothing.
        budget: counts the failures of several processes together; None for one of the run's own.
        unchanged: told of what was written; None for a run that reads without it.
    """

    def __init__(
        self,
        embedder: Embedder,
        target: Target,
        spool: RunSpool,
        report: SyncReport,
        quarantine: Quarantine,
        stop: Stop,
        limits: Limits,
        *,
        dry_run: bool,
        budget: ErrorBudget | None = None,
        unchanged: Unchanged | None = None,
    ) -> None:
        self.embedder = embedder
        self.unchanged = unchanged
        self.store = target.store
        self.spool = spool
        self.dry_run = dry_run
        self._report = report
        counts = self._counts()
        self._failures_before = counts.failures if counts else 0
        # Nothing needs to be asked of a generation that was made just now.
        self._fresh = target.made and counts is not None and counts.is_empty
        self._vectors = VectorStage(
            embedder, spool, self.store, target.donor, quarantine, stop, fresh=self._fresh
        )
        self._applier = Applier(
            self.store,
            report,
            dry_run=dry_run,
            quarantine=quarantine,
            budget=budget or ErrorBudget(limits),
            price=embedder.price,
            names=spool.names if self._fresh else None,
        )

    def carry(
        self, drugs: Generator[DrugBatch, None, None], done: Callable[[EmbeddedBatch], None]
    ) -> bool:
        """Send batches through; they may end early if there is a reason to stop.

        Args:
            drugs: the batches, in order.
            done: told of each batch that was written.

        Returns:
            Whether all batches that were read were written too.

        Raises:
            ErrorBudgetSpent, LeaseLost, RxindexError: see `Applier.write` and `VectorStage`.
        """
        read = written = 0

        def counted() -> Generator[DrugBatch, None, None]:
            nonlocal read
            with closing(drugs):
                for batch in drugs:
                    read += 1
                    yield batch

        with (
            ahead(counted()) as assembled,
            ahead(self._planned(assembled)) as planned,
            # The next texts are there when the model has time, and it waits for no write.
            ahead(self._vectors.groups(planned), 1) as groups,
            ahead(self._vectors.embed_groups(groups, dry_run=self.dry_run), 1) as embedded,
        ):
            try:
                for batch in chain.from_iterable(embedded):
                    failed = self._applier.write(batch)
                    if self.unchanged is not None:
                        self.unchanged.enter(batch.plan, failed)
                    written += 1
                    done(batch)
            except BaseException:
                # Calls that a stage waits for would otherwise keep an interrupt waiting.
                self.embedder.close()
                raise
        calls, characters = self._vectors.unwritten
        self._report.count_calls(calls, characters, self.embedder.price)
        return written == read

    def check_indexed(self) -> None:
        """Refuse to go on if Redis could not index a document that it took.

        Raises:
            IndexRejected: it could not.
        """
        if self.dry_run:
            return
        counts = self._counts()
        if counts is not None and counts.failures > self._failures_before:
            raise IndexRejected(
                f"Redis stored {counts.failures - self._failures_before} drugs that it could not "
                f"index; the last: {counts.last_failure}. Nothing was deleted and the alias not "
                "moved"
            )

    def _planned(self, batches: Iterator[DrugBatch]) -> Generator[PlannedBatch, None, None]:
        for batch in batches:
            plan = plan_batch(batch, self.embedder.model_id, None if self._fresh else self.store)
            # A drug with a bad row is still in the source: its document must not be deleted.
            new = self.spool.mark_seen(plan.ids)
            if self._fresh and new < len(set(plan.ids)):
                # A source that gives a drug twice: this run may have written it.
                self._fresh, self._applier.names = False, None
                plan = plan_batch(batch, self.embedder.model_id, self.store)
            yield plan

    def _counts(self) -> IndexCounts | None:
        """Ask what the generation has; None where there is none yet."""
        if self.store is None:
            return None
        # An index that is still being filled may yet count a document a second time.
        return self.store.catalogue.wait_until_indexed(self.store.generation.name)
