"""What is indexed, how old it is, how the last runs went, and who is at work: one dictionary."""

from __future__ import annotations

import datetime
import time
from typing import Any

import msgspec

from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import redis_errors
from rxindex.index.generation import GenerationState
from rxindex.index.lease import Holder, read_holder
from rxindex.sync.history import FollowState, History, RunRecord, describe_run, moment, read_follow
from rxindex.sync.quarantine import quarantine_size

__all__ = ["Work", "describe_index", "describe_work", "follow_state", "read_status", "read_work"]

#: Seconds after which a follower that was not heard of is not taken to be at work.
_SILENT = 60.0


class Work(msgspec.Struct, frozen=True):
    """What runs have left behind.

    Attributes:
        last_run: the newest run, however it ended.
        last_completed: the newest one that left the index in step with the source.
        data_age: seconds since the index last held all that the source held.
        follow: how far a follower has come.
        quarantine: drugs that wait there.
        holder: who is at work now.
        now: seconds since the epoch, when this was read.
    """

    last_run: RunRecord | None
    last_completed: RunRecord | None
    data_age: float | None
    follow: FollowState | None
    quarantine: int
    holder: Holder | None
    now: float


def read_status(catalogue: Catalogue, capabilities: Capabilities) -> dict[str, Any]:
    """Give everything as plain values, for JSON.

    Args:
        catalogue: whose.
        capabilities: of the server.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    return describe_index(catalogue, capabilities) | describe_work(read_work(catalogue))


def describe_index(catalogue: Catalogue, capabilities: Capabilities) -> dict[str, Any]:
    """Give the server and the generations, asked for and in effect, as plain values.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    live = catalogue.live()
    states = [catalogue.state(one, live) for one in catalogue.generations()]
    with redis_errors("asking Redis for its memory"):
        memory = catalogue.client.info("memory")
    return {
        "catalogue": catalogue.name,
        "live": live,
        "redis": {
            "version": capabilities.redis_version,
            "search_version": capabilities.search_version_text,
            "svs": capabilities.svs,
            "hybrid": capabilities.hybrid,
            "vector_types": capabilities.vector_types,
            "workers": capabilities.workers,
            "memory": memory["used_memory"],
            "max_memory": memory.get("maxmemory", 0),
        },
        "generations": [_describe(one) for one in states],
    }


def read_work(catalogue: Catalogue) -> Work:
    """Read what runs have left behind.

    Raises:
        IndexUnavailable: Redis does not answer.
    """
    now, history = time.time(), History(catalogue)
    return Work(
        last_run=next(iter(history.last(1)), None),
        last_completed=history.last_completed(),
        data_age=history.data_age(now),
        follow=read_follow(catalogue),
        quarantine=quarantine_size(catalogue),
        holder=read_holder(catalogue),
        now=now,
    )


def describe_work(work: Work) -> dict[str, Any]:
    """Give what runs left behind as plain values, for JSON."""
    follow, holder = None, None
    if work.follow is not None:
        follow = msgspec.to_builtins(work.follow)
        for name in ("committed", "checked", "updated"):
            follow[name] = moment(follow[name]).isoformat(timespec="milliseconds")
        follow |= {
            "state": follow_state(work.follow, work.now),
            "lag": round(work.follow.lag(work.now), 3),
        }
    if work.holder is not None:
        since = moment(work.holder.since).isoformat(timespec="milliseconds")
        holder = msgspec.to_builtins(work.holder) | {"since": since}
    return {
        "last_run": describe_run(work.last_run) if work.last_run else None,
        "last_completed": describe_run(work.last_completed) if work.last_completed else None,
        "data_age": None if work.data_age is None else round(work.data_age, 3),
        "follow": follow,
        "quarantine": work.quarantine,
        "lease": holder,
    }


def follow_state(state: FollowState, now: float) -> str:
    """Give ``in step``, ``behind``, or ``not running`` for one that was not heard of.

    Args:
        state: what the follower left.
        now: seconds since the epoch.
    """
    if now - state.updated > _SILENT:
        return "not running"
    return "in step" if now - state.checked <= _SILENT else "behind"


def _describe(state: GenerationState) -> dict[str, Any]:
    built, effect = state.generation, state.in_effect
    asked = built.settings
    created = datetime.datetime.fromtimestamp(built.created, datetime.UTC)
    return {
        "name": built.name,
        "live": state.live,
        "drugs": state.counts.documents,
        "model": built.model_id,
        "dimensions": built.dimensions,
        "asked": " ".join(filter(None, (asked.algorithm, asked.vector_type, asked.compression))),
        "in_effect": " ".join(
            filter(None, (effect.algorithm, effect.vector_type, effect.compression))
        ),
        "created": created.isoformat(timespec="seconds"),
        "failures": state.counts.failures,
        "last_failure": state.counts.last_failure,
        "vector_memory": state.counts.vector_memory,
    }
