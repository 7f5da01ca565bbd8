"""An index that hangs must not take the service with it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from tests.integration.search.conftest import load
from tests.services.http import HttpService
from tests.services.redis import RedisServer

from rxindex.api.app import create_app
from rxindex.api.options import ApiOptions
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

THREADS = 2
UNDER_WAY = 6


class Hanging:
    """A service whose Redis can be stopped, with its work in memory, and let go on."""

    def __init__(self, server: RedisServer, url: str) -> None:
        self._server = server
        self.url = url

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, how: signal.Signals) -> None:
        assert self._server.process is not None
        os.kill(self._server.process.pid, how)


@pytest.fixture(scope="module")
def hanging(vocabulary: Vocabulary, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hanging]:
    folder = tmp_path_factory.mktemp("hanging")
    with ExitStack() as stack:
        server = stack.enter_context(RedisServer(folder))
        client = server.client(socket_timeout=60)
        stack.callback(client.close)
        catalogue = Catalogue(client, "fdb")
        load(folder, catalogue, FakeEmbedder(64), probe(client), vocabulary)
        searcher = Searcher(catalogue, None, vocabulary)
        searcher.warm()
        options = ApiOptions(timeout=1.0, threads=THREADS, under_way=UNDER_WAY)
        service = stack.enter_context(HttpService(create_app(searcher, options)))
        found = Hanging(server, service.url)
        stack.callback(found.go_on)
        yield found


def test_whoever_watches_is_answered_while_searches_hang(hanging: Hanging) -> None:
    with httpx.Client(base_url=hanging.url, timeout=30) as client:
        assert client.get("/search?q=lipitor").status_code == 200
        hanging.stop()
        try:
            with ThreadPoolExecutor(UNDER_WAY) as callers:
                asked = [callers.submit(httpx.get, f"{hanging.url}/search?q=drug{number}",
                                        timeout=30) for number in range(UNDER_WAY)]  # fmt: skip
                # More than there are threads hang now, and the loop still is free.
                while not all(one.done() for one in asked):
                    assert client.get("/health/live").status_code == 200
                statuses = [one.result().status_code for one in asked]
            assert statuses == [504] * UNDER_WAY
            assert asked[0].result().json()["title"] == "Gateway Timeout"
            # Their work hangs still: no more is taken on.
            more = client.get("/search?q=lipitor")
            assert (more.status_code, more.headers["retry-after"]) == (503, "1")
            assert client.get("/health/ready").status_code == 503
            assert client.get("/health/live").status_code == 200
        finally:
            hanging.go_on()
        # Once the index answers, so does the service.
        while client.get("/search?q=lipitor").status_code == 503:
            pass
        assert client.get("/search?q=lipitor").status_code == 200
        while client.get("/health/ready").status_code == 503:
            pass
        assert client.get("/health/ready").json()["generation"] == "g1"


def test_bodies_are_bounded_on_the_wire_too(hanging: Hanging) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"q": "'
        for _ in range(40):
            yield b"x" * 1024
        yield b'"}'

    with httpx.Client(base_url=hanging.url, timeout=30) as client:
        chunked = client.post("/search", content=parts())
        assert chunked.status_code == 413
        assert chunked.headers["content-type"] == "application/problem+json"
        told = client.post("/search", content=b"x" * 40_000)
        assert told.status_code == 413
        assert client.get("/search", params={"q": "x" * 9000}).status_code == 414
        headers = {"X-Filler": "x" * 17_000}
        assert client.get("/search?q=lipitor", headers=headers).status_code == 431
        assert client.post("/search", json={"q": "lipitor"}).status_code == 200


def test_head_is_answered_as_get_without_content(hanging: Hanging) -> None:
    with httpx.Client(base_url=hanging.url, timeout=30) as client:
        got, head = client.get("/search?q=lipitor"), client.head("/search?q=lipitor")
        assert (head.status_code, head.content) == (200, b"")
        for name in ("etag", "content-type", "content-length"):
            assert head.headers[name] == got.headers[name]


def test_many_at_once_are_all_answered(hanging: Hanging) -> None:
    together = threading.Barrier(UNDER_WAY)

    def ask(number: int) -> list[int]:
        with httpx.Client(base_url=hanging.url, timeout=30) as client:
            together.wait()
            return [client.get(f"/search?q=tablet {number} {n} mg").status_code for n in range(20)]

    with ThreadPoolExecutor(UNDER_WAY) as callers:
        assert {one for some in callers.map(ask, range(UNDER_WAY)) for one in some} == {200}
