"""How large a request may be, how long it may take, and how many are answered at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rxindex.api.problems import refuse

__all__ = ["LARGEST_BODY", "LARGEST_HEADERS", "LONGEST_TARGET", "Bounds"]

#: Bytes. The largest request there is has 160 values of 300 characters and is still smaller
#: than this if it is meant seriously.
LARGEST_BODY = 16 * 1024

#: Bytes of path and query together.
LONGEST_TARGET = 8 * 1024

#: Bytes of all header fields together.
LARGEST_HEADERS = 16 * 1024

#: Answered whatever else is under way: whoever watches the service must see that it runs.
_ALWAYS = frozenset({"/health/live", "/health/ready"})


class Bounds:
    """Refuses what is too large, too slow or too much.

    A request that takes too long is answered with 504, though the work for it may still be under
    way in a thread: until that ends it counts as under way. So there are never more of them than
    `under_way`, whatever the index does.

    Args:
        app: what is guarded.
        timeout: seconds for a request, from its first byte here to its last.
        under_way: requests that may be under way at once.
    """

    def __init__(self, app: ASGIApp, *, timeout: float, under_way: int) -> None:
        self._app = app
        self._timeout = timeout
        self._most = under_way
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http" or scope["path"] in _ALWAYS:
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        refused = self._too_much(scope)
        if refused is None:
            deadline = asyncio.get_running_loop().time() + self._timeout
            body = await _read_body(scope, receive, self._timeout)
            if isinstance(body, bytes):
                refused = await self._run(scope, body, answer, receive, deadline)
            else:
                refused = body
        if refused is not None and answer.close():
            await refused(scope, receive, send)

    def _too_much(self, scope: Scope) -> Response | None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST_TARGET:
            return refuse(scope, 414, f"give path and query in {LONGEST_TARGET:,} bytes")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            return refuse(scope, 431, f"give header fields in {LARGEST_HEADERS:,} bytes")
        if len(self._tasks) >= self._most:
            detail = "too many requests are under way; ask again"
            return refuse(scope, 503, detail, {"Retry-After": "1"})
        return None

    async def _run(
        self, scope: Scope, body: bytes, answer: _Answer, receive: Receive, deadline: float
    ) -> Response | None:
        """Let the application answer in time, or give the refusal."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(self._work(scope, body, answer, receive))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.wait({task}, timeout=max(deadline - loop.time(), 0.0))
        except asyncio.CancelledError:
            task.cancel()
            raise
        if task.done():
            task.result()
            return None
        return refuse(scope, 504, "it took too long; ask again later", {"Retry-After": "1"})

    async def _work(self, scope: Scope, body: bytes, answer: _Answer, receive: Receive) -> None:
        parts = iter(({"type": "http.request", "body": body, "more_body": False},))
        await self._app(scope, _replay(parts, receive), answer.send)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Of one that was given up nobody else asks, and asyncio complains about that.
            task.exception()


class _Answer:
    """Sends one response and no second one."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False
        self._closed = False

    async def send(self, message: Message) -> None:
        if not self._closed:
            self._begun = True
            await self._send(message)

    def close(self) -> bool:
        """Send nothing more; tells whether nothing was sent so far."""
        self._closed = True
        return not self._begun


async def _read_body(scope: Scope, receive: Receive, timeout: float) -> bytes | Response:
    """Read a request's body, or give the refusal."""
    told = Headers(scope=scope).get("content-length", "")
    if told.isdigit() and int(told[:20]) > LARGEST_BODY:
        return _too_large(scope)
    content = bytearray()
    try:
        async with asyncio.timeout(timeout):
            while True:
                message = await receive()
                content += message.get("body", b"")
                if len(content) > LARGEST_BODY:
                    return _too_large(scope)
                if not message.get("more_body", False):
                    return bytes(content)
    except TimeoutError:
        return refuse(scope, 408, "the body did not arrive in time", {"Connection": "close"})


def _too_large(scope: Scope) -> Response:
    # The rest is not read: the connection is of no use any more.
    detail = f"give a body of at most {LARGEST_BODY:,} bytes"
    return refuse(scope, 413, detail, {"Connection": "close"})


def _replay(parts: Iterator[Message], receive: Receive) -> Receive:
    """Give what was read already, then what comes."""

    async def replayed() -> Message:
        part = next(parts, None)
        return await receive() if part is None else part

    return replayed
