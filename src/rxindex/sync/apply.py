"""The plan's effects: vectors for the texts that need one, then documents."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

import msgspec
import numpy as np

from rxindex.embed.base import Embedder
from rxindex.errors import RxindexError, VectorSizeError
from rxindex.index.store import DrugStore, Write
from rxindex.sync.plan import PlannedBatch, PlannedDrug
from rxindex.sync.report import FailedDrug, SyncReport
from rxindex.sync.spool import RunSpool

__all__ = ["Applier", "EmbeddedBatch", "VectorStage"]

#: Batches that may wait for enough texts; they are held in memory.
_MOST_BATCHES = 8


class EmbeddedBatch(msgspec.Struct, frozen=True):
    """A batch of the plan with the vectors that it needs.

    Attributes:
        plan: the batch.
        vectors: stored form by text fingerprint.
        failures: why a text has none, by text fingerprint.
        calls: of the model, for this batch and those embedded with it.
        carried: vectors taken over from the generation before, likewise.
    """

    plan: PlannedBatch
    vectors: dict[bytes, bytes]
    failures: dict[bytes, RxindexError]
    calls: int
    carried: int


class VectorStage:
    """Makes each distinct text's vector once in a run.

    Args:
        embedder: makes them.
        spool: remembers them.
        store: the generation that they are for; None in a dry run of a first load.
        donor: the live generation, where it has vectors of the same model.
    """

    def __init__(
        self,
        embedder: Embedder,
        spool: RunSpool,
        store: DrugStore | None,
        donor: DrugStore | None,
    ) -> None:
        self.embedder = embedder
        self.spool = spool
        self.store = store
        self.donor = donor

    def embed(
        self, plan: Iterator[PlannedBatch], *, dry_run: bool
    ) -> Generator[EmbeddedBatch, None, None]:
        """Yield each batch of the plan with its vectors.

        Args:
            plan: the batches.
            dry_run: count the calls that would be made, make none.

        Raises:
            VectorSizeError: the embedder's vectors do not fit the generation.
            RxindexError: the embedder as a whole does not work.
        """
        for group, vectors in self._groups(plan):
            planned = [one for batch in group for one in batch.drugs if one.action == "embed"]
            needed = {one.fingerprints.text: one for one in planned}
            missing = {text for text in needed if text not in vectors}
            failures: dict[bytes, RxindexError] = {}
            carried = self._carry(planned, missing)
            rest = [needed[text] for text in needed if text in missing and text not in carried]
            if dry_run:
                made, calls = {one.fingerprints.text: b"" for one in rest}, len(rest)
            else:
                made, calls = self._make(rest, failures)
            self.spool.add_vectors((made | carried).items())
            vectors |= made | carried
            counted = (calls, len(carried))
            for batch in group:
                yield EmbeddedBatch(batch, vectors, failures, *counted)
                counted = (0, 0)

    def _groups(
        self, plan: Iterator[PlannedBatch]
    ) -> Iterator[tuple[list[PlannedBatch], dict[bytes, bytes]]]:
        """Put batches together until there are enough texts to keep the embedder busy.

        Yields:
            The batches, and the vectors that the run has made already for texts of theirs.
        """
        group: list[PlannedBatch] = []
        texts: set[bytes] = set()
        known: dict[bytes, bytes] = {}
        for batch in plan:
            group.append(batch)
            named = {one.fingerprints.text for one in batch.drugs if one.action == "embed"}
            new = named - texts - known.keys()
            known |= self.spool.vectors(new)
            texts |= new - known.keys()
            if len(texts) >= self.embedder.batch_size or len(group) == _MOST_BATCHES or not texts:
                yield group, known
                group, texts, known = [], set(), {}
        if group:
            yield group, known

    def _carry(self, planned: Sequence[PlannedDrug], missing: set[bytes]) -> dict[bytes, bytes]:
        """Take vectors of texts that the live generation has from any of the texts' drugs.

        In a dry run of a first load into a new generation there is nothing to store them in;
        what can be carried is then found out all the same.
        """
        if self.donor is None or not missing:
            return {}
        ids = [one.drug.id for one in planned if one.fingerprints.text in missing]
        known = {
            drug_id: print_.text
            for drug_id, print_ in zip(ids, self.donor.fingerprints(ids), strict=True)
            if print_ is not None and print_.text in missing
        }
        # One drug of each text is enough.
        wanted = list({text: drug_id for drug_id, text in known.items()}.values())
        carried = {}
        for drug_id, vector in zip(wanted, self.donor.vectors(wanted), strict=True):
            if vector is not None and self.store is not None:
                vector = self.store.encode_vector(self.donor.decode_vector(vector))
            if vector is not None:
                carried[known[drug_id]] = vector
        return carried

    def _make(
        self, missing: Sequence[PlannedDrug], failures: dict[bytes, RxindexError]
    ) -> tuple[dict[bytes, bytes], int]:
        """Embed the texts, noting those that the model refuses, and count the calls."""
        if not missing or self.store is None:
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
                failures[one.fingerprints.text] = embedded.failures[place]
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
    """

    def __init__(self, store: DrugStore | None, report: SyncReport, *, dry_run: bool) -> None:
        self.store = store
        self.report = report
        self.dry_run = dry_run

    def write(self, batch: EmbeddedBatch) -> None:
        """Write what the batch's plan says.

        Raises:
            RxindexError: Redis takes no writes (see `DrugStore.write`).
        """
        self._count(batch)
        writes, done = [], []
        for one in batch.plan.drugs:
            if one.action == "unchanged":
                self.report.unchanged += 1
                continue
            failure = batch.failures.get(one.fingerprints.text) if one.action == "embed" else None
            if failure is not None:
                self._fail(one, failure)
                continue
            # Not get(): a drug written without its new vector would keep the old one for good.
            vector = batch.vectors[one.fingerprints.text] if one.action == "embed" else None
            writes.append(Write(one.drug, one.fingerprints, vector))
            done.append(one)
        refused = self.store.write(writes) if self.store and writes and not self.dry_run else {}
        for one in done:
            if one.drug.id in refused:
                self._fail(one, refused[one.drug.id])
            elif not one.exists:
                self.report.added += 1
            elif one.action == "metadata":
                self.report.metadata_only += 1
            else:
                self.report.updated += 1

    def _count(self, batch: EmbeddedBatch) -> None:
        plan, report = batch.plan, self.report
        report.total_processed += len(plan.drugs)
        report.packages += sum(len(one.drug.packages) for one in plan.drugs)
        report.embedding_calls += batch.calls
        report.vectors_carried += batch.carried
        for one in plan.rejected:
            name = one.row.name or one.row.brand or one.row.generic
            failure = FailedDrug(one.drug_id, name, one.row.ndc, str(one.error))
            report.packages += 1
            report.total_processed += one.drug_lost
            report.fail(failure, whole_drug=one.drug_lost)

    def _fail(self, one: PlannedDrug, error: RxindexError) -> None:
        failure = FailedDrug(one.drug.id, one.drug.name, "", str(error))
        self.report.fail(failure, whole_drug=True)
