"""Formats, parameters and errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry
from tests.integration.api.fhir.conftest import BASE
from tests.services.fhir import issues, parameters, validated
from tests.services.redis import RedisServer

from rxindex.api.fhir import fhir_router
from rxindex.index.catalogue import Catalogue
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

FHIR = "application/fhir+json"


@pytest.mark.parametrize(
    "accept",
    [
        "*/*", "application/json", FHIR, f"{FHIR}; fhirVersion=4.0", "application/*;q=0.5",
        f"application/fhir+xml, {FHIR};q=0.1", "text/html, */*;q=0.8",
    ],
)  # fmt: skip
def test_json_is_answered_to_who_takes_it(accept: str, fhir: TestClient) -> None:
    reply = fhir.get("/fhir/metadata", headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"]) == (200, FHIR)


@pytest.mark.parametrize(
    "accept",
    ["application/fhir+xml", "text/html", f"{FHIR}; fhirVersion=5.0", f"{FHIR};q=0", "text/turtle"],
)
def test_anything_else_is_refused(accept: str, fhir: TestClient) -> None:
    reply = fhir.get("/fhir/metadata", headers={"Accept": accept})
    assert (reply.status_code, reply.headers["content-type"]) == (406, FHIR)
    assert issues(reply.json())[0][:2] == ("error", "not-supported")


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ("json", 200), ("application/json", 200), ("application/fhir%2Bjson", 200),
        ("application/fhir+json", 200), ("xml", 406), ("application/fhir%2Bxml", 406),
        ("ttl", 406),
    ],
)  # fmt: skip
def test_a_format_in_the_url_goes_over_the_header(
    wanted: str, status: int, fhir: TestClient
) -> None:
    accept = "application/fhir+xml" if status == 200 else FHIR
    reply = fhir.get(f"/fhir/metadata?_format={wanted}", headers={"Accept": accept})
    assert reply.status_code == status


@pytest.mark.parametrize(
    "path", ["", "/", "/Patient", "/Patient/1", "/MedicationKnowledge/a/b", "/$x"]
)
def test_what_is_not_there_is_told_in_fhirs_way(path: str, fhir: TestClient) -> None:
    for method in ("GET", "POST", "PUT"):
        reply = fhir.request(method, f"/fhir{path}")
        assert (reply.status_code, reply.headers["content-type"]) == (404, FHIR)
        assert issues(reply.json())[0][:2] == ("error", "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "MedicationKnowledge/a", "GET"),
        ("DELETE", "MedicationKnowledge/a", "GET"),
        ("POST", "MedicationKnowledge", "GET"),
        ("PATCH", "ValueSet/$expand", "GET, POST"),
        ("POST", "metadata", "GET"),
    ],
)
def test_what_is_not_done_is_told_with_what_is(
    method: str, path: str, allowed: str, fhir: TestClient
) -> None:
    reply = fhir.request(method, f"/fhir/{path}")
    assert (reply.status_code, reply.headers["allow"]) == (405, allowed)
    assert issues(reply.json())[0][:2] == ("error", "not-supported")


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"{}", "application/xml", 415, "not-supported"),
        (b"{", FHIR, 400, "structure"),
        (b"[" * 15_000, FHIR, 400, "structure"),
        (b"{}", FHIR, 400, "structure"),
        (b'{"resourceType": "Patient"}', FHIR, 400, "structure"),
        (b'{"resourceType": "Parameters", "parameter": [{}]}', FHIR, 400, "structure"),
        (b'{"resourceType": "Parameters", "parameter": 1}', FHIR, 400, "structure"),
        (b'{"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": '
         b'{"code": 1}}]}', FHIR, 400, "structure"),
        (b'{"resourceType": "Parameters"}', FHIR, 400, "required"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_parameters_is_refused(
    content: bytes, media_type: str, status: int, code: str, fhir: TestClient
) -> None:
    for path in ("ValueSet/$expand", "CodeSystem/$lookup"):
        reply = fhir.post(f"/fhir/{path}", content=content, headers={"Content-Type": media_type})
        assert reply.status_code == status
        assert issues(reply.json())[0][:2] == ("error", code)


def test_a_search_that_is_no_form_is_refused(fhir: TestClient) -> None:
    path = "/fhir/MedicationKnowledge/_search"
    reply = fhir.post(path, json={"_content": "lipitor"})
    assert (reply.status_code, issues(reply.json())[0][1]) == (415, "not-supported")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for content in (b"\xff=\xff", b"&".join([b"a=b"] * 101)):
        reply = fhir.post(path, content=content, headers=headers)
        assert (reply.status_code, issues(reply.json())[0][1]) == (400, "structure")


def test_parameters_may_be_in_the_url_and_in_the_body(fhir: TestClient) -> None:
    body = parameters(filter="simvastatin", count=1, activeOnly=True)
    reply = fhir.post(f"/fhir/ValueSet/$expand?url={BASE}/ValueSet/drugs", json=body)
    assert reply.status_code == 200
    used = {
        one["name"]: next(value for name, value in one.items() if name != "name")
        for one in validated(reply.json())["expansion"]["parameter"]
    }
    assert (used["filter"], used["count"], used["activeOnly"]) == ("simvastatin", 1, True)


def test_a_catalogue_that_is_not_there_is_an_outcome(
    catalogue: Catalogue, vocabulary: Vocabulary
) -> None:
    app = FastAPI()
    app.include_router(fhir_router(Searcher(catalogue, None, vocabulary)))
    with TestClient(app) as client:
        reply = client.get("/fhir/MedicationKnowledge?_content=lipitor")
        assert reply.status_code == 503
        assert issues(reply.json()) == [("error", "transient", "nothing was indexed yet")]


def test_a_redis_that_is_gone_is_an_outcome_without_its_address(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as server:
        redis = server.client(retry=Retry(NoBackoff(), 0))
        app = FastAPI()
        app.include_router(fhir_router(Searcher(Catalogue(redis, "drugs"), None, vocabulary)))
        with TestClient(app) as client:
            server.kill()
            for path in (
                "MedicationKnowledge/ssdelculnpnk577n",
                "MedicationKnowledge?_content=lipitor",
                f"ValueSet/$expand?url={BASE}/ValueSet/drugs&filter=lipitor",
                "CodeSystem/$lookup?system=http://hl7.org/fhir/sid/ndc&code=00071015523",
            ):
                reply = client.get(f"/fhir/{path}")
                assert reply.status_code == 503
                assert "retry-after" in reply.headers
                assert issues(reply.json())[0][:2] == ("error", "transient")
                assert str(server.port) not in reply.text
                assert "127.0.0.1" not in reply.text and "localhost" not in reply.text
            assert client.get("/fhir/metadata").status_code == 200
        redis.close()


requests = st.tuples(
    st.sampled_from(["MedicationKnowledge", "ValueSet/$expand", "CodeSystem/$lookup"]),
    st.dictionaries(
        st.sampled_from(
            ["_content", "code", "code:text", "_id", "ingredient-code", "status", "_count", "url",
             "filter", "count", "offset", "system", "property", "x"]
        ),
        st.one_of(
            st.text(max_size=40),
            st.sampled_from(
                [f"{BASE}/ValueSet/drugs", f"{BASE}/CodeSystem/drugs", "0071-0155-23", "active",
                 "http://hl7.org/fhir/sid/ndc", "atorvastatin"]
            ),
            st.integers(-1, 2000).map(str),
        ),
        max_size=5,
    ),
)  # fmt: skip


@settings(max_examples=150)
@given(requests)
def test_every_answer_is_a_valid_resource_and_no_failure(
    fhir: TestClient, asked: tuple[str, dict[str, str]]
) -> None:
    path, values = asked
    reply = fhir.get(f"/fhir/{path}", params=values)
    assert reply.status_code < 500
    assert reply.headers["content-type"] == FHIR
    made = validated(reply.json())
    assert (made["resourceType"] == "OperationOutcome") is (reply.status_code != 200)
