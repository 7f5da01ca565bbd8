"""``rxindex verify``: does the index have what the catalogue has, and nothing else?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import (
    Catalogue,
    ConfigFile,
    DataDir,
    EmbedderName,
    Json,
    MappingFile,
    RedisUrl,
    SourceUrl,
    Wait,
)
from rxindex.cli.progress import counting_bar
from rxindex.cli.runs import observed
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings
from rxindex.sync.comparison import compare
from rxindex.sync.differences import KINDS, Difference, VerifyReport
from rxindex.sync.verify import VerifyOptions
from rxindex.wiring import load_words, open_catalogue, open_rows

__all__ = ["DIFFERS", "run", "verify"]

#: Exit code when source and index differ, after the repair if there was one.
DIFFERS = 10

#: Differences that a person is shown; ``--json`` names a hundred.
_SHOWN = 10


@tells_errors
def verify(
    source: SourceUrl = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    mapping: MappingFile = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what differs, and nothing else.")
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Compare so many drugs, drawn at random.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, help="Draw the drugs that an earlier --sample drew.", show_default=False
        ),
    ] = None,
    allow_deletes: Annotated[
        bool,
        typer.Option(
            "--allow-deletes",
            help="With --repair: delete however many keys are no drug of the source.",
        ),
    ] = False,
    wait: Wait = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Compare the live index with the catalogue, drug by drug.

    Reads every drug and every document whole, and asks the index about each. Exits with 10 if
    anything differs, or still does after --repair.

    Examples:
      rxindex verify --source mysql://reader@db.internal/fdb --redis rediss://cache.internal

      rxindex verify --source sample --sample 1000

      rxindex verify --source sample --repair
    """  # fmt: skip
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
    options = VerifyOptions(
        batch_size=settings.batch_size,
        sample=sample,
        seed=seed,
        repair=repair,
        allow_deletes=allow_deletes,
        most_deletes=settings.most_deletes,
    )
    report = run(settings, options)
    if as_json:
        print_json(report)
    else:
        _show(report)
    if not report.clean:
        raise typer.Exit(DIFFERS)


def run(settings: Settings, options: VerifyOptions) -> VerifyReport:
    """Compare with everything that the settings name, and a progress bar.

    Raises:
        RxindexError: see `rxindex.sync.verify.verify`, `open_source` and `open_catalogue`.
    """
    vocabulary = load_words(settings)
    rows = open_rows(settings, vocabulary)
    with (
        open_catalogue(settings, patient=True) as (index, _),
        observed(settings, index) as observers,
        counting_bar("packages", "comparing") as update,
    ):
        return compare(
            rows, settings.make_embedder, index, vocabulary, options,
            lambda done, packages: update("comparing", done, packages),
            wait=settings.wait, lease_seconds=settings.lease_seconds, observers=observers,
        )  # fmt: skip


def _show(report: VerifyReport) -> None:
    console.print(_table(report))
    for warning in report.warnings:
        console.print(f"[yellow]{escape(warning)}[/]")
    if report.repair and report.different:
        console.print(f"repaired: {report.repaired:,} of {report.different:,}")
    # After a repair only what is left is anybody's concern.
    _list(report.remaining if report.repair else report.differences)
    if report.clean:
        console.print(f"[green]{_agreement(report)}[/]")
    elif report.repair:
        console.print("The reasons above say what is in the way; then run again with --repair.")
    else:
        console.print("To mend these, and nothing else: rxindex verify --repair")


def _table(report: VerifyReport) -> Table:
    title = f"catalogue {escape(report.catalogue)}, generation {report.generation} (live)"
    table = Table(title=title, title_justify="left", box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    drawn = ""
    if report.sampled is not None:
        drawn = f"a sample, drawn at random; --seed {report.seed} draws it again"
    rows: list[tuple[str, str, str]] = [
        ("drugs compared", f"{report.drugs:,}", drawn or report.source),
        ("  packages", f"{report.packages:,}", ""),
        ("keys looked up", f"{report.documents:,}", report.model),
        ("different", f"{report.different:,}", "drugs or keys"),
    ]
    rows += [(f"  {kind}", f"{report.counts[kind]:,}", text) for kind, text in KINDS.items()]
    if report.rejected:
        rows.append(("rows set aside", f"{report.rejected:,}", "can't become packages"))
    if report.repair:
        rows.append(("embedding calls", f"{report.embedding_calls:,}", ""))
    rows.append(("seconds", f"{report.duration:,.1f}", ""))
    for name, value, note in rows:
        table.add_row(name, value, escape(note))
    return table


def _list(differences: Sequence[Difference]) -> None:
    for one in differences[:_SHOWN]:
        named = " ".join(filter(None, (one.name, f"({one.id})")))
        console.print(f"[red]{one.kind}[/] {escape(named)}: {escape(one.reason)}")
    if len(differences) > _SHOWN:
        console.print("... and more; --json names the first hundred")


def _agreement(report: VerifyReport) -> str:
    if report.sampled is not None:
        return f"of the sample, all {report.drugs:,} drugs are in the index as the source has them"
    return f"all {report.drugs:,} drugs are in the index as the source has them, and nothing else"
