"""Trying drugs in quarantine again, now."""

from __future__ import annotations

from collections.abc import Sequence

from rxindex.embed.base import Embedder
from rxindex.index.catalogue import Catalogue
from rxindex.source.base import Source
from rxindex.sync.events import Observer
from rxindex.sync.groups import Changed, sync_groups
from rxindex.sync.options import SyncOptions
from rxindex.sync.quarantine import named_entries, release
from rxindex.sync.report import SyncReport
from rxindex.sync.running import running
from rxindex.vocabulary import Vocabulary

__all__ = ["retry"]


def retry(
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    options: SyncOptions,
    ids: Sequence[str] | None,
    *,
    observers: Sequence[Observer] = (),
) -> SyncReport:
    """Read drugs in quarantine again from the source and put them through the plan.

    Args:
        source: not entered yet.
        embedder: makes the vectors.
        catalogue: whose quarantine.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        ids: of entries or drugs; None for all.
        observers: told of the run's beginning and end.

    Raises:
        QueryError: an id is not in quarantine.
        RxindexError: see `rxindex.sync.groups.sync_groups`.
    """
    with running("quarantine retry", source, embedder, catalogue, options, observers) as run:
        chosen = named_entries(run.catalogue, ids)
        run.recording.reading()
        # A group that could not be written down can't be read by itself: the next sync does it.
        release(run.catalogue, [one.id for one in chosen if not one.group and not options.dry_run])
        groups = {one.group for one in chosen if one.group}
        changed = Changed(groups, {one.drug_id for one in chosen if one.group})
        whole = sync_groups(
            run.source, embedder, run.catalogue, vocabulary, options, changed, run.report,
            patient=False,
        )  # fmt: skip
        run.report.completed = whole and not run.report.delete_held
    return run.report
