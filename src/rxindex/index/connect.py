"""Connections to Redis, and what its refusals mean.

Every module of this room talks to Redis inside `redis_errors`, so that callers only ever see
rxindex's own errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hiredis
import redis
from redis import exceptions as refused
from redis.backoff import ExponentialWithJitterBackoff
from redis.credentials import CredentialProvider
from redis.retry import Retry

from rxindex.errors import (
    ConfigurationError,
    DiskFull,
    IndexAccessDenied,
    IndexFull,
    IndexReadOnly,
    IndexUnavailable,
    LeaseLost,
    RxindexError,
    SearchModuleMissing,
    TerminalError,
)
from rxindex.index.slot import follow_slot, follows_slot, is_cluster

__all__ = [
    "FENCED",
    "Client",
    "answers",
    "command",
    "connect",
    "hide_password",
    "key_prefix",
    "lease_lost",
    "pairs",
    "redis_errors",
    "translate",
]

_SECRET_OPTION = re.compile(r"((?:^|&)[^=&]*(?:pass|pwd|secret|token)[^=&]*=)[^&]*", re.IGNORECASE)
_HIDDEN = r"\1***"

#: What a write is answered with whose run has lost its lease (see `rxindex.index.fence`).
FENCED = "FENCED"

#: Replies are bytes: documents hold vectors and fingerprints.
Client = redis.Redis


class _Login(CredentialProvider):
    """Asks for user and password with each connection, since they may have changed."""

    def __init__(self, login: Callable[[], tuple[str, str]]) -> None:
        self._login = login

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Give what redis-py sends with AUTH."""
        user, password = self._login()
        return (user, password) if user else (password,)


class _Packer:
    """Writes commands as redis-py does, in half the time: it need not look for bytearrays."""

    def pack(self, name: str | bytes, *words: str | bytes | float) -> list[bytes]:
        """Write a command; two words in its name are two words of it (redis-py's own call)."""
        names = name.split() if isinstance(name, str) else [name]
        return [hiredis.pack_command((*names, *words))]


def connect(
    url: str,
    *,
    ca_certs: str | None = None,
    timeout: float = 30.0,
    patience: int = 3,
    login: Callable[[], tuple[str, str]] | None = None,
    catalogue: str = "",
) -> Client:
    """Connect to Redis and make sure that it answers.

    Args:
        url: ``redis://``, ``rediss://`` (TLS) or ``unix://``, with user and password where the
            server wants them: ``rediss://user:password@host:6379/0``.
        ca_certs: file with the certificate authority to trust, for ``rediss://``.
        timeout: seconds to wait for a connection and for each reply.
        patience: seconds, about, in which to connect anew when the connection breaks later on.
            Everything that rxindex sends may be sent twice. A reply that does not come within
            ``timeout`` is not asked for again.
        login: gives user (or nothing) and password for each connection that is made, in place of
            those in the URL. A password that changes while a run is at work is then no reason
            for it to end.
        catalogue: whose node to connect to where the server is one of a cluster. Without a name
            the server is taken as it is.

    Raises:
        ConfigurationError: the URL is not one.
        IndexAccessDenied: wrong user or password.
        IndexUnavailable: nothing answers there, or the server is loading its data.
    """
    options: dict[str, Any] = {
        # RESP2 on purpose: the query engine's replies differ between protocols and versions,
        # and RESP2 is what all of them speak in the same way.
        "protocol": 2,
        "decode_responses": False,
        "socket_timeout": timeout,
        "command_packer": _Packer(),
    }
    if not url.startswith("unix:"):
        options["socket_connect_timeout"] = min(timeout, 10.0)
        options["socket_keepalive"] = True
    if ca_certs is not None and url.startswith("rediss:"):
        if not Path(ca_certs).is_file():
            raise ConfigurationError(f"the file {ca_certs} with the authority does not exist")
        options["ssl_ca_certs"] = ca_certs
    if login is not None:
        url = _without_login(url)
        options["credential_provider"] = _Login(login)
    try:
        client = redis.Redis.from_url(url, **options)
    except ValueError as error:
        raise ConfigurationError(
            f"{hide_password(url)!r} is not a Redis URL ({error}); "
            "write redis://host:6379/0, rediss://... for TLS, or unix:///path/to/socket"
        ) from error
    with redis_errors(f"connecting to {hide_password(url)}"):
        if catalogue and not url.startswith("unix:") and is_cluster(client):
            client.close()
            client = follow_slot(url, _tagged(catalogue), **options)
            client.get(_tagged(catalogue))
        else:
            answers(client)
    # Drawn by lot, 0.85 seconds on average once the first few were quick.
    backoff = ExponentialWithJitterBackoff(cap=1.0, base=0.05)
    client.set_retry(Retry(backoff, round(1.2 * patience), (refused.ConnectionError,)))
    return client


def key_prefix(client: Client, catalogue: str) -> str:
    """Give what all keys of a catalogue begin with, its alias."""
    return _tagged(catalogue) if follows_slot(client) else f"rx:{catalogue}"


def _tagged(catalogue: str) -> str:
    return f"rx:{{{catalogue}}}"


def _without_login(url: str) -> str:
    """Take user and password out of a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url  # redis-py says what is wrong with it
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def answers(client: Client) -> None:
    """Make sure that a server answers reads; raises redis-py's own exceptions.

    Not PING, which a server with a full disk refuses though it can still be searched, and not
    ECHO, which one that is loading its data answers though it can't.
    """
    client.get("rx:")


def hide_password(url: str) -> str:
    """Give ``url`` without its secrets, for messages and reports.

    Everything between the user's name and the last ``@`` counts as password, whatever characters
    it has: people forget to percent-encode them. Options that are named like a secret are hidden.
    """
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url if "@" not in url and "=" not in url else "***"
    rest, query_mark, query = rest.partition("?")
    if "@" in query:
        # The password itself may hold the question mark.
        rest, query_mark, query = rest + query_mark + query, "", ""
    name, at, host = rest.rpartition("@")
    if at:
        rest = f"{name.partition(':')[0]}:***@{host}"
    return f"{scheme}://{rest}{query_mark}{_SECRET_OPTION.sub(_HIDDEN, query)}"


@contextmanager
def redis_errors(doing: str) -> Iterator[None]:
    """Turn redis-py's exceptions into rxindex's.

    Args:
        doing: what is being done, for the message: "writing 500 drugs".

    Raises:
        IndexUnavailable, IndexAccessDenied, IndexReadOnly, IndexFull, DiskFull,
        SearchModuleMissing, TerminalError: see `translate`.
    """
    try:
        yield
    except refused.RedisError as error:
        raise translate(error, doing) from error


def translate(error: BaseException, doing: str) -> RxindexError:
    """Say what an exception of redis-py means, and what to do about it."""
    text = str(error)
    if isinstance(error, refused.AuthenticationError) or _starts(text, "WRONGPASS", "NOAUTH"):
        return IndexAccessDenied(f"Redis refused the user or password while {doing}: {text}")
    if isinstance(error, refused.NoPermissionError) or _starts(text, "NOPERM", "ACL failure"):
        return IndexAccessDenied(
            f"the Redis user lacks a right needed for {doing}: {text}; "
            "docs/configuration.md lists the ACL rules that rxindex needs"
        )
    if isinstance(error, refused.ReadOnlyError) or _starts(text, "READONLY"):
        return IndexReadOnly(
            f"Redis is read-only, so {doing} failed: {text}; give the address of the primary"
        )
    if isinstance(error, refused.BusyLoadingError) or _starts(text, "LOADING"):
        return IndexUnavailable(f"Redis is still loading its data, so {doing} has to wait")
    if isinstance(error, refused.ConnectionError | refused.TimeoutError):
        return IndexUnavailable(f"Redis does not answer ({doing}): {text}")
    return _refusal(text, doing)


def _refusal(text: str, doing: str) -> RxindexError:
    """Say what an error reply means (its first word is Redis' own code for it)."""
    if text.startswith(FENCED):
        return lease_lost(doing)
    if text.startswith("OOM") or "command not allowed when used memory" in text:
        return IndexFull(
            f"Redis reached maxmemory while {doing}; raise maxmemory or free memory, "
            "then run the same command again: it goes on where it stopped"
        )
    if "No space left on device" in text or "File too large" in text:
        return DiskFull(
            f"the disk of Redis is full, so {doing} failed: {text}; "
            "make room, then run the same command again"
        )
    if text.startswith("MISCONF"):
        return IndexReadOnly(
            f"Redis refuses writes, so {doing} failed: {text}; its log says why it can't save"
        )
    if "db != 0" in text:
        return ConfigurationError(
            "the query engine only indexes database 0 of Redis: leave the number out of the URL"
        )
    if "unknown command" in text.lower() and "ft." in text.lower():
        return SearchModuleMissing(
            "this Redis has no query engine (no FT.* commands): use Redis 8 or later, Redis "
            "Stack, or leave out --redis to use the embedded one"
        )
    return TerminalError(f"Redis refused {doing}: {text}")


def lease_lost(doing: str) -> LeaseLost:
    """Say that a write was refused since the lease is gone."""
    return LeaseLost(
        f"this run lost its lease, so {doing} was refused: it was paused or cut off from Redis "
        "for too long, and another run may have begun. What it wrote before is whole; run again"
    )


def _starts(text: str, *codes: str) -> bool:
    return text.startswith(codes)


def command(client: Client, *words: str | bytes | int) -> Any:
    """Send a command that redis-py has no method for, and give the reply as RESP2 has it."""
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


def pairs(reply: Any) -> dict[str, Any]:
    """Read a flat RESP2 list of names and values as a mapping."""
    names = [name.decode() if isinstance(name, bytes) else str(name) for name in reply[::2]]
    return dict(zip(names, reply[1::2], strict=True))
