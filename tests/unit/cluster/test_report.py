"""How the reports of several workers become one."""

from __future__ import annotations

from typing import Any

from rxindex.cluster.report import PartitionDone, WorkerShare, shares, sum_up
from rxindex.source.base import Partition
from rxindex.sync.report import FailedDrug, SyncReport
from rxindex.sync.shared import COUNTED


def done(worker: str, seconds: float = 1.0, **report: Any) -> PartitionDone:
    return PartitionDone(Partition("one"), worker, seconds, SyncReport(**report))


def counts(**given: int) -> dict[str, int]:
    return dict.fromkeys(COUNTED, 0) | given


def failure(number: int) -> FailedDrug:
    return FailedDrug(f"d{number}", f"drug {number}", "", "no")


def test_each_worker_has_its_share_by_name() -> None:
    found = shares(
        [
            done("b", 1.5, total_processed=3),
            done("a", 2.0, total_processed=5),
            done("b", 0.25, total_processed=4),
        ]
    )
    assert found == [WorkerShare("a", 1, 5, 2.0), WorkerShare("b", 2, 7, 1.75)]
    assert shares([]) == []


def test_what_workers_wrote_is_not_what_the_last_run_found_unchanged() -> None:
    last = SyncReport(
        total_processed=100, packages=500, unchanged=97, updated=1, deleted=2, failed=2,
        embedding_calls=1, completed=True, generation="g3",
    )  # fmt: skip
    written = counts(added=40, updated=5, metadata_only=2, unchanged=60, embedding_calls=30)
    report = sum_up(last, written, [], 8.0, live=True)
    assert (report.added, report.updated, report.metadata_only) == (40, 6, 2)
    assert report.unchanged == 97 - 47
    assert (report.total_processed, report.packages, report.deleted) == (100, 500, 2)
    assert (report.embedding_calls, report.embedding_calls_saved) == (31, 469)
    assert (report.successful, report.duration, report.drugs_per_second) == (98, 8.0, 12.5)
    assert (report.completed, report.generation) == (True, "g3")


def test_a_drug_that_was_written_and_changed_again_makes_no_count_negative() -> None:
    last = SyncReport(total_processed=3, unchanged=1, updated=2)
    assert sum_up(last, counts(added=3), [], 1.0, live=False).unchanged == 0


def test_a_load_that_was_stopped_has_the_counts_of_its_workers() -> None:
    last = SyncReport(stopped="it was late", generation="g1")
    written = counts(
        packages=50, total_processed=10, added=6, unchanged=2, failed=1, deferred=1,
        embedding_calls=7,
    )  # fmt: skip
    report = sum_up(last, written, [done("0", total_processed=10)], 4.0, live=False)
    assert (report.completed, report.stopped) == (False, "it was late")
    assert (report.total_processed, report.added, report.unchanged) == (10, 6, 2)
    assert (report.failed, report.deferred, report.successful) == (1, 1, 8)
    assert (report.packages, report.embedding_calls_saved) == (50, 43)


def test_a_failure_that_the_last_run_met_with_again_counts_once() -> None:
    of_workers = [done("0", quarantined=2, failures=[failure(1), failure(2)])]
    last = SyncReport(total_processed=9, quarantined=2, failures=[failure(1), failure(2)])
    report = sum_up(last, counts(), of_workers, 1.0, live=False)
    assert (report.quarantined, report.failures) == (2, [failure(1), failure(2)])


def test_in_a_live_index_the_last_run_leaves_alone_what_has_just_failed() -> None:
    of_workers = [done("0", quarantined=2, failures=[failure(1), failure(2)])]
    last = SyncReport(total_processed=9, quarantined=1, failures=[failure(3)])
    report = sum_up(last, counts(), of_workers, 1.0, live=True)
    assert report.quarantined == 3
    assert report.failures == [failure(3), failure(1), failure(2)]


def test_a_report_names_a_hundred_failures_at_most() -> None:
    of_workers = [done("0", failures=[failure(one) for one in range(100)])] * 2
    report = sum_up(SyncReport(), counts(), of_workers, 1.0, live=True)
    assert len(report.failures) == 100
    assert len({one.id for one in report.failures}) == 100
