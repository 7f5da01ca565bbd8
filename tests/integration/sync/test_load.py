"""Bulk loads: many workers under one lease, and the run that ends them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from tests.integration.sync.bench import DIMENSIONS, TODAY, Bench, refusing, throttling
from tests.services.fdb import package, remove_packages
from tests.services.indexed import assert_tidy, contents

from rxindex.embed.base import Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import CatalogueNotIndexed, EmptySource, LeaseHeld, LeaseLost
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold, read_holder
from rxindex.source.base import Partition
from rxindex.sync.events import BatchWritten, Event, RunEnded, RunStarted
from rxindex.sync.history import History
from rxindex.sync.load import Load, begin_load, end_load, load_partition
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

NAMES = [f"ZORB{one}{two}" for one in "ABCDEFGH" for two in "AEIOU"]
ROWS = [
    package(2 * gcn + part, f"{name} 5 MG TABLET", gcn)
    for gcn, name in enumerate(NAMES, 1)
    for part in (0, 1)
]
OPTIONS = SyncOptions(batch_size=2, today=TODAY)


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)
    bench.embedder = FakeEmbedder(DIMENSIONS)
    return bench


def begin(
    bench: Bench, parts: int = 6, options: SyncOptions = OPTIONS
) -> tuple[Load, list[Partition]]:
    return begin_load(
        bench.source(), bench.embedder, bench.catalogue, bench.capabilities, options, parts, 3
    )


def load_one(
    bench: Bench,
    load: Load,
    partition: Partition,
    embedder: Embedder | None = None,
    stop: Stop | None = None,
    told: list[Event] | None = None,
) -> SyncReport:
    return load_partition(
        load, partition, bench.source(), embedder or FakeEmbedder(DIMENSIONS), bench.catalogue,
        bench.words, OPTIONS, stop=stop, observers=[] if told is None else [told.append],
    )  # fmt: skip


def test_workers_fill_a_generation_that_an_ordinary_run_lets_searches_go_to(bench: Bench) -> None:
    load, partitions = begin(bench)
    assert (load.packages, load.workers) == (len(ROWS), 3)
    assert len(partitions) == 6
    with ThreadPoolExecutor(3) as workers:
        reports = list(workers.map(lambda one: load_one(bench, load, one), partitions))
    assert all(one.completed for one in reports)
    assert sum(one.added for one in reports) == len(NAMES)
    assert sum(one.embedding_calls for one in reports) == len(NAMES)
    assert bench.catalogue.live() is None
    end_load(load, bench.catalogue)
    last = bench.run()
    assert (last.unchanged, last.embedding_calls, last.completed) == (len(NAMES), 0, True)
    assert last.generation == load.generation == bench.catalogue.live()
    assert_tidy(bench.catalogue)


def test_what_workers_make_is_what_one_run_makes(bench: Bench) -> None:
    load, partitions = begin(bench)
    for one in reversed(partitions):
        load_one(bench, load, one)
    end_load(load, bench.catalogue)
    bench.run()
    loaded = contents(bench.catalogue)
    bench.catalogue = Catalogue(bench.client, f"{bench.catalogue.name}-whole")
    bench.run()
    assert contents(bench.catalogue) == loaded


def test_a_load_can_be_sent_as_json(bench: Bench) -> None:
    load, partitions = begin(bench)
    sent = msgspec.json.encode({"load": load, "partitions": partitions})
    read = msgspec.json.decode(sent)
    assert msgspec.convert(read["load"], Load) == load
    assert msgspec.convert(read["partitions"], list[Partition]) == partitions


def test_a_partition_that_was_loaded_costs_no_call_and_no_write(bench: Bench) -> None:
    load, partitions = begin(bench)
    first = [load_one(bench, load, one) for one in partitions]
    again = [load_one(bench, load, one) for one in partitions]
    assert sum(one.added for one in first) == sum(one.unchanged for one in again) == len(NAMES)
    assert sum(one.embedding_calls + one.added for one in again) == 0


def test_a_partition_that_was_stopped_is_loaded_to_its_end_the_next_time(bench: Bench) -> None:
    load, (partition,) = begin(bench, parts=1)
    stop = Stop()

    def after_the_first(event: Event) -> None:
        if isinstance(event, BatchWritten):
            stop.ask("the test said so")

    embedder = FakeEmbedder(DIMENSIONS)
    embedder.batch_size = 1
    first = load_partition(
        load, partition, bench.source(), embedder, bench.catalogue, bench.words,
        OPTIONS, stop=stop, observers=[after_the_first],
    )  # fmt: skip
    assert (first.completed, first.stopped) == (False, "the test said so")
    assert first.next_cursor
    assert 0 < first.added < len(NAMES)
    second = load_one(bench, load, partition)
    assert (second.completed, second.next_cursor) == (True, "")
    assert second.unchanged == first.added
    assert first.added + second.added == len(NAMES)


def test_nobody_else_can_begin_while_a_load_is_under_way(bench: Bench) -> None:
    load, partitions = begin(bench)
    with pytest.raises(LeaseHeld, match=r"another run is at work .* bulk load"):
        bench.run()
    with pytest.raises(LeaseHeld):
        begin(bench)
    load_one(bench, load, partitions[0])
    holder = read_holder(bench.catalogue)
    assert holder is not None
    # The process that began it may be gone for long: that says nothing of the load.
    assert (holder.command, holder.is_gone()) == ("bulk load", False)
    end_load(load, bench.catalogue)
    assert read_holder(bench.catalogue) is None


def test_a_worker_keeps_the_lease_alive(bench: Bench) -> None:
    load, partitions = begin(bench)
    key = bench.catalogue.key("lease")
    bench.client.pexpire(key, 5_000)
    load_one(bench, load, partitions[0])
    assert bench.client.pttl(key) > 900_000


def test_a_worker_of_a_load_that_has_ended_writes_nothing(bench: Bench) -> None:
    load, partitions = begin(bench)
    end_load(load, bench.catalogue)
    with pytest.raises(LeaseLost, match="begin the load anew"):
        load_one(bench, load, partitions[1])
    end_load(load, bench.catalogue)  # twice does no harm
    with hold(bench.catalogue, "sync"):
        before = bench.dump()
        with pytest.raises(LeaseLost):
            load_one(bench, load, partitions[1])
        end_load(load, bench.catalogue)
        assert bench.dump() == before


def test_a_worker_that_loses_the_lease_half_way_is_refused(bench: Bench) -> None:
    load, (partition,) = begin(bench, parts=1)
    taken = threading.Event()

    def take(event: Event) -> None:
        if isinstance(event, BatchWritten) and not taken.is_set():
            taken.set()
            bench.client.set(bench.catalogue.key("lease"), b"somebody else's")

    embedder = FakeEmbedder(DIMENSIONS)
    embedder.batch_size = 1
    with pytest.raises(LeaseLost):
        load_partition(
            load, partition, bench.source(), embedder, bench.catalogue, bench.words, OPTIONS,
            observers=[take],
        )  # fmt: skip
    assert bench.client.get(bench.catalogue.key("lease")) == b"somebody else's"


def test_a_load_into_the_live_index_adds_and_updates_and_leaves_deletes_to_the_end(
    bench: Bench,
) -> None:
    bench.run()
    remove_packages(bench.url, [str(one["NDC"]) for one in ROWS[:2]])
    load, partitions = begin(bench)
    reports = [load_one(bench, load, one) for one in partitions]
    assert load.generation == bench.catalogue.live()
    assert sum(one.unchanged for one in reports) == len(NAMES) - 1
    assert sum(one.deleted for one in reports) == 0
    assert len(bench.by_id()) == len(NAMES)
    end_load(load, bench.catalogue)
    assert bench.run(allow_deletes=True).deleted == 1


def test_a_new_generation_takes_its_vectors_over(bench: Bench) -> None:
    bench.run()
    load, partitions = begin(bench, options=msgspec.structs.replace(OPTIONS, rebuild=True))
    reports = [load_one(bench, load, one) for one in partitions]
    assert sum(one.vectors_carried for one in reports) == len(NAMES)
    assert sum(one.embedding_calls for one in reports) == 0
    end_load(load, bench.catalogue)
    assert bench.run(rebuild=True).generation == load.generation


def test_drugs_that_fail_are_quarantined_and_drugs_without_a_vector_wait(bench: Bench) -> None:
    load, (partition,) = begin(bench, parts=1)
    first = load_one(bench, load, partition, refusing("zorbaa"))
    assert (first.failed, first.quarantined, first.completed) == (1, 1, True)
    assert first.in_quarantine == 1
    second = load_one(bench, load, partition, throttling("zorbaa"))
    assert (second.deferred, second.completed) == (1, False)
    third = load_one(bench, load, partition)
    assert (third.added, third.in_quarantine, third.completed) == (1, 0, True)


def test_partitions_are_told_of_but_the_history_remembers_the_load_as_one_run(
    bench: Bench,
) -> None:
    load, partitions = begin(bench)
    told: list[Event] = []
    for one in partitions:
        load_one(bench, load, one, told=told)
    assert sum(isinstance(one, RunStarted) for one in told) == len(partitions)
    ended = [one.record for one in told if isinstance(one, RunEnded)]
    assert {one.command for one in ended} == {"load"}
    assert sum(one.packages for one in ended) == len(ROWS)
    end_load(load, bench.catalogue)
    bench.run()
    assert [one.command for one in History(bench.catalogue).last(20)] == ["sync"]


def test_an_empty_source_is_no_load_and_leaves_no_lease(bench: Bench) -> None:
    remove_packages(bench.url, [str(one["NDC"]) for one in ROWS])
    with pytest.raises(EmptySource):
        begin(bench)
    assert read_holder(bench.catalogue) is None


def test_a_load_whose_generation_is_gone_says_so(bench: Bench) -> None:
    load, partitions = begin(bench)
    bench.catalogue.drop(load.generation)
    with pytest.raises(CatalogueNotIndexed, match="has no generation"):
        load_one(bench, load, partitions[0])
    with pytest.raises(CatalogueNotIndexed, match="has no generation"):
        end_load(load, bench.catalogue)
    assert read_holder(bench.catalogue) is None
