"""A sync on two workers: what comes of it, and what of workers that die, fail or are stopped."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from distributed import Client
from tests.integration.cluster.pharmacy import DRUGS, Pharmacy
from tests.services.dask_cluster import DaskCluster
from tests.services.indexed import assert_tidy, contents
from tests.services.pharmacy import REWORD

from rxindex.cluster.workers import workers_of
from rxindex.errors import (
    EmptySource,
    ErrorBudgetSpent,
    LeaseHeld,
    WorkersUnavailable,
)
from rxindex.index.lease import hold
from rxindex.sync.quarantine import quarantine_size, read_entries
from rxindex.sync.stop import Stop

pytestmark = [pytest.mark.xdist_group("workers"), pytest.mark.lasts(40)]


def test_what_workers_make_is_what_one_process_makes(
    two_workers: Client, pharmacy: Pharmacy
) -> None:
    told: list[tuple[str, int, int]] = []
    report = pharmacy.run(two_workers, tell=lambda *words: told.append(words))
    assert (report.completed, report.stopped, report.warnings) == (True, "", [])
    assert (report.total_processed, report.successful, report.added) == (DRUGS, DRUGS, DRUGS)
    assert (report.unchanged, report.failed, report.embedding_calls) == (0, 0, DRUGS)
    assert report.packages == pharmacy.packages()
    assert report.embedding_calls_saved == report.packages - DRUGS
    assert len(report.workers) == 2
    assert sum(one.drugs for one in report.workers) == DRUGS
    assert sum(one.partitions for one in report.workers) >= 8
    assert all(one.seconds > 0 for one in report.workers)
    assert told[-1] == ("checking", report.packages, report.packages)
    assert {doing for doing, _, _ in told} == {"loading", "checking"}
    assert pharmacy.is_free()
    made = contents(pharmacy.catalogue)
    assert_tidy(pharmacy.catalogue)
    assert made == pharmacy.run_alone()


def test_a_second_run_writes_what_changed_and_deletes_what_vanished(
    two_workers: Client, pharmacy: Pharmacy
) -> None:
    pharmacy.run(two_workers)
    before = pharmacy.bedrock.counts.calls
    again = pharmacy.run(two_workers)
    assert (again.completed, again.unchanged, again.embedding_calls) == (True, DRUGS, 0)
    assert pharmacy.bedrock.counts.calls == before
    pharmacy.execute(
        REWORD + " WHERE HICL_SEQNO <= 7", "DELETE FROM rndc14 WHERE GCN_SEQNO IN (20, 30)"
    )
    changed = pharmacy.run(two_workers)
    assert (changed.updated, changed.deleted, changed.unchanged) == (7, 2, DRUGS - 9)
    assert contents(pharmacy.catalogue) == pharmacy.run_alone()


def test_a_worker_that_is_killed_is_replaced_and_nothing_is_lost_or_doubled(
    two_workers: Client, pharmacy: Pharmacy
) -> None:
    before = set(two_workers.run(os.getpid).values())
    with ThreadPoolExecutor(1) as beside:
        with pharmacy.bedrock.held_after(DRUGS // 3):
            running = beside.submit(pharmacy.run, two_workers)
            pharmacy.bedrock.wait_until_held()
            for victim in sorted(before):
                os.kill(victim, signal.SIGKILL)
        report = running.result(120)
    assert before.isdisjoint(two_workers.run(os.getpid).values())
    assert (report.completed, report.total_processed, report.successful) == (True, DRUGS, DRUGS)
    # What the dead had written counts as theirs, and what it cost.
    assert (report.added, report.unchanged) == (DRUGS, 0)
    assert DRUGS <= report.embedding_calls <= pharmacy.bedrock.counts.answered
    assert pharmacy.is_free()
    assert_tidy(pharmacy.catalogue)
    assert contents(pharmacy.catalogue) == pharmacy.run_alone()


def test_the_error_budget_is_that_of_all_workers(two_workers: Client, pharmacy: Pharmacy) -> None:
    pharmacy.bedrock.behaviour.reject = "xine"
    with pytest.raises(ErrorBudgetSpent, match=r"^[56] drugs failed, more than the 4 allowed"):
        pharmacy.run(two_workers, batch_size=1, most_failures=4)
    # One that was under way when the fifth failed may have failed too, on the other worker.
    assert 5 <= quarantine_size(pharmacy.catalogue) <= 6
    assert pharmacy.is_free()


def test_the_requests_per_minute_are_those_of_all_workers(
    two_workers: Client, pharmacy: Pharmacy
) -> None:
    report = pharmacy.run(two_workers, titan_requests_per_minute=1_200)
    assert (report.completed, report.embedding_calls) == (True, DRUGS)
    assert {one.drugs > 0 for one in report.workers} == {True}
    arrivals = pharmacy.bedrock.counts.arrivals
    # Twenty a second; five lost turns may be made up for, and the first may have come late.
    assert arrivals[-1] - arrivals[0] >= (DRUGS - 20) / 20


def test_drugs_that_fail_are_in_the_report_once(two_workers: Client, pharmacy: Pharmacy) -> None:
    pharmacy.bedrock.behaviour.reject = "babasa"
    report = pharmacy.run(two_workers)
    names = [one.name for one in read_entries(pharmacy.catalogue)]
    assert names
    assert all("BABASA" in one for one in names)
    assert report.failed == report.quarantined == report.in_quarantine == len(names)
    assert sorted(one.name for one in report.failures) == sorted(names)
    assert (report.added, report.unchanged) == (DRUGS - len(names), 0)


def test_workers_stop_clean_and_the_next_run_goes_on(
    two_workers: Client, pharmacy: Pharmacy
) -> None:
    stop = Stop()
    with ThreadPoolExecutor(1) as beside:
        with pharmacy.bedrock.held_after(DRUGS // 2):
            running = beside.submit(pharmacy.run, two_workers, stop=stop)
            pharmacy.bedrock.wait_until_held()
            stop.ask("the test said so")
            pharmacy.wait_until_told_to_stop()
        first = running.result(120)
    assert (first.completed, first.stopped) == (False, "the test said so")
    assert 0 < first.added < DRUGS
    assert pharmacy.catalogue.live() is None
    assert pharmacy.is_free()
    second = pharmacy.run(two_workers)
    assert (second.completed, second.added) == (True, DRUGS - first.added)
    assert second.unchanged == first.added
    assert first.embedding_calls + second.embedding_calls == DRUGS
    assert contents(pharmacy.catalogue) == pharmacy.run_alone()


def test_workers_wait_for_no_lease_that_another_run_has(
    two_workers: Client, pharmacy: Pharmacy
) -> None:
    with hold(pharmacy.catalogue, "sync"), pytest.raises(LeaseHeld):
        pharmacy.run(two_workers, wait=0.0)
    pharmacy.execute("DELETE FROM rndc14")
    with pytest.raises(EmptySource):
        pharmacy.run(two_workers)
    assert pharmacy.is_free()


def test_a_cluster_that_is_there_is_used_and_its_loss_is_told(
    credentials: None, pharmacy: Pharmacy, tmp_path: Path
) -> None:
    with DaskCluster(tmp_path) as cluster:
        cluster.start_worker()
        cluster.wait_for_worker()
        with workers_of(cluster.url) as client:
            assert pharmacy.run(client).added == DRUGS
            pharmacy.execute(REWORD)
            with pharmacy.bedrock.held_after(10), ThreadPoolExecutor(1) as beside:
                running = beside.submit(pharmacy.run, client)
                pharmacy.bedrock.wait_until_held()
                cluster.kill_scheduler()
                with pytest.raises(WorkersUnavailable, match="the Dask scheduler was lost"):
                    running.result(60)
            assert pharmacy.is_free()
