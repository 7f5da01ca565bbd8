"""Runs that are each too short for the whole source: one after the other they come to its end."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sync.bench import DIMENSIONS, Bench, throttling
from tests.services.fdb import add_packages, package, remove_packages
from tests.services.indexed import assert_tidy

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.index.schema import IndexSettings
from rxindex.sync.history import History
from rxindex.sync.promote import roll_back
from rxindex.sync.report import SyncReport
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

#: Each a drug with a text of its own.
NAMES = [a + b for a in ("ZORB", "QUEM", "WIBR", "FAXT", "LUND", "PERO")
         for b in ("AXIL", "EDOL", "OXAT", "ORIN")]  # fmt: skip
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]
SIZE = 5
#: Batches that hold all of them.
BATCHES = math.ceil(len(NAMES) / SIZE)


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)
    bench.embedder = FakeEmbedder(DIMENSIONS)
    bench.embedder.batch_size = 1
    return bench


def hurried(bench: Bench, **options: Any) -> SyncReport:
    """A run that has no time from its beginning."""
    stop = Stop()
    stop.ask("no time")
    report = bench.run(stop=stop, batch_size=SIZE, **options)
    assert report.stopped == "no time"
    return report


def chain(bench: Bench, **options: Any) -> list[SyncReport]:
    """Run until one says that it has completed, each without time."""
    reports: list[SyncReport] = []
    while not reports or not reports[-1].completed:
        assert len(reports) < 2 * BATCHES
        reports.append(hurried(bench, **options))
    assert [one.resumed for one in reports] == [False] + [True] * (len(reports) - 1)
    assert all(one.next_cursor for one in reports[:-1])
    assert not any(one.deleted for one in reports[:-1])
    last = reports[-1]
    assert (last.next_cursor, last.delete_held) == ("", 0)
    assert sum("no time left to look again" in one for one in last.warnings) == 1
    assert kept(bench) == []
    return reports


def kept(bench: Bench) -> list[bytes]:
    """What there is of checkpoints."""
    return [key for key in bench.dump() if b":checkpoint" in key]


def gcns(bench: Bench) -> set[int]:
    return {one.gcn for one in bench.by_id().values()}


def test_a_first_load_without_time_goes_live_and_is_whole(bench: Bench) -> None:
    reports = chain(bench)
    # One batch each, and one that looks at the beginning again.
    assert len(reports) == BATCHES + 1
    assert [one.added for one in reports] == [5, 5, 5, 5, 4, 0]
    assert [one.total_processed for one in reports] == [5, 5, 5, 5, 4, 0]
    assert sum(one.embedding_calls for one in reports) == len(NAMES)
    assert reports[-1].rechecked == SIZE
    assert bench.catalogue.live() == reports[-1].generation
    assert gcns(bench) == set(range(1, len(NAMES) + 1))
    assert_tidy(bench.catalogue)
    later = bench.run()
    assert (later.resumed, later.completed, later.unchanged) == (False, True, len(NAMES))


def test_what_vanished_while_a_generation_was_built_is_not_in_it(bench: Bench) -> None:
    hurried(bench)
    remove_packages(bench.url, ["00000000001", "00000000012"])
    while not (last := hurried(bench)).completed:
        pass
    # The first batch was looked at again, but not to the end; one more run and it is gone.
    assert gcns(bench) == set(range(1, len(NAMES) + 1)) - {12}
    assert last.deleted == 0
    assert bench.run(allow_deletes=True).deleted == 1


def test_a_reindex_without_time_moves_searches_and_carries_the_vectors(bench: Bench) -> None:
    assert bench.run().completed
    reports = chain(bench, rebuild=True)
    assert {one.generation for one in reports} == {"g2"}
    assert bench.catalogue.live() == "g2"
    assert sum(one.vectors_carried for one in reports) == len(NAMES)
    assert sum(one.embedding_calls for one in reports) == 0
    assert gcns(bench) == set(range(1, len(NAMES) + 1))
    assert_tidy(bench.catalogue)


def test_a_run_of_the_live_generation_does_not_break_a_reindex(bench: Bench) -> None:
    assert bench.run().completed
    remove_packages(bench.url, ["00000000020"])
    first = hurried(bench, rebuild=True)
    add_packages(bench.url, [package(90, "NEWDRUG 5 MG TABLET", 24)])
    whole, _ = bench.groups([(24,)])
    assert whole
    while not (last := hurried(bench, rebuild=True)).completed:
        pass
    assert (first.generation, last.generation, bench.catalogue.live()) == ("g2", "g2", "g2")
    assert not any("what has vanished" in one for one in last.warnings)
    assert "NEWDRUG 5 MG TABLET" in bench.drugs()
    assert 20 not in gcns(bench)


@pytest.mark.parametrize("gone", [2, 13, 24])
def test_a_drug_that_vanished_is_deleted_by_a_chain(bench: Bench, gone: int) -> None:
    bench.run()
    remove_packages(bench.url, [f"{gone:011d}"])
    reports = chain(bench)
    assert reports[-1].deleted == 1
    assert gcns(bench) == set(range(1, len(NAMES) + 1)) - {gone}
    assert sum(one.unchanged for one in reports) == len(NAMES) - 1
    assert_tidy(bench.catalogue)


def test_a_chain_has_the_guard_of_deletes_too(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, [f"{gcn:011d}" for gcn in range(10, 20)])
    reports = [hurried(bench)]
    while reports[-1].next_cursor:
        reports.append(hurried(bench))
    assert (reports[-1].delete_held, reports[-1].completed) == (10, False)
    assert len(bench.by_id()) == len(NAMES)


def test_another_run_in_between_keeps_what_it_wrote(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, ["00000000020"])
    reports = [hurried(bench), hurried(bench)]
    # A follower sees a drug behind the cursor, beyond what there is time to look at again.
    add_packages(bench.url, [package(90, "NEWDRUG 5 MG TABLET", 8)])
    whole, report = bench.groups([(8,)])
    assert (whole, report.added) == (True, 1)
    while not reports[-1].completed:
        reports.append(hurried(bench))
    last = reports[-1]
    assert (last.deleted, last.delete_held) == (0, 0)
    assert any("look again" in one and "what has vanished" in one for one in last.warnings)
    assert "NEWDRUG 5 MG TABLET" in bench.drugs()
    assert 20 in gcns(bench)
    # The next one knows.
    assert bench.run().deleted == 1
    assert "NEWDRUG 5 MG TABLET" in bench.drugs()


def test_a_chain_that_was_broken_stays_so(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, ["00000000020"])
    hurried(bench)
    hurried(bench)
    add_packages(bench.url, [package(90, "NEWDRUG 5 MG TABLET", 8)])
    assert bench.groups([(8,)])[0]
    # From here on no other run comes in between.
    reports = [hurried(bench)]
    while not reports[-1].completed:
        reports.append(hurried(bench))
    assert len(reports) > 2
    assert reports[-1].deleted == 0
    assert "NEWDRUG 5 MG TABLET" in bench.drugs()


def test_a_chain_that_begins_anew_forgets_what_the_one_before_saw(bench: Bench) -> None:
    bench.run()
    hurried(bench)
    remove_packages(bench.url, ["00000000002"])
    assert not hurried(bench, resume=False).resumed
    while not (last := hurried(bench)).completed:
        pass
    assert last.deleted == 1
    assert 2 not in gcns(bench)


def test_the_snapshot_of_a_chain_is_that_of_its_first_run(bench: Bench) -> None:
    reports = chain(bench)
    runs = list(reversed(History(bench.catalogue).last(len(reports))))
    assert [one.outcome for one in runs] == ["stopped"] * BATCHES + ["completed"]
    assert {one.snapshot for one in runs} == {runs[0].snapshot}
    assert runs[0].started <= runs[0].snapshot <= runs[0].ended
    bench.run()
    assert History(bench.catalogue).last(1)[0].snapshot > runs[-1].ended


def test_a_chain_without_any_work_to_do_goes_through_in_as_many_runs(bench: Bench) -> None:
    bench.run()
    reports = chain(bench)
    assert sum(one.unchanged for one in reports) == len(NAMES)
    assert sum(one.embedding_calls for one in reports) == 0


def test_a_chain_is_not_complete_while_a_drug_of_it_waits_for_its_vector(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(90, "NEWDRUG 5 MG TABLET", 8)])
    hurried(bench)
    plain, bench.embedder = bench.embedder, throttling("newdrug")
    bench.embedder.batch_size = 1
    assert hurried(bench).deferred == 1
    bench.embedder = plain
    reports = [hurried(bench)]
    while reports[-1].next_cursor:
        reports.append(hurried(bench))
    last = reports[-1]
    assert (last.completed, last.deferred) == (False, 0)
    assert any("wait for their vector" in one for one in last.warnings)
    assert kept(bench) == []
    later = bench.run()
    assert (later.completed, later.added) == (True, 1)


def test_a_generation_that_was_live_once_counts_as_one_that_others_wrote(bench: Bench) -> None:
    bench.run()
    other = IndexSettings(vector_type="float32")
    assert bench.run(new_generation=True, index=other).completed
    for _ in range(2):
        assert hurried(bench, index=other).generation == "g2"
    add_packages(bench.url, [package(90, "NEWDRUG 5 MG TABLET", 8)])
    assert bench.groups([(8,)], index=other)[0]
    with hold(bench.catalogue, "rollback") as held:
        roll_back(held)
    reports = [hurried(bench, new_generation=True, index=other)]
    while reports[-1].next_cursor:
        reports.append(hurried(bench, new_generation=True, index=other))
    assert bench.catalogue.live() == "g2"
    assert "NEWDRUG 5 MG TABLET" in bench.drugs()
