"""Measuring a service, against a small one of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.services.redis import free_port

from rxindex.bench.service import measure_service
from rxindex.errors import ConfigurationError
from rxindex.search.request import SearchRequest


class Service(ThreadingHTTPServer):
    """Answers every second query with 429, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.keys: set[str] = set()
        self.connections: set[object] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        assert parts.path == "/drugs/search"
        (query,) = parse_qs(parts.query)["q"]
        self.server.asked.append(query)
        self.server.keys.add(self.headers.get("X-API-Key", ""))
        self.server.connections.add(self.client_address)
        self.send_response(429 if query.endswith("1") else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_each_question_is_asked_once_over_kept_connections(service: Service) -> None:
    requests = [SearchRequest(f"drug {number}") for number in range(60)]
    found = measure_service(
        f"{service.url}/drugs/", requests, connections=3, seconds=60, api_key="rx_secret"
    )
    assert sorted(service.asked) == sorted(one.q for one in requests)
    assert found.answers.answers == 60
    assert found.statuses == {"200": 54, "429": 6}
    assert service.keys == {"rx_secret"}
    assert len(service.connections) <= 3


def test_without_a_key_none_is_sent(service: Service) -> None:
    measure_service(f"{service.url}/drugs", [SearchRequest("x")], connections=1, seconds=60)
    assert service.keys == {""}


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no address of a service"):
        measure_service(url, [SearchRequest("x")], connections=1, seconds=1)


def test_where_nothing_answers_the_message_says_what_to_start() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ConfigurationError, match="start 'rxindex serve'"):
        measure_service(url, [SearchRequest("x")], connections=2, seconds=1)
