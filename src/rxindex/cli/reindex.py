"""``rxindex reindex`` and ``rxindex rollback``: another generation, and back."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from rxindex.cli.options import (
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
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.index.lease import hold
from rxindex.sync.promote import roll_back, rollback_target
from rxindex.sync.stop import Stop
from rxindex.wiring import open_catalogue, sync_options

__all__ = ["reindex", "rollback"]


@tells_errors
def reindex(
    source: SourceUrl = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    dimensions: Annotated[
        int | None,
        typer.Option(help="Vector length, for titan and fake.", show_default=False),
    ] = None,
    algorithm: Annotated[
        Literal["auto", "flat", "hnsw", "svs"] | None,
        typer.Option(help="Vector index. [default: auto]", show_default=False),
    ] = None,
    vector_type: Annotated[
        Literal["float16", "float32"] | None,
        typer.Option(help="Element type of the vectors. [default: float16]", show_default=False),
    ] = None,
    mapping: MappingFile = None,
    max_seconds: MaxSeconds = None,
    wait: Wait = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Build another generation beside the live index, check it, and move searches to it.

    For another model, vector length, vector type or algorithm, or to build the index anew.
    Vectors of the same model and text are carried over, not made again. Searches go to the live
    index until the new one has every drug and finds the nearest neighbours; the live one is kept
    for rollback, and older ones are removed. Settings given here must stay in the settings file
    for the next sync.

    Examples:
      rxindex reindex --source mysql://reader@db.internal/fdb --algorithm hnsw

      rxindex reindex --source mysql://reader@db.internal/fdb --embedder titan --dimensions 512
    """
    settings = load_settings(
        config,
        source=source,
        redis=redis,
        catalogue=catalogue,
        embedder=embedder,
        dimensions=dimensions,
        algorithm=algorithm,
        vector_type=vector_type,
        mapping=mapping,
        data_dir=data_dir,
        wait=wait,
    )
    options = sync_options(settings, rebuild=True, dry_run=dry_run)
    finish(run(settings, options, stop=Stop(max_seconds)), as_json=as_json)


@tells_errors
def rollback(
    to: Annotated[
        str | None,
        typer.Option(
            help="Generation to go to. [default: the one that was live before]",
            show_default=False,
        ),
    ] = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    wait: Wait = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Move searches back to the generation that was live before.

    At once and without a gap. What changed in the catalogue since is not in that generation: run
    a sync with its settings. Rolling back again undoes it.

    Examples:
      rxindex rollback

      rxindex rollback --to g3 --dry-run
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir, wait=wait)
    with open_catalogue(settings) as (index, _):
        if dry_run:
            before, after = rollback_target(index, to)
        else:
            with hold(
                index, "rollback", wait=settings.wait, seconds=settings.lease_seconds
            ) as held:
                before, after = roll_back(held, to)
    if as_json:
        print_json({"before": before, "live": after, "dry_run": dry_run})
    else:
        verb = "would go" if dry_run else "go"
        console.print(f"searches {verb} to {after} (before: {before})")
