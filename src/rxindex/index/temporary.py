"""SQLite databases for what is too large for memory and gone when the process is."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from rxindex.errors import ConfigurationError

__all__ = ["temporary_database", "told_of_room"]


def temporary_database(tables: str) -> sqlite3.Connection:
    """Make a database in a temporary file that goes away with the process, however that ends.

    Several threads may use it, one at a time.

    Args:
        tables: statements that make them.
    """
    # The empty name is SQLite's for such a file.
    database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
    # Nothing in here outlives the process, so nothing needs to survive a crash.
    database.executescript(
        f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1024; {tables}"
    )
    return database


@contextlib.contextmanager
def told_of_room() -> Iterator[None]:
    """Say what a fault of the temporary file means.

    Raises:
        ConfigurationError: there is no room for it, or it went away.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise ConfigurationError(
            f"the temporary file can't hold what has to be remembered ({error}); make room in the "
            "temporary folder, or set TMPDIR to another one"
        ) from error
