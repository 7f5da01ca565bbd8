"""``rxindex quarantine``: drugs and rows that failed by themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import (
    Catalogue,
    ConfigFile,
    DataDir,
    DryRun,
    EmbedderName,
    Json,
    MappingFile,
    RedisUrl,
    SourceUrl,
    Wait,
)
from rxindex.cli.runs import finish, retry_entries
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings
from rxindex.errors import ConfigurationError
from rxindex.index.catalogue import Catalogue as Index
from rxindex.index.lease import hold
from rxindex.sync import quarantine as entries
from rxindex.sync.quarantine import Entry, named_entries, read_entries
from rxindex.wiring import open_catalogue

__all__ = ["quarantine_app"]

quarantine_app = typer.Typer(
    add_completion=False,
    help="Drugs and rows that failed by themselves: list, show, retry, drop.",
    no_args_is_help=True,
)

Ids = Annotated[
    list[str] | None,
    typer.Argument(help="Ids of entries or of drugs, as list shows them.", show_default=False),
]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


@quarantine_app.command(name="list")
@tells_errors
def list_entries(
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """List what is in quarantine, the latest failure first.

    Example:
      rxindex quarantine list --json
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    with open_catalogue(settings) as (index, _):
        found = read_entries(index)
    if as_json:
        print_json({"catalogue": settings.catalogue, "entries": [_summary(one) for one in found]})
        return
    if not found:
        console.print(f"nothing of {settings.catalogue!r} is in quarantine")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "drug", "NDC", "failed", "times", "next try", "reason"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(
            one.id, escape(one.name), escape(one.ndc), _moment(one.last), str(one.attempts),
            _next_try(one), escape(one.reason),
        )  # fmt: skip
    console.print(table)


@quarantine_app.command()
@tells_errors
def show(
    identity: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an entry or of a drug.", show_default=False)
    ],
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show all that is known of a failure: reason, times, and the row or the text.

    Example:
      rxindex quarantine show mfzwizltoq2tcmrt
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    with open_catalogue(settings) as (index, _):
        found = named_entries(index, [identity])
    if as_json:
        print_json({"catalogue": settings.catalogue, "entries": found})
        return
    for one in found:
        for name, value in msgspec.to_builtins(one).items():
            if name in {"first", "last"} or (name == "retry_after" and value):
                value = _moment(value)
            if name == "retry_after" and not value:
                value = "the next run"
            console.print(f"[bold]{name:12}[/] {escape(str(value))}", soft_wrap=True)
        console.print()


@quarantine_app.command()
@tells_errors
def retry(
    ids: Ids = None,
    every: All = False,
    source: SourceUrl = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    mapping: MappingFile = None,
    wait: Wait = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Try failed drugs again now, whatever they failed at and however long they should wait.

    Their rows are read again from the source. Without a source they are only released: the next
    sync tries them.

    Examples:
      rxindex quarantine retry --all --source mysql://reader@db.internal/fdb

      rxindex quarantine retry mfzwizltoq2tcmrt --dry-run
    """
    settings = load_settings(
        config,
        source=source,
        redis=redis,
        catalogue=catalogue,
        embedder=embedder,
        mapping=mapping,
        data_dir=data_dir,
        wait=wait,
    )
    wanted = _wanted(ids, every)
    if settings.source is not None:
        finish(retry_entries(settings, wanted, dry_run=dry_run), as_json=as_json)
        return
    chosen = _carry_out(settings, "quarantine retry", entries.release, wanted, dry_run=dry_run)
    _tell(settings, "released", chosen, dry_run=dry_run, as_json=as_json)


@quarantine_app.command()
@tells_errors
def drop(
    ids: Ids = None,
    every: All = False,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    wait: Wait = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Forget failures. What fails again in the next sync comes back.

    Examples:
      rxindex quarantine drop mfzwizltoq2tcmrt

      rxindex quarantine drop --all
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir, wait=wait)
    wanted = _wanted(ids, every)
    chosen = _carry_out(settings, "quarantine drop", entries.drop, wanted, dry_run=dry_run)
    _tell(settings, "dropped", chosen, dry_run=dry_run, as_json=as_json)


def _carry_out(
    settings: Settings,
    command: str,
    act: Callable[[Index, Sequence[str] | None], list[str]],
    wanted: list[str] | None,
    *,
    dry_run: bool,
) -> list[str]:
    """Change entries under the lease; in a dry run only find them.

    Returns:
        The ids of those that were changed, or would be.
    """
    with open_catalogue(settings) as (index, _):
        if dry_run:
            return [one.id for one in named_entries(index, wanted)]
        with hold(index, command, wait=settings.wait, seconds=settings.lease_seconds) as held:
            return act(held, wanted)


def _wanted(ids: list[str] | None, every: bool) -> list[str] | None:
    """Give the ids, or None for all.

    Raises:
        ConfigurationError: neither ids nor --all, or both.
    """
    if bool(ids) == every:
        raise ConfigurationError("name ids (rxindex quarantine list shows them), or give --all")
    return ids or None


def _tell(settings: Settings, done: str, ids: list[str], *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"catalogue": settings.catalogue, done: ids, "dry_run": dry_run})
    else:
        verb = f"would be {done}" if dry_run else done
        console.print(f"{len(ids)} {verb}")


def _summary(one: Entry) -> dict[str, Any]:
    """Give an entry without the row and the text, which ``show`` has."""
    built: dict[str, Any] = msgspec.to_builtins(one)
    return {name: value for name, value in built.items() if name not in {"row", "text"}}


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M")


def _next_try(one: Entry) -> str:
    if one.row is not None:
        return "each run"
    return _moment(one.retry_after) if one.retry_after else "next run"
