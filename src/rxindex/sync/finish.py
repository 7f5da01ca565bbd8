"""What a run does after its last drug: deletes, the alias, the quarantine."""

from __future__ import annotations

from rxindex.errors import TerminalError
from rxindex.index.catalogue import Catalogue
from rxindex.index.lexicon import store_lexicon
from rxindex.index.store import DrugStore
from rxindex.sync.options import SyncOptions
from rxindex.sync.passage import Passage
from rxindex.sync.promote import drop_older, promote
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.report import SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.stages import Stages
from rxindex.sync.target import Target

__all__ = ["Finish"]

#: Documents that are listed in one round trip.
_LISTED = 2_000


class Finish:
    """The end of a run.

    Args:
        catalogue: whose.
        target: that was written.
        stages: that wrote it.
        spool: knows which drugs the source has.
        quarantine: to tidy.
        options: how to run.
        report: to fill in.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        target: Target,
        stages: Stages,
        spool: RunSpool,
        quarantine: Quarantine,
        options: SyncOptions,
        report: SyncReport,
    ) -> None:
        self._catalogue = catalogue
        self._target = target
        self._stages = stages
        self._spool = spool
        self._quarantine = quarantine
        self._options = options
        self._report = report
        self._held = False

    def carry_out(self, passage: Passage) -> None:
        """Do what is left to do.

        Args:
            passage: knows what of the source went through.

        Raises:
            IndexRejected: Redis could not index what it took; nothing was deleted.
            LeaseLost: another run has begun.
        """
        report, store = self._report, self._target.store
        self._stages.check_indexed()
        left = ours = 0
        if store is not None:
            ours = self._written_by_us(store)
            left = ours or self._delete(store, passage.may_delete)
        if passage.whole:
            self._quarantine.sweep()
            self._quarantine.save()
        if passage.may_delete and self._stages.unchanged is not None:
            self._stages.unchanged.sweep(self._spool)
        report.in_quarantine = len(self._quarantine)
        if store is not None and not self._options.dry_run:
            texts = self._sweep(store, ours) if passage.covered else None
            if self._target.live:
                self._check_live(store, left, texts)
                # A run that died after its alias moved has left the older ones to this one.
                drop_older(self._catalogue)
            else:
                self._go_live(store, left, passage.covered)
            self._report_index(store)
            self._keep_names(store)
        deferred = report.deferred + passage.deferred
        report.completed = passage.covered and not self._held and not deferred
        if deferred:
            report.warnings.append(
                f"{deferred:,} drugs wait for their vector, since the embedder was asked "
                "to slow down for too long; run again"
            )

    def _written_by_us(self, store: DrugStore) -> int:
        """Count the documents, if this run has written all that are there; else 0."""
        names = self._spool.names
        # Only a first load gathers names: the others need not ask.
        if names.drugs and names.is_all(self._catalogue.mark(store.generation.name)):
            return names.drugs
        return 0

    def _sweep(self, store: DrugStore, ours: int) -> int:
        """Remove the texts that no drug has; gives how many are left.

        A run writes no text but for a drug: where it has written all drugs of the source, and
        there is nothing else, there is none to look for.

        Args:
            store: the generation.
            ours: see `_written_by_us`.
        """
        if ours and ours == self._spool.seen():
            texts = self._spool.count_texts()
            mark = self._catalogue.text_mark(store.generation.name)
            # Likewise, each text got a number.
            if mark == (ours, ours, texts, texts):
                store.note_swept(mark)
                return texts
        return store.sweep_texts()

    def _delete(self, store: DrugStore, may_delete: bool) -> int:
        """Delete what the source does not have any more, unless that is suspiciously much.

        The guard is for what is searched; leftovers in a generation that is still being built
        are nobody's loss.

        Returns:
            How many documents are left.
        """
        documents = sum(self._spool.add_stored(ids) for ids in store.ids(_LISTED))
        gone = self._spool.surplus() if may_delete else []
        guarded = self._target.live and not self._options.allow_deletes
        if guarded and len(gone) > self._options.most_deletes * documents:
            self._report.hold_deletes(len(gone), documents, self._options.most_deletes)
            self._held = True
            return documents
        if self._options.dry_run:
            for drug in store.get(gone[:5]):
                self._report.sample("deleted", f"{drug.name} ({drug.kind})" if drug else "?")
        else:
            for start in range(0, len(gone), self._options.batch_size):
                store.delete(gone[start : start + self._options.batch_size])
        self._report.deleted = len(gone)
        return documents - len(gone)

    def _go_live(self, store: DrugStore, documents: int, covered: bool) -> None:
        """Let searches go to a new generation that is whole."""
        live, name = self._catalogue.live(), store.generation.name
        trial = self._options.limit is not None and live is None
        if not covered and not trial:
            self._hold(
                f"generation {name} is not complete, so searches were not moved to it (they go "
                f"to {live or 'no index yet'}); run again: it goes on from here"
            )
            return
        drugs = self._spool.seen()
        done = promote(store, documents, drugs, self._options.standards)
        self._report.recall = done.recall
        if done.held:
            self._hold(done.held)
            return
        if done.warning:
            self._report.warnings.append(done.warning)
        drop_older(self._catalogue)

    def _check_live(self, store: DrugStore, documents: int, texts: int | None) -> None:
        """Say so if the live index lacks drugs or vectors that Redis has, as far as is known."""
        counts = self._catalogue.counts(store.generation.name)
        for what, held, found in (
            ("drugs", documents, counts.documents),
            ("vectors", texts, counts.texts),
        ):
            if held is not None and found != held:
                self._hold(
                    f"Redis holds {held:,} {what} but a search can find {found:,}; "
                    "rxindex verify --repair says which, and mends it"
                )

    def _hold(self, why: str) -> None:
        self._held = True
        self._report.warnings.append(why)

    def _keep_names(self, store: DrugStore) -> None:
        """Keep the names that searches go by, so that each need not gather them first."""
        generation = store.generation
        if self._catalogue.live() != generation.name:
            return
        try:
            store_lexicon(self._catalogue, generation, self._spool.names)
        except TerminalError as error:
            # Searches gather them by themselves then, as slowly as this would have been.
            self._report.warnings.append(f"the names for searches were not kept: {error}")

    def _report_index(self, store: DrugStore) -> None:
        now = self._catalogue.state(store.generation, None).in_effect
        asked = self._options.index
        self._report.index = {
            "algorithm_asked": asked.algorithm,
            "algorithm": now.algorithm,
            "vector_type_asked": asked.vector_type,
            "vector_type": now.vector_type,
            "compression_asked": asked.compression or "none",
            "compression": now.compression or "none",
            "dimensions": str(now.dimensions),
        }
