"""What runs leave behind in Redis: a record of each, and how far a follower has come.

The records are for people and alarms. Nothing that a run decides depends on them.
"""

from __future__ import annotations

import datetime
import logging
import os
import re
import socket
import time
from typing import Any, Literal

import msgspec

from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import hide_password, redis_errors, translate
from rxindex.sync.report import SyncReport

__all__ = [
    "KEPT",
    "LOADING",
    "FollowState",
    "History",
    "Outcome",
    "RunRecord",
    "describe_run",
    "hide_passwords",
    "moment",
    "read_follow",
    "write_follow",
]

#: Records that are kept of a catalogue.
KEPT = 200

#: Commands that, once completed, leave the index in step with the whole source.
LOADING = ("sync", "reindex")

#: ``completed``: the whole plan was carried out. ``held``: something was kept back for a person
#: to decide (deletes, a new generation). ``stopped``: out of time or interrupted, the next run
#: goes on. ``failed``: an error ended it.
Outcome = Literal["completed", "held", "stopped", "failed"]

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+")
#: Longer messages are cut: a driver may quote a whole statement.
_LONGEST_REASON = 1000
_COUNTS = (
    "total_processed", "packages", "added", "updated", "metadata_only", "unchanged", "deleted",
    "quarantined", "failed", "embedding_calls", "vectors_carried", "drugs_per_second",
)  # fmt: skip

_log = logging.getLogger("rxindex.history")


def hide_passwords(text: str) -> str:
    """Give a text with the secrets of every URL in it hidden (see `hide_password`).

    A URL ends at the first blank; one that is written with a blank inside is not recognised.
    """
    return _URL.sub(lambda found: hide_password(found.group()), text)


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a run. Counts are of drugs where nothing else is said.

    Attributes:
        run: the run's own id.
        command: ``sync``, ``reindex``, ``verify``, ``follow``, ``quarantine retry``, ...
        catalogue: its name in Redis.
        outcome: how it ended (see `Outcome`).
        started: seconds since the epoch.
        ended: seconds since the epoch.
        snapshot: seconds since the epoch; when reading began of the oldest data that went in. A
            resumed run has that of the first of its runs. 0 stands for ``started``.
        host: the machine's name.
        pid: the process there.
        error: class of the error that ended it, or empty.
        reason: that error's message, without secrets.
        total_processed: drugs that the run looked at.
        packages: rows (NDCs) that were read.
        added: drugs that were not in the index.
        updated: drugs whose embedding text changed.
        metadata_only: drugs that changed in anything else.
        unchanged: drugs for which nothing was written.
        deleted: drugs that the source does not have any more.
        quarantined: drugs or rows that failed by themselves.
        failed: drugs that are not in the index as the source has them.
        embedding_calls: texts that went to the model.
        vectors_carried: vectors taken over from the generation before.
        drugs_per_second: drugs looked at, by wall time.
        duration: seconds.
        generation: that was written.
        source: where the rows came from, without secrets.
        model: the embedder's identity.
        resumed: whether it went on where another run stopped.
        next_cursor: where the next run goes on, as text; empty where there is nothing left.
    """

    run: str
    command: str
    catalogue: str
    outcome: Outcome
    started: float
    ended: float
    snapshot: float = 0.0
    host: str = ""
    pid: int = 0
    error: str = ""
    reason: str = ""
    total_processed: int = 0
    packages: int = 0
    added: int = 0
    updated: int = 0
    metadata_only: int = 0
    unchanged: int = 0
    deleted: int = 0
    quarantined: int = 0
    failed: int = 0
    embedding_calls: int = 0
    vectors_carried: int = 0
    drugs_per_second: float = 0.0
    duration: float = 0.0
    generation: str = ""
    source: str = ""
    model: str = ""
    resumed: bool = False
    next_cursor: str = ""

    @property
    def written(self) -> int:
        """Drugs that were written."""
        return self.added + self.updated + self.metadata_only

    @property
    def data_from(self) -> float:
        """Seconds since the epoch; what the source held before that went in."""
        return self.snapshot or self.started

    @classmethod
    def of(
        cls,
        report: SyncReport,
        *,
        run: str,
        command: str,
        outcome: Outcome,
        started: float,
        ended: float,
        error: BaseException | None = None,
        snapshot: float = 0.0,
        resumed: bool = False,
        next_cursor: str = "",
    ) -> RunRecord:
        """Make the record of a run of this process from its report, however far it came.

        Args:
            report: what the run did; it need not be finished.
            run: the run's id.
            command: what was run.
            outcome: how it ended.
            started: seconds since the epoch.
            ended: seconds since the epoch.
            error: what ended it, if anything did.
            snapshot: see the attribute.
            resumed: see the attribute.
            next_cursor: see the attribute.
        """
        duration = max(ended - started, 0.0)
        counts = {name: getattr(report, name) for name in _COUNTS}
        # The report of a run that an error ended has no rate yet.
        if not counts["drugs_per_second"] and duration:
            counts["drugs_per_second"] = round(report.total_processed / duration, 1)
        return cls(
            run=run,
            command=command,
            catalogue=report.catalogue,
            outcome=outcome,
            started=started,
            ended=ended,
            snapshot=snapshot or started,
            host=socket.gethostname(),
            pid=os.getpid(),
            error=type(error).__name__ if error is not None else "",
            reason=hide_passwords(str(error))[:_LONGEST_REASON] if error is not None else "",
            duration=round(duration, 3),
            generation=report.generation,
            source=hide_passwords(report.source),
            model=report.model,
            resumed=resumed,
            next_cursor=next_cursor,
            **counts,
        )


class History:
    """The records of a catalogue's runs, newest first, the last `KEPT` of them.

    Written without the lease: a run that lost it still has to tell so.

    Args:
        catalogue: whose.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._list = catalogue.key("history")
        # Apart from the list: a run that fails every minute soon fills the list.
        self._completed = catalogue.key("history", "completed")

    def add(self, record: RunRecord) -> None:
        """Put a record in front.

        Raises:
            RxindexError: Redis does not answer or takes no writes (see `translate`). Whether the
                run goes on without a record is for the caller to say.
        """
        doing = f"recording the end of {record.command}"
        encoded = msgspec.json.encode(record)
        pipe = self.catalogue.client.pipeline(transaction=False)
        # The same record again, after an answer that was lost, is not another run.
        pipe.lrem(self._list, 0, encoded)  # type: ignore[arg-type]
        pipe.lpush(self._list, encoded)
        pipe.ltrim(self._list, 0, KEPT - 1)
        if _loaded(record):
            pipe.set(self._completed, encoded)
        with redis_errors(doing):
            replies = pipe.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise translate(reply, doing) from reply

    def last(self, n: int = KEPT) -> list[RunRecord]:
        """Read the newest ``n`` records, newest first.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        if n < 1:
            return []
        with redis_errors("reading the history"):
            stored = self.catalogue.client.lrange(self._list, 0, n - 1)
        found = [self._read(one) for one in stored]
        return [one for one in found if one is not None]

    def last_completed(self) -> RunRecord | None:
        """Read the newest run that left the index in step with the whole source (`LOADING`).

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        with redis_errors("reading the history"):
            stored = self.catalogue.client.get(self._completed)
        return self._read(stored) if stored else None

    def data_age(self, now: float) -> float | None:
        """Tell how old the newest data is.

        Args:
            now: seconds since the epoch.

        Returns:
            Seconds since the index last held all that the source held: since the newest completed
            run began to read, or since a follower was last in step. None if neither ever was.

        Raises:
            IndexUnavailable: Redis does not answer.
        """
        record, follow = self.last_completed(), read_follow(self.catalogue)
        moments = [record.data_from] if record else []
        if follow is not None:
            moments.append(max(follow.committed, follow.checked))
        return max(now - max(moments), 0.0) if moments else None

    def _read(self, stored: bytes | str) -> RunRecord | None:
        """Decode a record; None for one that a later version wrote in another form."""
        try:
            return msgspec.json.decode(stored, type=RunRecord)
        except msgspec.DecodeError as error:
            _log.warning(
                "a record in the history of %s can't be read: %s", self.catalogue.name, error
            )
            return None


class FollowState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a follower has come; it writes this after each change and at least twice a minute.

    Attributes:
        position: where in the source's log it goes on, as text.
        committed: seconds since the epoch; when the newest change was committed that the index
            has.
        checked: seconds since the epoch; when it last knew that it had all there was.
        rows: changed rows that it has seen.
        drugs: drugs that it has written or deleted.
        updated: seconds since the epoch; when this was written.
    """

    position: str
    committed: float = 0.0
    checked: float = 0.0
    rows: int = 0
    drugs: int = 0
    updated: float = 0.0

    def lag(self, now: float) -> float:
        """Tell how many seconds ago the follower last had all there was."""
        return max(now - max(self.checked, self.committed), 0.0)


def read_follow(catalogue: Catalogue) -> FollowState | None:
    """Read how far the catalogue's follower has come; None if it has none.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    with redis_errors("reading how far following has come"):
        stored = catalogue.client.get(catalogue.key("follow"))
    try:
        return msgspec.json.decode(stored, type=FollowState) if stored else None
    except msgspec.DecodeError as error:
        # As good as none: a follower that finds none compares everything.
        _log.warning("how far following %s has come can't be read: %s", catalogue.name, error)
        return None


def write_follow(catalogue: Catalogue, state: FollowState) -> FollowState:
    """Write how far following has come, under the lease if the catalogue is held by one.

    Returns:
        What was written: ``state``, with the time of writing.

    Raises:
        LeaseLost: another follower is at work.
        RxindexError: Redis does not answer or takes no writes.
    """
    written = msgspec.structs.replace(state, updated=time.time())
    command = ("SET", catalogue.key("follow"), msgspec.json.encode(written))
    catalogue.write_all([command], "recording how far following has come")
    return written


def _loaded(record: RunRecord) -> bool:
    return record.outcome == "completed" and record.command in LOADING


def describe_run(record: RunRecord) -> dict[str, Any]:
    """Give a record as plain values, for JSON, with its times in ISO 8601."""
    shown: dict[str, Any] = msgspec.to_builtins(record) | {"snapshot": record.data_from}
    for name in ("started", "ended", "snapshot"):
        shown[name] = moment(shown[name]).isoformat(timespec="milliseconds")
    return shown | {"written": record.written}


def moment(seconds: float) -> datetime.datetime:
    """Give seconds since the epoch as a time in UTC."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)
