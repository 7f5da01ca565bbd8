"""Value sets and code systems."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.integration.api.fhir.conftest import BASE
from tests.services.fhir import Resource, issues, parameters, validated

NDC = "http://hl7.org/fhir/sid/ndc"
DRUGS = f"{BASE}/CodeSystem/drugs"


@pytest.fixture
def expand(fhir: TestClient) -> Any:
    def ask(text: str, **asked: str) -> Resource:
        given = {"url": f"{BASE}/ValueSet/drugs", "filter": text} | asked
        reply = fhir.get("/fhir/ValueSet/$expand", params=given)
        assert reply.status_code == 200, reply.text
        expansion = validated(reply.json())["expansion"]
        assert isinstance(expansion, dict)
        return expansion

    return ask


def told(expansion: Resource, name: str) -> list[str]:
    return [one["valueString"] for one in expansion["parameter"] if one["name"] == name]


def displays(expansion: Resource) -> list[str]:
    return [one["display"] for one in expansion.get("contains", [])]


def test_the_beginning_of_a_name_is_expanded_to_drugs(expand: Any, ids: dict[str, str]) -> None:
    expansion = expand("lipit")
    first = expansion["contains"][0]
    assert first == {
        "system": DRUGS,
        "code": ids["LIPITOR 20 MG TABLET"],
        "display": "LIPITOR 20 MG TABLET",
    }
    assert expansion["total"] == len(expansion["contains"])


def test_a_drug_without_a_package_on_the_market_is_inactive(expand: Any) -> None:
    found = {one["display"]: one.get("inactive") for one in expand("atorvastatin")["contains"]}
    assert found["ATORVASTATIN 80 MG TABLET"] is True
    assert found["ATORVASTATIN 40 MG TABLET"] is None
    assert "ATORVASTATIN 80 MG TABLET" not in displays(expand("atorvastatin", activeOnly="true"))


def test_other_names_are_given_on_wish(expand: Any) -> None:
    (first, *_) = expand("lipitor", includeDesignations="true")["contains"]
    assert first["designation"] == [
        {"use": {"display": "brand name"}, "value": "LIPITOR"},
        {"use": {"display": "generic name"}, "value": "atorvastatin"},
    ]


def test_pages_of_an_expansion_follow_one_another(expand: Any) -> None:
    whole = displays(expand("atorvastatin"))
    page = expand("atorvastatin", count="2", offset="2")
    assert displays(page) == whole[2:4]
    assert (page["offset"], page["total"]) == (2, len(whole))
    assert expand("atorvastatin", count="0")["total"] == len(whole)
    assert "contains" not in expand("atorvastatin", count="0")


def test_an_ndc_is_expanded_to_its_drug_and_its_package(expand: Any, ids: dict[str, str]) -> None:
    expansion = expand("00071-0155-40")
    assert expansion["contains"] == [
        {
            "system": DRUGS,
            "code": ids["ATORVASTATIN 20 MG TABLET"],
            "display": "ATORVASTATIN 20 MG TABLET",
        },
        {
            "system": NDC,
            "code": "0071-0155-40",
            "display": "ATORVASTATIN 20 MG TABLET, 30, BOTTLE, ACME PHARMA",
            "inactive": True,
        },
    ]
    assert displays(expand("00071-0155-40", activeOnly="true")) == ["ATORVASTATIN 20 MG TABLET"]
    assert displays(expand("00071-0157-23", activeOnly="true")) == []
    assert displays(expand("00071-0155-40", offset="1", count="1"))[0].endswith("ACME PHARMA")


def test_corrections_and_look_alikes_are_told_in_an_expansion(expand: Any) -> None:
    expansion = expand("simvastatn")
    assert displays(expansion)[0] == "SIMVASTATIN 20 MG TABLET"
    assert "simvastatn" in told(expansion, "correction")[0]
    expansion = expand("hydroxyzine")
    assert displays(expansion)[0] == "hydrOXYzine 25 MG TABLET"
    assert "hydrALAZINE" in told(expansion, "warning")[0]


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 400, "required"),
        ({"url": "http://hl7.org/fhir/ValueSet/medication-codes"}, 404, "not-found"),
        ({"url": f"{BASE}/ValueSet/drugs"}, 422, "too-costly"),
        ({"url": f"{BASE}/ValueSet/drugs", "filter": " "}, 422, "too-costly"),
        ({"url": f"{BASE}/ValueSet/drugs", "filter": "x", "date": "2019"}, 400, "not-supported"),
        ({"url": f"{BASE}/ValueSet/drugs", "filter": "x", "count": "-1"}, 400, "value"),
        ({"url": f"{BASE}/ValueSet/drugs", "filter": "x", "activeOnly": "1"}, 400, "value"),
        ({"url": f"{BASE}/ValueSet/drugs", "filter": "x", "offset": "901"}, 422, "invalid"),
    ],
)
def test_an_expansion_that_cannot_be_made_is_refused(
    asked: dict[str, str], status: int, code: str, fhir: TestClient
) -> None:
    reply = fhir.get("/fhir/ValueSet/$expand", params=asked)
    assert (reply.status_code, issues(reply.json())[0][1]) == (status, code)


def test_a_value_set_in_the_request_is_refused(fhir: TestClient) -> None:
    sent: list[Resource] = [{"name": "valueSet", "resource": {"resourceType": "ValueSet"}}]
    body = {"resourceType": "Parameters", "parameter": sent}
    reply = fhir.post("/fhir/ValueSet/$expand", json=body)
    assert (reply.status_code, issues(reply.json())[0][1]) == (400, "not-supported")


def test_parameters_that_no_operation_has_are_refused_where_that_is_wished(
    fhir: TestClient,
) -> None:
    for path in (
        f"ValueSet/$expand?url={BASE}/ValueSet/drugs&filter=lipitor",
        f"CodeSystem/$lookup?system={NDC}&code=0071-0155-23",
    ):
        assert fhir.get(f"/fhir/{path}&colour=red").status_code == 200
        strict = {"Prefer": "handling=strict"}
        assert fhir.get(f"/fhir/{path}", headers=strict).status_code == 200
        reply = fhir.get(f"/fhir/{path}&colour=red", headers=strict)
        assert (reply.status_code, issues(reply.json())[0][1]) == (400, "not-supported")


def answered(resource: Resource) -> dict[str, Any]:
    """Names and values of a lookup; those of properties and designations as lists."""
    found: dict[str, Any] = {}
    for one in validated(resource)["parameter"]:
        parts = {
            part["name"]: next(value for name, value in part.items() if name != "name")
            for part in one.get("part", [])
        }
        if one["name"] == "property":
            found.setdefault(parts["code"], []).append(parts["value"])
        elif one["name"] == "designation":
            found.setdefault(parts["use"]["display"], []).append(parts["value"])
        else:
            found[one["name"]] = one["valueString"]
    return found


def test_the_id_of_a_drug_is_looked_up(fhir: TestClient, ids: dict[str, str]) -> None:
    asked = {"system": DRUGS, "code": ids["OXYCODONE 5 MG TABLET"]}
    found = answered(fhir.get("/fhir/CodeSystem/$lookup", params=asked).json())
    assert found["display"] == "oxyCODONE 5 MG TABLET"
    assert found["generic name"] == ["oxycodone"]
    expected = {
        "status": ["active"], "inactive": [False], "ingredient": ["oxycodone"],
        "strength": ["5 mg"], "form": ["tablet"], "route": ["oral"], "schedule": ["CII"],
        "kind": ["generic"], "gcn": ["4225"],
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected
    assert "Opioid Agonist" in found["class"]


def test_an_ndc_is_looked_up_whatever_its_form(fhir: TestClient, ids: dict[str, str]) -> None:
    for code in ("0071-0155-40", "00071-0155-40", "00071015540"):
        asked = {"system": NDC, "code": code}
        found = answered(fhir.get("/fhir/CodeSystem/$lookup", params=asked).json())
        assert found["name"] == "National Drug Codes"
        assert found["display"] == "ATORVASTATIN 20 MG TABLET, 30, BOTTLE, ACME PHARMA"
        assert [one["code"] for one in found["drug"]] == [ids["ATORVASTATIN 20 MG TABLET"]]
        expected = {
            "status": ["obsolete"], "inactive": [True], "billing-ndc": ["00071015540"],
            "labeler": ["ACME PHARMA"], "size": ["30"], "start": ["2010-01-01"],
            "end": ["2015-01-01"], "strength": ["20 mg"],
        }  # fmt: skip
        assert {name: found[name] for name in expected} == expected


def test_a_coding_is_looked_up_with_the_properties_that_are_wished(fhir: TestClient) -> None:
    coding = {"system": NDC, "code": "0071-0155-23"}
    body = parameters(coding=coding, property="labeler")
    found = answered(fhir.post("/fhir/CodeSystem/$lookup", json=body).json())
    assert set(found) == {"name", "display", "generic name", "labeler"}


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 400, "required"),
        ({"code": "0071-0155-23"}, 400, "required"),
        ({"system": NDC}, 400, "required"),
        ({"system": NDC, "code": "99999-9999-99"}, 404, "not-found"),
        ({"system": NDC, "code": "lipitor"}, 404, "not-found"),
        ({"system": NDC, "code": "1234567890"}, 400, "multiple-matches"),
        ({"system": DRUGS, "code": "aaaaaaaaaaaaaaaa"}, 404, "not-found"),
        ({"system": DRUGS, "code": "a:b"}, 404, "not-found"),
        ({"system": "http://snomed.info/sct", "code": "1"}, 404, "not-found"),
        ({"system": NDC, "code": "0071-0155-23", "version": "1"}, 400, "not-supported"),
        ({"system": NDC, "code": "0071-0155-23", "date": "2019"}, 400, "not-supported"),
    ],
)
def test_a_code_that_cannot_be_looked_up_is_refused(
    asked: dict[str, str], status: int, code: str, fhir: TestClient
) -> None:
    reply = fhir.get("/fhir/CodeSystem/$lookup", params=asked)
    assert (reply.status_code, issues(reply.json())[0][1]) == (status, code)


def test_a_version_of_a_code_system_is_refused(fhir: TestClient) -> None:
    body = parameters(coding={"system": NDC, "code": "0071-0155-23", "version": "20190401"})
    reply = fhir.post("/fhir/CodeSystem/$lookup", json=body)
    assert (reply.status_code, issues(reply.json())[0][1]) == (400, "not-supported")
