"""``rxindex sync``: bring the index in step with the catalogue."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from rxindex.cli.options import (
    Catalogue,
    ConfigFile,
    DataDir,
    DryRun,
    EmbedderName,
    Json,
    RedisUrl,
    SourceUrl,
)
from rxindex.cli.progress import counting_bar
from rxindex.cli.session import (
    console,
    load_words,
    open_catalogue,
    print_json,
    require_source,
    tells_errors,
)
from rxindex.cli.show import report_table
from rxindex.config import Settings, load_settings
from rxindex.source import open_source
from rxindex.sync.report import SyncReport
from rxindex.sync.run import SyncOptions
from rxindex.sync.run import sync as run_sync

__all__ = ["SOME_FAILED", "run", "sync"]

#: Exit code when the run went through but some drugs or rows did not.
SOME_FAILED = 7


@tells_errors
def sync(
    source: SourceUrl = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="Mapping file for another schema than FDB's.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many drugs.", show_default=False)
    ] = None,
    new_generation: Annotated[
        bool,
        typer.Option(
            "--new-generation",
            help="Where the settings differ from the live index, build another one beside it.",
        ),
    ] = False,
    allow_deletes: Annotated[
        bool,
        typer.Option(
            "--allow-deletes",
            help="Delete however many drugs the source does not have any more.",
        ),
    ] = False,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Bring the index in step with the catalogue.

    Reads the whole catalogue, compares each drug with its document by fingerprint, embeds only
    texts that are new, and writes only what changed.

    Examples:
      rxindex sync --source mysql://reader@db.internal/fdb --redis rediss://cache.internal

      rxindex sync --source sample --dry-run
    """
    settings = load_settings(
        config,
        source=source,
        redis=redis,
        catalogue=catalogue,
        embedder=embedder,
        mapping=mapping,
        data_dir=data_dir,
    )
    options = SyncOptions(
        batch_size=settings.batch_size,
        limit=limit,
        dry_run=dry_run,
        new_generation=new_generation,
        allow_deletes=allow_deletes,
        most_deletes=settings.most_deletes,
        most_missing=settings.most_missing,
        index=settings.index_settings(),
    )
    report = run(settings, options)
    if as_json:
        print_json(report)
    else:
        console.print(report_table(report))
        for warning in report.warnings:
            console.print(f"[yellow]{escape(warning)}[/]")
        for failure in report.failures[:10]:
            name = escape(f"{failure.name or failure.id} {failure.ndc}".strip())
            console.print(f"[red]{name}[/]: {escape(failure.reason)}")
        if report.quarantined > 10:
            console.print(f"... {report.quarantined} in all; --json names the first hundred")
    if report.quarantined or (not report.completed and options.limit is None):
        raise typer.Exit(SOME_FAILED)


def run(settings: Settings, options: SyncOptions) -> SyncReport:
    """Run a sync with everything that the settings name, and a progress bar.

    Raises:
        RxindexError: see `rxindex.sync.run.sync`, `open_source` and `open_catalogue`.
    """
    vocabulary = load_words(settings)
    rows = open_source(
        require_source(settings),
        mapping=settings.mapping,
        tls_ca=settings.source_ca,
        page_size=settings.page_size,
        keep_otc=vocabulary.treats,
    )
    with (
        rows as source,
        open_catalogue(settings) as (index, capabilities),
        closing(settings.make_embedder()) as embedder,
        counting_bar("packages", "syncing") as update,
    ):
        return run_sync(
            source, embedder, index, capabilities, vocabulary, options,
            lambda report, packages: update("syncing", report.packages, packages),
        )  # fmt: skip
