"""How far a run came, kept in Redis so that the next one goes on from there.

A checkpoint moves only over what Redis has confirmed. It belongs to one generation, and is no
ledger: the documents' own fingerprints decide what has to be done. It spares the next run from
reading first what the last one read first, and lets a source that is never read in one go be read
to its end all the same.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rxindex.errors import ConfigurationError
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.model import ids_in

__all__ = ["Checkpoint", "Checkpoints", "cursor_text", "read_cursor"]

#: Chunks of ids that are read at a time.
_CHUNKS = 20


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a run came.

    Attributes:
        source: which source the cursor belongs to.
        cursor: the group up to which everything was written (see `PackageRow.group`).
        begun: when the first of the runs that came to here began, seconds since the epoch.
        saved: when this was written, likewise.
        lease: number of the lease of the run that wrote it.
        unbroken: no other run held a lease since the first of these runs began.
        deferred: drugs that these runs left for want of a vector.
    """

    source: str
    cursor: tuple[str | int, ...]
    begun: float
    saved: float
    lease: int
    unbroken: bool
    deferred: int


class Checkpoints:
    """The place of one generation's checkpoint, and of the drugs seen up to it.

    Args:
        catalogue: whose, under its lease.
        generation: its name.
        every: seconds between two that `note` saves.

    Attributes:
        saved: whether this run has saved one.
    """

    def __init__(self, catalogue: Catalogue, generation: str, every: float) -> None:
        self._catalogue = catalogue
        self._key = catalogue.key(generation, "checkpoint")
        self._seen = catalogue.key(generation, "checkpoint", "seen")
        self._every = every
        self._last = time.monotonic()
        self._waiting: Checkpoint | None = None
        self._ids = bytearray()
        self._resumed = False
        self.saved = False

    def resume(self, source: str) -> Checkpoint | None:
        """Read the checkpoint that the last run over this source left, to go on from there.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("reading the checkpoint"):
            stored = self._catalogue.client.get(self._key)
        # The standard library's, since a group may hold half a character that no encoding
        # explained, which only it writes and reads.
        found = msgspec.convert(json.loads(stored), Checkpoint) if stored else None
        self._resumed = found is not None and found.source == source
        return found if self._resumed else None

    def note(self, checkpoint: Checkpoint, drug_ids: Sequence[str]) -> None:
        """Take note of how far the run is; save it if the last one is old enough.

        Args:
            checkpoint: where.
            drug_ids: drugs that the source has, seen since the last note.
        """
        self._waiting = checkpoint
        # Ids are 80 bits, which base 32 writes without padding: together as one by one.
        self._ids += base64.b32decode("".join(drug_ids).upper())
        if time.monotonic() - self._last >= self._every:
            self.save()

    def save(self) -> None:
        """Save what was noted last.

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        if self._waiting is None:
            return
        commands: list[tuple[Any, ...]] = []
        if not self._resumed and not self.saved:
            commands.append(("DEL", self._seen))
        if self._ids:
            # The drugs first: to know of too many does no harm, nor to know of one twice.
            commands.append(("RPUSH", self._seen, bytes(self._ids)))
        commands.append(("SET", self._key, json.dumps(msgspec.to_builtins(self._waiting))))
        self._catalogue.write_all(commands, "saving the checkpoint")
        self._waiting = None
        self._ids.clear()
        self._last = time.monotonic()
        self.saved = True

    def seen(self) -> Iterator[list[str]]:
        """Yield the drugs that were seen up to the checkpoint, by the runs that came to it.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        place = 0
        while True:
            with redis_errors("reading the drugs seen"):
                chunks = self._catalogue.client.lrange(self._seen, place, place + _CHUNKS - 1)
            if not chunks:
                return
            place += len(chunks)
            for chunk in chunks:
                raw = chunk.encode() if isinstance(chunk, str) else chunk
                yield ids_in(base64.b32encode(raw).decode().lower())

    def clear(self) -> None:
        """Forget it: the runs came to their end, or have to begin anew."""
        self._waiting = None
        self._resumed = False
        self._ids.clear()
        commands = [("DEL", self._key), ("DEL", self._seen)]
        self._catalogue.write_all(commands, "removing the checkpoint")


def cursor_text(cursor: tuple[str | int, ...]) -> str:
    """Write a cursor for people and reports."""
    return json.dumps(cursor)


def read_cursor(text: str) -> tuple[str | int, ...]:
    """Read what `cursor_text` wrote.

    Raises:
        ConfigurationError: it is no cursor.
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list) or not found:
        found = [None]
    if any(isinstance(part, bool) or not isinstance(part, str | int) for part in found):
        raise ConfigurationError(
            f"{text[:100]!r} is no cursor: give back the next_cursor of a report as it stands there"
        )
    return tuple(found)
