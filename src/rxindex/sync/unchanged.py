"""Groups of the source that need not be looked at, since nothing has changed about them.

A night on which nothing changes is the usual one. Whoever reads the source asks here, by digest,
which groups the index has as they are; their rows are neither made nor assembled, and their
documents not read. The rules:

- A group is entered when Redis has confirmed all of its drugs, and only if all of it is in the
  index: no bad row, no drug in quarantine or waiting for its vector. What a person hears of in each
  run (odd values, say) is entered with it, and told again.
- An entry holds for the same rows, assembled by the same rules with the same vocabulary, and until
  a package becomes obsolete.
- It holds while all of its documents are there: one that was lost is written again, as ever.
- It is removed before any of its documents is written (see `rxindex.sync.apply.Applier`).

`rxindex verify` believes none of it.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from functools import lru_cache

import msgspec

from rxindex.index.entry import GroupEntry
from rxindex.index.store import DrugStore
from rxindex.model import DOCUMENT_VERSION, ids_in
from rxindex.source.base import Group
from rxindex.source.chunks import digest
from rxindex.sync.assemble import ASSEMBLY_VERSION, is_past
from rxindex.sync.batch import SoundGroup
from rxindex.sync.flow import batches
from rxindex.sync.plan import PlannedBatch, PlannedDrug
from rxindex.sync.spool import RunSpool
from rxindex.vocabulary import Vocabulary

__all__ = ["Unchanged"]

#: Days before and behind all others.
_EVER, _NEVER = 0, datetime.date.max.toordinal() + 1
#: Entries of vanished groups that are removed in one round trip.
_SWEPT = 500


class Unchanged:
    """What a run knows of groups that have not changed.

    Args:
        store: the generation.
        vocabulary: that drugs are assembled with.
        today: ISO date that decides what is obsolete.
        full: believe no entry; they are made all the same.
        dry_run: make none.
    """

    def __init__(
        self, store: DrugStore, vocabulary: Vocabulary, today: str, *, full: bool, dry_run: bool
    ) -> None:
        self._store = store
        self._ledger = store.ledger
        self._today = today
        self._day = datetime.date.fromisoformat(today).toordinal()
        self._full = full
        self._dry_run = dry_run
        rules = (DOCUMENT_VERSION, ASSEMBLY_VERSION, vocabulary.fingerprint)
        self._rules = digest(rules)
        self._known = 0

    def knows_any(self) -> bool:
        """Tell whether there may be a group that need not be looked at.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        return not self._full and len(self._ledger) > 0

    def among(self, digests: Mapping[Group, bytes]) -> dict[Group, GroupEntry]:
        """Give the entries of those groups that need not be looked at.

        Args:
            digests: of groups as the source has them now.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        if self._full:
            return {}
        entries = zip(digests.items(), self._ledger.read(list(digests)), strict=True)
        found = {
            group: one
            for (group, of_rows), one in entries
            if one is not None
            and one.since <= self._day < one.until
            and one.mark == self._mark(of_rows)
        }
        ids = ids_in("".join([one.drug_ids for one in found.values()]))
        if missing := self._store.missing(ids):
            found = {
                group: one
                for group, one in found.items()
                if missing.isdisjoint(ids_in(one.drug_ids))
            }
        self._known += len(found)
        return found

    def enter(self, batch: PlannedBatch, failed: Collection[str]) -> None:
        """Enter the groups of a batch that was written.

        Args:
            batch: confirmed by Redis.
            failed: drugs that are not in the index as they are in the source.

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        if self._dry_run:
            return
        drugs: dict[Group, list[PlannedDrug]] = {}
        for one in batch.drugs:
            drugs.setdefault(one.group, []).append(one)
        entries: dict[Group, GroupEntry] = {}
        for group, members in drugs.items():
            known = batch.sound.get(group)
            if known is not None and not any(one.drug.id in failed for one in members):
                entries[group] = self._entry(known, members)
        self._ledger.forget(drugs.keys() - entries.keys())
        self._ledger.write(entries)
        self._known += len(entries)

    def sweep(self, spool: RunSpool) -> None:
        """Remove entries of groups that the source does not have any more.

        Args:
            spool: knows every drug that the source has.

        Raises:
            LeaseLost: another run has begun.
            RxindexError: Redis takes no writes.
        """
        if self._dry_run or len(self._ledger) == self._known:
            return
        for some in batches(self._ledger.entries(), _SWEPT):
            ids = {name: ids_in(one.drug_ids) for name, one in some}
            gone = set(spool.unseen([drug_id for these in ids.values() for drug_id in these]))
            self._ledger.remove([name for name, these in ids.items() if not gone.isdisjoint(these)])

    def _mark(self, of_rows: bytes) -> bytes:
        return digest(of_rows, self._rules)

    def _entry(self, known: SoundGroup, drugs: list[PlannedDrug]) -> GroupEntry:
        packages = [package for one in drugs for package in one.drug.packages]
        since, until = _EVER, _NEVER
        for end in {package.end for package in packages if package.end}:
            day = _ordinal(end)
            if is_past(end, self._today):
                since = max(since, day)
            else:
                until = min(until, day)
        ids = "".join([one.drug.id for one in drugs])
        told = msgspec.structs.replace(
            known.told, shortened=known.told.shortened + sum(one.shortened for one in drugs)
        )
        return GroupEntry(self._mark(known.digest), since, until, len(packages), ids, told)


@lru_cache(maxsize=4_096)
def _ordinal(day: str) -> int:
    """Give the day of a date; a day before all others for what is none."""
    try:
        return datetime.date.fromisoformat(day).toordinal()
    except ValueError:
        return _EVER
