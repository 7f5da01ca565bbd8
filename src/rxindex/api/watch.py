"""What every request leaves behind: counts, a line in the log, headers for browsers' safety."""

from __future__ import annotations

import logging
import random
import time
import traceback
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rxindex.api.metrics import ServiceMetrics
from rxindex.api.problems import refuse, request_id

__all__ = ["Watch"]

#: What a response has if it says nothing else: it is data, not a page, and nobody keeps it.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

#: The access log. Neither path nor query: what somebody looks for may tell what they take.
_access = logging.getLogger("rxindex.api.access")
_log = logging.getLogger(__name__)

_ids = random.Random()  # noqa: S311 - names requests, guards nothing


class Watch:
    """Wraps the whole application.

    It also is the last to answer where something went wrong that nobody has foreseen, and lets
    HEAD be answered as GET is (the server leaves the content out).

    Args:
        app: what is wrapped.
        metrics: where requests are counted, if anywhere.
    """

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics | None) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        inner: Scope = dict(scope) | {"state": {"request_id": _new_id()}}
        if scope["method"] == "HEAD":
            inner["method"] = "GET"
        began, status = time.perf_counter(), 0

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = request_id(inner)
            await send(message)

        try:
            await self._app(inner, receive, send_safely)
        except Exception as error:
            _tell_unforeseen(error, inner)
            if status:
                raise
            await refuse(inner, 500, "the service can't answer; its log says why")(
                inner, receive, send_safely
            )
        finally:
            self._tell(inner, scope["method"], status, time.perf_counter() - began)

    def _tell(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        # The route as it is written in the code: a path may hold what was asked for.
        route = getattr(scope.get("route"), "path", "")
        if self._metrics is not None:
            self._metrics.answered(method, route, status, seconds)
        if _access.isEnabledFor(logging.INFO):
            client = scope.get("client")
            told: dict[str, Any] = {
                "method": method,
                "route": route,
                "status": status,
                "seconds": round(seconds, 4),
                "request": request_id(scope),
                "key": scope["state"].get("key", ""),
                "client": client[0] if client else "",
            }
            _access.info("%s %s: %s", method, route or "-", status, extra=told)


def _new_id() -> str:
    """Make the id of a request: unlike every other, and nobody's secret.

    `uuid.uuid4` asks the operating system for randomness each time, which can take longer than
    the rest of what is done here.
    """
    return str(uuid.UUID(int=_ids.getrandbits(128), version=4))


def _tell_unforeseen(error: Exception, scope: Scope) -> None:
    """Log an error with its place, and without its message: the query may be in it."""
    place = "".join(traceback.format_tb(error.__traceback__))
    _log.error(
        "unforeseen %s\n%s", type(error).__name__, place, extra={"request": request_id(scope)}
    )
