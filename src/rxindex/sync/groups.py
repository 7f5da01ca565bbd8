"""Bringing some groups of the source in step, where it is known which ones changed."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from rxindex.embed.base import Embedder
from rxindex.index.catalogue import Catalogue
from rxindex.index.store import DrugStore
from rxindex.source.base import Group, Source
from rxindex.sync.assemble import RowCounts
from rxindex.sync.flow import batches
from rxindex.sync.options import SyncOptions
from rxindex.sync.quarantine import Quarantine
from rxindex.sync.reading import drug_batches
from rxindex.sync.report import SyncReport
from rxindex.sync.spool import RunSpool
from rxindex.sync.stages import Stages
from rxindex.sync.stop import Stop
from rxindex.sync.target import live_target
from rxindex.vocabulary import Vocabulary

__all__ = ["Changed", "sync_groups"]


class Changed(msgspec.Struct, frozen=True):
    """What is known to have changed.

    Attributes:
        groups: to read again.
        drug_ids: drugs that were there before or are there now; those that are found in none of
            the groups any more are deleted.
    """

    groups: Collection[Group]
    drug_ids: Collection[str] = ()


def sync_groups(
    source: Source,
    embedder: Embedder,
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    options: SyncOptions,
    changed: Changed,
    report: SyncReport,
    stop: Stop | None = None,
    *,
    patient: bool = True,
) -> bool:
    """Read some groups again and put their drugs through the plan.

    Args:
        source: entered, with a snapshot that is younger than the lease.
        embedder: makes the vectors.
        catalogue: under its lease; its live generation is written.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        changed: what to read, and what may have vanished.
        report: to fill in.
        stop: when to stop.
        patient: leave drugs in quarantine alone until their time has come.

    Returns:
        Whether all of it went through; if not, it has to be done again (see ``report.stopped``).

    Raises:
        CatalogueNotIndexed: nothing is live yet.
        GenerationMismatch: the live generation was built with other settings.
        RxindexError: see `rxindex.sync.run.sync`.
    """
    target, store = live_target(catalogue, embedder, options.index)
    report.generation = store.generation.name
    counts = RowCounts()
    quarantine = Quarantine(catalogue, dry_run=options.dry_run, patient=patient)
    stop = Stop() if stop is None else stop
    with RunSpool() as spool:
        stages = Stages(
            embedder, target, spool, report, quarantine, stop, options.limits,
            dry_run=options.dry_run,
        )  # fmt: skip
        rows = source.rows_of(sorted(set(changed.groups)))
        drugs = drug_batches(rows, vocabulary, options.day, counts, options.batch_size)
        if not stages.carry(drugs, lambda batch: None):
            report.stopped = stop.reason
            report.in_quarantine = len(quarantine)
            return False
        stages.check_indexed()
        _delete_vanished(store, spool, changed.drug_ids, options, report)
        quarantine.sweep(changed.drug_ids)
        quarantine.save()
    report.in_quarantine = len(quarantine)
    report.shortened += counts.shortened
    return not report.deferred


def _delete_vanished(
    store: DrugStore,
    spool: RunSpool,
    drug_ids: Collection[str],
    options: SyncOptions,
    report: SyncReport,
) -> None:
    """Delete those of the drugs that the source does not have any more, within the guard."""
    gone: list[str] = []
    for ids in batches(sorted(drug_ids), options.batch_size):
        unseen = spool.unseen(ids)
        gone += [
            drug_id
            for drug_id, document in zip(unseen, store.fingerprints(unseen), strict=True)
            if document is not None
        ]
    documents = store.catalogue.counts(store.generation.name).documents
    if len(gone) > options.most_deletes * documents and not options.allow_deletes:
        report.hold_deletes(len(gone), documents, options.most_deletes)
        return
    for ids in batches(gone, options.batch_size):
        if not options.dry_run:
            store.delete(ids)
    report.deleted += len(gone)
