"""What operators are told: the index, the last runs, the quarantine, who is at work.

The types list what is told. Anything else that Redis knows stays there.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from rxindex import __version__
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import Holder
from rxindex.sync.history import FollowState, History, RunRecord, describe_run, moment
from rxindex.sync.quarantine import Entry, read_entries
from rxindex.sync.status import read_status

__all__ = ["NEWEST_ENTRIES", "NEWEST_RUNS", "ServiceStatus", "read_service_status"]

#: Runs that are told: seven weeks of nights.
NEWEST_RUNS = 50

#: Entries of the quarantine that are told.
NEWEST_ENTRIES = 20


class RedisStatus(msgspec.Struct, frozen=True):
    """The Redis server.

    Attributes:
        version: of the server.
        search_version: of its query engine.
        svs: whether it has SVS-VAMANA indexes.
        hybrid: whether it has FT.HYBRID.
        vector_types: element types that its vector fields take.
        workers: threads of its query engine.
        memory: bytes in use.
        max_memory: bytes that it may use; 0 for any number.
    """

    version: str
    search_version: str
    svs: bool
    hybrid: bool
    vector_types: tuple[str, ...]
    workers: int
    memory: int
    max_memory: int


class GenerationStatus(msgspec.Struct, frozen=True):
    """A generation of the index.

    Attributes:
        name: of the generation.
        live: whether it is the one that answers.
        drugs: documents in it.
        model: the embedder's identity.
        dimensions: of its vectors.
        asked: algorithm, vector type and compression, as the settings ask for them.
        in_effect: the same, as the server really has them.
        created: when.
        failures: documents that the server could not index.
        last_failure: its own words for the last of them.
        vector_memory: bytes of the vector index.
    """

    name: str
    live: bool
    drugs: int
    model: str
    dimensions: int
    asked: str
    in_effect: str
    created: datetime
    failures: int
    last_failure: str
    vector_memory: int


class Run(RunRecord, frozen=True, kw_only=True):
    """A run, as the history has it.

    Attributes:
        started: when it began.
        ended: when it ended.
        snapshot: when reading began of the oldest data that went in.
        written: drugs that were written.
    """

    started: datetime  # type: ignore[assignment]
    ended: datetime  # type: ignore[assignment]
    snapshot: datetime  # type: ignore[assignment]
    written: int


class Following(FollowState, frozen=True, kw_only=True):
    """How far a follower has come.

    Attributes:
        committed: when the newest change was committed that the index has.
        checked: when the follower last knew that it had all there was.
        updated: when it was last heard of.
        state: ``in step``, ``behind`` or ``not running``.
        lag: seconds since it last had all there was.
    """

    committed: datetime  # type: ignore[assignment]
    checked: datetime  # type: ignore[assignment]
    updated: datetime  # type: ignore[assignment]
    state: str
    lag: float  # type: ignore[assignment]


class Lease(Holder, frozen=True, kw_only=True):
    """Who is at work now.

    Attributes:
        since: when the work began.
    """

    since: datetime  # type: ignore[assignment]


class Quarantined(msgspec.Struct, frozen=True):
    """A drug or a row in quarantine; ``rxindex quarantine show`` has all of it.

    Attributes:
        id: of the entry.
        drug_id: the drug that is not, or not all, in the index as the source has it.
        name: the drug's label name.
        ndc: of the row, as the source writes it; empty if the whole drug failed.
        reason: what happened and what to do.
        error: the error's class.
        first: when it failed first.
        last: when it failed last.
        attempts: how often it failed.
        retry_after: when it is tried again; null for the next run.
    """

    id: str
    drug_id: str
    name: str
    ndc: str
    reason: str
    error: str
    first: datetime
    last: datetime
    attempts: int
    retry_after: datetime | None


class ServiceStatus(msgspec.Struct, frozen=True):
    """All that is told.

    Attributes:
        version: of rxindex.
        catalogue: name of the catalogue in Redis.
        live: the generation that answers; null if nothing was indexed yet.
        redis: the server.
        generations: of the catalogue.
        last_run: the newest run, however it ended.
        last_completed: the newest one that left the index in step with the source.
        data_age: seconds since the index last held all that the source held.
        follow: how far a follower has come; null if there never was one.
        quarantine: how many drugs and rows are in quarantine.
        lease: who is at work now; null if nobody is.
        runs: the last runs, newest first, at most 50.
        quarantined: the latest failures in quarantine, newest first, at most 20.
    """

    version: str
    catalogue: str
    live: str | None
    redis: RedisStatus
    generations: tuple[GenerationStatus, ...]
    last_run: Run | None
    last_completed: Run | None
    data_age: float | None
    follow: Following | None
    quarantine: int
    lease: Lease | None
    runs: tuple[Run, ...]
    quarantined: tuple[Quarantined, ...]


def read_service_status(catalogue: Catalogue) -> ServiceStatus:
    """Read what ``rxindex status`` knows, with runs and entries of the quarantine.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    known = read_status(catalogue, probe(catalogue.client)) | {
        "version": __version__,
        "runs": [describe_run(one) for one in History(catalogue).last(NEWEST_RUNS)],
        "quarantined": [_describe(one) for one in read_entries(catalogue)[:NEWEST_ENTRIES]],
    }
    return msgspec.convert(known, ServiceStatus)


def _describe(entry: Entry) -> dict[str, Any]:
    again = moment(entry.retry_after) if entry.retry_after else None
    times = {"first": moment(entry.first), "last": moment(entry.last), "retry_after": again}
    described: dict[str, Any] = msgspec.to_builtins(entry)
    return described | times
