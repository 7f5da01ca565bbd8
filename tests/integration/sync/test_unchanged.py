"""Groups whose rows are as they were are left out, and only those."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from tests.integration.sync.bench import DIMENSIONS, TODAY, Bench, refusing, throttling
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.entry import GroupEntry
from rxindex.index.ledger import GroupLedger, group_name
from rxindex.model import PackageRow, ids_in
from rxindex.source.base import Chunk, Group, Partition
from rxindex.source.sql import SqlSource
from rxindex.sync import assemble
from rxindex.sync.load import begin_load, end_load, load_partition
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.verify import VerifyOptions, verify
from rxindex.vocabulary import Vocabulary

NAMES = [f"ZORB{letter * 3}" for letter in "ABCDEFGH"]
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]
#: A second drug of the first group, and one that has no group.
MORE = [package(20, "QUEMADOL 5 MG TABLET", 1), package(21, "LOOSE 5 MG TABLET", 0)]
GROUPS: set[Group] = {*((gcn,) for gcn in range(1, 9)), (0, "LOOSE 5 MG TABLET")}


class Told(SqlSource):
    """A source that remembers which groups it was asked to read.

    Attributes:
        read: those groups.
    """

    read: set[Group]

    def chunks(self, partition: Partition, after: Group | None = None) -> Iterator[Chunk]:
        self.read = set()
        for chunk in super().chunks(partition, after):
            yield dataclasses.replace(chunk, read=self._reads(chunk))

    def _reads(self, chunk: Chunk) -> Callable[[Collection[Group]], Iterator[PackageRow]]:
        def read(wanted: Collection[Group]) -> Iterator[PackageRow]:
            self.read.update(wanted)
            return chunk.read(wanted)

        return read


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, [*ROWS, *MORE])
    bench.run()
    return bench


def read(bench: Bench, **options: object) -> tuple[set[Group], SyncReport]:
    """Run, and tell which groups were read."""
    source = Told(bench.url, page_size=3)
    report = bench.run(source=source, **options)  # type: ignore[arg-type]
    return source.read, report


def ledger(bench: Bench) -> GroupLedger:
    return GroupLedger(bench.catalogue, bench.catalogue.require_live().name)


def entered(bench: Bench) -> set[Group]:
    return told_by(bench, lambda one: True)


def told_by(bench: Bench, wanted: Callable[[GroupEntry], object]) -> set[Group]:
    """Name the groups whose entries are like that."""
    names = {group_name(one): one for one in GROUPS | {(9,)}}
    return {names[name] for name, one in ledger(bench).entries() if wanted(one)}


def change(bench: Bench, gcn: int, **fields: object) -> None:
    add_packages(bench.url, [package(gcn, f"{NAMES[gcn - 1]} 5 MG TABLET", gcn, **fields)])


def is_in_step(bench: Bench) -> bool:
    """Tell whether the index is, drug by drug, what the source has."""
    with bench.source() as source:
        report = verify(
            source, bench.embedder, bench.catalogue, bench.words, VerifyOptions(today=TODAY)
        )
    return report.clean


def test_nothing_is_read_when_nothing_has_changed(bench: Bench) -> None:
    assert entered(bench) == GROUPS
    before = bench.dump(without=["history", "completed", "held", "number"])
    groups, report = read(bench)
    assert groups == set()
    assert (report.unchanged, report.total_processed, report.packages) == (10, 10, 10)
    assert report.completed
    assert bench.dump(without=["history", "completed", "held", "number"]) == before
    assert is_in_step(bench)


def test_only_what_has_changed_is_read(bench: Bench) -> None:
    change(bench, 3, PS=30)
    remove_packages(bench.url, ["00000000005"])
    add_packages(bench.url, [package(30, "FAXTORIN 5 MG TABLET", 9)])
    groups, report = read(bench, allow_deletes=True)
    assert groups == {(3,), (9,)}
    assert (report.metadata_only, report.added, report.deleted) == (1, 1, 1)
    assert (report.unchanged, report.packages) == (8, 10)
    assert read(bench)[0] == set()
    assert entered(bench) == GROUPS - {(5,)} | {(9,)}
    assert is_in_step(bench)


def test_a_full_run_believes_nothing(bench: Bench) -> None:
    [first, *_] = bench.by_id()
    bench.client.hset(bench.store.key(first), "content_fp", "somebody else's")
    assert read(bench)[1].unchanged == 10
    groups, report = read(bench, full=True)
    assert groups == GROUPS
    assert (report.metadata_only, report.unchanged) == (1, 9)
    assert read(bench)[0] == set()


def test_a_document_that_is_lost_is_written_again(bench: Bench) -> None:
    lost = bench.drugs()["ZORBAAA 5 MG TABLET"].id
    bench.client.delete(bench.store.key(lost))
    groups, report = read(bench)
    assert groups == {(1,)}
    assert (report.added, report.unchanged) == (1, 9)
    assert is_in_step(bench)


@pytest.mark.parametrize("kind", ["string", "list", "a hash of somebody else"])
def test_a_strangers_key_is_no_document(bench: Bench, kind: str) -> None:
    key = bench.store.key(bench.drugs()["ZORBBBB 5 MG TABLET"].id)
    bench.client.delete(key)
    if kind == "string":
        bench.client.set(key, "x")
    elif kind == "list":
        bench.client.lpush(key, "x")
    else:
        bench.client.hset(key, "field", "x")
    groups, report = read(bench)
    assert groups == {(2,)}
    assert (report.added, report.failed) == ((1, 0) if kind.startswith("a hash") else (0, 1))
    # It failed, so it is looked at each time.
    assert ((2,) in entered(bench)) is kind.startswith("a hash")


def test_a_package_that_becomes_obsolete_is_seen_on_that_day(bench: Bench) -> None:
    change(bench, 4, OBSDTEC="20190601")
    change(bench, 5, OBSDTEC="20190401")
    assert read(bench)[0] == {(4,), (5,)}
    assert read(bench, today="2019-05-31")[0] == set()
    groups, report = read(bench, today="2019-06-01")
    assert (groups, report.metadata_only) == ({(4,)}, 1)
    assert bench.drugs()["ZORBDDD 5 MG TABLET"].status == "obsolete"
    assert read(bench, today="2020-01-01")[0] == set()
    # A clock that was wrong and is set back.
    groups, report = read(bench, today="2019-05-01")
    assert (groups, report.metadata_only) == ({(4,)}, 1)
    assert bench.drugs()["ZORBDDD 5 MG TABLET"].status == "active"
    groups, report = read(bench, today="2019-03-31")
    assert (groups, report.metadata_only) == ({(5,)}, 1)
    assert bench.drugs()["ZORBEEE 5 MG TABLET"].status == "active"


def test_changed_rules_read_everything_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rxindex.sync.unchanged.ASSEMBLY_VERSION", assemble.ASSEMBLY_VERSION + 1)
    assert read(bench)[0] == GROUPS
    assert read(bench)[0] == set()


def test_a_bad_row_is_told_of_each_time(bench: Bench) -> None:
    change(bench, 3, LN="", LN60="")
    for _ in range(2):
        groups, report = read(bench, allow_deletes=True)
        assert groups == {(3,)}
        assert report.in_quarantine == 1
    change(bench, 3)
    assert read(bench)[1].in_quarantine == 0
    assert read(bench)[0] == set()


def test_odd_repeated_and_shortened_values_are_told_of_each_time(bench: Bench) -> None:
    change(bench, 3, DEA="9")
    change(bench, 4, OBSDTEC="someday")
    # The same package with and without hyphens.
    add_packages(bench.url, [package("55555-555-55", "ZORBFFF 5 MG TABLET", 6)])
    add_packages(bench.url, [package("55555055555", "ZORBFFF 5 MG TABLET", 6)])
    add_packages(bench.url, [package(70, "ZORBGGG 5 MG TABLET", 7, AD="x")])
    first, told = read(bench)
    again, told_again = read(bench)
    assert (first, again) == ({(3,), (4,), (6,), (7,)}, set())
    assert told.warnings == told_again.warnings
    # A group that is read among those that are left out is not taken for one of them.
    change(bench, 7, PS=50)
    change(bench, 8, PS=50)
    third, told_once_more = read(bench)
    assert third == {(7,), (8,)}
    assert told_once_more.warnings == told.warnings
    assert told_by(bench, lambda one: one.told.repeated) == {(6,)}
    assert told_by(bench, lambda one: one.told.odd) == {(3,), (4,)}
    said = "; ".join(told.warnings)
    for one in ("could not be read: 9", "could not be read: someday", "a package of their drug"):
        assert one in said


def test_a_value_that_was_cut_is_counted_each_time(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> None:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary)
    add_packages(bench.url, [package(1, "ZORB " + "X" * 700, 1), *ROWS[1:]])
    assert read(bench)[1].shortened == 1
    groups, report = read(bench)
    assert (groups, report.shortened) == (set(), 1)


@pytest.mark.parametrize("embedder", [refusing("zorbccc"), throttling("zorbccc")])
def test_a_drug_without_its_vector_is_looked_at_each_time(
    bench: Bench, embedder: FakeEmbedder
) -> None:
    # Another form makes another text.
    change(bench, 3, DF="2", LN60="ZORBCCC 5 MG CAPSULE", LN="ZORBCCC 5 MG CAPSULE")
    change(bench, 4, PS=30)
    assert read(bench, embedder=embedder, allow_deletes=True)[0] == {(3,), (4,)}
    assert entered(bench) == GROUPS - {(3,)}
    assert read(bench, embedder=embedder, allow_deletes=True)[0] == {(3,)}
    assert bench.retry().completed or not bench.entries()
    bench.run(allow_deletes=True)
    assert read(bench)[0] == set()
    assert is_in_step(bench)


def test_who_writes_a_group_by_another_way_takes_its_entry_back(bench: Bench) -> None:
    change(bench, 3, PS=30)
    assert bench.groups([(3,)])[0]
    assert entered(bench) == GROUPS - {(3,)}
    # The source goes back, to what the entry had stood for.
    change(bench, 3)
    groups, report = read(bench)
    assert (groups, report.metadata_only) == ({(3,)}, 1)
    assert is_in_step(bench)


def test_what_a_repair_writes_takes_its_entry_back(bench: Bench) -> None:
    change(bench, 3, PS=30)
    with bench.source() as source:
        options = VerifyOptions(today=TODAY, repair=True)
        assert verify(source, bench.embedder, bench.catalogue, bench.words, options).repaired == 1
    assert entered(bench) == GROUPS - {(3,)}
    change(bench, 3)
    assert read(bench)[1].metadata_only == 1
    assert is_in_step(bench)


def test_a_dry_run_and_a_trial_enter_nothing(bench: Bench) -> None:
    change(bench, 3, PS=30)
    before = dict(ledger(bench).entries())
    groups, report = read(bench, dry_run=True)
    assert (groups, report.metadata_only, report.unchanged) == ({(3,)}, 1, 9)
    assert dict(ledger(bench).entries()) == before
    assert bench.run(limit=5).metadata_only == 1
    assert entered(bench) == GROUPS - {(3,)}
    groups, report = read(bench)
    assert (groups, report.unchanged) == ({(3,)}, 10)


def test_a_resumed_run_leaves_out_what_the_first_one_wrote(bench: Bench) -> None:
    more = [package(gcn, f"WIBROXAT {gcn} MG TABLET", gcn) for gcn in range(100, 180)]
    add_packages(bench.url, more)
    bench.run()
    changed = range(104, 180, 5)
    add_packages(bench.url, [one | {"PS": 30} for one in more if one["GCN_SEQNO"] in changed])
    first = bench.stopped(2, batch_size=4)
    assert first.next_cursor
    change(bench, 2, PS=50)
    groups, report = read(bench, batch_size=4)
    assert report.resumed
    assert report.completed
    assert (2,) in groups
    assert (104,) not in groups
    assert first.metadata_only + report.metadata_only == len(changed) + 1
    # What changed behind the checkpoint's back is counted once more.
    assert first.total_processed + report.total_processed == 91
    assert read(bench)[0] == set()
    assert is_in_step(bench)


def test_the_entries_of_vanished_groups_go_too(bench: Bench) -> None:
    remove_packages(bench.url, [f"{gcn:011d}" for gcn in (2, 3, 21)])
    held = bench.run()
    assert held.delete_held == 3
    assert entered(bench) == GROUPS - {(2,), (3,), (0, "LOOSE 5 MG TABLET")}
    bench.run(allow_deletes=True)
    assert set(bench.by_id()) == {
        one for _, entry in ledger(bench).entries() for one in ids_in(entry.drug_ids)
    }
    change(bench, 2)
    groups, report = read(bench)
    assert (groups, report.added) == ({(2,)}, 1)


def test_a_new_generation_begins_with_an_empty_ledger(bench: Bench) -> None:
    old = bench.catalogue.require_live().name
    bench.embedder = FakeEmbedder(DIMENSIONS * 2)
    groups, report = read(bench, new_generation=True)
    assert (groups, report.added) == (GROUPS, 10)
    assert entered(bench) == GROUPS
    bench.catalogue.drop(old)
    assert not bench.client.exists(bench.catalogue.key(old, "groups"))


def test_what_workers_wrote_is_not_read_again(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> None:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, [*ROWS, *MORE])
    options = SyncOptions(today=TODAY)
    load, parts = begin_load(bench.source(), bench.embedder, catalogue, capabilities, options, 3)
    for part in parts:
        source = Told(bench.url)
        report = load_partition(load, part, source, bench.embedder, catalogue, vocabulary, options)
        assert report.completed
        # A partition that comes again costs no more than its digests.
        load_partition(load, part, source, bench.embedder, catalogue, vocabulary, options)
        assert source.read == set()
    end_load(load, catalogue)
    groups, report = read(bench)
    assert groups == set()
    assert (report.unchanged, report.completed) == (10, True)
    assert is_in_step(bench)


def test_an_entry_of_another_version_is_none(bench: Bench) -> None:
    key = bench.catalogue.key(bench.catalogue.require_live().name, "groups")
    bench.client.hset(key, "[3]", b"\x00of long ago")
    assert read(bench)[0] == {(3,)}
    assert read(bench)[0] == set()
