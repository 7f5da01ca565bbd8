"""What a run did, in the words that its callers read."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["NAMED_FAILURES", "FailedDrug", "SyncReport"]

#: A report names at most this many failed drugs; it counts all of them.
NAMED_FAILURES = 100
#: A dry run names this many drugs of each kind of action.
NAMED_SAMPLES = 5
#: Of English text, as Amazon's own guide to Titan counts it; only for an estimate of the cost.
CHARACTERS_PER_TOKEN = 4


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
        failed: of these, those that are not, since they failed now or wait in quarantine.
        deferred: of these, those for which the embedder had no time (throttling); the next run
            tries them.
        drugs_per_second: drugs looked at, by wall time.
        duration: seconds.
        completed: whether the whole source was read and every part of the plan carried out.
        stopped: why the run stopped before the end of the source; empty if it did not.
        resumed: whether it went on where an earlier one had stopped.
        next_cursor: where the next run goes on; empty if there is nothing to go on with.
        rechecked: drugs that the run before had done, looked at once more and found unchanged;
            they count nowhere else, so that the counts of resumed runs add up.
        packages: rows (NDCs) that were read.
        added: drugs that were not in the index.
        updated: drugs whose embedding text changed.
        metadata_only: drugs that changed in anything else; their vector was kept.
        unchanged: drugs for which nothing was written.
        deleted: drugs that the source does not have any more.
        delete_held: drugs that would have been deleted, but too many for a run to do so unasked.
        quarantined: drugs or rows that failed by themselves in this run; see ``failures``.
        in_quarantine: drugs and rows in quarantine after the run.
        shortened: drugs of which a value or the embedding text was too long and was cut.
        embedding_calls: texts that went to the model.
        embedding_calls_saved: calls that one call per package would have made on top of that.
        embedding_tokens: of the texts that went to the model, estimated at four characters each.
        embedding_cost: US dollars for these, at the price of the model (0 for a local one).
        vectors_carried: vectors taken over from the generation before.
        recall: share of the exactly nearest neighbours that the new generation's index finds, for
            a sample; None where none was made.
        source: where the rows came from.
        catalogue: the name in Redis.
        generation: that was written.
        model: the embedder's identity.
        index: algorithm, vector type and compression, asked for and in effect.
        dry_run: nothing was written; the counts say what would have been.
        samples: in a dry run: by what would be done, the first few drugs.
        failures: the first hundred failures, by name.
        warnings: what a person should know, in sentences.
    """

    total_processed: int = 0
    successful: int = 0
    failed: int = 0
    deferred: int = 0
    drugs_per_second: float = 0.0
    duration: float = 0.0
    completed: bool = False
    stopped: str = ""
    resumed: bool = False
    next_cursor: str = ""
    rechecked: int = 0
    packages: int = 0
    added: int = 0
    updated: int = 0
    metadata_only: int = 0
    unchanged: int = 0
    deleted: int = 0
    delete_held: int = 0
    quarantined: int = 0
    in_quarantine: int = 0
    shortened: int = 0
    embedding_calls: int = 0
    embedding_calls_saved: int = 0
    embedding_tokens: int = 0
    embedding_cost: float = 0.0
    vectors_carried: int = 0
    recall: float | None = None
    source: str = ""
    catalogue: str = ""
    generation: str = ""
    model: str = ""
    index: dict[str, str] = msgspec.field(default_factory=dict)
    dry_run: bool = False
    samples: dict[str, list[str]] = msgspec.field(default_factory=dict)
    failures: list[FailedDrug] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)

    def count_calls(self, calls: int, characters: int, price: float) -> None:
        """Count calls of the model, and what they cost.

        Args:
            calls: how many.
            characters: of their texts.
            price: of a million tokens, in US dollars.
        """
        self.embedding_calls += calls
        self.embedding_tokens += characters // CHARACTERS_PER_TOKEN
        self.embedding_cost = round(self.embedding_tokens * price / 1e6, 4)

    def name(self, failure: FailedDrug) -> None:
        """Count and name a drug or row that failed by itself."""
        self.quarantined += 1
        if len(self.failures) < NAMED_FAILURES:
            self.failures.append(failure)

    def hold_deletes(self, gone: int, documents: int, most: float) -> None:
        """Say that deletes were held back.

        Args:
            gone: drugs that the source does not have any more.
            documents: drugs in the index.
            most: the share of these that a run may delete unasked.
        """
        self.delete_held += gone
        self.warnings.append(
            f"{gone:,} of {documents:,} drugs are not in the source any more, more than a run may "
            f"delete unasked ({most:.0%}); they were kept. If the source is right, run rxindex "
            "sync --allow-deletes"
        )

    def sample(self, kind: str, name: str) -> None:
        """Name a drug as an example of what would be done, if there are not enough yet."""
        names = self.samples.setdefault(kind, [])
        if len(names) < NAMED_SAMPLES:
            names.append(name)

    def finish(self, seconds: float) -> None:
        """Fill in what follows from the counts."""
        self.duration = round(seconds, 3)
        self.drugs_per_second = round(self.total_processed / seconds, 1) if seconds else 0.0
        self.successful = self.total_processed - self.failed - self.deferred
        self.embedding_calls_saved = max(self.packages - self.embedding_calls, 0)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as plain values, for JSON."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built
