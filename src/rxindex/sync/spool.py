"""What a run has to remember, on disk, so that memory does not grow with the catalogue."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from rxindex.index.gathering import Gathering
from rxindex.index.temporary import temporary_database, told_of_room
from rxindex.sync.flow import batches

__all__ = ["RunSpool"]

T = TypeVar("T", str, bytes)

#: Values in one question; SQLite of old takes 999.
_MARKS = 500


_TABLES = """
CREATE TABLE text (fingerprint BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE stored (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class RunSpool:
    """The texts dealt with and the drugs seen in one run, in a temporary SQLite file.

    A context manager; the file goes with it. Safe to use from several threads, but for `names`.

    Attributes:
        names: of the drugs that a run wrote into a generation that had none.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._database = temporary_database(_TABLES)
        self.names = Gathering()

    def __enter__(self) -> Self:
        """Give the spool itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the file."""
        self.close()

    def close(self) -> None:
        """Remove the file; may be called twice."""
        with contextlib.suppress(sqlite3.ProgrammingError):
            self._database.close()
            self.names.close()

    def texts(self, texts: Iterable[bytes]) -> set[bytes]:
        """Give those of these text fingerprints that were added."""
        return self._among("text", "fingerprint", list(dict.fromkeys(texts)))

    def add_texts(self, texts: Iterable[bytes]) -> None:
        """Remember that there is a vector of these texts, or will be before their drugs."""
        self._write("text", texts)

    def count_texts(self) -> int:
        """Count the texts that were added."""
        return self._count("text")

    def mark_seen(self, ids: Iterable[str]) -> int:
        """Remember that the source has these drugs.

        Returns:
            How many of them are new to the run.
        """
        return self._write("seen", ids)

    def seen(self) -> int:
        """Count the drugs that the source has, as far as the run has come."""
        return self._count("seen")

    def mark_stored(self, ids: Iterable[str]) -> list[str]:
        """Remember that the index has these documents.

        Returns:
            Those that were not named before; listing Redis' keys may name some twice.
        """
        wanted = list(dict.fromkeys(ids))
        known = self._among("stored", "id", wanted)
        new = [one for one in wanted if one not in known]
        self._write("stored", new)
        return new

    def add_stored(self, ids: Iterable[str]) -> int:
        """Remember that the index has these documents.

        Returns:
            How many of them were not named before.
        """
        return self._write("stored", ids)

    def surplus(self) -> list[str]:
        """Give the documents that the index has, as far as was named, and the source does not."""
        with self._lock, told_of_room():
            found = self._database.execute("SELECT id FROM stored EXCEPT SELECT id FROM seen")
            return [row[0] for row in found]

    def unseen(self, ids: Sequence[str]) -> list[str]:
        """Give those of ``ids`` that the source does not have."""
        seen = self._among("seen", "id", ids)
        return [one for one in ids if one not in seen]

    def _count(self, table: str) -> int:
        with self._lock, told_of_room():
            # A table of this module's own.
            found = self._database.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            return int(found.fetchone()[0])

    def _among(self, table: str, column: str, values: Sequence[T]) -> set[T]:
        found: set[T] = set()
        for part in batches(values, _MARKS):
            marks = ",".join("?" * len(part))
            # There is no data in it.
            query = f"SELECT {column} FROM {table} WHERE {column} IN ({marks})"  # noqa: S608
            with self._lock, told_of_room():
                found.update(row[0] for row in self._database.execute(query, part))
        return found

    def _write(self, table: str, values: Iterable[T]) -> int:
        """Add values that are not there yet; gives how many those were."""
        with self._lock, told_of_room():
            before = self._database.total_changes
            self._database.execute("BEGIN")
            # Many in one step: other threads work between two, and take their time.
            for part in batches(values, _MARKS):
                marks = ",".join(["(?)"] * len(part))
                # There is no data in it.
                query = f"INSERT OR IGNORE INTO {table} VALUES {marks}"  # noqa: S608
                self._database.execute(query, part)
            self._database.execute("COMMIT")
            return self._database.total_changes - before
