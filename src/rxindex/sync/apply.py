"""The plan's effects: vectors for the texts that have none, then drugs."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import msgspec
import numpy as np

from rxindex.embed.base import Embedder
from rxindex.errors import RxindexError, TerminalError, Throttled, VectorSizeError
from rxindex.index.inspect import vector_fault
from rxindex.index.store import DrugStore, Write
from rxindex.sync.assemble import RejectedRow
from rxindex.sync.budget import ErrorBudget
from rxindex.sync.flow import batches
from rxindex.sync.plan import PlannedBatch, PlannedDrug
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.report import FailedDrug, SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.stop import Stop

__all__ = ["Applier", "EmbeddedBatch", "VectorStage"]

#: Batches that may wait for enough texts; they are held in memory.
_MOST_BATCHES = 8


class EmbeddedBatch(msgspec.Struct, frozen=True):
    """A batch of the plan with the vectors that it needs.

    Attributes:
        plan: the batch.
        vectors: to write before its drugs: stored form by text fingerprint. Texts that are
            written already, or with an earlier batch, are not among them.
        failures: why a text has none, by text fingerprint.
        calls: of the model, for this batch and those embedded with it.
        carried: vectors taken over from the generation before, likewise.
        characters: of the texts that went to the model, likewise.
    """

    plan: PlannedBatch
    vectors: dict[bytes, bytes]
    failures: dict[bytes, RxindexError]
    calls: int
    carried: int
    characters: int


class VectorStage:
    """Makes the vector of each text that the generation does not have, once.

    Args:
        embedder: makes them.
        spool: remembers the texts that were dealt with.
        store: the generation that they are for; None in a dry run of a first load.
        donor: the live generation, where it has vectors of the same model.
        quarantine: says which drugs to leave alone; None to try all.
        stop: looked at between two calls of the embedder.
    """

    def __init__(
        self,
        embedder: Embedder,
        spool: RunSpool,
        store: DrugStore | None,
        donor: DrugStore | None,
        quarantine: Quarantine | None = None,
        stop: Stop | None = None,
    ) -> None:
        self.quarantine = quarantine
        self.stop = Stop() if stop is None else stop
        self.embedder = embedder
        self.spool = spool
        self.store = store
        self.donor = donor
        #: Calls and characters whose texts were not written, since the run stopped.
        self.unwritten = (0, 0)
        self._refused: dict[bytes, RxindexError] = {}
        self._yielded = False

    def embed(
        self, plan: Iterator[PlannedBatch], *, dry_run: bool
    ) -> Generator[EmbeddedBatch, None, None]:
        """Yield each batch of the plan with its vectors, until there is a reason to stop.

        Args:
            plan: the batches.
            dry_run: count the calls that would be made, make none.

        Raises:
            VectorSizeError: the embedder's vectors do not fit the generation.
            RxindexError: the embedder as a whole does not work.
        """
        for group, known in self._groups(plan):
            needed = {
                one.fingerprints.text: one
                for batch in group
                for one in batch.drugs
                if self._is_due(one)
            }
            # A text that was refused once in the run is not sent again.
            failures = {text: self._refused[text] for text in needed if text in self._refused}
            missing = [text for text in needed if text not in known and text not in failures]
            carried = self._carry(missing)
            rest = [needed[text] for text in missing if text not in carried]
            if dry_run:
                made, calls = {one.fingerprints.text: b"" for one in rest}, len(rest)
            else:
                made, calls = self._make(rest, failures, self._must(group, known))
            vectors = made | carried
            self.spool.add_texts(vectors)
            known |= vectors.keys()
            tried = [one for one in rest if one.fingerprints.text in made.keys() | failures.keys()]
            counted = (calls, len(carried), sum(len(one.text) for one in tried))
            for batch in group:
                if not self._is_whole(batch, known, failures):
                    self.unwritten = (counted[0], counted[2])
                    return
                yield EmbeddedBatch(batch, vectors, failures, *counted)
                self._yielded = True
                vectors, counted = {}, (0, 0, 0)
            if self.stop:
                return

    def _must(self, group: Sequence[PlannedBatch], known: set[bytes]) -> set[bytes]:
        """Give the texts to embed whatever is asked: a run writes one batch at least.

        One that never did would never get on, however often it was tried again.
        """
        if self._yielded:
            return set()
        texts = {one.fingerprints.text for one in group[0].drugs if self._is_due(one)}
        return texts - known

    def _is_due(self, one: PlannedDrug) -> bool:
        waits = self.quarantine is not None and self.quarantine.waits(one)
        return one.action == "embed" and not waits

    def _is_whole(
        self, batch: PlannedBatch, known: set[bytes], failures: dict[bytes, RxindexError]
    ) -> bool:
        """Tell whether each text of a batch was tried; some were not if there was a stop."""
        return all(
            one.fingerprints.text in known or one.fingerprints.text in failures
            for one in batch.drugs
            if self._is_due(one)
        )

    def _groups(
        self, plan: Iterator[PlannedBatch]
    ) -> Iterator[tuple[list[PlannedBatch], set[bytes]]]:
        """Put batches together until there are enough texts to keep the embedder busy.

        Yields:
            The batches, and those of their texts that need nothing any more.
        """
        group: list[PlannedBatch] = []
        texts: set[bytes] = set()
        known: set[bytes] = set()
        for batch in plan:
            group.append(batch)
            named = {one.fingerprints.text for one in batch.drugs if self._is_due(one)}
            new = named - texts - known
            known |= self._known(new)
            texts |= new - known
            if len(texts) >= self.embedder.batch_size or len(group) == _MOST_BATCHES or not texts:
                yield group, known
                group, texts, known = [], set(), set()
        if group:
            yield group, known

    def _known(self, texts: set[bytes]) -> set[bytes]:
        """Give those of the texts that this run has dealt with, or whose vector is there."""
        known = self.spool.texts(texts)
        if self.store is None:
            return known
        asked = list(texts - known)
        found = zip(asked, self.store.vectors(asked), strict=True)
        stored = [text for text, one in found if not vector_fault(self.store, one)]
        self.spool.add_texts(stored)
        return known.union(stored)

    def _carry(self, missing: Sequence[bytes]) -> dict[bytes, bytes]:
        """Take vectors of texts that the live generation has; one that was damaged is made anew.

        In a dry run of a first load into a new generation there is nothing to store them in;
        what can be carried is then found out all the same.
        """
        if self.donor is None or not missing:
            return {}
        carried = {}
        for text, vector in zip(missing, self.donor.vectors(missing), strict=True):
            if vector is not None and not vector_fault(self.donor, vector):
                decoded = self.donor.decode_vector(vector)
                carried[text] = self.store.encode_vector(decoded) if self.store else vector
        return carried

    def _make(
        self,
        missing: Sequence[PlannedDrug],
        failures: dict[bytes, RxindexError],
        must: set[bytes],
    ) -> tuple[dict[bytes, bytes], int]:
        """Embed the texts, noting those that the model refuses, and count the calls.

        When there is a reason to stop, all but those that it must are left out.
        """
        made: dict[bytes, bytes] = {}
        calls = 0
        for some in batches(missing, max(1, self.embedder.batch_size)):
            if self.stop and must.isdisjoint(one.fingerprints.text for one in some):
                break
            new, more = self._make_some(some, failures)
            made |= new
            calls += more
        return made, calls

    def _make_some(
        self, missing: Sequence[PlannedDrug], failures: dict[bytes, RxindexError]
    ) -> tuple[dict[bytes, bytes], int]:
        if self.store is None:
            return {}, 0
        embedded = self.embedder.embed([one.text for one in missing])
        if embedded.vectors.shape != (len(missing), self.store.generation.dimensions):
            raise VectorSizeError(
                f"the embedder {self.embedder.model_id} gave vectors of shape "
                f"{embedded.vectors.shape} for {len(missing)} texts; generation "
                f"{self.store.generation.name} holds {self.store.generation.dimensions} "
                "dimensions. Nothing of this batch was written"
            )
        made = {}
        for place, one in enumerate(missing):
            if place in embedded.failures:
                failure = embedded.failures[place]
                failures[one.fingerprints.text] = failure
                if isinstance(failure, TerminalError):
                    self._refused[one.fingerprints.text] = failure
            else:
                vector = np.asarray(embedded.vectors[place], dtype=np.float32)
                made[one.fingerprints.text] = self.store.encode_vector(vector)
        return made, embedded.calls


class Applier:
    """Writes batches and counts what they did.

    Args:
        store: where to; None in a dry run of a first load.
        report: to fill in.
        dry_run: count, don't write.
        quarantine: where drugs and rows go that fail; None to name them in the report only.
        budget: stops the run when too many fail; None for no limit.
        price: of a million tokens, in US dollars.
    """

    def __init__(
        self,
        store: DrugStore | None,
        report: SyncReport,
        *,
        dry_run: bool,
        quarantine: Quarantine | None = None,
        budget: ErrorBudget | None = None,
        price: float = 0.0,
    ) -> None:
        self.store = store
        self.report = report
        self.dry_run = dry_run
        self.quarantine = quarantine
        self.budget = budget
        self.price = price
        self._failed: set[str] = set()
        self._failed_texts: set[bytes] = set()
        self._unwritten: dict[bytes, RxindexError] = {}

    def write(self, batch: EmbeddedBatch) -> set[str]:
        """Write what the batch's plan says: texts first, then the drugs that have them.

        What the ledger says of the drugs' groups is taken back before that.

        Returns:
            Ids of the drugs that are not in the index as they are in the source.

        Raises:
            ErrorBudgetSpent: too many failed; the others of the batch were written.
            LeaseLost: another run has begun; nothing more is written by this one.
            RxindexError: Redis takes no writes (see `DrugStore.write`).
        """
        self._failed = set()
        self._count(batch)
        store = None if self.dry_run else self.store
        if store:
            self._unwritten |= store.write_texts(batch.vectors)
        done = [one for one in batch.plan.drugs if not self._is_left(one, batch)]
        writes = [Write(one.drug, one.fingerprints) for one in done]
        if store:
            store.ledger.forget(one.group for one in done)
        refused = store.write(writes) if store and writes else {}
        for one in done:
            if one.drug.id in refused:
                self._fail(one, refused[one.drug.id])
            else:
                self._succeed(one)
        if self.quarantine is not None:
            self.quarantine.save()
        if self.budget is not None:
            self.budget.check()
        return self._failed

    def _is_left(self, one: PlannedDrug, batch: EmbeddedBatch) -> bool:
        """Tell whether there is nothing to write for a drug, and count why."""
        report = self.report
        failure = self._failure(one, batch)
        if one.action == "unchanged":
            report.unchanged += not batch.plan.again
            if self.quarantine is not None:
                self.quarantine.mended(one.drug.id)
        elif self.quarantine is not None and self.quarantine.waits(one):
            self._failed.add(one.drug.id)
            report.failed += not batch.plan.again
        elif isinstance(failure, Throttled):
            self._failed.add(one.drug.id)
            report.deferred += 1
            if self.quarantine is not None:
                self.quarantine.keep(one.drug.id)
        elif failure is not None:
            self._fail(one, failure)
        else:
            return False
        return True

    def _failure(self, one: PlannedDrug, batch: EmbeddedBatch) -> RxindexError | None:
        """Say why a drug's text has no vector, if it needs one and has none."""
        if one.action != "embed":
            return None
        text = one.fingerprints.text
        return batch.failures.get(text) or self._unwritten.get(text)

    def _succeed(self, one: PlannedDrug) -> None:
        report = self.report
        if not one.exists:
            kind = "added"
        else:
            kind = "metadata_only" if one.action == "metadata" else "updated"
        setattr(report, kind, getattr(report, kind) + 1)
        if self.dry_run:
            report.sample(kind, f"{one.drug.name} ({one.drug.kind})")
        if self.quarantine is not None:
            self.quarantine.mended(one.drug.id)
        if self.budget is not None:
            self.budget.succeeded()

    def _count(self, batch: EmbeddedBatch) -> None:
        plan, report = batch.plan, self.report
        # What was counted by the run before and has not changed since is not counted again.
        counted = [one for one in plan.drugs if not (plan.again and self._is_as_before(one))]
        report.rechecked += len(plan.drugs) - len(counted)
        report.total_processed += len(counted)
        report.packages += sum(len(one.drug.packages) for one in counted)
        if plan.again:
            report.rechecked += len(plan.unchanged.ids)
        else:
            report.total_processed += len(plan.unchanged.ids)
            report.unchanged += len(plan.unchanged.ids)
            report.packages += plan.unchanged.packages
        report.shortened += sum(one.shortened for one in counted)
        report.count_calls(batch.calls, batch.characters, self.price)
        report.vectors_carried += batch.carried
        for one in plan.rejected:
            self._reject(one, again=plan.again)

    def _is_as_before(self, one: PlannedDrug) -> bool:
        waits = self.quarantine is not None and self.quarantine.waits(one)
        return one.action == "unchanged" or waits

    def _reject(self, one: RejectedRow, *, again: bool) -> None:
        """Put a row aside, and count its drug as failed if it has no other."""
        new = self.quarantine is None or self.quarantine.put_row(one)
        if not again:
            self.report.packages += 1
            self.report.total_processed += one.drug_lost
            self.report.failed += one.drug_lost
        if new:
            name = one.row.name or one.row.brand or one.row.generic
            self.report.name(FailedDrug(one.drug_id, name, one.row.ndc, str(one.error)))
            if one.drug_lost and self.budget is not None:
                self.budget.failed(str(one.error))

    def _fail(self, one: PlannedDrug, error: RxindexError) -> None:
        self._failed.add(one.drug.id)
        self.report.failed += 1
        self.report.name(FailedDrug(one.drug.id, one.drug.name, "", str(error)))
        if self.quarantine is not None:
            self.quarantine.put_drug(one, error)
        if self.budget is not None and one.fingerprints.text not in self._failed_texts:
            self._failed_texts.add(one.fingerprints.text)
            self.budget.failed(f"{one.drug.name!r} ({one.drug.id}): {error}")
