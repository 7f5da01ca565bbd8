"""A generation that the run itself has made is not asked what it has, and is none the worse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sync.bench import Bench, refusing
from tests.services.fdb import package
from tests.services.redis import calls

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lexicon import gather_lexicon, load_lexicon
from rxindex.source.base import Chunk, Group, Partition
from rxindex.source.sql import SqlSource
from rxindex.sync.promote import Standards
from rxindex.sync.report import SyncReport
from rxindex.vocabulary import Vocabulary

NAMES = [f"ZORB{letter * 3}" for letter in "ABCDEFGH"]
LAX = Standards(most_missing=0.5)
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    return Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)


def compared(bench: Bench, **options: Any) -> tuple[int, SyncReport]:
    """Run, and tell how many drugs were compared with the index."""
    before = calls(bench.client, "hmget")
    report = bench.run(full=True, **options)  # without it, the ledger is asked likewise
    return calls(bench.client, "hmget") - before, report


def texts(bench: Bench, generation: str) -> int:
    return sum(map(len, bench.catalogue.text_keys(generation)))


class Twice(SqlSource):
    """A source that is not sound: it gives everything once more."""

    def chunks(self, partition: Partition, after: Group | None = None) -> Iterator[Chunk]:
        yield from super().chunks(partition, after)
        yield from super().chunks(partition, after)


def names_are_right(bench: Bench) -> bool:
    """Whether the names that were kept are those that the index has."""
    live = bench.catalogue.require_live()
    kept = load_lexicon(bench.catalogue, live, bench.catalogue.mark(live.name))
    there = gather_lexicon(bench.catalogue, live)
    return kept is not None and (kept[0].names, kept[0].values) == (there.names, there.values)


def test_only_a_first_load_compares_nothing(bench: Bench) -> None:
    drugs, report = compared(bench, batch_size=2)
    assert (drugs, report.added) == (0, 8)
    assert names_are_right(bench)
    drugs, report = compared(bench, batch_size=2)
    assert (drugs, report.unchanged) == (8, 8)
    drugs, report = compared(bench, rebuild=True)
    assert (drugs, report.added, report.vectors_carried) == (0, 8, 8)
    assert names_are_right(bench)


def test_each_text_of_a_first_load_is_some_drugs(bench: Bench) -> None:
    before = calls(bench.client, "FT.AGGREGATE")
    bench.run()
    bench.run()  # believes the first one
    assert calls(bench.client, "FT.AGGREGATE") == before
    assert bench.store.sweep_texts(again=True) == texts(bench, "g1") == 8
    assert calls(bench.client, "FT.AGGREGATE") == before + 1


def test_one_that_goes_on_compares(bench: Bench) -> None:
    bench.run(batch_size=2, max_drugs=4)
    drugs, report = compared(bench, batch_size=2)
    assert (report.resumed, report.completed, report.added) == (True, True, 4)
    assert drugs == 8
    assert names_are_right(bench)


def test_a_source_that_gives_drugs_twice_is_compared_from_then_on(bench: Bench) -> None:
    source = Twice(bench.url, page_size=3)
    drugs, report = compared(bench, source=source, batch_size=8)
    assert drugs == 8
    assert report.added + report.unchanged + report.updated + report.metadata_only == 16
    assert report.completed
    assert len(bench.drugs()) == 8
    assert names_are_right(bench)


def test_a_drug_that_redis_refuses_is_not_among_the_names(bench: Bench) -> None:
    bench.run()
    refused = bench.drugs()["ZORBAAA 5 MG TABLET"].id
    bench.client.set(f"{bench.catalogue.prefix('g2')}{refused}", "a stranger's")
    report = bench.run(rebuild=True, standards=LAX)
    assert (report.added, report.failed) == (7, 1)
    lexicon = load_lexicon(bench.catalogue, bench.catalogue.require_live())
    assert lexicon is not None
    assert (lexicon[0].generation, lexicon[0].drugs) == ("g2", 7)
    assert texts(bench, "g2") == 7
    assert names_are_right(bench)


def test_a_drug_without_a_vector_is_not_among_the_names(bench: Bench) -> None:
    report = bench.run(refusing("zorbccc"), standards=LAX)
    assert (report.added, report.failed) == (7, 1)
    assert names_are_right(bench)


@pytest.mark.parametrize("happens", ["lost", "written", "stranger", "text"])
def test_what_happens_beside_it_is_seen(bench: Bench, happens: str) -> None:
    bench.run()
    prefix, text_prefix = bench.catalogue.prefix("g2"), bench.catalogue.text_prefix("g2")

    def disturb(report: SyncReport, packages: int) -> None:
        if report.added != 4:
            return
        [written, *_] = next(bench.catalogue.document_keys("g2"))
        if happens == "lost":
            assert bench.client.unlink(written) == 1
        elif happens == "text":
            vector = next(bench.store.all_vectors())
            bench.client.hset(f"{text_prefix}{'a' * 20}", "vector", vector)
        else:
            key = written if happens == "written" else f"{prefix}{'a' * 16}"
            bench.client.hset(key, "brand", "Newbrand")

    report = bench.run(progress=disturb, rebuild=True, batch_size=1, standards=LAX)
    assert bench.catalogue.live() == "g2"
    assert report.deleted == (happens == "stranger")
    assert len(bench.drugs()) == (7 if happens == "lost" else 8)
    if happens != "lost":
        assert texts(bench, "g2") == 8
    assert names_are_right(bench)
