"""Source and live index compared drug by drug, and mended where they differ.

Neither side's counts are believed, nor what a document says of itself. A repair touches nothing
but what differs, in a run's own order: a drug's vector is made before its document is written,
and documents are written before others are deleted.
"""

from __future__ import annotations

import datetime
import secrets
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import ConfigurationError, EmptySource, GenerationMismatch
from rxindex.index.catalogue import Catalogue
from rxindex.index.inspect import Document, inspect, text_faults
from rxindex.index.sampling import Draw
from rxindex.index.store import DrugStore
from rxindex.model import Drug
from rxindex.source.base import Group, Partition, Source
from rxindex.sync.apply import Applier
from rxindex.sync.assemble import RowCounts
from rxindex.sync.batch import DrugBatch
from rxindex.sync.differences import Faults, VerifyReport, action_for, faults_of
from rxindex.sync.flow import ahead, batches
from rxindex.sync.options import READER_FROM
from rxindex.sync.plan import PlannedBatch, PlannedDrug, plan_batch
from rxindex.sync.reader import reader_for
from rxindex.sync.reading import drug_batches
from rxindex.sync.report import SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.surplus import Surplus
from rxindex.sync.vectors import EmbeddedBatch, VectorStage
from rxindex.vocabulary import Vocabulary

__all__ = ["VerifyOptions", "verify"]

#: Called after each batch with the rows read so far and the number of rows in the source.
Progress = Callable[[int, int], None]


class VerifyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to compare.

    Attributes:
        batch_size: drugs in one round trip.
        sample: compare so many drugs drawn at random, and look up as many of the index's keys
            in the source; None for all. The source is read to its end all the same.
        seed: of the draw; None for another one each time.
        repair: mend what differs.
        allow_deletes: delete however many keys the source has no drug for.
        most_deletes: without ``allow_deletes``, the share of the keys looked at that a repair
            may delete.
        today: ISO date that decides what is obsolete; empty for the current one (UTC).
        reader_from: packages from which on a process of its own reads, where there is a second
            core. None: never.
    """

    batch_size: int = 500
    sample: int | None = None
    seed: int | None = None
    repair: bool = False
    allow_deletes: bool = False
    most_deletes: float = 0.05
    today: str = ""
    reader_from: int | None = READER_FROM


def verify(
    source: Source,
    embedder: Embedder | None,
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    options: VerifyOptions,
    progress: Progress | None = None,
) -> VerifyReport:
    """Compare the source with the live index, drug by drug, and mend it if asked to.

    Memory does not depend on the size of the catalogue.

    Args:
        source: entered already (see `Source`).
        embedder: makes the vectors that a repair needs; may be None without one.
        catalogue: whose live generation to compare.
        vocabulary: joined to the drugs by ingredient.
        options: how to compare.
        progress: told after each batch.

    Raises:
        CatalogueNotIndexed: there is no live generation.
        EmptySource: there is not one row; everything in the index would count as extra.
        GenerationMismatch: the embedder is not the one that the live index was built with.
        ConfigurationError: a repair without an embedder.
        RxindexError: whatever stops source, embedder or index as a whole. What was mended
            before is whole.
    """
    begun = time.monotonic()
    generation = catalogue.require_live()
    if options.repair and embedder is None:
        raise ConfigurationError("a repair needs an embedder, for drugs without a sound vector")
    if embedder is not None and embedder.model_id != generation.model_id:
        raise GenerationMismatch(
            f"the live index of {catalogue.name!r} ({generation.name}) was built with the embedder "
            f"{generation.model_id}, and can't be mended with {embedder.model_id}: give the one "
            "that it was built with"
        )
    packages = source.count()
    if packages == 0:
        raise EmptySource(
            f"{source.name} has no package at all, so there is nothing to compare the index with"
        )
    sampled = options.sample is not None
    seed = secrets.randbits(32) if sampled and options.seed is None else options.seed
    report = VerifyReport(
        source=source.name,
        catalogue=catalogue.name,
        generation=generation.name,
        model=generation.model_id,
        repair=options.repair,
        sampled=options.sample,
        seed=seed if sampled else None,
    )
    store = DrugStore(catalogue, generation)
    with RunSpool() as spool:
        work = _Verification(source, embedder, store, vocabulary, options, spool, report, packages)
        work.carry_out(lambda rows: progress(rows, packages) if progress else None)
    report.finish(time.monotonic() - begun)
    return report


class _Verification:
    """The state of one comparison: what `verify` was given, and the report that it fills in."""

    def __init__(
        self,
        source: Source,
        embedder: Embedder | None,
        store: DrugStore,
        vocabulary: Vocabulary,
        options: VerifyOptions,
        spool: RunSpool,
        report: VerifyReport,
        packages: int,
    ) -> None:
        self.source = source
        self.embedder = embedder
        self.store = store
        self.vocabulary = vocabulary
        self.options = options
        self.spool = spool
        self.report = report
        self.today = options.today or datetime.datetime.now(datetime.UTC).date().isoformat()
        self.counts = RowCounts()
        self.reader = reader_for(
            source, vocabulary, self.today, options.batch_size, packages, options.reader_from
        )
        self.tell: Callable[[int], None] = lambda rows: None
        #: The drugs that are on their way to being mended: a few batches.
        self.under_way: dict[str, Faults] = {}
        #: Texts whose vectors are to be made anew, likewise.
        self._unsound: set[bytes] = set()

    def carry_out(self, tell: Callable[[int], None]) -> None:
        """Compare what the source has, then what the index has on top of it."""
        self.tell = tell
        # A server that is still reading its documents would seem to have lost them.
        self.store.catalogue.wait_until_indexed(self.store.generation.name)
        with closing(self._differing()) as differing:
            if self.options.repair and self.embedder is not None:
                self._mend(differing, self.embedder)
            else:
                for _ in differing:
                    self.under_way.clear()
        surplus = Surplus(self.store, self.spool, self.report, self.options.batch_size)
        surplus.find(self.options.sample)
        if self.options.repair:
            surplus.repair(1.0 if self.options.allow_deletes else self.options.most_deletes)
            if self.options.sample is None:
                self.store.sweep_texts(again=True)
        if self.report.rejected:
            self.report.warnings.append(
                f"{self.report.rejected:,} rows of the source can't become packages; 'rxindex "
                "sync' names them"
            )
        self.report.warnings += (self.reader or self.source).notes()

    def _differing(self) -> Generator[PlannedBatch, None, None]:
        """Yield the drugs that differ, with what mends them; name them on the way."""
        read = self._read() if self.options.sample is None else self._read_sample()
        with closing(read) as batches_of_drugs:
            for batch in batches_of_drugs:
                if different := self._compare(batch):
                    yield PlannedBatch(different, [], batch.after)

    def _compare(self, batch: DrugBatch) -> list[PlannedDrug]:
        """Compare drugs with their documents, in one round trip, and give those that differ."""
        planned = plan_batch(batch, self.store.generation.model_id, None).drugs
        documents = inspect(self.store, [one.drug.id for one in planned])
        vectors = self._vectors(documents)
        if self.options.repair:
            self._unsound |= vectors.keys()
        different = []
        for one, document in zip(planned, documents, strict=True):
            self.report.drugs += 1
            self.report.packages += len(one.drug.packages)
            if faults := faults_of(self.store, one, document, vectors):
                self.report.find(one.drug.id, one.drug.name, faults)
                self.under_way[one.drug.id] = faults
                action = action_for(one, document, faults)
                exists = document is not None
                different.append(msgspec.structs.replace(one, action=action, exists=exists))
        return different

    def _read(self) -> Generator[DrugBatch, None, None]:
        """Read the source and remember which drugs it has."""
        for partition in self.source.partitions(1):
            with ahead(self._drugs(partition)) as read:
                for batch in read:
                    self.report.rejected += len(batch.rejected)
                    # A drug with a bad row is in the source: its document is not extra.
                    self.spool.mark_seen([drug.id for _, drug in batch.drugs])
                    self.spool.mark_seen([one.drug_id for one in batch.rejected])
                    yield batch
                    self.tell(self.counts.rows)

    def _read_sample(self) -> Generator[DrugBatch, None, None]:
        """Read the source to its end, then give the drugs that were drawn."""
        draw: Draw[tuple[Group, Drug]] = Draw(self.options.sample or 1, self.report.seed or 0)
        with closing(self._read()) as read:
            for batch in read:
                for group, drug in batch.drugs:
                    draw.offer(drug.id, (group, drug))
        for part in batches(draw.drawn().values(), self.options.batch_size):
            yield DrugBatch(part, [], part[-1][0])

    def _drugs(self, partition: Partition) -> Generator[DrugBatch, None, None]:
        def here() -> Generator[DrugBatch, None, None]:
            return drug_batches(
                self.source.rows(partition), self.vocabulary, self.today, self.counts,
                self.options.batch_size,
            )  # fmt: skip

        if self.reader is None:
            return here()
        return self.reader.batches(partition, None, self.counts, here)

    def _mend(self, differing: Generator[PlannedBatch, None, None], embedder: Embedder) -> None:
        """Embed and write what differs, and look at it again."""
        effects = SyncReport()
        applier = Applier(self.store, effects, dry_run=False)
        stage = VectorStage(embedder, self.spool, self.store, None)
        with closing(stage.embed(self._cleared(differing), dry_run=False)) as embedded:
            for batch in embedded:
                self._make_way(batch)
                applier.write(batch)
                self._look_again(batch)
        self.report.embedding_calls = effects.embedding_calls

    def _vectors(self, documents: Sequence[Document | None]) -> dict[bytes, str]:
        """Say what is wrong with the vectors of the texts that these documents have."""
        texts = {one.text for one in documents if one is not None and one.text is not None}
        return text_faults(self.store, sorted(texts))

    def _cleared(
        self, differing: Generator[PlannedBatch, None, None]
    ) -> Generator[PlannedBatch, None, None]:
        """Remove vectors that are no good, since one that is there would not be made again."""
        with closing(differing):
            for batch in differing:
                self.store.delete_texts(sorted(self._unsound))
                self._unsound.clear()
                yield batch

    def _make_way(self, batch: EmbeddedBatch) -> None:
        """Remove keys of another type that stand in the place of a document about to be written."""
        blocked = [
            one.drug.id
            for one in batch.plan.drugs
            if one.exists
            and "missing" in self.under_way.get(one.drug.id, ())
            and one.fingerprints.text not in batch.failures
        ]
        if blocked:
            self.store.delete(blocked)

    def _look_again(self, batch: EmbeddedBatch) -> None:
        """Compare what was mended once more; name what still differs."""
        drugs = batch.plan.drugs
        documents = inspect(self.store, [one.drug.id for one in drugs])
        vectors = self._vectors(documents)
        for one, document in zip(drugs, documents, strict=True):
            self.under_way.pop(one.drug.id, None)
            faults = faults_of(self.store, one, document, vectors)
            if not faults:
                self.report.mend()
                continue
            failure = batch.failures.get(one.fingerprints.text) if one.action == "embed" else None
            if failure is not None:
                faults = {kind: f"{reason}; {failure}" for kind, reason in faults.items()}
            self.report.leave(one.drug.id, one.drug.name, faults)
