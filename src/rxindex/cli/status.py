"""``rxindex status``: what is indexed, and what the server really does."""

from __future__ import annotations

import datetime
import time
from typing import Any

import msgspec
from rich.markup import escape
from rich.table import Table

from rxindex.cli.history import describe_run, how_it_went, in_words, moment
from rxindex.cli.options import Catalogue, ConfigFile, DataDir, Json, RedisUrl
from rxindex.cli.session import console, open_catalogue, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue as Index
from rxindex.index.connect import redis_errors
from rxindex.index.generation import GenerationState
from rxindex.index.lease import Holder, read_holder
from rxindex.sync.history import FollowState, History, RunRecord, read_follow
from rxindex.sync.quarantine import quarantine_key

__all__ = ["status"]

#: Seconds after which a follower that was not heard of is not taken to be at work.
_SILENT = 60.0


class _Work(msgspec.Struct, frozen=True):
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


@tells_errors
def status(
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show what is indexed, how old it is, how the last runs went, and who is at work.

    Generations are shown with their counts and with the settings asked for and in effect.

    Example:
      rxindex status --redis rediss://cache.internal --json
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    with open_catalogue(settings) as (index, capabilities):
        found, work = _gather(index, capabilities), _look_at_work(index)
    if as_json:
        print_json(found | _describe_work(work))
        return
    console.print(
        f"Redis [bold]{capabilities.redis_version}[/], search "
        f"{capabilities.search_version_text}, {found['redis']['memory'] / 2**20:,.1f} MB used"
    )
    if found["generations"]:
        console.print(_generations(settings.catalogue, found["generations"]))
    else:
        console.print(f"nothing is indexed as {settings.catalogue!r} yet: run 'rxindex sync'")
    facts = Table(box=None, show_header=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _say(work):
        facts.add_row(name, value)
    console.print(facts)


def _generations(catalogue: str, generations: list[dict[str, Any]]) -> Table:
    table = Table(title=f"catalogue {catalogue}", title_justify="left")
    for column in ("generation", "drugs", "model", "asked for", "in effect", "built", "errors"):
        table.add_column(column, overflow="fold")
    for one in generations:
        name = f"{one['name']} (live)" if one["live"] else one["name"]
        errors = f"{one['failures']} {escape(one['last_failure'])}" if one["failures"] else "none"
        table.add_row(
            name, f"{one['drugs']:,}", one["model"], one["asked"], one["in_effect"],
            one["created"], errors,
        )  # fmt: skip
    return table


def _gather(index: Index, capabilities: Capabilities) -> dict[str, Any]:
    live = index.live()
    states = [index.state(one, live) for one in index.generations()]
    with redis_errors("asking Redis for its memory"):
        memory = index.client.info("memory")
    return {
        "catalogue": index.name,
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


def _look_at_work(index: Index) -> _Work:
    now, history = time.time(), History(index)
    with redis_errors("counting the quarantine"):
        quarantine = index.client.hlen(quarantine_key(index))
    return _Work(
        last_run=next(iter(history.last(1)), None),
        last_completed=history.last_completed(),
        data_age=history.data_age(now),
        follow=read_follow(index),
        quarantine=quarantine,
        holder=read_holder(index),
        now=now,
    )


def _describe_work(work: _Work) -> dict[str, Any]:
    """Give what runs left behind as plain values, for JSON."""
    follow, holder = None, None
    if work.follow is not None:
        follow = msgspec.to_builtins(work.follow)
        for name in ("committed", "checked", "updated"):
            follow[name] = moment(follow[name]).isoformat(timespec="milliseconds")
        follow |= {
            "state": _follow_state(work.follow, work.now),
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


def _say(work: _Work) -> list[tuple[str, str]]:
    """Say for people what runs left behind: a name and markup, line by line."""
    said = []
    if work.holder is not None:
        one = work.holder
        since = f"for {in_words(work.now - one.since)}" + (", but it died" if one.is_gone() else "")
        said.append(("at work", escape(f"{one.command}, process {one.pid} on {one.host}, {since}")))
    if work.last_run is not None:
        said.append(("last run", how_it_went(work.last_run, work.now)))
    if work.last_completed is not None and work.last_completed != work.last_run:
        said.append(("last completed", how_it_went(work.last_completed, work.now)))
    if work.data_age is not None:
        said.append(("newest data", f"{in_words(work.data_age)} old"))
    if work.follow is not None:
        state, lag = _follow_state(work.follow, work.now), work.follow.lag(work.now)
        said.append(
            (
                "following",
                f"{state}, lag {in_words(lag)}; {work.follow.rows:,} rows and "
                f"{work.follow.drugs:,} drugs so far, at {escape(work.follow.position)}",
            )
        )
    waiting = f"{work.quarantine:,} drugs"
    said.append(("quarantine", f"[yellow]{waiting}[/]" if work.quarantine else "empty"))
    return said


def _follow_state(state: FollowState, now: float) -> str:
    """Give ``in step``, ``behind``, or ``not running`` for one that was not heard of."""
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
