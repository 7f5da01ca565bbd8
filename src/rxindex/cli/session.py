"""What every command needs around its own work: settings, Redis, and errors told to people."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec

import msgspec
import typer
from rich.console import Console

from rxindex.config import Settings
from rxindex.errors import ConfigurationError, RxindexError
from rxindex.index.capability import Capabilities, probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import connect
from rxindex.index.embedded import EmbeddedRedis
from rxindex.vocabulary import Vocabulary, load_vocabulary

__all__ = ["INTERRUPTED", "console", "load_words", "open_catalogue", "print_json", "tells_errors"]

#: Exit code after Ctrl-C, as shells have it (128 + SIGINT).
INTERRUPTED = 130

#: Tables and reports. Progress and errors go to the other stream, so that pipes stay clean.
console = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 120)
_errors = Console(stderr=True)

P = ParamSpec("P")


def tells_errors(command: Callable[P, None]) -> Callable[P, None]:
    """Turn rxindex's errors into a message and an exit code.

    With ``--json`` the message is JSON on standard output, so that a script reads one thing.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except RxindexError as error:
            kind = type(error).__name__
            if kwargs.get("as_json"):
                print_json({"error": kind, "message": str(error)})
            else:
                _errors.print(f"[bold red]{kind}:[/] ", end="")
                _errors.print(str(error), markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            _errors.print("interrupted; what was written is whole, run again to go on")
            raise typer.Exit(INTERRUPTED) from None

    return wrapped


def print_json(value: Any) -> None:
    """Print a value as JSON, indented when a person reads it."""
    encoded = msgspec.json.encode(value)
    if sys.stdout.isatty():
        encoded = msgspec.json.format(encoded, indent=2)
    sys.stdout.write(encoded.decode() + "\n")
    sys.stdout.flush()


@contextmanager
def open_catalogue(
    settings: Settings, *, patient: bool = False
) -> Iterator[tuple[Catalogue, Capabilities]]:
    """Connect to the Redis that the settings name, or start the embedded one.

    Args:
        settings: of the command.
        patient: wait for a Redis that goes away later on; for runs, not for people.

    Raises:
        RxindexError: see `connect`, `probe` and `EmbeddedRedis`.
    """
    if settings.redis is not None:
        ca = str(settings.redis_ca) if settings.redis_ca else None
        patience = settings.redis_patience if patient else 3
        client = connect(settings.redis.get_secret_value(), ca_certs=ca, patience=patience)
        try:
            yield Catalogue(client, settings.catalogue), probe(client)
        finally:
            client.close()
        return
    with EmbeddedRedis(settings.data_dir) as server:
        client = server.start()
        yield Catalogue(client, settings.catalogue), probe(client)


def load_words(settings: Settings) -> Vocabulary:
    """Load the clinical vocabulary, with the user's own file over it.

    Raises:
        ConfigurationError: that file is wrong.
    """
    return load_vocabulary(settings.vocabulary)


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
