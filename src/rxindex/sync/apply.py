"""The plan's effects: texts with their vectors, then drugs."""

from __future__ import annotations

from rxindex.errors import RxindexError, Throttled
from rxindex.index.gathering import Gathering
from rxindex.index.store import DrugStore, Write
from rxindex.sync.assemble import RejectedRow
from rxindex.sync.budget import ErrorBudget
from rxindex.sync.plan import PlannedDrug
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.report import FailedDrug, SyncReport
from rxindex.sync.vectors import EmbeddedBatch

__all__ = ["Applier"]


class Applier:
    """Writes batches and counts what they did.

    Args:
        store: where to; None in a dry run of a first load.
        report: to fill in.
        dry_run: count, don't write.
        quarantine: where drugs and rows go that fail; None to name them in the report only.
        budget: stops the run when too many fail; None for no limit.
        price: of a million tokens, in US dollars.
        names: told of each drug that was written, where the generation had nothing in it when the
            run began; None where it had.
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
        names: Gathering | None = None,
    ) -> None:
        self.store = store
        self.report = report
        self.dry_run = dry_run
        self.quarantine = quarantine
        self.budget = budget
        self.price = price
        self.names = names
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
        if store and self.names is None:
            store.ledger.forget(one.group for one in done)
        refused = store.write(writes, self.names) if store and writes else {}
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
