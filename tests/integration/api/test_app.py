"""The HTTP API over a real index: what is asked, and what is answered."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from tests.services.redis import RedisServer

from rxindex.api.app import create_app
from rxindex.embed.base import Embedded, Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import EmbedderUnavailable
from rxindex.index.catalogue import Catalogue
from rxindex.search.request import LONGEST_QUERY, MOST_HITS
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

PROBLEM = "application/problem+json"


def first_id(api: TestClient, q: str) -> str:
    return str(api.get("/search", params={"q": q, "limit": 1}).json()["hits"][0]["id"])


def test_a_search_is_answered(api: TestClient) -> None:
    reply = api.get("/search", params={"q": "lipitor", "limit": 1})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    (hit,) = reply.json()["hits"]
    assert hit["name"] == "LIPITOR 20 MG TABLET"
    assert {"id", "generic", "brand", "strength", "form", "route", "class", "schedule", "match",
            "score", "warnings", "packages"} <= set(hit)  # fmt: skip
    assert api.get("/search", params={"q": "00003-0001-02"}).json()["hits"][0]["match"] == "ndc"


def test_a_search_by_post_is_the_same_search(api: TestClient) -> None:
    asked: Any = {"q": "statin", "limit": 3, "facets": True, "kind": ["generic"], "exact": True}
    posted = api.post("/search", json=asked)
    assert posted.status_code == 200
    assert posted.json() == api.get("/search", params=asked).json()
    assert posted.headers["cache-control"] == "no-store"
    assert "etag" not in posted.headers


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "x" * (LONGEST_QUERY + 1)}, "q"),
        ({"q": "lipitor", "limit": "0"}, "limit"),
        ({"q": "lipitor", "limit": str(MOST_HITS + 1)}, "limit"),
        ({"q": "lipitor", "limit": "many"}, "limit"),
        ({"q": "lipitor", "colour": "red"}, "colour"),
    ],
)
def test_what_is_no_question_is_refused_part_by_part(
    api: TestClient, asked: dict[str, str], name: str
) -> None:
    for reply in (api.get("/search", params=asked), api.post("/search", json=asked)):
        assert reply.status_code == 422
        assert reply.headers["content-type"] == PROBLEM
        told = reply.json()
        assert told["type"] == "urn:rxindex:problem:InvalidRequest"
        assert name in [one["name"] for one in told["errors"]]


@pytest.mark.parametrize(
    "body",
    [b"{", b"", b"[]", b'"lipitor"', b'{"q": "\\ud800"}', b'{"q": "a", "q": 1}', b"\xff\xfe"],
)
def test_a_body_that_is_no_search_is_refused(api: TestClient, body: bytes) -> None:
    reply = api.post("/search", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code in {400, 422}
    assert reply.headers["content-type"] == PROBLEM


def test_a_query_that_means_nothing_is_told_so(api: TestClient) -> None:
    reply = api.get("/search", params={"q": "   "})
    assert (reply.status_code, reply.json()["title"]) == (422, "QueryError")


def test_what_is_typed_is_completed(api: TestClient) -> None:
    reply = api.get("/suggest", params={"q": "lipi"})
    assert reply.status_code == 200
    assert reply.json()["query"] == "lipi"
    assert reply.json()["suggestions"][0]["text"] == "LIPITOR"
    assert len(api.get("/suggest", params={"q": "a", "limit": 2}).json()["suggestions"]) == 2
    assert api.get("/suggest").status_code == 422


def test_a_drug_is_shown_with_its_packages(api: TestClient) -> None:
    found = api.get(f"/drugs/{first_id(api, 'lipitor')}")
    assert found.status_code == 200
    drug = found.json()
    assert (drug["name"], drug["kind"], drug["route"]) == (
        "LIPITOR 20 MG TABLET",
        "brand",
        ["oral"],
    )
    assert [one["ndc"] for one in drug["packages"]] == ["00003000101", "00003000102"]
    assert drug["packages"][0]["labeler"] == "ACME PHARMA"


def test_a_package_is_found_by_its_code(api: TestClient) -> None:
    reply = api.get("/packages/00003-0001-01")
    assert reply.status_code == 200
    assert [drug["name"] for drug in reply.json()["drugs"]] == ["LIPITOR 20 MG TABLET"]
    both = api.get("/packages/1234567890").json()["drugs"]
    assert {one["generic"] for one in both} == {"carvedilol", "ibuprofen"}
    nonsense = api.get("/packages/lipitor")
    assert (nonsense.status_code, nonsense.json()["title"]) == (422, "QueryError")
    assert "not an NDC" in nonsense.json()["detail"]


def test_alternatives_are_of_the_drug_that_was_asked_about(api: TestClient) -> None:
    drug_id = first_id(api, "lipitor")
    reply = api.get(f"/drugs/{drug_id}/alternatives", params={"limit": 2})
    assert reply.status_code == 200
    assert reply.json()["drug"]["id"] == drug_id
    assert set(reply.json()) == {
        "drug", "equivalents", "same_ingredients", "same_class", "same_indication"
    }  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/drugs/aaaaaaaaaaaaaaaa", "/drugs/x/alternatives", "/packages/99999-9999-99",
             "/nothing", "/search/", "/drugs/%00%2F..%2Fx", "/docs"]
)  # fmt: skip
def test_what_is_not_there_is_a_problem(api: TestClient, path: str) -> None:
    reply = api.get(path)
    assert (reply.status_code, reply.headers["content-type"]) == (404, PROBLEM)
    assert reply.json()["title"] == "Not Found"
    assert reply.json()["instance"] == f"urn:uuid:{reply.headers['x-request-id']}"


def test_a_method_that_is_not_there_is_told_which_are(api: TestClient) -> None:
    for method, path, allowed in (("DELETE", "/search", "GET, POST"), ("POST", "/suggest", "GET")):
        reply = api.request(method, path)
        assert (reply.status_code, reply.headers["content-type"]) == (405, PROBLEM)
        assert reply.headers["allow"] == allowed


def test_facets_are_of_the_whole_catalogue(api: TestClient) -> None:
    found = api.get("/facets").json()
    assert {"form", "route", "class", "schedule", "kind", "labeler"} <= set(found)
    assert {one["value"]: one["drugs"] for one in found["kind"]}["brand"] == 2
    assert all(len(values) == 1 for values in api.get("/facets?limit=1").json().values() if values)


def test_health_tells_a_process_that_runs_from_an_index_that_answers(api: TestClient) -> None:
    assert api.get("/health/live").json() == {"status": "ok", "generation": ""}
    assert api.get("/health/ready").json() == {"status": "ok", "generation": "g1"}


def test_status_tells_operators_what_there_is(api: TestClient) -> None:
    told = api.get("/status").json()
    assert told["live"] == "g1"
    assert [one["drugs"] for one in told["generations"]] == [42]
    assert told["runs"][0]["outcome"] == "completed"
    assert told["runs"][0]["written"] == told["runs"][0]["added"] == 42
    assert told["runs"][0] == told["last_run"]
    assert (told["quarantine"], told["quarantined"], told["lease"]) == (0, [], None)


def test_metrics_count_requests_and_searches(api: TestClient) -> None:
    def value(line: str) -> float:
        text = api.get("/metrics").text
        found = [one.rpartition(" ")[2] for one in text.splitlines() if one.startswith(line + " ")]
        return float(found[0]) if found else 0.0

    searched = 'rxindex_searches_total{match="brand"}'
    answered = 'rxindex_http_requests_total{method="GET",route="/search",status="200"}'
    before = value(searched), value(answered)
    api.get("/search", params={"q": "lipitor"})
    for other in ("/wp-admin", "/etc/passwd"):
        api.get(other)
    reply = api.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    assert "passwd" not in reply.text
    # Metrics are read once a second at most.
    deadline = time.monotonic() + 20
    while (value(searched), value(answered)) != (before[0] + 1, before[1] + 1):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_has_not_changed_is_not_sent_again(api: TestClient) -> None:
    asked = {"q": "lipitor"}
    first = api.get("/search", params=asked)
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.get("/search", params=asked, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = api.get("/search", params={"q": "zoloft"}, headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_responses_are_safe_for_browsers(api: TestClient) -> None:
    for path in ("/search?q=lipitor", "/search", "/nothing", "/openapi.json"):
        headers = api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["referrer-policy"] == "no-referrer"
    # The pages have rules of their own.
    assert "default-src 'self'" in api.get("/").headers["content-security-policy"]


def test_nothing_indexed_is_a_problem(empty: TestClient) -> None:
    assert empty.get("/health/live").status_code == 200
    for path in ("/health/ready", "/search?q=lipitor", "/suggest?q=l", "/packages/0071-0155-23",
                 "/drugs/aaaaaaaaaaaaaaaa", "/facets"):  # fmt: skip
        reply = empty.get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (503, PROBLEM)
        assert reply.json()["title"] == "CatalogueNotIndexed"
    assert empty.get("/status").json()["live"] is None


def test_a_redis_that_is_gone_is_a_problem_without_its_address(
    vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        # Without the client's own patience: what is asked here is what is said, not when.
        redis = server.client(retry=Retry(NoBackoff(), 0))
        app = create_app(Searcher(Catalogue(redis, "drugs"), None, vocabulary))
        with TestClient(app) as client:
            assert client.get("/search?q=lipitor").json()["title"] == "CatalogueNotIndexed"
            server.kill()
            for path in ("/health/ready", "/search?q=lipitor", "/packages/0071-0155-23", "/status"):
                reply = client.get(path)
                assert (reply.status_code, reply.headers["content-type"]) == (503, PROBLEM)
                assert reply.json()["title"] == "IndexUnavailable"
                assert "ask again" in reply.json()["detail"]
                assert int(reply.headers["retry-after"]) > 0
                assert str(server.port) not in reply.text
                assert "127.0.0.1" not in reply.text and "localhost" not in reply.text
            assert client.get("/health/live").status_code == 200
            assert "rxindex_redis_up" in client.get("/metrics").text
        redis.close()


class AwayEmbedder(Embedder):
    """A model of the right kind whose service does not answer."""

    model_id = FakeEmbedder(64).model_id
    dimensions = 64

    batch_size = 32
    price = 0.0

    def embed(self, texts: Sequence[str]) -> Embedded:
        raise EmbedderUnavailable("bedrock-runtime.internal does not answer")

    def close(self) -> None:
        pass


def test_without_the_model_words_are_searched_and_the_answer_says_so(
    searcher: Searcher, vocabulary: Vocabulary
) -> None:
    app = create_app(Searcher(searcher.catalogue, AwayEmbedder(), vocabulary))
    with TestClient(app) as client:
        reply = client.get("/search", params={"q": "keeps a worried mind awake"})
        assert reply.status_code == 200
        assert reply.json()["degraded"] is True
        assert "internal" not in reply.text
        assert client.get("/search?q=lipitor").json()["hits"][0]["name"] == "LIPITOR 20 MG TABLET"
        assert "rxindex_degraded_searches_total" in client.get("/metrics").text
