"""The HTTP API over a real index, and as the process that ``rxindex serve`` is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from tests.services.commands import TERMINAL, CommandServer
from tests.services.fdb import create_tables, package
from tests.services.redis import RedisServer, free_port

from rxindex.api.app import create_app
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import MOST_HITS, Searcher
from rxindex.search.understand import LONGEST_QUERY
from rxindex.source import open_source
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

ROWS = [
    package("00071015523", "ATORVASTATIN 20 MG TABLET", 16366),
    package("00071015540", "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
    package("00054000102", "OXYCODONE 5 MG TABLET", 4225, DEA="2"),
]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rxindex(commands: CommandServer, tmp_path: Path) -> Run:
    """Run ``rxindex`` with these words, in a process of its own."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return commands.start(words, cwd=tmp_path, env=os.environ | TERMINAL).wait(60)

    return run


@pytest.fixture
def empty(catalogue: Catalogue, vocabulary: Vocabulary) -> Iterator[TestClient]:
    """The API before anything was indexed."""
    with TestClient(create_app(Searcher(catalogue, FakeEmbedder(16), vocabulary))) as client:
        yield client


@pytest.fixture
def api(
    empty: TestClient,
    catalogue: Catalogue,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path: Path,
) -> TestClient:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    sync(open_source(url), FakeEmbedder(16), catalogue, capabilities, vocabulary, SyncOptions())
    return empty


def test_a_search_is_answered(api: TestClient) -> None:
    reply = api.get("/search", params={"q": "lipitor", "limit": 1})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert [hit["name"] for hit in reply.json()["hits"]] == ["LIPITOR 20 MG TABLET"]
    assert api.get("/search", params={"q": "0071-0155-23"}).json()["hits"][0]["match"] == "ndc"


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"q": ""},
        {"q": "  "},
        {"q": "x" * (LONGEST_QUERY + 1)},
        {"q": "lipitor", "limit": "0"},
        {"q": "lipitor", "limit": str(MOST_HITS + 1)},
        {"q": "lipitor", "limit": "many"},
    ],
)
def test_what_is_no_question_is_refused(api: TestClient, asked: dict[str, str]) -> None:
    reply = api.get("/search", params=asked)
    assert reply.status_code == 422
    assert reply.json()["detail"]


def test_a_package_is_found_by_its_code(api: TestClient) -> None:
    reply = api.get("/packages/0071-0155-23")
    assert reply.status_code == 200
    assert [drug["name"] for drug in reply.json()["drugs"]] == ["ATORVASTATIN 20 MG TABLET"]
    missing = api.get("/packages/99999-9999-99")
    assert (missing.status_code, missing.json()["drugs"]) == (404, [])
    nonsense = api.get("/packages/lipitor")
    assert nonsense.status_code == 422
    assert nonsense.headers["content-type"] == "application/problem+json"
    assert nonsense.json()["title"] == "QueryError"
    assert "not an NDC" in nonsense.json()["detail"]


def test_health_tells_a_process_that_runs_from_an_index_that_answers(api: TestClient) -> None:
    assert api.get("/health/live").json() == {"status": "ok"}
    assert api.get("/health/ready").json() == {"status": "ok", "generation": "g1"}


def test_nothing_indexed_is_a_problem(empty: TestClient) -> None:
    assert empty.get("/health/live").status_code == 200
    for path in ("/health/ready", "/search?q=lipitor", "/packages/0071-0155-23"):
        reply = empty.get(path)
        assert reply.status_code == 503
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["title"] == "CatalogueNotIndexed"


def test_a_redis_that_is_gone_is_a_problem_without_its_address(
    vocabulary: Vocabulary, tmp_path: Path
) -> None:
    with RedisServer(tmp_path) as server:
        # Without the client's own patience: what is asked here is what is said, not when.
        redis = server.client(retry=Retry(NoBackoff(), 0))
        app = create_app(Searcher(Catalogue(redis, "drugs"), None, vocabulary))
        with TestClient(app) as client:
            assert client.get("/health/ready").json()["title"] == "CatalogueNotIndexed"
            server.kill()
            for path in ("/health/ready", "/search?q=lipitor", "/packages/0071-0155-23"):
                reply = client.get(path)
                assert reply.status_code == 503
                assert reply.headers["content-type"] == "application/problem+json"
                assert reply.json()["title"] == "IndexUnavailable"
                assert "ask again" in reply.json()["detail"]
                assert str(server.port) not in reply.text
                assert "127.0.0.1" not in reply.text and "localhost" not in reply.text
            assert client.get("/health/live").status_code == 200
        redis.close()


def test_the_api_describes_itself(empty: TestClient) -> None:
    described = empty.get("/openapi.json").json()
    assert set(described["paths"]) == {
        "/search", "/packages/{ndc}", "/health/live", "/health/ready"
    }  # fmt: skip


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_stops_cleanly(rxindex: Run, tmp_path: Path, how: signal.Signals) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    data = ("--data-dir", str(tmp_path / "data"), "--embedder", "fake")
    rxindex("sync", "--source", url, *data).check_returncode()
    port = free_port()
    serving = subprocess.Popen(
        [sys.executable, "-c", "from rxindex.cli import main; main()", "serve",
         "--port", str(port), *data],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TERM": "dumb"},
    )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/ready", serving)
        found = httpx.get(f"http://127.0.0.1:{port}/search", params={"q": "lipitor"})
        assert found.json()["hits"][0]["name"] == "LIPITOR 20 MG TABLET"
        assert EmbeddedRedis(tmp_path / "data").socket.exists()
        serving.send_signal(how)
        said, _ = serving.communicate(timeout=30)
    finally:
        serving.kill()
        serving.wait()
    assert serving.returncode in {0, 130}, said
    assert "Traceback" not in said
    assert f"http://127.0.0.1:{port}/search" in said
    # Nobody else was connected, so the embedded Redis is gone with it.
    assert not EmbeddedRedis(tmp_path / "data").socket.exists()


def _wait_for(url: str, serving: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and serving.poll() is None:
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("rxindex serve does not answer")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_serve_listens_to_this_machine_only(rxindex: Run, tmp_path: Path, host: str) -> None:
    done = rxindex("serve", "--host", host, "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 3
    assert "open to other machines" in done.stderr
    assert not (tmp_path / "data").exists()


def test_brackets_are_shown_as_they_were_typed(
    rxindex: Run, redis_server: EmbeddedRedis, catalogue: Catalogue, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    place = ("--redis", redis_server.url, "--catalogue", catalogue.name)
    fake = ("--embedder", "fake")
    rxindex("sync", "--source", url, *fake, *place).check_returncode()
    scanned = "(01)00300021433802(21)[/x]"
    for words in (("search", scanned, *fake, *place), ("info", scanned, *place)):
        done = rxindex(*words)
        assert (done.returncode, done.stderr) == (1, "")
        assert scanned in done.stdout
