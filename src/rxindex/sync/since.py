"""Syncing only what the source says was updated: quick, and blind to what has no update time.

The bound is closed and lies a while before the latest update time that the index has seen: rows
with that very time may have been committed after it was seen, and so may rows with an earlier one.
What is read twice costs nothing, since its fingerprints have not changed. Deleted rows, and
changes of joined tables, have no update time; a full sync finds them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from rxindex.embed.base import Embedder
from rxindex.errors import CatalogueNotIndexed, ConfigurationError, SourceSchemaError
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.generation import as_text
from rxindex.source.base import Group, Source
from rxindex.sync.events import Observer
from rxindex.sync.groups import Changed, sync_groups
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.running import running
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

__all__ = ["SINCE_LAG", "note_latest_update", "read_latest_update", "sync_since"]

#: How far before the latest update time to begin. A transaction that is open for longer than this
#: may escape until the next full sync.
SINCE_LAG = dt.timedelta(days=1)


@runtime_checkable
class _Timed(Protocol):
    """A source that knows when its rows were updated (see `rxindex.source.sql.SqlSource`)."""

    def changed(self, since: dt.datetime) -> Iterator[tuple[Group, dt.datetime]]: ...

    def latest_update(self) -> dt.datetime | None: ...


def read_latest_update(catalogue: Catalogue, generation: str) -> dt.datetime | None:
    """Read the latest update time that a generation has seen; None if it is not known.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    with redis_errors("reading the latest update time"):
        stored = catalogue.client.get(catalogue.key(generation, "updated"))
    return dt.datetime.fromisoformat(as_text(stored)) if stored else None


def note_latest_update(catalogue: Catalogue, generation: str, source: Source, begun: float) -> None:
    """Note the latest update time of a source that was read as a whole, if it has such times.

    Args:
        catalogue: whose.
        generation: that was written.
        source: entered.
        begun: when the run began, seconds since the epoch.

    Raises:
        SourceUnavailable: the database hung up.
        LeaseLost: another run has begun.
    """
    if not isinstance(source, _Timed):
        return
    try:
        latest = source.latest_update()
    except (ConfigurationError, SourceSchemaError):
        return  # it has none, which matters to nobody who does not ask for it
    if latest is not None:
        _note(catalogue, generation, latest, begun, read_latest_update(catalogue, generation))


def sync_since(
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    options: SyncOptions,
    since: dt.datetime | None,
    lag: dt.timedelta = SINCE_LAG,
    *,
    stop: Stop | None = None,
    observers: Sequence[Observer] = (),
) -> SyncReport:
    """Bring those drugs in step whose packages were updated at a time or later.

    Args:
        source: not entered yet.
        embedder: makes the vectors.
        catalogue: that has a live generation.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        since: the time, which counts itself; None for ``lag`` before the latest that the index
            has seen.
        lag: see ``since``.
        stop: when to stop.
        observers: told of the run's beginning and end.

    Raises:
        CatalogueNotIndexed: nothing is live, or it is not known what the index has seen.
        ConfigurationError, SourceSchemaError: the source has no update times.
        RxindexError: see `rxindex.sync.run.sync`.
    """
    if not isinstance(source, _Timed):
        raise ConfigurationError(
            f"{source.name} has no update times: run a sync without --since, which compares "
            "everything"
        )
    with running("sync --since", source, embedder, catalogue, options, observers) as run:
        catalogue, report = run.catalogue, run.report
        generation = catalogue.require_live().name
        report.generation = generation
        seen = read_latest_update(catalogue, generation)
        low = since if since is not None else seen and seen - lag
        if low is None:
            raise CatalogueNotIndexed(
                f"it is not known up to which update time {catalogue.name!r} was indexed: run a "
                "full sync once, or give a date with --since"
            )
        run.recording.reading()
        groups: set[Group] = set()
        latest = seen
        for group, updated in source.changed(low):
            groups.add(group)
            latest = updated if latest is None else max(latest, updated)
        whole = sync_groups(
            source, embedder, catalogue, vocabulary, options, Changed(groups), report, stop
        )
        report.warnings += source.notes()
        report.completed = whole and not report.delete_held
        if whole and latest is not None and not options.dry_run:
            _note(catalogue, generation, latest, run.recording.started, seen)
    return report


def _note(
    catalogue: Catalogue,
    generation: str,
    latest: dt.datetime,
    begun: float,
    noted: dt.datetime | None,
) -> None:
    # One slip of the pen, an update in 2099, would otherwise hide all others for good.
    now = dt.datetime.fromtimestamp(begun, dt.UTC).replace(tzinfo=None, microsecond=0)
    latest = min(latest, now)
    if latest != noted:
        command = ("SET", catalogue.key(generation, "updated"), latest.isoformat())
        catalogue.write_all([command], "noting the latest update time")
