"""A place in Redis that is nobody's: made for a measurement, and removed after it."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client, command, redis_errors
from rxindex.index.embedded import EmbeddedRedis

__all__ = ["scratch_catalogue"]


@contextmanager
def scratch_catalogue(client: Client | None = None) -> Iterator[Catalogue]:
    """Give a catalogue with a name of its own, and remove everything of it on exit.

    Args:
        client: the Redis to measure; None for an embedded one in a temporary folder. Other
            catalogues there are not touched, but share its memory and its time.

    Raises:
        EmbeddedRedisError: the embedded Redis can't be started here.
        IndexUnavailable: Redis does not answer.
    """
    name = f"bench-{secrets.token_hex(4)}"
    if client is None:
        with (
            tempfile.TemporaryDirectory(prefix="rxindex-bench-") as folder,
            EmbeddedRedis(Path(folder)) as server,
        ):
            yield Catalogue(server.start(), name)
        return
    catalogue = Catalogue(client, name)
    try:
        yield catalogue
    finally:
        _remove(catalogue)


def _remove(catalogue: Catalogue) -> None:
    """Drop the catalogue's indexes, and with them its alias, then its keys."""
    client, own = catalogue.client, catalogue.key("")
    with redis_errors(f"removing the scratch catalogue {catalogue.name}"):
        for index in command(client, "FT._LIST"):
            if index.decode().startswith(own):
                command(client, "FT.DROPINDEX", index)
        keys = []
        for key in client.scan_iter(match=f"{own}*", count=1_000):
            keys.append(key)
            if len(keys) == 500:
                client.unlink(*keys)
                keys = []
        if keys:
            client.unlink(*keys)
