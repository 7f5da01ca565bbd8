"""The stages that every run sends its drugs through: plan, vectors, writes.

They work at the same time, each at most a few batches ahead of the next, so that memory does not
depend on the size of the catalogue. The order of effects is fixed: a drug's vector is made before
its document is written, and a batch counts as done only when Redis has confirmed it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, nullcontext

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import IndexRejected
from rxindex.index.store import DrugStore
from rxindex.model import Drug, PackageRow
from rxindex.sync.apply import Applier, EmbeddedBatch, VectorStage
from rxindex.sync.assemble import RejectedRow, RowCounts, assemble_groups
from rxindex.sync.budget import ErrorBudget, Limits
from rxindex.sync.flow import ahead
from rxindex.sync.plan import DrugBatch, PlannedBatch, plan_batch
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.report import SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.stop import Stop
from rxindex.sync.target import Target
from rxindex.vocabulary import Vocabulary

__all__ = ["Stages", "drug_batches"]


def drug_batches(
    rows: Iterable[PackageRow],
    vocabulary: Vocabulary,
    today: str,
    counts: RowCounts,
    size: int | Callable[[], int],
    *,
    again: bool = False,
) -> Generator[DrugBatch, None, None]:
    """Assemble rows and cut them into batches of whole groups.

    Args:
        rows: all rows of a group in one run.
        vocabulary: joined by ingredient.
        today: ISO date that decides what is obsolete.
        counts: to fill in.
        size: drugs in a batch, or what says so for the next one; a batch is only longer by the
            last group's drugs.
        again: see `DrugBatch`.
    """
    batch = DrugBatch([], [], (), again)
    with closing(rows) if isinstance(rows, Generator) else nullcontext():
        for group, items in assemble_groups(rows, vocabulary, today, counts):
            batch.drugs.extend((group, one) for one in items if isinstance(one, Drug))
            batch.rejected.extend(one for one in items if isinstance(one, RejectedRow))
            batch = msgspec.structs.replace(batch, after=group)
            wanted = size() if callable(size) else size
            if len(batch.drugs) + len(batch.rejected) >= wanted:
                yield batch
                batch = DrugBatch([], [], (), again)
    if batch.after:
        yield batch


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
    ) -> None:
        self.embedder = embedder
        self.store = target.store
        self.spool = spool
        self.dry_run = dry_run
        self._report = report
        self._vectors = VectorStage(embedder, spool, self.store, target.donor, quarantine, stop)
        self._applier = Applier(
            self.store,
            report,
            dry_run=dry_run,
            quarantine=quarantine,
            budget=budget or ErrorBudget(limits),
            price=embedder.price,
        )
        self._failures_before = self._index_failures(self.store)

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
            ahead(self._vectors.embed(planned, dry_run=self.dry_run)) as embedded,
        ):
            try:
                for batch in embedded:
                    self._applier.write(batch)
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
        if self.store is None or self.dry_run:
            return
        counts = self.store.catalogue.wait_until_indexed(self.store.generation.name)
        if counts.failures > self._failures_before:
            raise IndexRejected(
                f"Redis stored {counts.failures - self._failures_before} drugs that it could not "
                f"index; the last: {counts.last_failure}. Nothing was deleted and the alias not "
                "moved"
            )

    def _planned(self, batches: Iterator[DrugBatch]) -> Generator[PlannedBatch, None, None]:
        for batch in batches:
            # A drug with a bad row is still in the source: its document must not be deleted.
            self.spool.mark_seen([drug.id for _, drug in batch.drugs])
            self.spool.mark_seen([one.drug_id for one in batch.rejected])
            yield plan_batch(batch, self.embedder.model_id, self.store)

    @staticmethod
    def _index_failures(store: DrugStore | None) -> int:
        if store is None:
            return 0
        # An index that is still being filled may yet count a document a second time.
        return store.catalogue.wait_until_indexed(store.generation.name).failures
