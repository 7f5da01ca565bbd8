"""The report of a comparison."""

from __future__ import annotations

from rxindex.sync.differences import KINDS, NAMED_DIFFERENCES, Difference, VerifyReport


def test_a_drug_counts_once_and_under_each_of_its_kinds() -> None:
    report = VerifyReport()
    report.find("a", "A", {"vector": "short", "not_indexed": "not found"})
    report.find("b", "B", {"missing": "no document"})
    report.mend()
    report.leave("b", "B", {"missing": "no document; refused"})
    report.finish(1.23456)
    assert (report.different, report.repaired, report.still_different) == (2, 1, 1)
    assert report.counts == dict.fromkeys(KINDS, 0) | {"vector": 1, "not_indexed": 1, "missing": 1}
    assert [one.kind for one in report.differences] == ["vector", "not_indexed", "missing"]
    assert report.remaining == [Difference("missing", "b", "B", "no document; refused")]
    assert (report.clean, report.duration) == (False, 1.235)


def test_all_repaired_is_clean() -> None:
    report = VerifyReport()
    report.find("a", "A", {"missing": "no document"})
    report.mend()
    report.finish(0)
    assert report.clean


def test_a_hundred_are_named_and_all_counted() -> None:
    report = VerifyReport()
    for number in range(NAMED_DIFFERENCES + 5):
        report.find(str(number), "", {"extra": "no such drug"})
        report.leave(str(number), "", {"extra": "kept"})
    assert report.counts["extra"] == NAMED_DIFFERENCES + 5
    assert len(report.differences) == len(report.remaining) == NAMED_DIFFERENCES


def test_the_report_is_plain_values_for_json() -> None:
    report = VerifyReport(sampled=5, seed=1)
    report.find("a", "A", {"stale": "differs in name"})
    built = report.as_dict()
    assert built["differences"] == [
        {"kind": "stale", "id": "a", "name": "A", "reason": "differs in name"}
    ]
    assert built["counts"]["stale"] == 1
    assert list(built["counts"]) == list(KINDS)
