"""Searches through API Gateway's events, over a real index, with real secrets that rotate."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import redis
import trustme
from tests.aws.bedrock_endpoint import BedrockEndpoint
from tests.services.aws import ACCOUNT, Invocation, MotoServer
from tests.services.fdb import create_tables, package
from tests.services.redis import RedisServer
from tests.services.tls import TLSFront

from rxindex.aws.search_handler import SearchFunction
from rxindex.embed.base import Embedder
from rxindex.embed.fake import FakeEmbedder
from rxindex.embed.titan import TitanEmbedder
from rxindex.errors import QueryError
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

FIRST, SECOND = "f1rst/@ one", "s3c:nd #two"
ROWS = [
    package("00071015523", "ATORVASTATIN 20 MG TABLET", 16366),
    package("00071015540", "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
    package("00054000102", "OXYCODONE 5 MG TABLET", 4225, DEA="2"),
]
Load = Callable[[Embedder], None]
Make = Callable[[], SearchFunction]


def request(path: str, method: str = "GET", **query: str) -> dict[str, Any]:
    """A request as an API Gateway HTTP API writes it (payload version 2.0)."""
    host = "a1b2c3.execute-api.us-east-1.amazonaws.com"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query),
        "headers": {"accept": "*/*", "host": host, "x-forwarded-proto": "https"},
        "queryStringParameters": query or None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "a1b2c3",
            "domainName": host,
            "domainPrefix": "a1b2c3",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "24/Nov/2026:02:00:00 +0000",
            "timeEpoch": 1795485600000,
        },
        "isBase64Encoded": False,
    }


def set_password(server: RedisServer, password: str) -> None:
    """Give the user ``rx`` a password, and end the connections that were made with another."""
    client = server.client()
    words = ("ACL", "SETUSER", "rx", "on", "resetpass", f">{password}", "~*", "+@all")
    client.execute_command(*words)  # type: ignore[no-untyped-call]
    client.execute_command("CLIENT", "KILL", "USER", "rx")  # type: ignore[no-untyped-call]
    client.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis whose user ``rx`` has the first password."""
    with RedisServer(tmp_path) as running:
        set_password(running, FIRST)
        yield running


@pytest.fixture
def load(server: RedisServer, vocabulary: Vocabulary, tmp_path: Path) -> Load:
    """Fill the index by a model."""

    def loaded(model: Embedder) -> None:
        url = f"sqlite:///{tmp_path / 'fdb.db'}"
        create_tables(url, ROWS)
        client = redis.Redis(port=server.port, protocol=2)
        catalogue, options = Catalogue(client, "fdb"), SyncOptions()
        sync(open_source(url), model, catalogue, probe(client), vocabulary, options)
        client.close()

    return loaded


@pytest.fixture
def environment(
    aws: MotoServer, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """The environment of the function; the secret has the first password."""
    aws.put_secret("cache", {"username": "rx", "password": FIRST})
    settings = {
        "RXINDEX_REDIS": server.url,
        "RXINDEX_REDIS_SECRET": "cache",
        "RXINDEX_EMBEDDER": "fake",
        "RXINDEX_DIMENSIONS": "16",
        "RXINDEX_CATALOGUE": "fdb",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def make(environment: dict[str, str]) -> Iterator[Make]:
    """Make functions of the environment, closed when the test ends."""
    made: list[SearchFunction] = []

    def function() -> SearchFunction:
        made.append(SearchFunction())
        return made[-1]

    yield function
    for one in made:
        one.close()


@pytest.fixture
def function(make: Make) -> SearchFunction:
    return make()


def ask(function: SearchFunction, path: str, **query: str) -> tuple[int, Any]:
    """Ask, and give status and content."""
    answer = function.answer(request(path, **query), Invocation())
    assert answer["isBase64Encoded"] is False
    return answer["statusCode"], json.loads(answer["body"])


def is_problem(function: SearchFunction, status: int, title: str) -> str:
    """Check that a search ends in problem details, and give what they say."""
    # Not what was asked before: answers of a moment ago are kept.
    answer = function.answer(request("/search", q="oxycodone"), Invocation())
    assert answer["statusCode"] == status
    assert answer["headers"]["content-type"] == "application/problem+json"
    content = json.loads(answer["body"])
    assert (content["status"], content["title"]) == (status, title)
    return str(answer["body"])


def test_the_api_answers_as_it_does_elsewhere(function: SearchFunction, load: Load) -> None:
    load(FakeEmbedder(16))
    status, found = ask(function, "/search", q="lipitor", limit="1")
    assert status == 200
    assert [hit["name"] for hit in found["hits"]] == ["LIPITOR 20 MG TABLET"]
    assert found["notes"] == []
    assert ask(function, "/packages/0071-0155-23")[1]["drugs"][0]["gcn"] == 16366
    assert ask(function, "/health/ready")[1]["generation"] == "g1"
    assert ask(function, "/search", q="")[0] == 422
    assert ask(function, "/nothing/here")[0] == 404
    answer = function.answer(request("/search", "DELETE", q="lipitor"), Invocation())
    assert answer["statusCode"] == 405


def test_queries_are_embedded_by_titan_in_time(
    function: SearchFunction,
    load: Load,
    aws: MotoServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with BedrockEndpoint() as bedrock:
        model = TitanEmbedder(dimensions=256, endpoint_url=bedrock.url)
        load(model)
        model.close()
        for name, value in {
            "EMBEDDER": "titan", "DIMENSIONS": "256", "TITAN_ENDPOINT": bedrock.url,
        }.items():  # fmt: skip
            monkeypatch.setenv(f"RXINDEX_{name}", value)
        before = bedrock.counts.answered
        # Names, classes and uses are found by their words; the model is asked about the rest.
        status, found = ask(function, "/search", q="keeps a worried mind awake")
        assert (status, found["notes"]) == (200, [])
        assert bedrock.counts.answered == before + 1
        # A model that asks to wait for longer than anybody would is done without.
        bedrock.behaviour.throttle_first, bedrock.behaviour.retry_after = 100, 60.0
        began = time.monotonic()
        status, found = ask(function, "/search", q="xyzzy plugh tablet")
        assert status == 200
        assert time.monotonic() - began < 20
        assert found["degraded"] is True
        assert "by words only" in found["notes"][0]
        assert ask(function, "/search", q="lipitor")[1]["hits"][0]["name"] == "LIPITOR 20 MG TABLET"


def test_a_password_that_rotates_while_warm_is_not_noticed_by_who_asks(
    function: SearchFunction, load: Load, aws: MotoServer, server: RedisServer
) -> None:
    load(FakeEmbedder(16))
    assert ask(function, "/search", q="lipitor")[0] == 200
    set_password(server, SECOND)
    aws.put_secret("cache", {"username": "rx", "password": SECOND})
    for path, query in (("/search", {"q": "lipitor"}), ("/health/ready", {})):
        status, found = ask(function, path, **query)
        assert status == 200, found
    set_password(server, FIRST)
    aws.put_secret("cache", {"username": "rx", "password": FIRST})
    assert ask(function, "/health/ready")[0] == 200


def test_a_password_that_rotated_before_the_first_request_after_a_pause(
    function: SearchFunction, load: Load, aws: MotoServer, server: RedisServer
) -> None:
    load(FakeEmbedder(16))
    assert ask(function, "/search", q="lipitor")[0] == 200
    # Redis first: a request in between is denied, and the next one after the secret is there not.
    set_password(server, SECOND)
    assert "password" not in is_problem(function, 500, "IndexAccessDenied")
    aws.put_secret("cache", {"username": "rx", "password": SECOND})
    assert ask(function, "/search", q="lipitor")[0] == 200


def test_nothing_indexed_yet_is_a_problem(function: SearchFunction) -> None:
    assert "nothing was indexed" in is_problem(function, 503, "CatalogueNotIndexed")


@pytest.mark.parametrize("warm", [True, False])
def test_a_redis_that_is_down_is_a_problem_until_it_is_back(
    function: SearchFunction, load: Load, server: RedisServer, warm: bool
) -> None:
    load(FakeEmbedder(16))
    if warm:
        assert ask(function, "/search", q="lipitor")[0] == 200
    server.kill()
    said = is_problem(function, 503, "IndexUnavailable")
    assert "ask again later" in said
    assert str(server.port) not in said
    server.start()
    set_password(server, FIRST)
    load(FakeEmbedder(16))
    assert ask(function, "/search", q="lipitor")[0] == 200


def test_secrets_that_can_not_be_read_are_a_problem_that_names_nothing(
    make: Make,
    aws: MotoServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert "cache" not in is_problem(make(), 503, "TransientError")
    assert "the secret cache can't be read" in caplog.text
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    aws.client("secretsmanager").delete_secret(SecretId="cache", ForceDeleteWithoutRecovery=True)
    assert "cache" not in is_problem(make(), 500, "ConfigurationError")
    assert "the secret cache does not exist" in caplog.text


def test_without_an_address_of_redis_none_is_made_up(
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("RXINDEX_REDIS")
    monkeypatch.delenv("RXINDEX_REDIS_SECRET")
    is_problem(make(), 500, "ConfigurationError")
    assert "RXINDEX_REDIS is not set" in caplog.text


def test_an_authority_that_is_made_anew_while_warm_is_taken_up(
    make: Make,
    load: Load,
    aws: MotoServer,
    server: RedisServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(FakeEmbedder(16))
    first, second = trustme.CA(), trustme.CA()
    ssm = aws.client("ssm")
    ssm.put_parameter(Name="/rx/ca", Value=first.cert_pem.bytes().decode(), Type="String")
    with TLSFront(first, server.port) as front:
        monkeypatch.setenv("RXINDEX_REDIS", f"rediss://127.0.0.1:{front.port}")
        monkeypatch.setenv("RXINDEX_REDIS_CA_PARAMETER", "/rx/ca")
        function = make()
        assert ask(function, "/health/ready")[0] == 200
        second.issue_cert("127.0.0.1").configure_cert(front.context)
        set_password(server, FIRST)  # ends the connection
        is_problem(function, 503, "IndexUnavailable")
        pem = second.cert_pem.bytes().decode()
        ssm.put_parameter(Name="/rx/ca", Value=pem, Type="String", Overwrite=True)
        assert ask(function, "/search", q="lipitor")[0] == 200


@pytest.mark.parametrize(
    "event",
    [
        {},
        None,
        [],
        "lipitor",
        {"version": "0", "id": "1", "detail-type": "Scheduled Event", "detail": {}},
        {"version": "2.0", "headers": {}, "requestContext": {"http": "GET"}},
        {"version": "2.0", "headers": [], "requestContext": {"http": {"method": "GET"}}},
        request("/search") | {"version": "1.0"},
    ],
)
def test_an_event_that_is_no_request_is_told_so(function: SearchFunction, event: Any) -> None:
    with pytest.raises(QueryError, match="HTTP requests"):
        function.answer(event, Invocation())


def test_a_request_is_logged_without_what_was_asked(
    function: SearchFunction, load: Load, caplog: pytest.LogCaptureFixture
) -> None:
    load(FakeEmbedder(16))
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="rxindex.api"):
        ask(function, "/search", q="oxycodone")
    (record,) = [one for one in caplog.records if one.name == "rxindex.api.access"]
    assert record.getMessage() == "GET /search: 200"
    assert vars(record)["status"] == 200
    assert "oxycodone" not in caplog.text


#: Invokes the handler as the runtime does: one process, one event after the other.
WARM = """
import sys
from rxindex.aws import search_handler
known = {name for name in sys.modules if name.partition(".")[0] == "boto3"}
import json
from tests.services.aws import Invocation
print(json.dumps({"aws_at_import": sorted(known)}))
for line in sys.stdin:
    try:
        answer = search_handler.lambda_handler(json.loads(line), Invocation())
    except Exception as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    print(json.dumps({"answer": answer}), flush=True)
"""


def test_the_handler_stays_warm_from_one_event_to_the_next(
    environment: dict[str, str], aws: MotoServer, server: RedisServer, load: Load
) -> None:
    load(FakeEmbedder(16))
    root = Path(__file__).parents[2]
    events = [request("/search", q="lipitor"), request("/health/ready"), {"not": "a request"}]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WARM],
        input="".join(json.dumps(one) + "\n" for one in events),
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert said[0] == {"aws_at_import": []}
    answers = [one["answer"] for one in said if "answer" in one]
    assert json.loads(answers[0]["body"])["hits"][0]["name"] == "LIPITOR 20 MG TABLET"
    assert answers[1]["statusCode"] == 200
    assert answers[2]["error"] == "QueryError"
    logs = [one for one in said if "function_request_id" in one]
    assert [one["cold_start"] for one in logs] == [True, False, False]
    assert [one["message"] for one in logs[:2]] == ["GET /search: 200", "GET /health/ready: 200"]
    assert logs[2]["level"] == "ERROR"
    assert FIRST not in done.stdout + done.stderr
