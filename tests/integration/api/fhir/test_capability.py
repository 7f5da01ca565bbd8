"""The CapabilityStatement says what there is, no more and no less."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from tests.integration.api.fhir.conftest import BASE
from tests.services.fhir import Resource, issues, validated

from rxindex.api.fhir import fhir_router
from rxindex.search.searcher import Searcher


@pytest.fixture
def statement(fhir: TestClient) -> Resource:
    reply = fhir.get("/fhir/metadata")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/fhir+json"
    return validated(reply.json())


def test_it_names_the_version_the_format_and_the_service(statement: Resource) -> None:
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["format"] == ["application/fhir+json", "json"]
    assert statement["implementation"]["url"] == BASE
    assert statement["kind"] == "instance"


def test_it_tells_every_interaction_and_operation_that_is_served(
    statement: Resource, searcher: Searcher
) -> None:
    told = {("GET", "metadata")}
    for resource in statement["rest"][0]["resource"]:
        name = resource["type"]
        for interaction in resource.get("interaction", []):
            told |= {
                "read": {("GET", f"{name}/{{id}}")},
                "search-type": {("GET", name), ("POST", f"{name}/_search")},
            }[interaction["code"]]
        for operation in resource.get("operation", []):
            told |= {(method, f"{name}/${operation['name']}") for method in ("GET", "POST")}
            assert operation["definition"].endswith(f"/{name}-{operation['name']}")
    served = {
        (method, re.sub(r"\{\w+\}", "{id}", route.path.removeprefix("/fhir/")))
        for route in fhir_router(searcher).routes
        if isinstance(route, APIRoute) and route.path not in {"/fhir", "/fhir/{rest:path}"}
        for method in route.methods or ()
    }
    assert told == served


def test_every_search_parameter_that_is_told_is_taken(
    statement: Resource, fhir: TestClient
) -> None:
    values = {"status": "active", "code": "x", "_id": "x"}
    (knowledge,) = [
        one for one in statement["rest"][0]["resource"] if one["type"] == "MedicationKnowledge"
    ]
    for parameter in knowledge["searchParam"]:
        name = parameter["name"]
        asked = {name: values.get(name, "simvastatin")}
        if name == "status":
            asked["_content"] = "simvastatin"
        reply = fhir.get(
            "/fhir/MedicationKnowledge", params=asked, headers={"Prefer": "handling=strict"}
        )
        assert reply.status_code == 200, name
        assert f"{name}=" in reply.json()["link"][0]["url"]


def test_urls_begin_with_what_clients_know_the_service_under(searcher: Searcher) -> None:
    app = FastAPI()
    app.include_router(fhir_router(searcher, "https://rx.example.org/fhir"))
    with TestClient(app) as client:
        statement = validated(client.get("/fhir/metadata").json())
        assert statement["implementation"]["url"] == "https://rx.example.org/fhir"
        reply = client.get("/fhir/MedicationKnowledge?_content=simvastatin").json()
        assert reply["link"][0]["url"].startswith("https://rx.example.org/fhir/Medication")
        reply = client.get("/fhir/ValueSet/$expand?url=http://testserver/fhir/ValueSet/drugs")
        assert "https://rx.example.org/fhir/ValueSet/drugs" in issues(reply.json())[0][2]
