"""Measuring the search of a real index."""

from __future__ import annotations

from pathlib import Path

import pytest

from rxindex.search.evaluation.answers import ask
from rxindex.search.evaluation.judge import Judged, catalogue_drugs, judge
from rxindex.search.evaluation.judged import read_judged
from rxindex.search.evaluation.measure import evaluate
from rxindex.search.searcher import Searcher

pytestmark = pytest.mark.xdist_group("searcher")

JUDGED = """
[[topic]]
id = "brand"
kind = "name"
half = "test"
queries = ["lipitor"]
right = [{ brand = "Lipitor" }]
beside = ["atorvastatin"]

[[topic]]
id = "code"
kind = "name"
half = "tuning"
queries = ["12345-0678-90"]
right = [{ ndc = "12345067890" }]

[[topic]]
id = "statins"
kind = "class"
half = "test"
unit = "ingredients"
queries = ["statins"]
right = ["atorvastatin", "pravastatin", "rosuvastatin", "simvastatin"]

[[topic]]
id = "elsewhere"
kind = "class"
half = "tuning"
queries = ["gliptins"]
right = ["sitagliptin"]
"""


@pytest.fixture
def judged(searcher: Searcher, tmp_path: Path) -> Judged:
    file = tmp_path / "judged.toml"
    file.write_text(JUDGED)
    return judge(read_judged(file), catalogue_drugs(searcher.catalogue))


def test_every_drug_of_the_live_generation_is_judged_once(searcher: Searcher) -> None:
    drugs = list(catalogue_drugs(searcher.catalogue))
    assert len({drug.id for drug in drugs}) == len(drugs) == 42
    assert all(drug.packages for drug in drugs)


def test_names_codes_and_classes_of_an_index_are_measured(
    searcher: Searcher, judged: Judged
) -> None:
    result = evaluate(judged, ask(searcher.search, judged))
    assert result.left_out == ("elsewhere",)
    assert [(row.kind, row.queries) for row in result.kinds] == [("name", 2), ("class", 1)]
    assert result.score("name", "success@1") == 1
    assert result.score("class", "recall@20") == 1
    assert result.score("all", "zero-results") == 0
