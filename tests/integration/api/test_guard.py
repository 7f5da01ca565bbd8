"""Who is let in: keys, rates, hosts, and pages of other origins."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.integration.api.conftest import Serve

from rxindex.api.keys import KeyRing, add_key, revoke_key
from rxindex.api.options import ApiOptions

ASKED = "/search?q=lipitor&limit=1"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def key(keys: Path) -> str:
    return add_key(keys, "ward-3")


@pytest.fixture
def guarded(serve: Serve, keys: Path, key: str) -> TestClient:
    return serve(ApiOptions(keys=KeyRing(keys)))


def test_a_key_is_taken_in_either_header(guarded: TestClient, key: str) -> None:
    for headers in (bearer(key), {"X-API-Key": key}, {"authorization": f"bearer  {key}"}):
        reply = guarded.get(ASKED, headers=headers)
        assert reply.status_code == 200
        assert reply.headers["vary"] == "Authorization, X-API-Key"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic cnhfOg=="},
        bearer("rx_wrong"),
        bearer("rx_wr\u00f6ng"),
        {"X-API-Key": "rx_wrong"},
        {"X-API-Key": "x" * 5000},
    ],
)
def test_without_a_key_nothing_is_told(guarded: TestClient, headers: dict[str, str]) -> None:
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    for path in (ASKED, "/suggest?q=l", "/drugs/x", "/drugs/x/alternatives", "/facets", "/status",
                 "/packages/1234567890", "/metrics", "/nothing", "/search/", "http://testserver//status",
                 "/health/live/", "/STATIC/x", "/fhir/metadata"):  # fmt: skip
        reply = guarded.get(path, headers=sent)
        assert reply.status_code == 401, path
        assert reply.headers["www-authenticate"].startswith('Bearer realm="rxindex"')
    posted = guarded.post("/search", json={"q": "lipitor"}, headers=sent)
    assert (posted.status_code, posted.headers["content-type"]) == (401, "application/problem+json")


def test_a_wrong_key_is_told_from_none(guarded: TestClient) -> None:
    assert "error" not in guarded.get(ASKED).headers["www-authenticate"]
    wrong = guarded.get(ASKED, headers=bearer("rx_wrong"))
    assert 'error="invalid_token"' in wrong.headers["www-authenticate"]


def test_health_pages_and_the_document_need_no_key(guarded: TestClient) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json", "/", "/operators"):
        assert guarded.get(path).status_code == 200, path
    # Nothing below the pages' folder leads out of it.
    for path in ("/static/../search?q=l", "/static/%2e%2e/status", "/static//status"):
        assert guarded.get(path).status_code in {401, 404}, path


def test_a_key_that_is_revoked_is_refused_while_the_service_runs(
    guarded: TestClient, keys: Path, key: str
) -> None:
    other = add_key(keys, "ehr")
    revoke_key(keys, "ward-3")
    deadline = time.monotonic() + 20
    while guarded.get(ASKED, headers=bearer(key)).status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert guarded.get(ASKED, headers=bearer(other)).status_code == 200


def test_each_key_has_its_rate(serve: Serve, keys: Path) -> None:
    slow, fast = add_key(keys, "slow"), add_key(keys, "fast", 1000)
    api = serve(ApiOptions(keys=KeyRing(keys), requests_per_minute=2))
    replies = [api.get(ASKED, headers=bearer(slow)) for _ in range(3)]
    assert [one.status_code for one in replies] == [200, 200, 429]
    assert [one.headers["ratelimit"].split(";t=")[0] for one in replies] == [
        '"key";r=1', '"key";r=0', '"key";r=0'
    ]  # fmt: skip
    refused = replies[-1]
    assert refused.headers["ratelimit-policy"] == '"key";q=2;w=60'
    assert 1 <= int(refused.headers["retry-after"]) <= 30
    assert refused.json()["title"] == "Too Many Requests"
    assert api.get(ASKED, headers=bearer(fast)).status_code == 200


def test_pages_of_allowed_origins_may_ask_and_no_others(serve: Serve, keys: Path) -> None:
    made = add_key(keys, "ehr")
    api = serve(ApiOptions(keys=KeyRing(keys), origins=("https://ehr.example",)))
    preflight = {
        "Origin": "https://ehr.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    allowed = api.options("/search", headers=preflight)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://ehr.example"
    evil = api.options("/search", headers=preflight | {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in evil.headers
    reply = api.get(ASKED, headers=bearer(made) | {"Origin": "https://ehr.example"})
    assert reply.headers["access-control-allow-origin"] == "https://ehr.example"
    assert "RateLimit" in reply.headers["access-control-expose-headers"]
    assert "Origin" in reply.headers["vary"]
    # What goes wrong is told to the page too, or it could not say so.
    unknown = api.get(ASKED, headers={"Origin": "https://ehr.example"})
    assert unknown.status_code == 401
    assert unknown.headers["access-control-allow-origin"] == "https://ehr.example"


def test_without_origins_no_page_of_another_may_ask(api: TestClient) -> None:
    reply = api.get(ASKED, headers={"Origin": "https://ehr.example"})
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_only_the_hosts_that_are_meant_are_answered(serve: Serve) -> None:
    api = serve(ApiOptions(hosts=("localhost", "127.0.0.1", "[::1]")))
    for host in ("localhost", "localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"):
        assert api.get(ASKED, headers={"Host": host}).status_code == 200, host
    for host in ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", ""):
        reply = api.get(ASKED, headers={"Host": host})
        assert (reply.status_code, reply.json()["title"]) == (421, "Misdirected Request"), host


def test_the_log_names_key_route_and_request_and_not_what_was_asked(
    guarded: TestClient, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="rxindex.api"):
        reply = guarded.get("/search?q=oxycodone", headers=bearer(key))
        guarded.get("/drugs/oxycodone", headers=bearer(key))
        guarded.get("/packages/oxycodone", headers=bearer(key))
        guarded.get("/oxycodone", headers=bearer(key))
        guarded.get("/search?q=oxycodone", headers=bearer("rx_wrong"))
    lines = [one for one in caplog.records if one.name == "rxindex.api.access"]
    told = [(one.getMessage(), vars(one)["key"]) for one in lines]
    assert told == [
        ("GET /search: 200", "ward-3"),
        ("GET /drugs/{id}: 404", "ward-3"),
        ("GET /packages/{ndc}: 422", "ward-3"),
        ("GET -: 404", "ward-3"),
        ("GET -: 401", ""),
    ]
    assert vars(lines[0])["request"] == reply.headers["x-request-id"]
    said = str([vars(one) for one in caplog.records if one.name.startswith("rxindex")])
    assert "oxycodone" not in said
    assert key not in said and "rx_wrong" not in said
