"""``search``, ``suggest`` and ``alternatives``, as they are used."""

from __future__ import annotations

import pytest
from tests.integration.cli.conftest import Run

FAKE = ("--embedder", "fake")


@pytest.fixture
def index(rxindex: Run, fdb: str, place: tuple[str, ...]) -> tuple[str, ...]:
    """The options that lead to an indexed catalogue."""
    assert rxindex("sync", "--source", fdb, *FAKE, *place).code == 0
    return place


def test_a_search_is_cut_filtered_and_explained(rxindex: Run, index: tuple[str, ...]) -> None:
    words = ("search", "statin", *FAKE, *index)
    whole = rxindex(*words, "--json", "--facets").json
    assert whole["total"] == 3
    assert {one["value"] for one in whole["facets"]["kind"]} == {"brand", "generic"}
    page = rxindex(*words, "--json", "--limit", "1", "--offset", "1").json
    assert [hit["id"] for hit in page["hits"]] == [whole["hits"][1]["id"]]
    brand = rxindex(*words, "--json", "--kind", "brand").json
    assert [hit["name"] for hit in brand["hits"]] == ["LIPITOR 20 MG TABLET"]
    group = rxindex(*words, "--json", "--group").json["hits"]
    assert [(hit["ingredients"], hit["more"]) for hit in group] == [(["atorvastatin"], 2)]
    opened = rxindex(*words, "--json", "--composition", "atorvastatin").json
    assert opened["total"] == 3
    table = rxindex(*words, "--why", "--facets", "--limit", "1")
    assert "it belongs to the class HMG-CoA Reductase Inhibitor" in table.out
    assert "--offset 1 goes on" in table.out
    assert "brand (1)" in table.out


def test_a_correction_is_told_and_can_be_refused(rxindex: Run, index: tuple[str, ...]) -> None:
    told = rxindex("search", "liptior", *FAKE, *index)
    assert told.code == 0
    assert "you typed 'liptior'; showing 'LIPITOR'" in told.out
    insisted = rxindex("search", "liptior", "--exact", *FAKE, *index)
    assert insisted.code == 1
    assert "nothing found for 'liptior'" in insisted.out


def test_a_bad_filter_is_refused_with_its_name(rxindex: Run, index: tuple[str, ...]) -> None:
    done = rxindex("search", "lipitor", "--form", " ", *FAKE, *index)
    assert done.code == 2
    assert "form has a value that is blank" in done.err


def test_suggestions_complete_names(rxindex: Run, index: tuple[str, ...]) -> None:
    found = rxindex("suggest", "lip", *index, "--json").json
    assert found["text"] == "lip"
    assert found["suggestions"][0]["text"].lower() == "lipitor"
    assert "lipitor" in rxindex("suggest", "lip", *index).out.lower()
    nothing = rxindex("suggest", "qqqq", *index)
    assert nothing.code == 1
    assert "nothing begins with 'qqqq'" in nothing.out


@pytest.mark.parametrize("asked", ["lipitor", "00071-0155-25"])
def test_alternatives_of_a_name_or_a_package(
    rxindex: Run, index: tuple[str, ...], asked: str
) -> None:
    found = rxindex("alternatives", asked, *FAKE, *index, "--json").json
    assert found["drug"]["name"] == "LIPITOR 20 MG TABLET"
    assert [hit["name"] for hit in found["equivalents"]] == ["ATORVASTATIN 20 MG TABLET"]
    assert [hit["name"] for hit in found["same_ingredients"]] == ["ATORVASTATIN 40 MG TABLET"]
    by_id = rxindex("alternatives", found["drug"]["id"], *FAKE, *index)
    assert "equivalents, generics first" in by_id.out


def test_no_drug_has_no_alternatives(rxindex: Run, index: tuple[str, ...]) -> None:
    done = rxindex("alternatives", "clonazepam", *FAKE, *index)
    assert done.code == 1
    assert "nothing found for 'clonazepam'" in done.out
    assert rxindex("alternatives", "clonazepam", *FAKE, *index, "--json").json == {"drug": None}
