"""How to run a sync."""

from __future__ import annotations

import datetime

import msgspec

from rxindex.index.lease import LEASE_SECONDS
from rxindex.index.schema import IndexSettings
from rxindex.sync.budget import Limits
from rxindex.sync.promote import Standards

__all__ = ["READER_FROM", "SyncOptions"]

#: Packages from which on a process that reads is worth its half second of starting, and 100 MB.
READER_FROM = 20_000


class SyncOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to run.

    Attributes:
        batch_size: drugs in one round trip; fewer where they have more than three packages each.
        limit: stop after this many drugs, for a trial; nothing is deleted then. None for all.
        max_drugs: stop clean after about this many drugs; the next run goes on from there.
        begin_after: begin behind this cursor (a report's ``next_cursor``). Where that is not the
            checkpoint, what lies before it is not looked at, and nothing is deleted.
        skip: begin behind so many drugs, likewise.
        dry_run: read, plan and report; write nothing and embed nothing.
        new_generation: build another generation where the live one does not fit the settings.
        rebuild: build another generation even where the live one fits (``rxindex reindex``).
        full: look at every drug, also where its rows are as they were when it was written.
        resume: go on where an earlier run stopped; else begin at the beginning.
        allow_deletes: delete however many drugs the source does not have any more.
        most_deletes: without ``allow_deletes``, the share of the index that a run may delete.
        standards: what a new generation has to meet to go live.
        limits: how many drugs may fail.
        lease_seconds: how long after its last sign of life a run is taken for dead.
        wait: seconds to wait for another run on the catalogue to end.
        checkpoint_seconds: between two checkpoints.
        reader_from: packages from which on a first load reads in a process of its own, where
            there is a second core. None: never.
        index: what is asked of the index.
        today: ISO date that decides what is obsolete; empty for the current one (UTC).
    """

    batch_size: int = 500
    limit: int | None = None
    max_drugs: int | None = None
    begin_after: str = ""
    skip: int = 0
    dry_run: bool = False
    new_generation: bool = False
    rebuild: bool = False
    full: bool = False
    resume: bool = True
    allow_deletes: bool = False
    most_deletes: float = 0.05
    standards: Standards = Standards()
    limits: Limits = Limits()
    lease_seconds: float = LEASE_SECONDS
    wait: float = 0.0
    checkpoint_seconds: float = 5.0
    reader_from: int | None = READER_FROM
    index: IndexSettings = IndexSettings()
    today: str = ""

    @property
    def command(self) -> str:
        """What the run is called in messages and in the history."""
        return "reindex" if self.rebuild else "sync"

    @property
    def day(self) -> str:
        """The date that decides what is obsolete."""
        return self.today or datetime.datetime.now(datetime.UTC).date().isoformat()
