"""A run's way through the source: from a checkpoint to the end, and round to the checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress

import msgspec

from rxindex.errors import RxindexError
from rxindex.index.catalogue import Catalogue
from rxindex.source.base import Group, Partition, Source
from rxindex.sync.assemble import LONGEST_TEXT, LONGEST_VALUE, RowCounts
from rxindex.sync.batch import DrugBatch
from rxindex.sync.checkpoint import Checkpoint, Checkpoints, cursor_text, read_cursor
from rxindex.sync.options import SyncOptions
from rxindex.sync.plan import PlannedBatch
from rxindex.sync.promote import previous_generation
from rxindex.sync.reader import Reader
from rxindex.sync.reading import changed_batches
from rxindex.sync.record import Recording
from rxindex.sync.report import SyncReport
from rxindex.sync.stages import Stages
from rxindex.sync.stop import Stop
from rxindex.sync.target import Target
from rxindex.sync.unchanged import Unchanged
from rxindex.sync.vectors import EmbeddedBatch
from rxindex.vocabulary import Vocabulary

__all__ = ["Passage"]


class Passage:
    """Reads the whole source once, or as far as it may, and remembers how far.

    Args:
        source: entered.
        catalogue: whose checkpoint.
        vocabulary: joined by ingredient.
        target: where the drugs go.
        options: how to run.
        stop: when to stop.
        report: to fill in.
        recording: told of batches.
        reader: reads where nothing is known to be unchanged; None to read here.

    Attributes:
        whole: after `carry_out`: every row of the source's snapshot went through.
        covered: every row went through, some of them in the runs that this one resumed.
        may_delete: what was not seen is not in the source.
        deferred: drugs that wait for a vector since a run that this one resumed, and were not
            looked at again.
    """

    def __init__(
        self,
        source: Source,
        catalogue: Catalogue,
        vocabulary: Vocabulary,
        target: Target,
        options: SyncOptions,
        stop: Stop,
        report: SyncReport,
        recording: Recording,
        reader: Reader | None = None,
    ) -> None:
        self.whole = self.covered = self.may_delete = False
        self.deferred = 0
        self._source = source
        self._vocabulary = vocabulary
        self._options = options
        self._stop = stop
        self._report = report
        self._recording = recording
        self._reader = reader
        self._counts = RowCounts()
        self._planned = self._batches = self._first_round = self._written = 0
        self._at_end = self._all_written = False
        self._checkpoints: Checkpoints | None = None
        self._from: Group | None = read_cursor(options.begin_after) if options.begin_after else None
        # A trial, and a dry run, begin at the beginning and leave no trace.
        if target.store is not None and options.limit is None and not options.dry_run:
            name = target.store.generation.name
            self._checkpoints = Checkpoints(catalogue, name, options.checkpoint_seconds)
        self._begun: Checkpoint | None = None
        self._snapshot = recording.snapshot
        self._lease = catalogue.fence.number if catalogue.fence else 0
        # One that a rollback left may have been written by others while it was live.
        self._others = target.live or (
            target.store is not None
            and target.store.generation.name == previous_generation(catalogue)
        )

    def carry_out(self, stages: Stages, tell: Callable[[], None]) -> None:
        """Send the source through the stages, telling after each batch.

        Raises:
            RxindexError: whatever stops the run; how far it came is saved if Redis lets it.
        """
        if self._checkpoints is not None:
            self._begun = self._checkpoints.resume(self._source.name)
            if not self._options.resume:
                self._checkpoints.clear()
                self._begun = None
        self._choose_beginning()
        if self._begun is not None:
            self._report.resumed = True
            self._report.next_cursor = cursor_text(self._begun.cursor)
            self._recording.snapshot = self._begun.begun
        self._recording.reading()

        def done(batch: EmbeddedBatch) -> None:
            self._written += 1
            if not batch.plan.again:
                self._note(batch.plan)
            self._recording.batch(batch)
            tell()

        try:
            self._all_written = stages.carry(self._read(stages.unchanged), done)
        except BaseException:
            with suppress(RxindexError):
                self._save()
            raise
        self._end(stages)

    def say_what_was_odd(self) -> None:
        """Put into the report what a person should know of the rows."""
        report, counts = self._report, self._counts
        read_by = self._source if self._reader is None else self._reader
        report.warnings += read_by.notes()
        if counts.repeated:
            report.warnings.append(f"{counts.repeated:,} rows name a package of their drug again")
        report.shortened += counts.shortened
        if report.shortened:
            report.warnings.append(
                f"{report.shortened:,} drugs have a value of more than {LONGEST_VALUE} characters, "
                f"or an embedding text of more than {LONGEST_TEXT:,}; it was cut there"
            )

    def _choose_beginning(self) -> None:
        """Begin where a person said, which leaves no trace, unless that is the checkpoint."""
        at = self._from
        if self._begun is not None and at == self._begun.cursor:
            self._from = None
        elif at is not None or self._options.skip:
            self._begun = self._checkpoints = None

    @property
    def _partial(self) -> bool:
        """Whether something before the beginning is not looked at."""
        return self._from is not None or self._options.skip > 0

    # -- reading -------------------------------------------------------------------------------

    def _read(self, unchanged: Unchanged | None) -> Generator[DrugBatch, None, None]:
        for batch in self._rounds(unchanged):
            cut = self._limit(batch)
            self._batches += 1
            self._first_round += not batch.again
            yield cut
            if cut is not batch or self._stop or self._is_enough():
                return
        self._at_end = True

    def _is_enough(self) -> bool:
        """Tell whether the run did as many drugs as it was given."""
        most = self._options.max_drugs
        if most is None or self._planned < most:
            return False
        self._report.stopped = f"the {most:,} drugs that it was given were done"
        return True

    def _rounds(self, unchanged: Unchanged | None) -> Iterator[DrugBatch]:
        for partition in self._source.partitions(1):
            begin = self._begun.cursor if self._begun is not None else None
            yield from self._skipped(self._cut(partition, unchanged, after=begin or self._from))
            if begin is not None:
                yield from self._cut(partition, unchanged, last=begin)

    def _cut(
        self,
        partition: Partition,
        unchanged: Unchanged | None,
        *,
        after: Group | None = None,
        last: Group | None = None,
    ) -> Iterator[DrugBatch]:
        # What is odd about rows that an earlier run had read was told by that run.
        again = last is not None
        counts = RowCounts() if again else self._counts

        def here() -> Generator[DrugBatch, None, None]:
            return changed_batches(
                self._source.chunks(partition, after), unchanged, self._vocabulary,
                self._options.day, counts, self._batch_size, last=last, again=again,
            )  # fmt: skip

        reader = None if again else self._reader
        batches = reader.batches(partition, after, counts, here) if reader else here()
        with closing(batches):
            yield from batches

    def _batch_size(self) -> int:
        size, most = self._options.batch_size, self._options.max_drugs
        return size if most is None else max(1, min(size, most - self._planned))

    def _skipped(self, batches: Iterator[DrugBatch]) -> Iterator[DrugBatch]:
        """Leave out the first drugs, as many as the run was told to skip."""
        left = self._options.skip
        for batch in batches:
            yield msgspec.structs.replace(batch, drugs=batch.drugs[left:]) if left else batch
            left = max(0, left - len(batch.drugs))

    def _limit(self, batch: DrugBatch) -> DrugBatch:
        """Cut the batch in which the limit of a trial is reached."""
        limit = self._options.limit
        if limit is not None and self._planned + len(batch.drugs) >= limit:
            self._report.stopped = f"the limit of {limit:,} drugs was reached"
            batch = msgspec.structs.replace(batch, drugs=batch.drugs[: limit - self._planned])
        self._planned += batch.size
        return batch

    # -- how far ----------------------------------------------------------------------------------

    def _note(self, plan: PlannedBatch) -> None:
        if plan.after:
            self._report.next_cursor = cursor_text(plan.after)
        if self._checkpoints is None:
            return
        checkpoint = Checkpoint(
            self._source.name,
            plan.after,
            self._recording.snapshot,
            time.time(),
            self._lease,
            self._is_unbroken(),
            self._report.deferred + (self._begun.deferred if self._begun else 0),
        )
        self._checkpoints.note(checkpoint, plan.ids)

    def _is_unbroken(self) -> bool:
        """Tell whether no other run was at work since the first of the runs resumed here."""
        begun = self._begun
        return begun is None or (begun.unbroken and begun.lease + 1 == self._lease)

    def _save(self) -> None:
        if self._checkpoints is not None:
            self._checkpoints.save()

    def _end(self, stages: Stages) -> None:
        through = self._at_end and self._all_written
        self.whole = through and not self._partial
        if through and self._partial:
            self._report.next_cursor = ""
            self._report.warnings.append(
                "what lies before the place at which the run was told to begin was not looked at, "
                "and nothing was deleted"
            )
            return
        if not self.whole:
            self._report.stopped = self._report.stopped or self._stop.reason
        if not self.whole and not self._is_first_round_done():
            self._save()
            return
        self.covered = self.may_delete = self.whole
        if self.whole:
            self._recording.snapshot = self._snapshot
        elif self._checkpoints is not None:
            self._take_over(self._checkpoints, stages)
        if self._checkpoints is not None and (self._begun or self._checkpoints.saved):
            self._checkpoints.clear()
        self._report.next_cursor = ""

    def _take_over(self, checkpoints: Checkpoints, stages: Stages) -> None:
        """Believe the runs that this one resumed, for want of time to look again.

        What they saw is in the source, or was. Another run may meanwhile have written drugs that
        none of them saw, if searches went to the generation; then nothing can be said to be gone.
        """
        for ids in checkpoints.seen():
            stages.spool.mark_seen(ids)
        self.covered = True
        self.may_delete = not self._others or self._is_unbroken()
        self.deferred = self._begun.deferred if self._begun else 0
        self._report.warnings.append(
            "there was no time left to look again at what an earlier run had read: what has "
            "changed there since is left to the next run"
            + ("" if self.may_delete else ", and so is what has vanished")
        )

    def _is_first_round_done(self) -> bool:
        if self._options.limit is not None:
            return True
        return self._batches > self._first_round and self._written >= self._first_round
