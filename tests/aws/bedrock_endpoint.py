"""A small Bedrock Runtime that answers InvokeModel for Titan Text Embeddings V2 over HTTP.

It keeps quotas, is slow, fails, refuses and answers wrongly on demand, and counts what it is
asked. The quota is a token bucket, as AWS describes its own throttling.
"""

from __future__ import annotations

import json
import random
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from rxindex.embed.fake import FakeEmbedder

__all__ = ["CREDENTIALS", "BedrockEndpoint", "Behaviour", "Counts"]

#: Environment in which boto3 finds credentials that open nothing, and nothing of this machine's.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDOFNOBODY",
    "AWS_SECRET_ACCESS_KEY": "opens-nothing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials",
    "AWS_DEFAULT_REGION": "us-east-1",
    "NO_PROXY": "127.0.0.1",
}

_PATH = re.compile(r"/model/([^/]+)/invoke")


@dataclass
class Behaviour:
    """How the endpoint behaves; may be changed while it runs.

    Attributes:
        latency: seconds that each answer takes.
        quota_per_minute: calls that are let through, refilled evenly; None for no quota.
        burst: calls that may be let through at once under the quota.
        throttle_first: so many calls are refused before any other rule.
        retry_after: seconds that a refusal asks to wait; None to say nothing.
        fail_first: so many calls get a 503.
        failure_rate: share of calls that get a 500, by a seeded generator.
        drop_first: so many connections are cut without an answer.
        deny: error code of a 403 for every call, for instance ``AccessDeniedException``.
        unknown_model: whether every call gets a ResourceNotFoundException.
        wrong_size_for: texts with this in them get a vector one too short.
        reject: texts with this in them get a ValidationException.
        garbage: whether the answer is not JSON.
        most_tokens: longer texts (in words) get a ValidationException.
    """

    latency: float = 0.0
    quota_per_minute: float | None = None
    burst: float = 10.0
    throttle_first: int = 0
    retry_after: float | None = None
    fail_first: int = 0
    failure_rate: float = 0.0
    drop_first: int = 0
    deny: str = ""
    unknown_model: bool = False
    wrong_size_for: str = ""
    reject: str = ""
    garbage: bool = False
    most_tokens: int = 8192


@dataclass
class Counts:
    """What the endpoint was asked.

    Attributes:
        calls: calls received.
        answered: calls that got a vector.
        throttled: calls refused by quota or order.
        failed: calls that got a 5xx, or none.
        most_at_once: most calls under way at the same time.
        bodies: the last request bodies, at most a thousand.
        arrivals: when each call came, on the monotonic clock.
        models: model ids asked for.
    """

    calls: int = 0
    answered: int = 0
    throttled: int = 0
    failed: int = 0
    most_at_once: int = 0
    bodies: list[dict[str, Any]] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    models: set[str] = field(default_factory=set)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    owner: BedrockEndpoint

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        # Without it, each answer on a kept connection would wait for a delayed acknowledgement.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.owner.answer(self, raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""

    def send(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} -", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""])
        self.wfile.write(head.encode("latin-1") + content)

    def refuse(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        said = {"x-amzn-ErrorType": code, **(headers or {})}
        self.send(status, json.dumps({"message": message}).encode(), said)


class BedrockEndpoint:
    """The endpoint, running while the context lasts.

    ::

        with BedrockEndpoint(Behaviour(quota_per_minute=2000)) as bedrock:
            embedder = TitanEmbedder(endpoint_url=bedrock.url, region="us-east-1")
    """

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.counts = Counts()
        self._lock = threading.Lock()
        self._random = random.Random(7)
        self._at_once = 0
        self._tokens = self.behaviour.burst
        self._refilled = time.monotonic()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Address for ``endpoint_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, http: _Handler, raw: bytes) -> None:
        """Answer one call (the handler's business)."""
        with self._lock:
            self._at_once += 1
            counts = self.counts
            counts.calls += 1
            counts.arrivals.append(time.monotonic())
            counts.most_at_once = max(counts.most_at_once, self._at_once)
            verdict = self._verdict()
        try:
            if verdict == "drop":
                http.close_connection = True
                http.connection.shutdown(socket.SHUT_RDWR)
            elif verdict == "throttle":
                wait = self.behaviour.retry_after
                headers = {} if wait is None else {"Retry-After": f"{wait:g}"}
                http.refuse(429, "ThrottlingException", "Too many requests", headers)
            elif verdict == "fail":
                http.refuse(503, "ServiceUnavailableException", "Service is unavailable")
            else:
                time.sleep(self.behaviour.latency)
                self._embed(http, raw)
        finally:
            with self._lock:
                self._at_once -= 1

    def _verdict(self) -> str:
        """Decide what becomes of a call, and count it."""
        rules, counts = self.behaviour, self.counts
        if rules.drop_first:
            rules.drop_first -= 1
            counts.failed += 1
            return "drop"
        if rules.throttle_first:
            rules.throttle_first -= 1
            counts.throttled += 1
            return "throttle"
        if rules.fail_first or self._random.random() < rules.failure_rate:
            rules.fail_first = max(0, rules.fail_first - 1)
            counts.failed += 1
            return "fail"
        if rules.quota_per_minute is not None:
            now = time.monotonic()
            refill = (now - self._refilled) * rules.quota_per_minute / 60
            self._tokens, self._refilled = min(rules.burst, self._tokens + refill), now
            if self._tokens < 1:
                counts.throttled += 1
                return "throttle"
            self._tokens -= 1
        return "embed"

    def _embed(self, http: _Handler, raw: bytes) -> None:
        rules = self.behaviour
        found = _PATH.fullmatch(http.path)
        if found is None or not http.headers.get("authorization"):
            http.refuse(403, "MissingAuthenticationTokenException", "Missing token")
            return
        body = json.loads(raw)
        with self._lock:
            self.counts.models.add(unquote(found[1]))
            self.counts.bodies = [*self.counts.bodies[-999:], body]
        text, size = body["inputText"], body["dimensions"]
        if rules.deny:
            http.refuse(403, rules.deny, "You may not")
        elif rules.unknown_model:
            http.refuse(404, "ResourceNotFoundException", "Could not resolve the model")
        elif (tokens := len(text.split())) > rules.most_tokens or len(text) > 50_000:
            http.refuse(400, "ValidationException", f"Too many input tokens: {tokens}")
        elif rules.reject and rules.reject in text:
            http.refuse(400, "ValidationException", "Malformed input request")
        elif rules.garbage:
            http.send(200, b"<html>a proxy's page</html>")
        else:
            vector = FakeEmbedder(size).embed([text]).vectors[0]
            # Only a normalised vector has unit length.
            values = (vector if body["normalize"] else vector * 3).tolist()
            if rules.wrong_size_for and rules.wrong_size_for in text:
                values.pop()
            with self._lock:
                self.counts.answered += 1
            http.send(200, json.dumps(_response(values, tokens)).encode())


def _response(values: list[float], tokens: int) -> dict[str, Any]:
    return {
        "embedding": values,
        "embeddingsByType": {"float": values},
        "inputTextTokenCount": tokens,
    }
