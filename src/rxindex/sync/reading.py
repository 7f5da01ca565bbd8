"""Rows to batches of drugs; what the index is known to have as it is, is left out."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, nullcontext
from operator import itemgetter
from typing import TYPE_CHECKING

from rxindex.index.entry import GroupEntry, Told
from rxindex.model import Drug, PackageRow, ids_in
from rxindex.source.base import Chunk, Group
from rxindex.sync.assemble import RejectedRow, RowCounts, assemble_groups
from rxindex.sync.batch import DrugBatch, SoundGroup, UnchangedDrugs
from rxindex.vocabulary import Vocabulary

if TYPE_CHECKING:
    # What speaks to Redis is left out of a process that only reads.
    from rxindex.sync.unchanged import Unchanged

__all__ = ["changed_batches", "drug_batches"]

#: Packages that a batch may have for each drug that it may have, or it is full: some drugs have
#: thousands, and memory should not depend on where those lie.
_PACKAGES_A_DRUG = 3

#: A group with its drugs and bad rows and, without bad rows, what it is known by; or with its
#: entry in the ledger.
_Found = tuple[Group, list[Drug | RejectedRow], SoundGroup | None, GroupEntry | None]


def drug_batches(
    rows: Iterable[PackageRow],
    vocabulary: Vocabulary,
    today: str,
    counts: RowCounts,
    size: int | Callable[[], int],
) -> Generator[DrugBatch, None, None]:
    """Assemble rows and cut them into batches of whole groups.

    Args:
        rows: all rows of a group in one run.
        vocabulary: joined by ingredient.
        today: ISO date that decides what is obsolete.
        counts: to fill in.
        size: drugs in a batch, or what says so for the next one; a batch is only longer by the
            last group's drugs. It is shorter where they have many packages.
    """
    batcher = _Batcher(size)
    with closing(rows) if isinstance(rows, Generator) else nullcontext():
        for group, items in assemble_groups(rows, vocabulary, today, counts):
            if batch := batcher.add(group, items):
                yield batch
    if batch := batcher.rest():
        yield batch


def changed_batches(
    chunks: Iterable[Chunk],
    unchanged: Unchanged | None,
    vocabulary: Vocabulary,
    today: str,
    counts: RowCounts,
    size: int | Callable[[], int],
    *,
    last: Group | None = None,
    again: bool = False,
) -> Generator[DrugBatch, None, None]:
    """Assemble those groups of which it is not known that the index has them as they are.

    Args:
        chunks: of the source, in order.
        unchanged: knows of the others; None to assemble all.
        vocabulary: joined by ingredient.
        today: ISO date that decides what is obsolete.
        counts: to fill in.
        size: see `drug_batches`; drugs that are left out count too.
        last: the group to end with, if it is there.
        again: see `DrugBatch`.
    """
    batcher = _Batcher(size, again)
    with closing(chunks) if isinstance(chunks, Generator) else nullcontext():
        for chunk in chunks:
            groups = [one for one in chunk.digests if last is None or one <= last]
            known: dict[Group, GroupEntry] = {}
            if unchanged is not None:
                known = unchanged.among({group: chunk.digests[group] for group in groups})
            rows = chunk.read(frozenset(one for one in groups if one not in known))
            # Told from the ledger's by the entry that they lack.
            read = ((*one, None) for one in _assembled(rows, chunk, vocabulary, today, counts))
            left_out: Iterator[_Found] = ((one, [], None, known[one]) for one in known)
            for group, items, sound, entry in heapq.merge(read, left_out, key=itemgetter(0)):
                if entry is not None:
                    _tell(entry.told, chunk, counts)
                if batch := batcher.add(group, items, sound, entry):
                    yield batch
            if len(groups) < len(chunk.digests):
                break
            # Not to hold it while the next one is read.
            del chunk
    if batch := batcher.rest():
        yield batch


def _assembled(
    rows: Iterator[PackageRow],
    chunk: Chunk,
    vocabulary: Vocabulary,
    today: str,
    counts: RowCounts,
) -> Iterator[tuple[Group, list[Drug | RejectedRow], SoundGroup | None]]:
    """Assemble groups, each with what it is known by if it has no bad row."""
    # Of one group: what is told of groups that are left out is counted in between.
    own = RowCounts()
    for group, items in assemble_groups(rows, vocabulary, today, own):
        told = Told(own.repeated, own.shortened, chunk.odd.get(group, frozenset()))
        own.move_to(counts)
        digest = chunk.digests.get(group)
        if digest is None or any(isinstance(one, RejectedRow) for one in items):
            yield group, items, None
        else:
            yield group, items, SoundGroup(digest, told)


def _tell(told: Told, chunk: Chunk, counts: RowCounts) -> None:
    """Count what an earlier run has found in a group that is left out."""
    counts.repeated += told.repeated
    counts.shortened += told.shortened
    if told.odd:
        chunk.tell(told.odd)


class _Batcher:
    """Puts groups together until they are a batch.

    Args:
        size: see `drug_batches`.
        again: see `DrugBatch`.
    """

    def __init__(self, size: int | Callable[[], int], again: bool = False) -> None:
        self._size = size
        self._again = again
        self._begin()

    def _begin(self) -> None:
        self._drugs: list[tuple[Group, Drug]] = []
        self._rejected: list[RejectedRow] = []
        self._sound: dict[Group, SoundGroup] = {}
        self._ids: list[str] = []
        self._packages_held = self._left_out = self._packages = 0
        self._after: Group = ()

    def add(
        self,
        group: Group,
        items: Iterable[Drug | RejectedRow],
        sound: SoundGroup | None = None,
        entry: GroupEntry | None = None,
    ) -> DrugBatch | None:
        """Add a group; gives the batch that it makes full.

        Args:
            group: behind those that were added before.
            items: its drugs and bad rows.
            sound: see `DrugBatch.sound`.
            entry: of a group that is left out.
        """
        for one in items:
            if isinstance(one, Drug):
                self._drugs.append((group, one))
                self._packages_held += len(one.packages)
            else:
                self._rejected.append(one)
        if sound is not None:
            self._sound[group] = sound
        if entry is not None:
            self._ids.append(entry.drug_ids)
            self._left_out += entry.drugs
            self._packages += entry.packages
        self._after = group
        wanted = self._size() if callable(self._size) else self._size
        drugs = len(self._drugs) + len(self._rejected) + self._left_out
        if drugs >= wanted or self._packages_held >= wanted * _PACKAGES_A_DRUG:
            return self.rest()
        return None

    def rest(self) -> DrugBatch | None:
        """Give what was added since the last batch, if there is anything."""
        if not self._after:
            return None
        unchanged = UnchangedDrugs(ids_in("".join(self._ids)), self._packages)
        batch = DrugBatch(
            self._drugs, self._rejected, self._after, self._again, self._sound, unchanged
        )
        self._begin()
        return batch
