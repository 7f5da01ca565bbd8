"""What a sync on several workers did, summed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from rxindex.errors import RxindexError
from rxindex.source.base import Partition
from rxindex.sync.report import NAMED_FAILURES, SyncReport

__all__ = ["ClusterReport", "PartitionDone", "WorkerShare", "shares", "sum_up"]

#: Counts of drugs that were written, and of what it cost.
_WRITTEN = ("added", "updated", "metadata_only")
_SPENT = ("embedding_calls", "embedding_tokens", "vectors_carried")


class PartitionDone(msgspec.Struct, frozen=True):
    """How a worker fared with a partition.

    Attributes:
        partition: which.
        worker: its name in the cluster.
        seconds: that it took.
        report: of this partition; empty if it ended with an error.
        error: what ended it, or None.
    """

    partition: Partition
    worker: str
    seconds: float
    report: SyncReport
    error: RxindexError | None = None


class WorkerShare(msgspec.Struct, frozen=True):
    """One worker's share of the work.

    Attributes:
        name: in the cluster; a worker that took a dead one's place has its name.
        partitions: that it ended.
        drugs: in these.
        seconds: that it was at work on them.
    """

    name: str
    partitions: int
    drugs: int
    seconds: float


class ClusterReport(SyncReport):
    """A `SyncReport` of all workers and the run that ended the load.

    Attributes:
        workers: each one's share. What a worker wrote of a partition before it died is in the
            sums, but in no worker's share.
    """

    workers: list[WorkerShare] = msgspec.field(default_factory=list)


def shares(done: Sequence[PartitionDone]) -> list[WorkerShare]:
    """Sum up what each worker did, by name."""
    found = []
    for name in sorted({one.worker for one in done}):
        own = [one for one in done if one.worker == name]
        drugs = sum(one.report.total_processed for one in own)
        found.append(WorkerShare(name, len(own), drugs, round(sum(o.seconds for o in own), 3)))
    return found


def sum_up(
    last: SyncReport,
    counts: Mapping[str, int],
    done: Sequence[PartitionDone],
    seconds: float,
    *,
    live: bool,
) -> ClusterReport:
    """Add what the workers did to the report of the run that ended the load.

    That run has seen the whole source: how much there is, and what is wrong with it now, it knows
    best. What it found unchanged, the workers may have written.

    Args:
        last: its report; one that only has its head if the load was stopped before.
        counts: of all workers (see `rxindex.sync.shared.COUNTED`).
        done: partitions that were ended.
        seconds: from beginning to end.
        live: searches went to the generation already, so that the last run left alone what had
            just failed.
    """
    fields = msgspec.structs.asdict(last)
    report = ClusterReport(**fields, workers=shares(done))
    ended = bool(last.total_processed)
    for name in (*_WRITTEN, *_SPENT):
        setattr(report, name, getattr(last, name) + counts[name])
    if ended:
        written = sum(counts[name] for name in _WRITTEN)
        report.unchanged = max(0, last.unchanged - written)
    else:
        for name in ("packages", "total_processed", "unchanged", "failed", "deferred"):
            setattr(report, name, counts[name])
    failures = [*last.failures, *(failure for one in done for failure in one.report.failures)]
    report.failures = list({(one.id, one.ndc): one for one in failures}.values())[:NAMED_FAILURES]
    before = sum(one.report.quarantined for one in done)
    report.quarantined = before + last.quarantined if live else max(before, last.quarantined)
    report.embedding_cost = round(
        last.embedding_cost + sum(o.report.embedding_cost for o in done), 4
    )
    report.finish(seconds)
    return report
