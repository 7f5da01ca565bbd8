"""What an API is open to, and where its limits are."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Self

import msgspec

from rxindex.api.keys import KeyRing
from rxindex.config import Settings
from rxindex.errors import ConfigurationError

__all__ = ["ApiOptions", "in_address"]

#: What this machine calls itself.
_THIS_MACHINE = ("localhost", "127.0.0.1", "[::1]")


class ApiOptions(msgspec.Struct, frozen=True):
    """How an application answers. The defaults are those of an API that somebody else guards.

    Attributes:
        keys: who may ask; None where whoever reaches the API may.
        requests_per_minute: quota of a key that has none of its own.
        hosts: names under which the API is asked for, without port; empty for any.
        origins: of the pages that may ask from a browser (CORS), besides those that the API
            serves itself.
        timeout: seconds after which a request is given up.
        under_way: requests that may be under way at once, those that wait for a thread included.
        threads: requests that may be at work at once.
        shared: folder in which the processes of one service count the requests of each key
            together; None where it is one process.
    """

    keys: KeyRing | None = None
    requests_per_minute: int = 600
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    timeout: float = 5.0
    under_way: int = 200
    threads: int = 8
    shared: Path | None = None

    @classmethod
    def of(cls, settings: Settings, shared: Path | None = None) -> Self:
        """Read them from the settings of a service.

        Without keys only this machine may ask, by its own names: a page of another origin could
        have its name lead here (DNS rebinding), and the browser would let it read the answers.

        Args:
            settings: of the service.
            shared: see the attribute.

        Raises:
            ConfigurationError: other machines could ask without a key, or the file of keys is
                none.
        """
        keys, hosts = None, settings.api_hosts
        if settings.api_keys is not None:
            keys = KeyRing(settings.api_keys)
        elif not _is_loopback(settings.api_host):
            raise ConfigurationError(
                f"{settings.api_host} is open to other machines and there are no API keys: make "
                "one with 'rxindex keys add NAME --keys FILE' and set api_keys to that file, or "
                "listen on 127.0.0.1"
            )
        else:
            hosts = (*_THIS_MACHINE, in_address(settings.api_host), *hosts)
        return cls(
            keys=keys,
            requests_per_minute=settings.api_requests_per_minute,
            hosts=hosts,
            origins=settings.api_origins,
            timeout=settings.api_timeout,
            under_way=settings.api_under_way,
            threads=settings.api_threads,
            shared=shared,
        )


def in_address(host: str) -> str:
    """Write a host as an address has it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
