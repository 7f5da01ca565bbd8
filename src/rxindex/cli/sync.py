"""``rxindex sync``: bring the index in step with the catalogue."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from rxindex.cli.options import (
    AllowDeletes,
    Catalogue,
    ConfigFile,
    DataDir,
    DryRun,
    EmbedderName,
    Json,
    MappingFile,
    MaxSeconds,
    RedisUrl,
    SourceUrl,
    Wait,
)
from rxindex.cli.runs import finish, run
from rxindex.cli.session import tells_errors
from rxindex.cli.workers import run_on_workers
from rxindex.config import load_settings
from rxindex.errors import ConfigurationError
from rxindex.sync.stop import Stop
from rxindex.wiring import sync_options

__all__ = ["sync"]

#: What ``--since`` takes for the latest update time that the index has seen.
LAST = "last"


@tells_errors
def sync(
    source: SourceUrl = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    mapping: MappingFile = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many drugs.", show_default=False)
    ] = None,
    max_seconds: MaxSeconds = None,
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Don't go on where an earlier run stopped."),
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Look at every drug, also where the catalogue's rows are as they were.",
        ),
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(
            help="Only packages updated then or later: a date, a date and time, or 'last' for the "
            "latest update that the index has seen.",
            show_default=False,
        ),
    ] = None,
    new_generation: Annotated[
        bool,
        typer.Option(
            "--new-generation",
            help="Where the settings differ from the live index, build another one beside it.",
        ),
    ] = False,
    allow_deletes: AllowDeletes = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Share the work among so many processes of this machine.",
            show_default=False,
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Share the work among the workers of a Dask cluster: tcp://host:8786 or tls://...",
            show_default=False,
        ),
    ] = None,
    wait: Wait = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Bring the index in step with the catalogue.

    Reads the whole catalogue, leaves out formulations whose rows are as they were, compares each
    drug of the others with its document by fingerprint, embeds only texts that are new, and writes
    only what changed. Stopped by --max-seconds or SIGTERM, it
    ends clean, and the next run goes on from there.

    Examples:
      rxindex sync --source mysql://reader@db.internal/fdb --redis rediss://cache.internal

      rxindex sync --source sample --dry-run

      rxindex sync --source mysql://reader@db.internal/fdb --since last

      rxindex sync --source mysql://reader@db.internal/fdb --embedder titan --workers 4
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
    if since is not None and (limit is not None or new_generation or full):
        raise ConfigurationError(
            "--since reads a part of the catalogue: leave out --limit, --new-generation and --full"
        )
    shared = workers is not None or scheduler is not None
    if shared and (since is not None or limit is not None or dry_run):
        raise ConfigurationError(
            "workers load the whole catalogue: leave out --since, --limit and --dry-run, or "
            "--workers and --scheduler"
        )
    if workers is not None and scheduler is not None:
        raise ConfigurationError(
            "--workers starts a cluster of its own, --scheduler uses one that is there: leave one "
            "of the two out"
        )
    options = sync_options(
        settings,
        limit=limit,
        dry_run=dry_run,
        new_generation=new_generation,
        full=full,
        resume=not from_start,
        allow_deletes=allow_deletes,
    )
    if shared:
        finish(
            run_on_workers(
                settings, options, Stop(max_seconds), workers, scheduler, as_json=as_json
            ),
            as_json=as_json,
        )
        return
    report = run(
        settings,
        options,
        stop=Stop(max_seconds),
        since=_moment(since),
        updated=since is not None,
    )
    finish(report, as_json=as_json, trial=limit is not None)


def _moment(since: str | None) -> dt.datetime | None:
    if since is None or since == LAST:
        return None
    try:
        return dt.datetime.fromisoformat(since)
    except ValueError:
        raise ConfigurationError(
            f"--since {since!r} is no date: write 2026-03-31, 2026-03-31T02:00, or last"
        ) from None
