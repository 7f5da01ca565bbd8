"""MedicationKnowledge: read and search."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from tests.integration.api.fhir.conftest import BASE
from tests.services.fhir import Resource, issues, validated

NDC = "http://hl7.org/fhir/sid/ndc"


@pytest.fixture
def search(fhir: TestClient) -> Any:
    def ask(**asked: str | int) -> Resource:
        reply = fhir.get("/fhir/MedicationKnowledge", params=asked)
        assert reply.status_code == 200, reply.text
        bundle = validated(reply.json())
        assert bundle["type"] == "searchset"
        return bundle

    return ask


def names(bundle: Resource) -> list[str]:
    return [
        entry["resource"]["code"]["text"]
        for entry in bundle.get("entry", [])
        if entry["search"]["mode"] == "match"
    ]


def noted(bundle: Resource) -> list[tuple[str, str, str]]:
    found = [one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
    return issues(found[0]) if found else []


def link(bundle: Resource, relation: str) -> dict[str, list[str]]:
    (url,) = [one["url"] for one in bundle["link"] if one["relation"] == relation]
    assert url.startswith(f"{BASE}/MedicationKnowledge?")
    return parse_qs(urlsplit(url).query)


def test_a_drug_is_read_by_its_id(fhir: TestClient, ids: dict[str, str]) -> None:
    drug_id = ids["OXYCODONE 5 MG TABLET"]
    reply = fhir.get(f"/fhir/MedicationKnowledge/{drug_id}")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "application/fhir+json")
    made = validated(reply.json())
    assert made["id"] == drug_id
    assert made["regulatory"][0]["schedule"] == [{"schedule": {"text": "CII"}}]
    codes = [(one["system"], one["code"]) for one in made["code"]["coding"]]
    assert codes == [(f"{BASE}/CodeSystem/drugs", drug_id), (NDC, "0054-0001-02")]


@pytest.mark.parametrize("drug_id", ["aaaaaaaaaaaaaaaa", "a", "x" * 65, "a_b", "a%00b", "a:b"])
def test_a_drug_that_is_not_there_is_not_found(drug_id: str, fhir: TestClient) -> None:
    reply = fhir.get(f"/fhir/MedicationKnowledge/{drug_id}")
    assert reply.status_code == 404
    assert issues(reply.json())[0][:2] == ("error", "not-found")


def test_words_find_whole_drugs_in_order(search: Any, ids: dict[str, str]) -> None:
    bundle = search(_content="lipitor")
    assert names(bundle)[0] == "LIPITOR 20 MG TABLET"
    first = bundle["entry"][0]
    assert first["fullUrl"] == f"{BASE}/MedicationKnowledge/{ids['LIPITOR 20 MG TABLET']}"
    assert 0 < first["search"]["score"] <= 1
    assert first["resource"]["code"]["coding"][1]["code"] == "0071-0155-92"
    assert link(bundle, "self") == {"_content": ["lipitor"], "_count": ["10"], "_offset": ["0"]}


def test_a_search_by_post_is_the_same(fhir: TestClient, search: Any) -> None:
    reply = fhir.post("/fhir/MedicationKnowledge/_search", data={"_content": "lipitor"})
    assert validated(reply.json()) == search(_content="lipitor")


def test_a_correction_is_told(search: Any) -> None:
    bundle = search(_content="simvastatn")
    assert names(bundle)[0] == "SIMVASTATIN 20 MG TABLET"
    told = [text for severity, _, text in noted(bundle) if severity == "warning"]
    assert any("simvastatn" in text and "simvastatin" in text.lower() for text in told)


def test_a_look_alike_warning_points_to_its_drug(search: Any) -> None:
    bundle = search(_content="hydroxyzine")
    assert names(bundle)[0] == "hydrOXYzine 25 MG TABLET"
    (told,) = [one["resource"] for one in bundle["entry"] if one["search"]["mode"] == "outcome"]
    about = [one for one in told["issue"] if "expression" in one]
    assert about[0]["expression"] == ["Bundle.entry[0].resource"]
    assert about[0]["severity"] == "warning"
    assert "hydrALAZINE" in about[0]["details"]["text"]


def test_an_ingredient_finds_all_its_drugs(search: Any) -> None:
    bundle = search(**{"ingredient-code": "atorvastatin"})
    assert sorted(names(bundle)) == [
        "ATORVASTATIN 20 MG TABLET",
        "ATORVASTATIN 40 MG TABLET",
        "ATORVASTATIN 80 MG TABLET",
        "LIPITOR 20 MG TABLET",
    ]
    assert bundle["total"] == 4
    standing = {
        one["resource"]["code"]["text"]: one["resource"]["status"]
        for one in bundle["entry"]
        if one["search"]["mode"] == "match"
    }
    assert [name for name, one in standing.items() if one == "inactive"] == [
        "ATORVASTATIN 80 MG TABLET"
    ]


def test_several_ingredients_or_a_form_find_all_their_drugs(search: Any) -> None:
    assert search(**{"ingredient-code": "atorvastatin,simvastatin"})["total"] == 5
    assert search(doseform="tablet")["total"] == 12 - 1
    assert search(doseform="tablet", status="active")["total"] == 10


def test_a_class_finds_its_drugs(search: Any) -> None:
    bundle = search(classification="statin")
    assert len(names(bundle)) == bundle["total"] == 5
    narrower = search(**{"classification": "statin", "ingredient-code": "SIMVASTATIN"})
    assert names(narrower) == ["SIMVASTATIN 20 MG TABLET"]


def test_filters_narrow_what_words_find(search: Any) -> None:
    asked = {"_content": "statin", "ingredient-code": "atorvastatin,oxycodone"}
    assert search(**asked, status="active")["total"] == 3
    assert search(**asked, doseform="tablet")["total"] == 4
    assert search(**asked, doseform="http://snomed.info/sct|385055001")["total"] == 0


def test_pages_follow_one_another(search: Any) -> None:
    asked = {"ingredient-code": "atorvastatin"}
    whole = names(search(**asked))
    first = search(**asked, _count=3)
    assert names(first) == whole[:3]
    assert link(first, "next")["_offset"] == ["3"]
    last = search(**asked, _count=3, _offset=3)
    assert names(last) == whole[3:]
    assert last["total"] == 4
    assert link(last, "previous")["_offset"] == ["0"]
    assert {one["relation"] for one in last["link"]} == {"self", "previous"}


def test_how_many_there_are_is_told_alone(search: Any) -> None:
    bundle = search(**{"ingredient-code": "atorvastatin", "_count": 0})
    assert (names(bundle), bundle["total"]) == ([], 4)
    bundle = search(code=f"{NDC}|0071-0155-23", _count=0)
    assert (bundle["total"], [one["relation"] for one in bundle["link"]]) == (1, ["self"])


@pytest.mark.parametrize(
    "code", ["0071-0155-23", "00071-0155-23", "00071015523", f"{NDC}|00071015523"]
)
def test_a_package_finds_its_drug_whatever_the_form_of_its_ndc(code: str, search: Any) -> None:
    bundle = search(code=code)
    assert names(bundle) == ["ATORVASTATIN 20 MG TABLET"]
    assert bundle["total"] == 1


def test_codes_are_alternatives(search: Any, ids: dict[str, str]) -> None:
    lipitor, oxycodone = ids["LIPITOR 20 MG TABLET"], ids["OXYCODONE 5 MG TABLET"]
    codes = f"{lipitor},{BASE}/CodeSystem/drugs|{oxycodone},0071-0155-23"
    bundle = search(code=codes)
    assert len(names(bundle)) == bundle["total"] == 3
    page = search(code=codes, _count=2, _offset=2)
    assert (len(names(page)), page["total"]) == (1, 3)
    assert link(page, "previous")["_offset"] == ["0"]
    assert names(search(code=codes, _id=lipitor)) == ["LIPITOR 20 MG TABLET"]
    assert search(code=codes, _id="b")["total"] == 0


def test_a_code_is_looked_for_in_its_system_only(search: Any, ids: dict[str, str]) -> None:
    lipitor = ids["LIPITOR 20 MG TABLET"]
    for code in (f"{NDC}|{lipitor}", f"|{lipitor}", f"http://x|{lipitor}", "lipitor", ","):
        assert search(code=code)["total"] == 0
    assert search(code=f"{BASE}/CodeSystem/drugs|0071-0155-23")["total"] == 0


def test_a_drug_that_has_the_code_has_to_pass_the_filters_too(search: Any) -> None:
    asked = {"code": "0071-0157-23"}
    assert search(**asked)["total"] == 1
    assert search(**asked, status="active")["total"] == 0
    assert search(**asked, classification="STATIN", doseform="tablet")["total"] == 1
    assert search(**asked, **{"ingredient-code": "simvastatin"})["total"] == 0


def test_ten_digits_that_are_two_packages_find_both_drugs(search: Any) -> None:
    assert sorted(names(search(code="1234567890"))) == [
        "CARVEDILOL 25 MG TABLET",
        "IBUPROFEN 600 MG TABLET",
    ]


def test_what_is_not_known_is_left_out_of_the_link_or_refused(
    fhir: TestClient, search: Any
) -> None:
    assert "colour" not in link(search(_content="lipitor", colour="red"), "self")
    reply = fhir.get(
        "/fhir/MedicationKnowledge?_content=lipitor&colour=red",
        headers={"Prefer": "return=minimal; handling=strict"},
    )
    assert (reply.status_code, issues(reply.json())[0][1]) == (400, "not-supported")


def test_a_query_that_is_none_is_refused(fhir: TestClient) -> None:
    reply = fhir.get("/fhir/MedicationKnowledge", params={"_content": "x" * 301})
    assert reply.status_code == 422
    assert issues(reply.json())[0][:2] == ("error", "invalid")
