"""Runs that do so many drugs, and runs that begin where they are told to."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.sync.bench import DIMENSIONS, Bench
from tests.services.fdb import package, remove_packages

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import ConfigurationError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.sync.report import SyncReport
from rxindex.vocabulary import Vocabulary

NAMES = [f"ZORB{letter * 3}" for letter in "ABCDEFGHIJKLMNOPQRST"]
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)
    bench.embedder = FakeEmbedder(DIMENSIONS)
    return bench


@pytest.mark.parametrize("most", [1, 7, 19])
def test_runs_of_so_many_drugs_come_to_an_end_one_after_the_other(bench: Bench, most: int) -> None:
    reports: list[SyncReport] = []
    while not (reports and reports[-1].completed):
        reports.append(bench.run(max_drugs=most, batch_size=3))
        assert len(reports) <= 2 * len(ROWS)
    assert all(one.total_processed <= most for one in reports)
    assert sum(one.added for one in reports) == len(ROWS)
    assert sum(one.embedding_calls for one in reports) == len(ROWS)
    assert [one.stopped for one in reports[:-1]] == [
        f"the {most} drugs that it was given were done"
    ] * (len(reports) - 1)
    assert all(one.next_cursor for one in reports[:-1])
    assert reports[-1].next_cursor == ""
    assert len(bench.by_id()) == len(ROWS)


def test_a_run_that_is_given_the_checkpoint_goes_on_from_it(bench: Bench) -> None:
    first = bench.run(max_drugs=8)
    second = bench.run(begin_after=first.next_cursor)
    assert (first.added, second.added) == (8, 12)
    assert second.resumed
    assert second.completed


def test_a_run_begins_behind_the_cursor_that_it_is_given_and_deletes_nothing(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, [str(ROWS[0]["NDC"]), str(ROWS[-1]["NDC"])])
    report = bench.run(begin_after="[15]", allow_deletes=True)
    assert (report.total_processed, report.unchanged, report.deleted) == (4, 4, 0)
    assert not report.completed
    assert (report.stopped, report.next_cursor) == ("", "")
    assert any("was not looked at" in one for one in report.warnings)
    assert bench.run(allow_deletes=True).deleted == 2


def test_a_run_skips_as_many_drugs_as_it_is_told(bench: Bench) -> None:
    bench.run()
    report = bench.run(skip=6, batch_size=4)
    assert report.total_processed == 14
    assert not report.completed
    window = bench.run(skip=6, max_drugs=5, batch_size=2)
    assert window.total_processed == 5
    assert window.next_cursor == "[11]"
    assert bench.run(begin_after=window.next_cursor).total_processed == 9


def test_a_run_that_begins_in_the_middle_leaves_no_checkpoint(bench: Bench) -> None:
    bench.run()
    bench.run(skip=3, max_drugs=4)
    report = bench.run()
    assert not report.resumed
    assert (report.unchanged, report.completed) == (len(ROWS), True)


@pytest.mark.parametrize("cursor", ["7", "{}", "[]", "[null]", "[true]", "nonsense", "[[1]]"])
def test_what_is_no_cursor_is_refused(bench: Bench, cursor: str) -> None:
    with pytest.raises(ConfigurationError, match="is no cursor"):
        bench.run(begin_after=cursor)
