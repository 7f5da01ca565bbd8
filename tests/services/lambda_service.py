"""A small Lambda: functions from a folder, called by real boto3, run by the real runtime client.

What it keeps of the real one, since programs depend on it: the time limit, environments that are
kept warm and carry out one invocation at a time, the limit of how many there are at once,
asynchronous events with their further tries and dead-letter queue, and the detection of functions
that call themselves (Lambda's developer guide: "Understanding the Lambda execution environment
lifecycle", "Asynchronous invocation", "Use Lambda recursive loop detection").
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from tests.services.aws import ACCOUNT, REGION
from tests.services.lambda_function import Function, RunningFunction
from tests.services.lambda_runtime import MOST_BYTES, Invocation, error_payload

__all__ = ["Function", "LambdaService"]

_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")
_LINEAGE = re.compile(r"Lineage=(?:\d+:)?([0-9a-f]+):(\d+)")
#: Of an asynchronous event; of the answer and of an event that is waited for it is `MOST_BYTES`.
_MOST_ASYNC_BYTES = 1024 * 1024
#: Calls in a chain of one function after which Lambda stops it, unless that is allowed.
_LONGEST_CHAIN = 16


class _Refused(Exception):
    """A call that Lambda answers with an error of its own."""

    def __init__(self, status: int, kind: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.content = json.dumps({"Type": "User", "Message": message, **more}).encode()


class LambdaService:
    """The service, from enter to exit; nothing that it started outlives it.

    ::

        with LambdaService(folder) as service:
            service.add(Function("sync", "rxindex.aws.sync_handler.lambda_handler", task, runtime))
            boto3.client("lambda", endpoint_url=service.url).invoke(FunctionName="sync")

    Args:
        folder: for what environments write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._functions: dict[str, RunningFunction] = {}
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True
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
        for one in self._functions.values():
            one.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """On 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Address for ``endpoint_url``, or ``AWS_ENDPOINT_URL_LAMBDA``."""
        return f"http://127.0.0.1:{self.port}"

    def add(self, function: Function) -> None:
        """Deploy a function; in place of one of the same name, whose environments end."""
        if (before := self._functions.pop(function.name, None)) is not None:
            before.close()
        self._functions[function.name] = RunningFunction(
            function, self._folder / uuid.uuid4().hex[:8]
        )

    def names(self) -> list[str]:
        """Give the names of all functions."""
        return list(self._functions)

    def invocations(self, name: str) -> list[Invocation]:
        """Give every invocation of a function so far, in the order of their beginning."""
        return list(self._functions[name].invocations)

    @contextmanager
    def paused(self, name: str) -> Iterator[None]:
        """Begin nothing that was sent to a function from enter to exit; what has begun goes on."""
        running = self._functions[name]
        with running.changed:
            running.paused = True
        try:
            yield
        finally:
            with running.changed:
                running.paused = False
                running.changed.notify_all()

    def wait_for(self, name: str, number: int, seconds: float = 60.0) -> Invocation:
        """Wait until a function's invocation of this number, from 0, has begun.

        Raises:
            TimeoutError: it has not.
        """
        running = self._functions[name]
        with running.changed:
            if not running.changed.wait_for(lambda: len(running.invocations) > number, seconds):
                raise TimeoutError(f"{name} was not called for {seconds:g} seconds")
            return running.invocations[number]

    def log(self, name: str) -> list[str]:
        """Give every line that a function's log has."""
        return self._functions[name].lines()

    def wait_idle(self, name: str, seconds: float) -> None:
        """Wait until a function has nothing to do and nothing is queued for it.

        Raises:
            TimeoutError: it has, still.
        """
        running = self._functions[name]
        with running.changed:
            if not running.changed.wait_for(lambda: not (running.pending or running.busy), seconds):
                raise TimeoutError(f"{name} is still at work after {seconds:g} seconds")

    # -- calls ---------------------------------------------------------------------------------

    def call(self, name: str, kind: str, payload: bytes, trace: str) -> tuple[int, Invocation]:
        """Carry out a call of boto3's (the handler's business); give the status and what came."""
        running = self._find(name)
        self._check(kind, payload)
        arn = name if name.startswith("arn:") else running.function.arn
        invocation = Invocation(str(uuid.uuid4()), arn, payload or b"{}", kind)
        invocation.trace, calls = _descend(trace, running.function.arn)
        if calls > _LONGEST_CHAIN and running.function.recursion == "Terminate":
            self._stop_loop(running, invocation)
            return 202, invocation
        if kind == "Event":
            running.put(invocation)
            return 202, invocation
        if kind == "DryRun":
            return 204, invocation
        if not running.reserve(wait=False):
            raise _Refused(
                429, "TooManyRequestsException", "Rate Exceeded.",
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
            )  # fmt: skip
        running.carry_out(invocation)
        return 200, invocation

    def _find(self, name: str) -> RunningFunction:
        # Name, partial ARN or ARN, each with a version or alias behind it or not.
        known = [part for part in name.split(":") if part in self._functions]
        if not known:
            raise _Refused(
                404, "ResourceNotFoundException",
                f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
            )  # fmt: skip
        return self._functions[known[0]]

    @staticmethod
    def _check(kind: str, payload: bytes) -> None:
        most = _MOST_ASYNC_BYTES if kind == "Event" else MOST_BYTES
        if len(payload) > most:
            raise _Refused(
                413, "RequestTooLargeException",
                f"{len(payload)} byte payload is too large for the {kind} invocation type "
                f"(limit {most} bytes)",
            )  # fmt: skip
        try:
            json.loads(payload or b"{}")
        except ValueError as error:
            raise _Refused(
                400, "InvalidRequestContentException", f"Could not parse request body: {error}"
            ) from error

    @staticmethod
    def _stop_loop(running: RunningFunction, invocation: Invocation) -> None:
        message = "Lambda stopped this function's recursive loop"
        invocation.end(error_payload("RecursiveInvocationException", message), "Unhandled")
        running.give_up(invocation)


def _descend(trace: str, arn: str) -> tuple[str, int]:
    """Give the trace of an invocation, and how many of its ancestors and itself are the function's.

    The SDK passes the trace of the invocation that it runs in on to the ones that it asks for.
    """
    function = f"{uuid.uuid5(uuid.NAMESPACE_URL, arn).hex[:8]}"
    found = _LINEAGE.search(trace)
    count = int(found[2]) + 1 if found and found[1] == function else 1
    root = re.search(r"Root=[^;]+", trace)
    first = root[0] if root else f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}"
    parent = uuid.uuid4().hex[:16]
    return f"{first};Parent={parent};Sampled=0;Lineage=1:{function}:{count}", count


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: LambdaService

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: callers that are killed hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            self._answer(payload)
        except _Refused as refused:
            self._send(refused.status, refused.content, {"x-amzn-ErrorType": refused.kind})

    def _answer(self, payload: bytes) -> None:
        found = _PATH.fullmatch(self.path.partition("?")[0])
        if found is None:
            raise _Refused(404, "UnknownOperationException", f"no such operation: {self.path}")
        if "Credential=" not in self.headers.get("Authorization", ""):
            raise _Refused(403, "MissingAuthenticationTokenException", "Missing token")
        status, invocation = self.server.owner.call(
            unquote(found[1]),
            self.headers.get("X-Amz-Invocation-Type") or "RequestResponse",
            payload,
            self.headers.get("X-Amzn-Trace-Id") or "",
        )
        headers = {"x-amzn-RequestId": invocation.request, "X-Amz-Executed-Version": "$LATEST"}
        if status == 200 and invocation.failure:
            headers["X-Amz-Function-Error"] = invocation.failure
        self._send(status, invocation.answer if status == 200 else b"", headers)

    def _send(self, status: int, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
