"""Drugs and rows that fail by themselves: put aside, left alone, tried again, forgotten."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.integration.sync.bench import DIMENSIONS, TODAY, Bench, refusing, throttling
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.embed.base import Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import (
    EmbedderUnavailable,
    EmbedRejected,
    QueryError,
    RxindexError,
    Throttled,
)
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.source import open_source
from rxindex.source.base import Partition
from rxindex.sync.assemble import RowCounts
from rxindex.sync.budget import Limits
from rxindex.sync.options import SyncOptions
from rxindex.sync.promote import Standards
from rxindex.sync.quarantine import (
    Entry,
    Quarantine,
    drop,
    named_entries,
    read_entries,
    release,
    retry_delay,
)
from rxindex.sync.reading import drug_batches
from rxindex.sync.report import SyncReport
from rxindex.sync.retry import retry
from rxindex.sync.spool import RunSpool
from rxindex.sync.stages import Stages
from rxindex.sync.stop import Stop
from rxindex.sync.target import Target
from rxindex.vocabulary import Vocabulary

NAMES = ("ZORBAXIL", "QUEMADOL", "WIBROXAT", "FAXTORIN")
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]
LAX = Standards(most_missing=0.5)
NOW = 1_800_000_000.0
#: Keys that every run writes.
EVERY_RUN = ["history", "completed", "lease:number", "lease:held"]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)


def run_at(bench: Bench, now: float, embedder: Embedder) -> SyncReport:
    """Send the source through the stages of a run that takes place at this time."""
    store, report = bench.store, SyncReport()
    quarantine = Quarantine(bench.catalogue, now=now)
    with RunSpool() as spool, bench.source() as source:
        stages = Stages(
            embedder, Target(store, live=True), spool, report, quarantine, Stop(), Limits(),
            dry_run=False,
        )  # fmt: skip
        rows = source.rows(Partition("all"))
        batches = drug_batches(iter(rows), bench.words, TODAY, RowCounts(), 500)
        assert stages.carry(batches, lambda batch: None)
        quarantine.sweep()
        quarantine.save()
    report.in_quarantine = len(quarantine)
    return report


def only(bench: Bench) -> Entry:
    [entry] = bench.entries().values()
    return entry


def test_an_entry_says_what_failed_and_why(bench: Bench) -> None:
    begun = time.time()
    bench.run(refusing("wibroxat"), standards=LAX)
    entry = only(bench)
    assert (entry.name, entry.ndc, entry.group) == ("WIBROXAT 5 MG TABLET", "", (3,))
    assert (entry.reason, entry.error) == ("no wibroxat", "EmbedRejected")
    assert (entry.text, entry.row) == ("wibroxat, oral tablet.", None)
    assert entry.id == entry.drug_id
    assert begun <= entry.first == entry.last <= time.time()
    assert entry.attempts == 1
    assert entry.retry_after == entry.last + retry_delay(1)


def test_an_entry_of_a_row_has_the_row(bench: Bench) -> None:
    add_packages(
        bench.url,
        [
            package("NO-NDC", "ZORBAXIL 5 MG TABLET", 1),
            package(9, "NAMELESS", 9, LN="", LN60=None, BN="BRAND", GNI="2"),
        ],
    )
    report = bench.run(standards=LAX)
    assert (report.quarantined, report.failed, report.in_quarantine) == (2, 1, 2)
    rows = {one.ndc: one for one in bench.entries().values()}
    bad = rows["NO-NDC"]
    assert bad.row is not None
    assert bad.row["ndc"] == "NO-NDC"
    assert bad.row["labeler"] == "ACME PHARMA"
    assert bad.error == "NDCError"
    assert bad.drug_id == bench.drugs()["ZORBAXIL 5 MG TABLET"].id != bad.id
    assert "has no label name" in rows["00000000009"].reason
    assert rows["00000000009"].name == "BRAND"
    # It costs nothing to look at a row: no time to wait, and nothing is written for it again.
    before = bench.dump(without=EVERY_RUN)
    again = bench.run(standards=LAX)
    assert (again.quarantined, again.failed, again.completed) == (0, 1, True)
    assert bench.dump(without=EVERY_RUN) == before


def test_a_drug_is_left_alone_for_longer_each_time(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(9, "POISON 5 MG TABLET", 9)])
    now, bad = NOW, refusing("poison")
    for attempt in (1, 2, 3, 4):
        assert run_at(bench, now, bad).quarantined == 1
        entry = only(bench)
        assert (entry.attempts, entry.first, entry.last) == (attempt, NOW, now)
        assert entry.retry_after == now + retry_delay(attempt)
        waiting = run_at(bench, entry.retry_after - 1, bad)
        assert (waiting.quarantined, waiting.failed, waiting.embedding_calls) == (0, 1, 0)
        assert only(bench) == entry
        now = entry.retry_after + 1
    mended = run_at(bench, now, FakeEmbedder(DIMENSIONS))
    assert (mended.added, mended.in_quarantine) == (1, 0)
    assert bench.entries() == {}


def test_a_drug_that_changes_is_tried_at_once_and_counts_anew(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(9, "POISON 5 MG TABLET", 9)])
    bad = refusing("poison")
    run_at(bench, NOW, bad)
    run_at(bench, NOW + 30 * 3600, bad)
    assert only(bench).attempts == 2
    add_packages(bench.url, [package(9, "POISON 5 MG TABLET", 9, PS=30)])
    report = run_at(bench, NOW + 30 * 3600 + 1, bad)
    assert (report.quarantined, report.failed) == (1, 1)
    entry = only(bench)
    assert (entry.attempts, entry.first) == (1, NOW + 30 * 3600 + 1)
    # Another model is another text: whether it takes it is not known.
    add_packages(bench.url, [package(10, "POISON 5 MG TABLET", 9)])
    assert run_at(bench, NOW + 30 * 3600 + 2, FakeEmbedder(DIMENSIONS)).added == 1


class Down(FakeEmbedder):
    """Some texts find nobody at home."""

    def __init__(self) -> None:
        super().__init__(
            DIMENSIONS,
            fail_on=lambda text: EmbedderUnavailable("nobody") if "new" in text else None,
        )


def test_what_failed_since_a_service_was_down_is_tried_by_the_next_run(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 9)])
    assert bench.run(Down()).failed == 1
    assert (only(bench).retry_after, only(bench).error) == (0, "EmbedderUnavailable")
    assert bench.run(Down()).failed == 1
    assert only(bench).attempts == 2
    report = bench.run()
    assert (report.added, report.failed, report.in_quarantine) == (1, 0, 0)


def test_a_throttled_drug_waits_outside(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 9)])
    report = bench.run(throttling("newdrug"))
    assert (report.deferred, report.failed, report.quarantined) == (1, 0, 0)
    assert (report.completed, report.stopped) == (False, "")
    assert report.successful == 4
    assert any("1 drugs wait for their vector" in one for one in report.warnings)
    assert bench.entries() == {}
    assert bench.run().added == 1


def test_a_throttled_drug_keeps_the_entry_that_it_had(bench: Bench) -> None:
    bench.run(refusing("wibroxat"), standards=LAX)
    release(bench.catalogue, None)
    before = only(bench)
    report = bench.run(throttling("wibroxat"))
    assert (report.deferred, report.in_quarantine) == (1, 1)
    assert only(bench) == before


def test_a_drug_that_is_throttled_in_the_second_look_is_not_forgotten(
    bench: Bench,
) -> None:
    more = [f"MORE{letter}MAB" for letter in "ABCDEFGHIJKLMNOPQRST"]
    add_packages(bench.url, [package(50 + n, f"{name} 5 MG TABLET", 50 + n)
                             for n, name in enumerate(more)])  # fmt: skip
    bench.run()
    embedder = FakeEmbedder(DIMENSIONS)
    embedder.batch_size = 1
    first = bench.stopped(2, embedder, batch_size=1)
    assert not first.completed
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 1)])
    second = bench.run(throttling("newdrug"), batch_size=1)
    assert (second.resumed, second.deferred, second.completed) == (True, 1, False)
    assert bench.run().added == 1


def test_it_never_keeps_others_waiting(bench: Bench) -> None:
    bad = refusing("wibroxat", "quemadol")
    report = bench.run(bad, batch_size=1, standards=LAX)
    assert (report.added, report.failed, report.completed) == (2, 2, True)
    add_packages(bench.url, [package(9, "NEWDRUG 5 MG TABLET", 3)])
    assert bench.run(bad, batch_size=1).added == 1


def test_a_drug_keeps_the_last_good_document(bench: Bench) -> None:
    bench.run()
    good = bench.drugs()["WIBROXAT 5 MG TABLET"]
    # The text changes with the form in the name that is shown; the key does not.
    add_packages(bench.url, [package(3, "WIBROXAT 5 MG TABLET", 3, LN60="POISON 5 MG CAPSULE")])
    for _ in range(2):
        report = bench.run(refusing("poison"))
        assert (report.failed, report.deleted, report.completed) == (1, 0, True)
        assert bench.by_id()[good.id] == good
    # Back to what it was: in step, so there is nothing to mend.
    add_packages(bench.url, [package(3, "WIBROXAT 5 MG TABLET", 3)])
    report = bench.run(refusing("poison"))
    assert (report.unchanged, report.failed, report.in_quarantine) == (4, 0, 0)


def test_a_drug_with_only_bad_rows_keeps_its_document(bench: Bench) -> None:
    bench.run()
    remove_packages(bench.url, ["00000000003"])
    add_packages(bench.url, [package("BAD", "WIBROXAT 5 MG TABLET", 3)])
    report = bench.run(allow_deletes=True)
    assert (report.failed, report.deleted) == (1, 0)
    assert "WIBROXAT 5 MG TABLET" in bench.drugs()


def test_entries_go_when_the_drug_vanishes_or_the_row_is_mended(bench: Bench) -> None:
    add_packages(bench.url, [package("BAD", "ZORBAXIL 5 MG TABLET", 1)])
    bench.run(refusing("wibroxat"), standards=LAX)
    assert len(bench.entries()) == 2
    remove_packages(bench.url, ["BAD", "00000000003"])
    add_packages(bench.url, [package(9, "ZORBAXIL 5 MG TABLET", 1)])
    stopped = bench.run(limit=1)
    assert stopped.in_quarantine == 2  # nobody knows yet that they are gone
    report = bench.run(allow_deletes=True)
    assert (report.completed, report.in_quarantine) == (True, 0)
    assert bench.entries() == {}


def test_a_run_over_some_groups_tidies_only_their_drugs(bench: Bench) -> None:
    bench.run()
    add_packages(
        bench.url,
        [package("BAD1", "ZORBAXIL 5 MG TABLET", 1), package("BAD2", "QUEMADOL 5 MG TABLET", 2)],
    )
    bench.run()
    one, other = (bench.drugs()[f"{name} 5 MG TABLET"].id for name in NAMES[:2])
    remove_packages(bench.url, ["BAD1", "BAD2"])
    whole, report = bench.groups([(1,)], [one])
    assert (whole, report.in_quarantine) == (True, 1)
    assert only(bench).drug_id == other


# -- by hand -------------------------------------------------------------------------------------


@pytest.fixture
def three(bench: Bench) -> Bench:
    """Two drugs and a row of one more in quarantine."""
    add_packages(bench.url, [package("BAD", "ZORBAXIL 5 MG TABLET", 1)])
    bench.run(refusing("wibroxat", "quemadol"), standards=LAX)
    assert len(bench.entries()) == 3
    return bench


def ids(entries: Sequence[Entry]) -> set[str]:
    return {one.id for one in entries}


def test_entries_are_named_by_their_own_id_or_their_drugs(three: Bench) -> None:
    zorbaxil = three.drugs()["ZORBAXIL 5 MG TABLET"].id
    [row] = named_entries(three.catalogue, [zorbaxil])
    assert row.ndc == "BAD"
    assert named_entries(three.catalogue, [row.id]) == [row]
    assert ids(named_entries(three.catalogue, None)) == three.entries().keys()
    with pytest.raises(QueryError, match=r"nobody.*rxindex quarantine list"):
        named_entries(three.catalogue, [row.id, "nobody"])


def test_the_latest_failure_is_listed_first(three: Bench) -> None:
    add_packages(three.url, [package(9, "POISON 5 MG TABLET", 9)])
    three.run(refusing("poison"))
    assert read_entries(three.catalogue)[0].name == "POISON 5 MG TABLET"


def test_what_is_released_is_tried_by_the_next_run(three: Bench) -> None:
    chosen = next(one for one in three.entries().values() if one.name.startswith("QUEMADOL"))
    assert release(three.catalogue, [chosen.id]) == [chosen.id]
    report = three.run()
    assert (report.added, report.failed, report.in_quarantine) == (1, 1, 2)
    # It fails again: the attempts go on counting.
    other = next(one for one in three.entries().values() if one.name.startswith("WIBROXAT"))
    release(three.catalogue, [other.id])
    three.run(refusing("wibroxat"))
    assert three.entries()[other.id].attempts == 2
    assert three.entries()[other.id].retry_after > time.time() + 39 * 3600


def test_what_is_dropped_comes_back_if_it_fails_again(three: Bench) -> None:
    everything = set(three.entries())
    assert set(drop(three.catalogue, None)) == everything
    assert three.entries() == {}
    report = three.run(refusing("wibroxat"))
    assert (report.added, report.failed, report.quarantined) == (1, 1, 2)
    assert {one.attempts for one in three.entries().values()} == {1}


def test_nothing_is_released_or_dropped_if_one_name_is_wrong(three: Bench) -> None:
    before = three.dump()
    some = next(iter(three.entries()))
    for action in (release, drop):
        with pytest.raises(QueryError):
            action(three.catalogue, [some, "nobody"])
    with pytest.raises(QueryError):
        three.retry(["nobody"])
    left_out = ["history", "lease:number", "lease:held"]
    kept = {key: value for key, value in before.items() if not key.endswith((b":number", b":held"))}
    assert dict(three.dump(without=left_out)) == {
        key: value for key, value in kept.items() if not key.endswith(b":history")
    }


def test_a_retry_reads_the_drugs_again_and_tries_them_now(three: Bench) -> None:
    still = three.retry(embedder=refusing("wibroxat"))
    # The bad row was tried again too, and says so.
    assert (still.added, still.failed, still.quarantined) == (1, 1, 2)
    assert (still.completed, still.in_quarantine) == (True, 2)
    assert {one.attempts for one in three.entries().values()} == {2}
    report = three.retry()
    assert (report.added, report.in_quarantine) == (1, 1)
    assert len(three.drugs()) == 4
    # The source mends the row; and of a drug that has gone there is nothing left.
    remove_packages(three.url, ["BAD"])
    assert three.retry().in_quarantine == 0
    assert three.retry().total_processed == 0


def test_a_retry_that_comes_to_nothing_leaves_the_time_to_wait(three: Bench) -> None:
    before = three.entries()
    assert any(one.retry_after for one in before.values())
    remove_packages(three.url, ["BAD"])
    report = three.retry(embedder=throttling("wibroxat", "quemadol"))
    assert (report.completed, report.deferred) == (False, 2)
    kept = {one.id: one for one in before.values() if one.row is None}
    assert three.entries() == kept
    stop = three.url
    with pytest.raises(RxindexError):
        retry(
            open_source(f"{stop}.not-there"), three.embedder, three.catalogue, three.words,
            SyncOptions(today=TODAY), None,
        )  # fmt: skip
    assert three.entries() == kept
    # So the next run leaves them alone, as it would have.
    assert (run := three.run(standards=LAX)).failed == 2
    assert run.embedding_calls == 0


def test_a_text_that_was_refused_is_not_sent_again_in_the_run(bench: Bench) -> None:
    # One text of ten drugs that are never in one batch.
    shared = [package(100 + n, "SHARED 5 MG TABLET", 100 + n) for n in range(10)]
    add_packages(bench.url, shared)
    sent: list[str] = []

    def refuse(text: str) -> RxindexError | None:
        if "shared" not in text:
            return None
        sent.append(text)
        return EmbedRejected("no")

    embedder = FakeEmbedder(DIMENSIONS, fail_on=refuse)
    embedder.batch_size = 1
    report = bench.run(embedder, batch_size=1, standards=Standards(most_missing=0.9))
    assert len(set(sent)) == len(sent) == 1
    assert (report.failed, report.added, report.embedding_calls) == (10, 4, 5)
    # Being busy is no refusal: those are asked for again.
    again: list[str] = []

    def busy(text: str) -> RxindexError | None:
        again.append(text)
        return Throttled("later")

    embedder = FakeEmbedder(DIMENSIONS, fail_on=busy)
    embedder.batch_size = 1
    release(bench.catalogue, None)
    assert bench.run(embedder, batch_size=1).deferred == 10
    assert len(again) > 1


def test_a_dry_retry_tells_and_changes_nothing(three: Bench) -> None:
    before = three.dump()
    report = three.retry(dry_run=True)
    assert (report.added, report.embedding_calls) == (2, 2)
    assert three.dump() == before


def test_a_drug_that_vanished_is_deleted_by_a_retry_within_the_guard(bench: Bench) -> None:
    bench.run()
    add_packages(bench.url, [package(3, "WIBROXAT 5 MG TABLET", 3, LN60="POISON 5 MG CAPSULE")])
    bench.run(refusing("poison"))
    remove_packages(bench.url, ["00000000003"])
    held = bench.retry()
    assert (held.deleted, held.delete_held, held.completed) == (0, 1, False)
    assert len(bench.drugs()) == 4


def test_another_generation_tries_everything(bench: Bench) -> None:
    bench.run(refusing("wibroxat"), standards=LAX)
    waiting = bench.run()
    assert (waiting.failed, waiting.added) == (1, 0)
    report = bench.run(rebuild=True)
    assert (report.added, report.failed, report.in_quarantine) == (4, 0, 0)
    assert (report.vectors_carried, report.embedding_calls) == (3, 1)


def test_a_rejected_error_is_kept_as_it_was_told(bench: Bench) -> None:
    said = "too long: 9,000 tokens; shorten it"
    bench.run(FakeEmbedder(DIMENSIONS, fail_on=lambda text: EmbedRejected(said) if "wib" in text
                           else None), standards=LAX)  # fmt: skip
    assert only(bench).reason == said
