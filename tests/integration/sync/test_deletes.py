"""What vanishes from the source, and what becomes obsolete there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.sync.bench import Bench
from tests.services.fdb import add_packages, package, remove_packages

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

#: Forty drugs: two of them are the twentieth that a run may delete.
NAMES = [a + b for a in ("ZORB", "QUEM", "WIBR", "FAXT", "LOMI") for b in
         ("AXIL", "EDOL", "OXAT", "ORIN", "UMAB", "IVIR", "TIDE", "ZANE")]  # fmt: skip
ROWS = [package(gcn, f"{name} 5 MG TABLET", gcn) for gcn, name in enumerate(NAMES, 1)]


@pytest.fixture
def bench(
    tmp_path: Path, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Bench:
    bench = Bench(tmp_path, catalogue, capabilities, vocabulary, ROWS)
    bench.run()
    return bench


def code(number: int) -> str:
    return f"{number:011d}"


def drug(bench: Bench, number: int) -> str:
    return bench.drugs()[f"{NAMES[number - 1]} 5 MG TABLET"].id


def test_a_package_that_vanishes_leaves_its_drug(bench: Bench) -> None:
    add_packages(bench.url, [package(101, f"{NAMES[0]} 5 MG TABLET", 1)])
    assert bench.run().metadata_only == 1
    remove_packages(bench.url, [code(1)])
    report = bench.run()
    assert (report.metadata_only, report.deleted, report.completed) == (1, 0, True)
    packages = bench.drugs()[f"{NAMES[0]} 5 MG TABLET"].packages
    assert [one.ndc for one in packages] == [code(101)]
    assert bench.found("@products:{000000000} @gcn:{1}") == 0
    assert bench.found("@products:{000000001} @gcn:{1}") == 1


def test_a_drug_without_packages_leaves_the_index(bench: Bench) -> None:
    gone = drug(bench, 7)
    remove_packages(bench.url, [code(7)])
    report = bench.run()
    assert (report.deleted, report.unchanged, report.completed) == (1, 39, True)
    assert gone not in bench.by_id()
    assert bench.found("@gcn:{7}") == 0


@pytest.mark.parametrize(("vanished", "held"), [(2, False), (3, True)])
def test_a_run_may_delete_a_twentieth(bench: Bench, vanished: int, held: bool) -> None:
    remove_packages(bench.url, [code(number) for number in range(1, vanished + 1)])
    add_packages(bench.url, [package(40, f"{NAMES[39]} 5 MG TABLET", 40, PS=30)])
    report = bench.run()
    assert (report.deleted, report.delete_held) == ((0, vanished) if held else (vanished, 0))
    assert report.completed is not held
    # Whatever is held, everything else was done.
    assert report.metadata_only == 1
    assert len(bench.by_id()) == 40 - report.deleted
    if held:
        [said] = [one for one in report.warnings if "--allow-deletes" in one]
        assert "3 of 40 drugs" in said
        assert bench.run().delete_held == 3
        allowed = bench.run(allow_deletes=True)
        assert (allowed.deleted, allowed.completed) == (3, True)


def test_the_share_can_be_set(bench: Bench) -> None:
    remove_packages(bench.url, [code(number) for number in range(1, 21)])
    assert bench.run(most_deletes=0.49).delete_held == 20
    assert bench.run(most_deletes=0.5).deleted == 20
    remove_packages(bench.url, [code(21)])
    assert bench.run(most_deletes=0.0).delete_held == 1


@pytest.mark.parametrize(("vanished", "held"), [(2, False), (3, True)])
def test_a_run_over_some_groups_is_guarded_too(bench: Bench, vanished: int, held: bool) -> None:
    numbers = range(1, vanished + 1)
    ids = [drug(bench, number) for number in numbers]
    remove_packages(bench.url, [code(number) for number in numbers])
    whole, report = bench.groups([(number,) for number in numbers], ids)
    assert whole
    assert (report.deleted, report.delete_held) == ((0, vanished) if held else (vanished, 0))
    assert (set(ids) <= bench.by_id().keys()) is held
    if held:
        assert any("--allow-deletes" in one for one in report.warnings)
        _, report = bench.groups([(number,) for number in numbers], ids, allow_deletes=True)
        assert report.deleted == 3


def test_of_named_drugs_only_those_are_deleted_that_the_groups_lack(bench: Bench) -> None:
    remove_packages(bench.url, [code(5)])
    ids = [drug(bench, number) for number in (4, 5)]
    _, dry = bench.groups([(4,), (5,)], [*ids, "neverwashere"], dry_run=True)
    assert (dry.deleted, len(bench.by_id())) == (1, 40)
    _, report = bench.groups([(4,), (5,)], [*ids, "neverwashere"])
    assert (report.deleted, report.unchanged) == (1, 1)
    assert len(bench.by_id()) == 39
    _, again = bench.groups([(4,), (5,)], ids)
    assert again.deleted == 0


def test_an_obsolete_drug_stays_and_is_labelled(bench: Bench) -> None:
    add_packages(
        bench.url,
        [
            package(1, f"{NAMES[0]} 5 MG TABLET", 1, OBSDTEC="20180101"),
            package(2, f"{NAMES[1]} 5 MG TABLET", 2, OBSDTEC="20180101"),
            package(102, f"{NAMES[1]} 5 MG TABLET", 2),
        ],
    )
    report = bench.run()
    assert (report.metadata_only, report.deleted, report.embedding_calls) == (2, 0, 0)
    drugs = bench.drugs()
    assert drugs[f"{NAMES[0]} 5 MG TABLET"].status == "obsolete"
    # One package that is sold is enough.
    partly = drugs[f"{NAMES[1]} 5 MG TABLET"]
    assert partly.status == "active"
    assert [one.status for one in partly.packages] == ["obsolete", "active"]
    assert bench.found("@status:{obsolete}") == 1


def test_an_obsolete_drug_ranks_last_and_is_found_all_the_same(bench: Bench) -> None:
    add_packages(
        bench.url,
        [
            package(201, "ATORVASTATIN 20 MG TABLET", 201, OBSDTEC="20180101"),
            package(202, "ATORVASTATIN 40 MG TABLET", 202),
            package(203, "ATORVASTATIN 80 MG TABLET", 203),
            package(204, "SIMVASTATIN 20 MG TABLET", 204),
        ],
    )
    bench.run()
    searcher = Searcher(bench.catalogue, bench.embedder, bench.words)
    hits = searcher.search("atorvastatin").hits
    named = [hit.name for hit in hits if hit.name.startswith("ATORVASTATIN")]
    assert named[-1] == "ATORVASTATIN 20 MG TABLET"
    assert {*named[:-1]} == {"ATORVASTATIN 40 MG TABLET", "ATORVASTATIN 80 MG TABLET"}
    assert [hit.status for hit in hits if hit.name == "ATORVASTATIN 20 MG TABLET"] == ["obsolete"]
    # It is sold again.
    add_packages(bench.url, [package(201, "ATORVASTATIN 20 MG TABLET", 201)])
    assert bench.run().metadata_only == 1
    # The same searcher would give the same answer for another second.
    again = Searcher(bench.catalogue, bench.embedder, bench.words).search("atorvastatin").hits
    assert all(hit.status == "active" for hit in again)
