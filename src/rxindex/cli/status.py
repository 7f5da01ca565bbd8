"""``rxindex status``: what is indexed, and what the server really does."""

from __future__ import annotations

import datetime
from typing import Any

from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, Json, RedisUrl
from rxindex.cli.session import console, open_catalogue, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue as Index
from rxindex.index.catalogue import GenerationState
from rxindex.index.connect import redis_errors

__all__ = ["status"]


@tells_errors
def status(
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show what is indexed: generations, counts, and settings asked for and in effect.

    Example:
      rxindex status --redis rediss://cache.internal --json
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    with open_catalogue(settings) as (index, capabilities):
        found = _gather(index, capabilities)
    if as_json:
        print_json(found)
        return
    console.print(
        f"Redis [bold]{capabilities.redis_version}[/], search "
        f"{capabilities.search_version_text}, {found['redis']['memory'] / 2**20:,.1f} MB used"
    )
    if not found["generations"]:
        console.print(f"nothing is indexed as {settings.catalogue!r} yet: run 'rxindex sync'")
        return
    table = Table(title=f"catalogue {settings.catalogue}", title_justify="left")
    for column in ("generation", "drugs", "model", "asked for", "in effect", "built", "errors"):
        table.add_column(column, overflow="fold")
    for one in found["generations"]:
        name = f"{one['name']} (live)" if one["live"] else one["name"]
        errors = f"{one['failures']} {escape(one['last_failure'])}" if one["failures"] else "none"
        table.add_row(
            name, f"{one['drugs']:,}", one["model"], one["asked"], one["in_effect"],
            one["created"], errors,
        )  # fmt: skip
    console.print(table)


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
