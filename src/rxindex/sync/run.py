"""One run: rows, drugs, plan, vectors, writes, report.

The stages work at the same time, each at most a few batches ahead of the next, so that memory
does not depend on the size of the catalogue. The order of effects is fixed: a drug's vector is
made before its document is written, documents are written before others are deleted, and the
alias moves last, to a generation that was counted.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import EmptySource, IndexRejected
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.schema import IndexSettings
from rxindex.model import Drug
from rxindex.source.base import Partition, Source
from rxindex.sync.apply import Applier, VectorStage
from rxindex.sync.assemble import RejectedRow, RowCounts, assemble
from rxindex.sync.flow import ahead, batches
from rxindex.sync.plan import PlannedBatch, plan_batch
from rxindex.sync.report import SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.target import Target, choose_target
from rxindex.vocabulary import Vocabulary

__all__ = ["SyncOptions", "sync"]

#: Called after each batch with the report so far and the number of packages in the source.
Progress = Callable[[SyncReport, int], None]


class SyncOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run.

    Attributes:
        batch_size: drugs in one round trip.
        limit: stop after this many drugs; nothing is deleted then. None for all.
        dry_run: read, plan and report; write nothing and embed nothing.
        new_generation: build another generation where the live one does not fit the settings.
        allow_deletes: delete however many drugs the source does not have any more.
        most_deletes: without ``allow_deletes``, the share of the index that a run may delete.
        most_missing: the share of drugs that a new generation may lack and still go live.
        index: what is asked of the index.
        today: ISO date that decides what is obsolete; empty for the current one (UTC).
    """

    batch_size: int = 500
    limit: int | None = None
    dry_run: bool = False
    new_generation: bool = False
    allow_deletes: bool = False
    most_deletes: float = 0.05
    most_missing: float = 0.01
    index: IndexSettings = IndexSettings()
    today: str = ""


def sync(
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    options: SyncOptions,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring the index in step with the source.

    Args:
        source: entered already (see `Source`).
        embedder: makes the vectors. Closed if the run fails, to end calls under way.
        catalogue: where to write.
        capabilities: of the server.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        progress: told after each batch.

    Raises:
        EmptySource: there is not one row; the index was left as it is.
        GenerationMismatch: see `choose_target`.
        IndexRejected: Redis could not index what was written; searches were not moved to it.
        RxindexError: whatever stops source, embedder or index as a whole.
    """
    begun = time.monotonic()
    packages = source.count()
    if packages == 0:
        raise EmptySource(
            f"{source.name} has no package at all; taken at its word this would empty the index, "
            "so nothing was changed"
        )
    target = choose_target(
        catalogue,
        embedder,
        options.index,
        capabilities,
        packages=packages,
        new_generation=options.new_generation,
        dry_run=options.dry_run,
    )
    report = SyncReport(
        source=source.name,
        catalogue=catalogue.name,
        generation=target.store.generation.name if target.store else "(new)",
        model=embedder.model_id,
        dry_run=options.dry_run,
    )
    with RunSpool() as spool:
        run = _Run(source, embedder, catalogue, vocabulary, options, target, spool, report)
        run.carry_out(lambda: progress(report, packages) if progress else None)
    report.finish(time.monotonic() - begun)
    return report


class _Run:
    """The state of one run: what `sync` was given, and the report that it fills in."""

    def __init__(
        self,
        source: Source,
        embedder: Embedder,
        catalogue: Catalogue,
        vocabulary: Vocabulary,
        options: SyncOptions,
        target: Target,
        spool: RunSpool,
        report: SyncReport,
    ) -> None:
        self.source = source
        self.embedder = embedder
        self.catalogue = catalogue
        self.vocabulary = vocabulary
        self.options = options
        self.target = target
        self.spool = spool
        self.report = report
        self.today = options.today or datetime.datetime.now(datetime.UTC).date().isoformat()
        self.planned = 0
        self.whole_source = True
        self.held = False
        self.counts = RowCounts()

    def carry_out(self, tell: Callable[[], None]) -> None:
        """Do it all, telling after each batch."""
        store = self.target.store
        failures_before = self.catalogue.counts(store.generation.name).failures if store else 0
        vectors = VectorStage(self.embedder, self.spool, store, self.target.donor)
        applier = Applier(store, self.report, dry_run=self.options.dry_run)
        with (
            ahead(self._planned()) as planned,
            ahead(vectors.embed(planned, dry_run=self.options.dry_run)) as embedded,
        ):
            try:
                for batch in embedded:
                    applier.write(batch)
                    tell()
            except BaseException:
                # Calls that a stage waits for would otherwise keep an interrupt waiting.
                self.embedder.close()
                raise
        if store and not self.options.dry_run:
            self._check_indexed(failures_before)
        left = self._delete()
        if store and not self.options.dry_run:
            self._go_live(left)
            self._report_index()
        self.report.warnings += self.source.notes()
        if self.counts.repeated:
            self.report.warnings.append(
                f"{self.counts.repeated:,} rows name a package of their drug once more"
            )
        self.report.completed = self.whole_source and not self.held
        tell()

    def _planned(self) -> Generator[PlannedBatch, None, None]:
        """Read, assemble and plan, batch by batch."""
        for partition in self.source.partitions(1):
            with ahead(self._drugs(partition)) as drugs:
                for batch in drugs:
                    yield self._plan(batch)
                    if not self.whole_source:
                        return

    def _drugs(self, partition: Partition) -> Generator[list[Drug | RejectedRow], None, None]:
        rows = self.source.rows(partition)
        manage = closing(rows) if isinstance(rows, Generator) else nullcontext(rows)
        with manage:
            drugs = assemble(rows, self.vocabulary, self.today, self.counts)
            yield from batches(drugs, self.options.batch_size)

    def _plan(self, batch: Sequence[Drug | RejectedRow]) -> PlannedBatch:
        drugs = [one for one in batch if isinstance(one, Drug)]
        rejected = [one for one in batch if isinstance(one, RejectedRow)]
        limit = self.options.limit
        if limit is not None and self.planned + len(drugs) >= limit:
            drugs = drugs[: limit - self.planned]
            self.whole_source = False
        self.planned += len(drugs)
        # A drug with a bad row is still in the source: its document must not be deleted.
        self.spool.mark_seen([one.id for one in drugs] + [one.drug_id for one in rejected])
        return plan_batch(drugs, rejected, self.embedder.model_id, self.target.store)

    def _check_indexed(self, failures_before: int) -> None:
        """Refuse to go on if Redis could not index a document that it took."""
        store = self.target.store
        assert store is not None  # noqa: S101 - for the type checker; the caller looked
        counts = self.catalogue.wait_until_indexed(store.generation.name)
        if counts.failures > failures_before:
            raise IndexRejected(
                f"Redis stored {counts.failures - failures_before} drugs that it could not index; "
                f"the last: {counts.last_failure}. Nothing was deleted and the alias not moved"
            )

    def _delete(self) -> int:
        """Delete what the source does not have any more, unless that is suspiciously much.

        The guard is for what is searched; leftovers in a generation that is still being built
        are nobody's loss.

        Returns:
            How many documents are left.
        """
        store = self.target.store
        if store is None:
            return 0
        documents, gone = 0, []
        for listed in store.ids():
            ids = self.spool.mark_stored(listed)
            documents += len(ids)
            if self.whole_source:
                gone += self.spool.unseen(ids)
        guarded = self.target.live and not self.options.allow_deletes
        if guarded and len(gone) > self.options.most_deletes * documents:
            self.report.delete_held = len(gone)
            self.held = True
            self.report.warnings.append(
                f"{len(gone)} of {documents} drugs are not in the source any more, more than a run "
                f"may delete unasked ({self.options.most_deletes:.0%}); they were kept. If the "
                "source is right, run again with --allow-deletes"
            )
            return documents
        if not self.options.dry_run:
            for start in range(0, len(gone), self.options.batch_size):
                store.delete(gone[start : start + self.options.batch_size])
        self.report.deleted = len(gone)
        return documents - len(gone)

    def _go_live(self, documents: int) -> None:
        """Move the alias to a new generation that is whole; look after a live one."""
        store = self.target.store
        if store is None:
            return
        if self.target.live:
            self._check_live(documents)
            return
        live = self.catalogue.live()
        name, drugs = store.generation.name, self.report.total_processed
        if documents == 0 or documents < (1 - self.options.most_missing) * drugs:
            self._hold(
                f"generation {name} has {documents:,} of {drugs:,} drugs, so searches were not "
                f"moved to it (they go to {live or 'no index yet'}); mend what failed and run "
                "again: it goes on from here"
            )
        elif not self.whole_source and live is not None:
            self._hold(
                f"generation {name} is not complete, so searches still go to {live}; run again "
                "without --limit"
            )
        else:
            self.catalogue.verify_count(name, documents)
            self.catalogue.point_alias(name)
            self._drop_older(live, name)

    def _check_live(self, documents: int) -> None:
        """Say so if the live index lacks documents that Redis has."""
        store = self.target.store
        found = self.catalogue.counts(store.generation.name).documents if store else documents
        if found != documents:
            self._hold(
                f"Redis holds {documents:,} drugs but a search can find {found:,}: the index lost "
                "some. Delete their documents and run again, or build another generation"
            )

    def _drop_older(self, previous: str | None, live: str) -> None:
        """Remove generations but the live one and the one before it."""
        for one in self.catalogue.generations():
            if one.name not in {previous, live}:
                self.catalogue.drop(one.name)

    def _hold(self, why: str) -> None:
        self.held = True
        self.report.warnings.append(why)

    def _report_index(self) -> None:
        store = self.target.store
        if store is None:
            return
        now = self.catalogue.state(store.generation, None).in_effect
        asked = self.options.index
        self.report.index = {
            "algorithm_asked": asked.algorithm,
            "algorithm": now.algorithm,
            "vector_type_asked": asked.vector_type,
            "vector_type": now.vector_type,
            "compression_asked": asked.compression or "none",
            "compression": now.compression or "none",
            "dimensions": str(now.dimensions),
        }
