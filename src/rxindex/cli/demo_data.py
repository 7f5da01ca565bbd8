"""``rxindex demo-data``: the FDA NDC Directory, written in FDB's schema into a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from rxindex.cli.options import DryRun, Json
from rxindex.cli.progress import counting_bar
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.source import sample

__all__ = ["demo_data"]

To = Annotated[
    str,
    typer.Option(
        "--to", help="mysql://user:password@host/database or sqlite:///file.", show_default=False
    ),
]
Packages = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=sample.MOST_PACKAGES,
        help="How many packages. Past the directory's 243,960, invented ones are added. "
        "[default: all of the directory]",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same rows.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Replace the demo data of an earlier run.")
]
CA = Annotated[
    Path | None,
    typer.Option("--tls-ca", help="Authority to trust for the database.", show_default=False),
]


@tells_errors
def demo_data(
    to: To,
    packages: Packages = None,
    seed: Seed = 0,
    replace: Replace = False,
    tls_ca: CA = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Write the FDA NDC Directory of April 2019 in FDB's schema, to try the SQL path on.

    Example:
      rxindex demo-data --to sqlite:///fdb.db --packages 20000
    """
    if dry_run:
        report = sample.plan_demo_data(packages, seed, url=to)
    else:
        with counting_bar("rows", "reading the directory") as update:
            report = sample.write_demo_data(
                to, packages, seed, update, replace=replace, tls_ca=tls_ca
            )
    if as_json:
        print_json(report)
    else:
        console.print(_table(report))


def _table(report: sample.DemoDataReport) -> Table:
    title = f"written to {report.database}" if report.written else "Dry run: nothing was written"
    table = Table(title=title, title_justify="left", box=None, show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    rows: list[tuple[str, int]] = [
        ("packages", report.packages),
        ("  invented, marked so", report.invented_packages),
        ("drugs", report.drugs),
        ("formulations", report.formulations),
        ("labelers", report.labelers),
        ("left out, NDC repeated", report.repeated),
        *((f"  {kind}", number) for kind, number in sorted(report.mess.items())),
        *((f"table {name}", number) for name, number in report.tables.items()),
    ]
    for name, number in rows:
        table.add_row(name, f"{number:,}")
    table.add_row("seconds", f"{report.seconds:,.1f}")
    return table
