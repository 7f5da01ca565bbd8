"""Runs that stop, and runs that go on where they stopped."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.sync.bench import DIMENSIONS, Bench, Stopper, refusing
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.embed.base import Embedded
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import EmbedderUnavailable
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.model import Drug
from rxindex.source import open_source
from rxindex.sync.history import History
from rxindex.sync.report import SyncReport
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

#: Twenty-four substances of nobody's, so that each drug has a text of its own.
NAMES = [a + b for a in ("ZORB", "QUEM", "WIBR", "FAXT") for b in
         ("AXIL", "EDOL", "OXAT", "ORIN", "UMAB", "IVIR")]  # fmt: skip
ROWS = [
    row
    for gcn, name in enumerate(NAMES, 1)
    for row in (
        package(2 * gcn, f"{name} 5 MG TABLET", gcn),
        package(2 * gcn + 1, f"{name} 5 MG TABLET", gcn),
    )
]
#: Batches that may be on their way when a run is asked to stop; they are carried out.
UNDER_WAY = 10


def one_by_one() -> FakeEmbedder:
    """An embedder that takes a text a call, so that batches are not put together."""
    embedder = FakeEmbedder(DIMENSIONS)
    embedder.batch_size = 1
    return embedder


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)
    bench.embedder = one_by_one()
    return bench


def another(bench: Bench, name: str) -> None:
    """Let the bench go on with an empty catalogue."""
    bench.catalogue = Catalogue(bench.client, f"{bench.catalogue.name.partition('-')[0]}-{name}")


def totals(*reports: SyncReport) -> dict[str, int]:
    names = ("total_processed", "successful", "packages", "added", "updated", "metadata_only",
             "unchanged", "deleted", "embedding_calls")  # fmt: skip
    return {name: sum(getattr(one, name) for one in reports) for name in names}


def in_one_go(bench: Bench) -> dict[str, Drug]:
    """What one run over the source makes."""
    name = bench.catalogue.name
    another(bench, "whole")
    bench.run()
    drugs = bench.by_id()
    bench.catalogue = Catalogue(bench.client, name)
    return drugs


def cursor(report: SyncReport) -> int:
    return int(report.next_cursor.strip("[]"))


def checkpoint(bench: Bench) -> bool:
    return any(key.endswith(b":checkpoint") for key in bench.dump())


@pytest.mark.parametrize("batches", range(1, len(NAMES) + 1))
def test_the_totals_of_resumed_runs_add_up_to_those_of_one(bench: Bench, batches: int) -> None:
    first = bench.stopped(batches, batch_size=1)
    whole = first
    if not first.completed:
        assert first.stopped == "the test said so"
        assert batches <= first.total_processed <= batches + UNDER_WAY
        assert cursor(first) == first.total_processed
        assert checkpoint(bench)
        assert bench.catalogue.live() is None
        whole = bench.run(batch_size=1)
        assert whole.resumed
        assert whole.rechecked == first.total_processed
        assert totals(first, whole)["total_processed"] == 24
    reports = [first] if first is whole else [first, whole]
    assert totals(*reports) == {
        "total_processed": 24, "successful": 24, "packages": 48, "added": 24, "updated": 0,
        "metadata_only": 0, "unchanged": 0, "deleted": 0, "embedding_calls": 24,
    }  # fmt: skip
    assert (whole.completed, whole.stopped, whole.next_cursor) == (True, "", "")
    assert not checkpoint(bench)
    assert len(bench.by_id()) == 24


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 4), (6, 1)])
def test_a_run_may_be_stopped_twice(bench: Bench, first: int, second: int) -> None:
    reports = [bench.stopped(first, batch_size=1), bench.stopped(second, batch_size=1)]
    assert not any(one.completed for one in reports)
    assert cursor(reports[0]) < cursor(reports[1])
    reports.append(bench.run(batch_size=1))
    assert reports[-1].completed
    assert reports[-1].rechecked == reports[0].total_processed + reports[1].total_processed
    assert totals(*reports)["total_processed"] == totals(*reports)["embedding_calls"] == 24


def test_the_totals_of_a_run_over_changes_add_up_too(bench: Bench) -> None:
    bench.run()
    changed = [package(2 * gcn, f"{NAMES[gcn - 1]} 5 MG TABLET", gcn, PS=30) for gcn in (2, 11, 20)]
    others = [package(100 + gcn, f"NEW{NAMES[gcn]} 5 MG TABLET", gcn) for gcn in (3, 12, 21)]
    add_packages(bench.url, [*changed, *others])
    remove_packages(bench.url, [f"{code:011d}" for code in (48, 49)])
    reports = [bench.stopped(3, batch_size=1), bench.run(batch_size=1)]
    assert [one.completed for one in reports] == [False, True]
    assert totals(*reports) == {
        "total_processed": 26, "successful": 26, "packages": 49, "added": 3, "updated": 0,
        "metadata_only": 3, "unchanged": 20, "deleted": 1, "embedding_calls": 3,
    }  # fmt: skip


def test_changes_between_two_runs_arrive_wherever_they_are(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(500, "LATE 5 MG TABLET", 24)])
    first = bench.stopped(4, batch_size=1)
    at = cursor(first)
    assert 4 <= at < 20
    for gcn in (1, at - 1, at, at + 1, 23):
        name = f"{NAMES[gcn - 1]} 5 MG TABLET"
        add_packages(
            bench.url,
            [package(600 + gcn, name, gcn), package(700 + gcn, f"OTHER{gcn} 5 MG TABLET", gcn)],
        )
    remove_packages(bench.url, [f"{code:011d}" for code in (4, 5)])
    # Behind the cursor a package moves to a drug that lies ahead of it, and back.
    add_packages(bench.url, [package(7, f"{NAMES[21]} 5 MG TABLET", 22)])
    add_packages(bench.url, [package(42, f"{NAMES[0]} 5 MG TABLET", 1)])
    second = bench.run(batch_size=1, allow_deletes=True)
    assert (second.resumed, second.completed, second.deleted) == (True, True, 1)
    assert bench.by_id() == in_one_go(bench)


@pytest.mark.parametrize("neighbours", [0, 2])
def test_the_cursors_group_may_vanish(bench: Bench, neighbours: int) -> None:
    bench.run()
    at = cursor(bench.stopped(3, batch_size=1))
    gone = range(at - neighbours, at + neighbours + 1)
    remove_packages(bench.url, [f"{code:011d}" for gcn in gone for code in (2 * gcn, 2 * gcn + 1)])
    second = bench.run(batch_size=1, allow_deletes=True)
    assert (second.resumed, second.completed) == (True, True)
    assert (second.deleted, second.rechecked) == (len(gone), at - 1 - neighbours)
    assert bench.by_id() == in_one_go(bench)


def test_another_source_begins_at_its_beginning(bench: Bench, tmp_path: Path) -> None:
    first = bench.stopped(4, batch_size=1)
    copied = tmp_path / "other.db"
    shutil.copy(bench.url.removeprefix("sqlite:///"), copied)
    other = bench.run(source=open_source(f"sqlite:///{copied}"))
    assert (other.resumed, other.rechecked, other.completed) == (False, 0, True)
    assert other.unchanged == first.added
    assert len(bench.by_id()) == 24


def test_from_the_start_forgets_how_far_the_last_run_came(bench: Bench) -> None:
    first = bench.stopped(4, batch_size=1)
    second = bench.stopped(1, batch_size=1, resume=False)
    assert (second.resumed, second.unchanged) == (False, min(first.added, second.total_processed))
    last = bench.run(resume=False)
    assert (last.resumed, last.rechecked, last.total_processed) == (False, 0, 24)
    assert last.completed
    assert not checkpoint(bench)


def test_a_trial_and_a_dry_run_begin_at_the_beginning_and_leave_the_checkpoint(
    bench: Bench,
) -> None:
    first = bench.stopped(4, batch_size=1)
    trial = bench.run(limit=2)
    assert (trial.resumed, trial.unchanged, trial.next_cursor) == (False, 2, "")
    before = bench.dump()
    dry = bench.run(dry_run=True)
    assert (dry.resumed, dry.unchanged) == (False, first.added)
    assert bench.dump() == before
    last = bench.run()
    assert (last.resumed, last.rechecked) == (True, first.total_processed)


def test_a_stop_during_the_second_look_is_said_and_the_runs_before_are_believed(
    bench: Bench,
) -> None:
    bench.run()
    remove_packages(bench.url, ["00000000002", "00000000003"])
    first = bench.stopped(5, batch_size=1)
    ahead = 23 - first.total_processed
    # This lies behind the cursor, beyond what there is time to look at again.
    at = cursor(first)
    add_packages(bench.url, [package(600, f"{NAMES[at - 1]} 5 MG TABLET", at)])
    second = bench.stopped(ahead + 1, batch_size=1)
    assert (second.completed, second.deleted, second.next_cursor) == (True, 1, "")
    assert second.stopped == "the test said so"
    assert second.total_processed == ahead
    assert 0 < second.rechecked < first.total_processed
    [said] = [one for one in second.warnings if "no time left to look again" in one]
    assert "what has vanished" not in said
    assert not checkpoint(bench)
    assert len(bench.by_id()) == 23
    last = bench.run()
    assert (last.resumed, last.completed, last.deleted) == (False, True, 0)
    assert (last.metadata_only, last.unchanged) == (1, 22)
    assert bench.by_id() == in_one_go(bench)


def test_runs_that_have_no_time_at_all_still_get_on(bench: Bench) -> None:
    stop = Stop()
    stop.ask("no time")
    places: list[int] = []
    while not places or places[-1] < 24:
        report = bench.run(batch_size=1, stop=stop)
        assert (report.completed, report.stopped) == (False, "no time")
        assert report.added > 0
        places.append(cursor(report))
    assert places == sorted(set(places))
    assert bench.run().rechecked == 24


def test_a_run_stops_when_its_seconds_are_over(bench: Bench) -> None:
    bench.embedder = FakeEmbedder(DIMENSIONS, delay=0.02)
    bench.embedder.batch_size = 1
    report = bench.run(batch_size=1, stop=Stop(max_seconds=0.1))
    assert "0.1 seconds" in report.stopped
    assert 0 < report.added < 24
    assert report.duration < 5
    assert bench.run(batch_size=1, stop=Stop(max_seconds=60)).completed


def test_a_run_stops_when_little_is_left_of_a_lambdas_time(bench: Bench) -> None:
    left = 40.0

    def remaining() -> float:
        return left

    def pass_time(report: SyncReport, packages: int) -> None:
        nonlocal left
        left -= 5

    report = bench.run(batch_size=1, progress=pass_time, stop=Stop(remaining=remaining, margin=30))
    assert report.stopped == "its time was nearly over"
    assert 2 <= report.added <= 2 + UNDER_WAY
    left = 1e6
    assert bench.run(batch_size=1, stop=Stop(remaining=remaining)).completed


class Calls(FakeEmbedder):
    """Takes one text a call, and asks for a stop after some of them."""

    def __init__(self, after: int) -> None:
        super().__init__(DIMENSIONS)
        self.batch_size = 1
        self.stop = Stop()
        self.calls = 0
        self._after = after

    def embed(self, texts: Sequence[str]) -> Embedded:
        assert len(texts) == 1
        self.calls += 1
        if self.calls == self._after:
            self.stop.ask("enough")
        return super().embed(texts)


@pytest.mark.parametrize(("size", "after", "written"), [(1, 1, 1), (2, 3, 2), (3, 3, 3), (4, 5, 4)])
def test_what_is_whole_when_a_stop_comes_between_two_calls_is_written(
    bench: Bench, size: int, after: int, written: int
) -> None:
    embedder = Calls(after)
    report = bench.run(embedder, batch_size=size, stop=embedder.stop)
    assert (embedder.calls, report.added, report.completed) == (after, written, False)
    # A call is paid for, whatever became of it.
    assert report.embedding_calls == embedder.calls
    [generation] = bench.catalogue.generations()
    keys = [one for some in bench.catalogue.document_keys(generation.name) for one in some]
    assert len(keys) == written
    for key in keys:
        assert bench.client.hlen(key) == 21
    texts = [one for some in bench.catalogue.text_keys(generation.name) for one in some]
    assert len(texts) >= written
    for key in texts:
        assert bench.client.hstrlen(key, "vector") == 2 * DIMENSIONS
    assert bench.run(batch_size=size).added == 24 - written


def test_the_snapshot_is_younger_than_the_wait_for_the_lease(bench: Bench) -> None:
    reports: list[SyncReport] = []
    with hold(bench.catalogue, "other"):
        waits = threading.Thread(target=lambda: reports.append(bench.run(wait=60.0)))
        waits.start()
        # It has begun by now: its number was given out before it found the lease taken.
        number = bench.catalogue.key("lease:number")
        while int(bench.client.get(number) or 0) < 2:
            assert waits.is_alive()
        freed = time.time()
    waits.join()
    assert reports[0].completed
    [record] = History(bench.catalogue).last(1)
    assert record.started < freed <= record.snapshot <= record.ended


def test_a_run_that_an_error_ends_is_gone_on_with(bench: Bench) -> None:
    def fail(report: SyncReport, packages: int) -> None:
        if report.total_processed >= 5:
            raise EmbedderUnavailable("a fault outside")

    with pytest.raises(EmbedderUnavailable):
        bench.run(batch_size=1, progress=fail)
    report = bench.run(batch_size=1)
    assert (report.resumed, report.rechecked, report.added) == (True, 5, 19)


def test_checkpoints_are_saved_on_the_way(bench: Bench) -> None:
    places: list[bool] = []
    bench.run(
        batch_size=1, checkpoint_seconds=0, progress=lambda *_: places.append(checkpoint(bench))
    )
    # Not after the end: by then it is forgotten.
    assert places == [*[True] * 24, False]
    assert not checkpoint(bench)


def test_drugs_that_failed_before_the_stop_are_known_after_it(bench: Bench) -> None:
    bench.run()
    names = [f"{NAMES[gcn - 1]}NEW 5 MG TABLET" for gcn in (1, 23)]
    add_packages(
        bench.url,
        [
            package(800 + n, name, gcn)
            for n, (name, gcn) in enumerate(zip(names, (1, 23), strict=True))
        ],
    )
    embedder = refusing("new")
    embedder.batch_size = 1
    first = bench.stopped(3, embedder, batch_size=1)
    second = bench.run(embedder, batch_size=1)
    assert [one.failed for one in (first, second)] == [1, 1]
    assert [one.quarantined for one in (first, second)] == [1, 1]
    assert second.completed
    assert (second.rechecked, second.in_quarantine) == (first.total_processed, 2)


def test_a_part_that_is_stopped_says_so_and_deletes_nothing(bench: Bench) -> None:
    bench.run()
    gone = next(one.id for one in bench.by_id().values() if one.name.startswith(NAMES[23]))
    remove_packages(bench.url, ["00000000048", "00000000049"])
    stop = Stop()
    stop.ask("no time")
    groups = [(gcn,) for gcn in range(1, 25)]
    whole, report = bench.groups(groups, [gone], batch_size=1, allow_deletes=True, stop=stop)
    assert (whole, report.stopped, report.deleted) == (False, "no time", 0)
    assert gone in bench.by_id()
    whole, report = bench.groups(groups, [gone], batch_size=1, allow_deletes=True)
    assert (whole, report.stopped, report.deleted, report.unchanged) == (True, "", 1, 23)


def test_a_rebuild_goes_on_too(bench: Bench) -> None:
    bench.run()
    stopper = Stopper(3)
    first = bench.run(rebuild=True, batch_size=1, progress=stopper, stop=stopper.stop)
    assert (first.generation, first.completed) == ("g2", False)
    assert bench.catalogue.live() == "g1"
    # A sync of the live generation is no part of it.
    assert bench.run(batch_size=1).resumed is False
    second = bench.run(rebuild=True, batch_size=1)
    assert (second.generation, second.resumed, second.completed) == ("g2", True, True)
    assert bench.catalogue.live() == "g2"
    assert totals(first, second)["added"] == 24
    assert totals(first, second)["embedding_calls"] == 0
    assert first.vectors_carried + second.vectors_carried == 24
