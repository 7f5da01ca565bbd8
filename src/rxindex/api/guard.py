"""Who is let in: the host that is asked for, the key, and how often."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rxindex.api.keys import ApiKey, KeyRing
from rxindex.api.problems import refuse
from rxindex.api.rates import Rates

__all__ = ["OPEN", "HostGuard", "KeyGuard", "is_open"]

#: Paths that need no key: whether the service is well, what it can do, and the pages, which hold
#: no data and ask for a key themselves.
OPEN = frozenset({"/health/live", "/health/ready", "/openapi.json", "/", "/operators"})
_OPEN_BELOW = ("/static/",)

_PORT = re.compile(r":\d*$")


def is_open(path: str) -> bool:
    """Tell whether a path needs no key."""
    return path in OPEN or path.startswith(_OPEN_BELOW)


class HostGuard:
    """Refuses requests for other hosts (421, RFC 9110 section 15.5.20).

    Args:
        app: what is guarded.
        hosts: names and addresses, without port; IPv6 addresses in brackets.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._hosts = frozenset(one.lower() for one in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "http":
            host = _PORT.sub("", Headers(scope=scope).get("host", "")).lower()
            if host not in self._hosts:
                refused = refuse(scope, 421, "this service does not answer for that host")
                await refused(scope, receive, send)
                return
        await self._app(scope, receive, send)


class KeyGuard:
    """Asks for a key, and counts what is done with it.

    The name of the key is left as ``key`` in the request's state.

    Args:
        app: what is guarded.
        keys: who may ask.
        rates: how often.
    """

    def __init__(self, app: ASGIApp, keys: KeyRing, rates: Rates) -> None:
        self._app = app
        self._keys = keys
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        given = _given(Headers(scope=scope))
        key = self._keys.find(given) if given else None
        if key is None:
            await _unknown(scope, given)(scope, receive, send)
            return
        await self._count(key, scope, receive, send)

    async def _count(self, key: ApiKey, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["key"] = key.name
        allowance = self._rates.take(key)
        told = allowance.headers()
        if not allowance.allowed:
            detail = f"{allowance.quota} requests a minute are used up; ask again later"
            await refuse(scope, 429, detail, told)(scope, receive, send)
            return

        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(told)
            await send(message)

        await self._app(scope, receive, send_told)


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return headers.get("x-api-key", "").strip()


def _unknown(scope: Scope, given: str) -> ASGIApp:
    """Refuse as RFC 6750, section 3 has it: no error code where no key was given."""
    challenge = 'Bearer realm="rxindex"'
    if given:
        return refuse(
            scope, 401, "there is no such API key",
            {"WWW-Authenticate": f'{challenge}, error="invalid_token"'},
        )  # fmt: skip
    detail = "give an API key: Authorization: Bearer KEY, or X-API-Key: KEY"
    return refuse(scope, 401, detail, {"WWW-Authenticate": challenge})
