"""Following the source's binlog: a committed change is searchable a moment later.

A change names groups; they are read again from the source and put through the same plan as in any
other run. So what arrives twice, or late, does no harm, and the position in the binlog only has to
be right or early: it is saved when Redis has confirmed everything before it.

The lease is held for each handful of changes, not for as long as the follower lives, so that a
nightly run fits in between.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

import msgspec

from rxindex.embed.base import Embedder
from rxindex.errors import BinlogGone, EmbedderUnavailable, LeaseHeld, TransientError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.source.base import Group, Source
from rxindex.source.binlog.change import BinlogPosition, Change
from rxindex.sync.events import ChangesApplied, Observer, Observers
from rxindex.sync.groups import Changed, sync_groups
from rxindex.sync.history import FollowState, read_follow, write_follow
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.run import sync
from rxindex.sync.stop import Stop
from rxindex.vocabulary import Vocabulary

if TYPE_CHECKING:  # what it needs is an extra
    from rxindex.source.binlog.reader import Binlog

__all__ = ["Applied", "Follower"]

#: Changed groups that are applied together at most. More wait for the next round.
_MOST_GROUPS = 2_000
#: Seconds that the first change of a round waits for others at most.
_LONGEST_WAIT = 0.5
#: Seconds between two signs of life while nothing changes.
_SIGN_OF_LIFE = 10.0
#: Seconds to wait after the first failure; doubles with each.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
#: Seconds to wait for another run's lease before looking again for a reason to stop.
_LEASE_WAIT = 1.0

_log = logging.getLogger("rxindex.follow")


class Applied(msgspec.Struct, frozen=True):
    """What a round of changes did.

    Attributes:
        rows: changed rows of the source.
        lag: seconds from the commit of the oldest change to the moment it could be found; the
            binlog says when a commit was to the second.
        report: of the round.
        everything: why the whole source was compared, or empty.
    """

    rows: int
    lag: float
    report: SyncReport
    everything: str = ""


class _Round:
    """Changes that are to be applied together."""

    def __init__(self, position: BinlogPosition) -> None:
        self.position = position
        self.groups: set[Group] = set()
        self.drug_ids: set[str] = set()
        self.rows = 0
        self.everything = ""
        self.committed = 0.0
        self.newest = 0.0
        self.begun = 0.0

    def add(self, change: Change) -> None:
        self.position = change.position
        self.groups |= change.groups
        self.drug_ids |= change.drug_ids
        self.rows += change.rows
        self.everything = self.everything or change.everything
        if self and not self.begun:
            self.begun = time.monotonic()
            self.committed = change.committed
        self.newest = max(self.newest, change.committed)

    def __bool__(self) -> bool:
        return bool(self.groups or self.drug_ids or self.everything)

    def is_due(self, *, idle: bool) -> bool:
        """Tell whether to apply it now."""
        waited = self.begun and time.monotonic() - self.begun >= _LONGEST_WAIT
        return bool(self) and bool(idle or waited or len(self.groups) >= _MOST_GROUPS)


class Follower:
    """Keeps the live index in step with a database, change by change.

    Args:
        open_source: gives the source, not entered; called again after the database was away.
        open_binlog: likewise its binlog.
        embedder: makes the vectors.
        catalogue: where to write.
        capabilities: of the server.
        vocabulary: joined to the drugs by ingredient.
        options: how to run.
        stop: when to stop.
        observers: told of each round, and of each full comparison.
        tell: called with each round's outcome.
    """

    def __init__(
        self,
        open_source: Callable[[], Source],
        open_binlog: Callable[[], Binlog],
        embedder: Embedder,
        catalogue: Catalogue,
        capabilities: Capabilities,
        vocabulary: Vocabulary,
        options: SyncOptions,
        stop: Stop,
        observers: Sequence[Observer] = (),
        tell: Callable[[Applied], None] = lambda applied: None,
    ) -> None:
        self._open_source = open_source
        self._open_binlog = open_binlog
        self._embedder = embedder
        self._catalogue = catalogue
        self._capabilities = capabilities
        self._vocabulary = vocabulary
        self._options = options
        self._stop = stop
        self._observers = Observers(observers)
        self._tell = tell
        self._pause = _FIRST_PAUSE
        self._signed = 0.0
        self.state = read_follow(catalogue) or FollowState(position="")

    def run(self, *, until_idle: bool = False) -> FollowState:
        """Follow until there is a reason to stop.

        Args:
            until_idle: stop once the index is in step.

        Returns:
            How far it came.

        Raises:
            TerminalError: the source can't be followed, or the index not written, until somebody
                changes something. What is transient (a database or Redis that is away) is tried
                again, with longer and longer pauses.
        """
        done = False
        while not done and not self._stop:
            try:
                with ExitStack() as opened:
                    done = self._follow(opened, until_idle=until_idle)
                self._pause = _FIRST_PAUSE
            except BinlogGone as error:
                _log.warning("%s; the whole source is compared", error)
                self.state = msgspec.structs.replace(self.state, position="")
            except TransientError as error:
                _log.warning("%s; trying again in %.1f s", error, self._pause)
                self._stop.wait(self._pause)
                self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return self.state

    def _follow(self, opened: ExitStack, *, until_idle: bool) -> bool:
        """Follow with one pair of connections.

        Returns:
            Whether to end; else everything is opened anew, from the position that was saved.
        """
        binlog = opened.enter_context(self._open_binlog())
        binlog.check()
        position = self._position()
        if position is None:
            # The end first: what is committed while the source is compared is then followed.
            whole = _Round(binlog.end())
            whole.everything = "it is not known what of the binlog the index has"
            return not self._compare(whole)
        source = opened.enter_context(self._open_source())
        gathered = _Round(position)
        for change in opened.enter_context(closing(binlog.changes(position))):
            gathered.add(change)
            if gathered.everything:
                # It may be the schema that has changed, so both are opened anew.
                return not self._compare(gathered)
            if gathered.is_due(idle=change.idle):
                if not self._apply(source, gathered):
                    return True
                gathered = _Round(gathered.position)
            if not gathered:
                in_step = until_idle and change.idle
                self._rest(gathered.position, change.idle, always=in_step or bool(self._stop))
                if in_step:
                    return True
            if self._stop:
                return True
        return False

    def _position(self) -> BinlogPosition | None:
        """Give the position that was saved, if it can be read."""
        try:
            return msgspec.json.decode(self.state.position, type=BinlogPosition)
        except msgspec.DecodeError:
            return None

    def _apply(self, source: Source, gathered: _Round) -> bool:
        """Put a round of changes into the index, and only then move the position.

        Returns:
            Whether it was done; not if there was a reason to stop.

        Raises:
            TransientError: it has to be done again, from the position that is saved.
        """
        report = SyncReport(
            source=source.name, catalogue=self._catalogue.name, model=self._embedder.model_id
        )
        begun = time.monotonic()
        with ExitStack() as leased:
            held = self._hold(leased)
            if held is None:
                return False
            source.renew()
            changed = Changed(gathered.groups, gathered.drug_ids)
            whole = sync_groups(
                source, self._embedder, held, self._vocabulary, self._options, changed, report,
                self._stop,
            )  # fmt: skip
            if report.deferred:
                raise EmbedderUnavailable("the embedder asks to slow down")
            if whole:
                self._save(held, gathered, report)
        report.completed = whole and not report.delete_held
        report.finish(time.monotonic() - begun)
        if whole:
            self._told(gathered, report)
        return whole

    def _hold(self, leased: ExitStack) -> Catalogue | None:
        """Wait for the lease, however long another run takes; None if asked to stop."""
        seconds = self._options.lease_seconds
        while not self._stop:
            with suppress(LeaseHeld):
                return leased.enter_context(
                    hold(self._catalogue, "follow", wait=_LEASE_WAIT, seconds=seconds)
                )
        return None

    def _compare(self, gathered: _Round) -> bool:
        """Compare the whole source, and save the position that was reached before.

        Returns:
            Whether it was done; not if there was a reason to stop.

        Raises:
            TransientError: it has to be done again.
        """
        _log.info("comparing the whole source: %s", gathered.everything)
        options = msgspec.structs.replace(self._options, wait=_LEASE_WAIT)
        report = sync(
            self._open_source(), self._embedder, self._catalogue, self._capabilities,
            self._vocabulary, options, stop=self._stop, observers=list(self._observers),
        )  # fmt: skip
        if report.stopped:
            return False
        if report.deferred:
            raise EmbedderUnavailable("the embedder asks to slow down")
        self._save(self._catalogue, gathered, report)
        self._told(gathered, report)
        return True

    def _save(self, catalogue: Catalogue, gathered: _Round, report: SyncReport) -> None:
        """Move the position behind what Redis has confirmed."""
        written = report.added + report.updated + report.metadata_only + report.deleted
        self.state = write_follow(
            catalogue,
            msgspec.structs.replace(
                self.state,
                position=msgspec.json.encode(gathered.position).decode(),
                committed=max(self.state.committed, gathered.newest),
                rows=self.state.rows + gathered.rows,
                drugs=self.state.drugs + written,
            ),
        )
        self._signed = time.monotonic()

    def _rest(self, position: BinlogPosition, idle: bool, *, always: bool) -> None:
        """Give a sign of life now and then, and advance over what concerns others."""
        if not always and time.monotonic() - self._signed < _SIGN_OF_LIFE:
            return
        self.state = write_follow(
            self._catalogue,
            msgspec.structs.replace(
                self.state,
                position=msgspec.json.encode(position).decode(),
                checked=time.time() if idle else self.state.checked,
            ),
        )
        self._signed = time.monotonic()

    def _told(self, gathered: _Round, report: SyncReport) -> None:
        lag = max(0.0, time.time() - gathered.committed) if gathered.committed else 0.0
        written = report.added + report.updated + report.metadata_only
        self._observers.tell(
            ChangesApplied(
                self._catalogue.name,
                gathered.rows,
                report.total_processed,
                written,
                report.deleted,
                lag,
            )
        )
        self._tell(Applied(gathered.rows, lag, report, gathered.everything))
