"""What the comparison with peers rests on: the same rows, honest counting, whole tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from benchmarks.peers.catalogue import (
    held_packages,
    open_packages,
    read_drugs,
    write_catalogue,
)
from benchmarks.peers.measure import compare
from benchmarks.peers.peer import CountedEmbedder, Held, batches, read_rows
from benchmarks.peers.register import ABILITIES, PEERS
from benchmarks.peers.relevance import Relevance
from benchmarks.peers.report import markdown, tables
from benchmarks.peers.vectors import KnownVectors, model_seconds, write_vectors

from rxindex.embed.fake import FakeEmbedder
from rxindex.model import Drug, Package
from rxindex.vocabulary import Vocabulary


def _drug(number: int) -> Drug:
    return Drug(
        id=f"drug{number}",
        name=f"atorvastatin {number} mg tablet",
        generic="atorvastatin",
        ingredients=("atorvastatin",),
        strength=f"{number} mg",
        form="tablet",
        routes=("oral",),
        classes=("Blood Thickener",),
        indications=("nothing in particular",),
        packages=tuple(
            Package(f"{number:05}0000{size}", labeler=f"Maker {size}", size=str(size))
            for size in range(10, 20)
        ),
    )


@pytest.fixture
def nights(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    write_catalogue(first, second, map(_drug, range(1, 81)), 800)
    return first, second


def test_a_hundredth_of_the_packages_differs_between_the_nights(
    nights: tuple[Path, Path],
) -> None:
    first, second = map(held_packages, nights)
    both = first.keys() & second.keys()
    assert len(first) == len(second) == 798
    assert len(first.keys() - second.keys()) == len(second.keys() - first.keys()) == 2
    assert sum(first[ndc].labeler != second[ndc].labeler for ndc in both) == 2
    assert sum(first[ndc].size != second[ndc].size for ndc in both) == 2


def test_only_another_labeler_changes_the_text(nights: tuple[Path, Path]) -> None:
    first, second = ({row.ndc: row for row in read_rows(path)} for path in nights)
    for ndc in first.keys() & second.keys():
        same_labeler = first[ndc].labeler == second[ndc].labeler
        assert (first[ndc].text == second[ndc].text) == same_labeler


def test_rxindex_reads_the_drugs_that_the_rows_were_made_of(
    nights: tuple[Path, Path], vocabulary: Vocabulary
) -> None:
    found = read_drugs(nights[0], vocabulary)
    assert {drug.name for drug in found} == {_drug(number).name for number in range(1, 81)}
    assert {one for drug in found for one in drug.classes} >= {"Blood Thickener"}
    assert {one for drug in found for one in drug.indications} >= {"nothing in particular"}
    held = {Held(one.ndc, one.labeler, one.size) for drug in found for one in drug.packages}
    assert held == set(held_packages(nights[0]).values())
    with open_packages(nights[0]) as source:
        assert source.count() == 798


def test_no_drug_is_more_than_a_fiftieth_and_none_is_cut(tmp_path: Path) -> None:
    large = Drug(
        id="large",
        name="oxygen",
        packages=tuple(Package(f"{n:011}") for n in range(10**6, 1000100)),
    )
    first = tmp_path / "first.db"
    write_catalogue(first, tmp_path / "second.db", [large, *map(_drug, range(1, 41))], 205)
    with closing(sqlite3.connect(first)) as connection:
        names = connection.execute("SELECT name, count(*) FROM package GROUP BY name").fetchall()
    assert "oxygen" not in dict(names)
    assert len(names) == 20


def test_packages_that_are_not_as_in_the_table_are_counted_by_what_is_wrong() -> None:
    right = {ndc: Held(ndc, "Maker", "90") for ndc in ("1", "2", "3")}
    held = [
        Held("1", "Maker", "90"),
        Held("1", "Maker", "90"),
        Held("2", "Maker", "30"),
        Held("4", "Maker", "90"),
    ]
    assert compare(held, right) == {"gone": 1, "stale": 1, "missing": 1, "twice": 1}
    assert not any(compare(right.values(), right).values())


def test_a_drug_counts_once_where_its_first_package_is() -> None:
    drugs = [_drug(1), _drug(2)]
    relevance = Relevance(drugs)
    one, two = drugs[0].packages, drugs[1].packages
    found = [two[0].ndc, one[0].ndc, two[1].ndc, "no NDC", "drug1"]
    assert relevance.drugs_of(found) == ["drug2", "drug1"]


def test_every_text_that_goes_to_the_model_is_counted() -> None:
    embedder = CountedEmbedder(FakeEmbedder(8))
    assert len(embedder.vectors(["a", "b"])[0]) == 8
    embedder.embed(["c"])
    assert embedder.texts == 3


def test_batches_hold_everything_in_order() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(batches([], 2)) == []


def test_vectors_that_were_made_beforehand_are_the_models_own(tmp_path: Path) -> None:
    model = FakeEmbedder(dimensions=8)
    texts = write_vectors(tmp_path, model, ["aspirin", "ibuprofen", "aspirin"])
    assert texts == ["aspirin", "ibuprofen"]
    asked = CountedEmbedder(model)
    known = CountedEmbedder(KnownVectors(asked, tmp_path))
    for wanted in (["ibuprofen", "aspirin", "aspirin"], ["aspirin"], ["aspirin", "codeine"]):
        assert (known.embed(wanted).vectors == model.embed(wanted).vectors).all()
    assert (known.texts, known.asked) == (6, 3)
    # Only what nobody had embedded before goes to the model.
    assert (asked.texts, asked.asked) == (2, 1)


def test_a_models_time_is_that_of_a_text() -> None:
    model = CountedEmbedder(FakeEmbedder(dimensions=8, delay=0.002))
    texts = [f"text {number}" for number in range(50)]
    assert 0.002 <= model_seconds(model, texts, 10) < 0.1
    assert (model.texts, model.asked) == (50, 5)


def test_every_peer_says_of_every_ability_yes_or_no() -> None:
    for about in PEERS.values():
        assert len(about.abilities) == len(ABILITIES)
        assert {one.split(":")[0] for one in about.abilities} <= {"yes", "no"}


def _result() -> dict[str, Any]:
    run = {
        "seconds": 1.0, "model_seconds": 40.5, "cpu_seconds": 2.0, "redis_cpu_seconds": 3.0,
        "embedding_calls": 4000, "asked": 8,
    }  # fmt: skip
    scores = dict.fromkeys(("success@1", "mrr", "recall@20", "precision@10", "ndcg@10"), 0.5)
    peer = {
        "versions": {"one": "1.2"},
        "cold": run,
        "no_change": run,
        "changed": run | {"wrong": {"gone": 5, "stale": 6, "missing": 7, "twice": 8}},
        "redis_bytes_per_package": 1234.5,
        "search": {"p50_ms": 1.0, "p95_ms": 2.0, "repeated": 3.0},
        "relevance": {
            "overall": scores | {"kind": "all", "queries": 3},
            "kinds": [scores | {"kind": "brand", "queries": 3}],
        },
    }
    return {
        "machine": {"cores": 2, "python": "3.11", "redis": "8.2.3"},
        "date": "2026-01-02T03:04:05+00:00",
        "embedder": "fake",
        "packages": 2000,
        "drugs": 100,
        "change": {"relabelled": 1, "resized": 2, "deleted": 3, "added": 4},
        "queries": 9,
        "queries_left_out": 8,
        "peers": dict.fromkeys(PEERS, peer),
    }


def test_tables_have_a_cell_under_every_heading() -> None:
    for table in tables(_result()):
        assert table.rows
        assert {len(row) for row in table.rows} == {len(table.headings)}


def test_markdown_has_every_peer_and_its_figures() -> None:
    text = markdown(_result(), level=2)
    assert "## First load\n\n| " in text
    for name, about in PEERS.items():
        assert f"| {about.title} | 41.5 | 40.5 | 2.0 | 3.0 | 4,000 | 1,234 |" in text
        assert f"{name}: one 1.2" in text
    assert "| 5 | 6 | 7 | 8 |" in text
