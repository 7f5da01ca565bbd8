"""``rxindex status``: what is indexed, and what the server really does."""

from __future__ import annotations

from typing import Any

from rich.markup import escape
from rich.table import Table

from rxindex.cli.history import how_it_went, in_words
from rxindex.cli.options import Catalogue, ConfigFile, DataDir, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.sync.status import Work, describe_index, describe_work, follow_state, read_work
from rxindex.wiring import open_catalogue

__all__ = ["status"]


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
        found, work = describe_index(index, capabilities), read_work(index)
    if as_json:
        print_json(found | describe_work(work))
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


def _say(work: Work) -> list[tuple[str, str]]:
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
        state, lag = follow_state(work.follow, work.now), work.follow.lag(work.now)
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
