"""Settings to the parts that they name: source, Redis, vocabulary, the options of a run.

What the command line and the AWS handlers share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rxindex.config import Settings
from rxindex.errors import ConfigurationError
from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.source import open_source
from rxindex.source.base import Source
from rxindex.sync.budget import Limits
from rxindex.sync.options import SyncOptions
from rxindex.sync.promote import Standards
from rxindex.vocabulary import Vocabulary, load_vocabulary

__all__ = ["load_words", "open_catalogue", "open_rows", "require_source", "sync_options"]


def require_source(settings: Settings) -> str:
    """Give the source's URL.

    Raises:
        ConfigurationError: none was given.
    """
    if settings.source is None:
        raise ConfigurationError(
            "which catalogue? Give --source URL (or RXINDEX_SOURCE, or source = in rxindex.toml): "
            "mysql://user:password@host/fdb, sqlite:///file, ndc:PATH, or sample"
        )
    return settings.source.get_secret_value()


def load_words(settings: Settings) -> Vocabulary:
    """Load the clinical vocabulary, with the user's own file over it.

    Raises:
        ConfigurationError: that file is wrong.
    """
    return load_vocabulary(settings.vocabulary)


@contextmanager
def open_catalogue(
    settings: Settings,
    *,
    patient: bool = False,
    timeout: float = 30.0,
    login: Callable[[], tuple[str, str]] | None = None,
) -> Iterator[tuple[Catalogue, Capabilities]]:
    """Connect to the Redis that the settings name, or start the embedded one.

    Args:
        settings: of the command.
        patient: wait for a Redis that goes away later on; for runs, not for people.
        timeout: seconds to wait for each of its replies; the embedded one has its own.
        login: gives user and password for each connection (see `connect`).

    Raises:
        RxindexError: see `connect`, `probe` and `EmbeddedRedis`.
    """
    if settings.redis is not None:
        ca = str(settings.redis_ca) if settings.redis_ca else None
        patience = settings.redis_patience if patient else 3
        client = connect(
            settings.redis.get_secret_value(),
            ca_certs=ca,
            timeout=timeout,
            patience=patience,
            login=login,
            catalogue=settings.catalogue,
        )
        try:
            yield Catalogue(client, settings.catalogue), probe(client)
        finally:
            client.close()
        return
    # Imported here: a Lambda has no embedded Redis.
    from rxindex.index.embedded import EmbeddedRedis

    with EmbeddedRedis(settings.data_dir) as server:
        client = server.start()
        yield Catalogue(client, settings.catalogue), probe(client)


def open_rows(settings: Settings, vocabulary: Vocabulary) -> Source:
    """Open the source that the settings name, without entering it.

    Raises:
        ConfigurationError: none is named, or it is not one.
    """
    return open_source(
        require_source(settings),
        mapping=settings.mapping,
        tls_ca=settings.source_ca,
        page_size=settings.page_size,
        keep_otc=vocabulary.treats,
    )


def sync_options(settings: Settings, **given: Any) -> SyncOptions:
    """Make the options of a run from settings and a command's flags."""
    return SyncOptions(
        batch_size=settings.batch_size,
        most_deletes=settings.most_deletes,
        standards=Standards(most_missing=settings.most_missing, least_recall=settings.least_recall),
        limits=Limits(
            total=settings.most_failures,
            in_a_row=settings.most_failures_in_a_row,
            share=settings.most_failure_share,
            window=settings.failure_window,
        ),
        lease_seconds=settings.lease_seconds,
        wait=settings.wait,
        index=settings.index_settings(),
        **given,
    )
