"""What a run did, in the words that its callers read."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["FailedDrug", "SyncReport"]

#: A report names at most this many failed drugs; it counts all of them.
NAMED_FAILURES = 100


class FailedDrug(msgspec.Struct, frozen=True):
    """A drug, or one row of it, that did not get through.

    Attributes:
        id: of the drug.
        name: its label name.
        ndc: of the row that failed, or empty if the whole drug did.
        reason: what happened and what to do.
    """

    id: str
    name: str
    ndc: str
    reason: str


class SyncReport(msgspec.Struct):
    """What a run did. Counts are of drugs where nothing else is said.

    The first six are what callers of earlier pipelines read.

    Attributes:
        total_processed: drugs that the run looked at.
        successful: of these, those that are in the index as the source has them.
        failed: of these, those that are not.
        drugs_per_second: drugs looked at, by wall time.
        duration: seconds.
        completed: whether the whole source was read and every part of the plan carried out.
        packages: rows (NDCs) that were read.
        added: drugs that were not in the index.
        updated: drugs whose embedding text changed.
        metadata_only: drugs that changed in anything else; their vector was kept.
        unchanged: drugs for which nothing was written.
        deleted: drugs that the source does not have any more.
        delete_held: drugs that would have been deleted, but too many for a run to do so unasked.
        quarantined: drugs or rows that failed by themselves; see ``failures``.
        embedding_calls: texts that went to the model.
        embedding_calls_saved: calls that one call per package would have made on top of that.
        vectors_carried: vectors taken over from the generation before.
        source: where the rows came from.
        catalogue: the name in Redis.
        generation: that was written.
        model: the embedder's identity.
        index: algorithm, vector type and compression, asked for and in effect.
        dry_run: nothing was written; the counts say what would have been.
        failures: the first hundred failures, by name.
        warnings: what a person should know, in sentences.
    """

    total_processed: int = 0
    successful: int = 0
    failed: int = 0
    drugs_per_second: float = 0.0
    duration: float = 0.0
    completed: bool = False
    packages: int = 0
    added: int = 0
    updated: int = 0
    metadata_only: int = 0
    unchanged: int = 0
    deleted: int = 0
    delete_held: int = 0
    quarantined: int = 0
    embedding_calls: int = 0
    embedding_calls_saved: int = 0
    vectors_carried: int = 0
    source: str = ""
    catalogue: str = ""
    generation: str = ""
    model: str = ""
    index: dict[str, str] = msgspec.field(default_factory=dict)
    dry_run: bool = False
    failures: list[FailedDrug] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)

    def fail(self, failure: FailedDrug, *, whole_drug: bool) -> None:
        """Count and name a failure.

        Args:
            failure: which and why.
            whole_drug: the drug is not in the index as the source has it (otherwise: one row).
        """
        self.quarantined += 1
        self.failed += whole_drug
        if len(self.failures) < NAMED_FAILURES:
            self.failures.append(failure)

    def finish(self, seconds: float) -> None:
        """Fill in what follows from the counts."""
        self.duration = round(seconds, 3)
        self.drugs_per_second = round(self.total_processed / seconds, 1) if seconds else 0.0
        self.successful = self.total_processed - self.failed
        self.embedding_calls_saved = max(self.packages - self.embedding_calls, 0)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain values, for JSON."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built
