"""What a report says."""

from __future__ import annotations

import json

import msgspec
import pytest

from rxindex.sync.report import NAMED_FAILURES, NAMED_SAMPLES, FailedDrug, SyncReport


def test_it_counts_all_failures_and_names_some() -> None:
    report = SyncReport()
    for number in range(NAMED_FAILURES + 20):
        report.name(FailedDrug(str(number), "ASPIRIN", "", "no"))
    assert report.quarantined == NAMED_FAILURES + 20
    assert [one.id for one in report.failures] == [str(n) for n in range(NAMED_FAILURES)]


def test_it_names_a_few_samples_of_each_kind() -> None:
    report = SyncReport()
    for number in range(NAMED_SAMPLES + 3):
        report.sample("added", f"drug {number}")
    report.sample("deleted", "another")
    assert len(report.samples["added"]) == NAMED_SAMPLES
    assert report.samples["deleted"] == ["another"]


def test_what_follows_from_the_counts_is_filled_in_at_the_end() -> None:
    report = SyncReport(total_processed=50, failed=3, deferred=2, packages=400, embedding_calls=10)
    report.finish(2.0)
    assert (report.successful, report.drugs_per_second, report.duration) == (45, 25.0, 2.0)
    assert report.embedding_calls_saved == 390


def test_a_run_of_no_time_has_no_rate_and_saves_no_less_than_nothing() -> None:
    report = SyncReport(embedding_calls=3, packages=1)
    report.finish(0.0)
    assert (report.drugs_per_second, report.embedding_calls_saved) == (0.0, 0)


@pytest.mark.parametrize(("share", "said"), [(0.05, "5%"), (0.0, "0%"), (0.5, "50%")])
def test_held_deletes_say_how_many_and_how_to_allow_them(share: float, said: str) -> None:
    report = SyncReport()
    report.hold_deletes(1200, 15000, share)
    assert report.delete_held == 1200
    [warning] = report.warnings
    for word in ("1,200 of 15,000", said, "--allow-deletes", "kept"):
        assert word in warning


def test_callers_of_earlier_pipelines_find_their_fields() -> None:
    names = [field.name for field in msgspec.structs.fields(SyncReport)]
    read = {"total_processed", "successful", "failed", "drugs_per_second", "duration", "completed"}
    assert read <= set(names)
    report = SyncReport(source="sqlite", recall=None)
    report.name(FailedDrug("a", "ASPIRIN", "1", "no"))
    plain = report.as_dict()
    assert list(plain) == names
    assert json.loads(json.dumps(plain)) == plain
