"""``rxindex info``: all that the index knows of one package's drug."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.model import Drug
from rxindex.ndc import ndc_readings
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["info"]

#: Exit code when no drug holds the package.
NOT_FOUND = 1
_SHOWN = 20


@tells_errors
def info(
    ndc: Annotated[str, typer.Argument(help="An NDC in any form, or a GTIN-14.")],
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show the drug that a package belongs to, with all its packages.

    Examples:
      rxindex info 0071-0155-23

      rxindex info 00071015523 --json
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    with open_catalogue(settings) as (index, _):
        drugs = Searcher(index, None, load_words(settings)).package(ndc)
    if as_json:
        print_json({"ndc": ndc, "drugs": drugs})
    for drug in drugs if not as_json else ():
        _show(drug, {reading.canonical for reading in ndc_readings(ndc)})
    if not drugs:
        if not as_json:
            console.print(
                f"no drug in the catalogue {settings.catalogue!r} holds {ndc}", markup=False
            )
        raise typer.Exit(NOT_FOUND)


def _show(drug: Drug, asked: set[str]) -> None:
    facts = Table(box=None, show_header=False, title=escape(drug.name), title_justify="left")
    facts.add_column(style="bold")
    facts.add_column()
    for name, value in (
        ("brand", drug.brand),
        ("generic", drug.generic),
        ("ingredients", ", ".join(drug.ingredients)),
        ("strength", drug.strength),
        ("form", drug.form),
        ("route", ", ".join(drug.routes)),
        ("class", ", ".join(drug.classes)),
        ("for", ", ".join(drug.indications)),
        ("also known as", ", ".join(drug.synonyms)),
        ("DEA schedule", drug.schedule),
        ("kind", drug.kind),
        ("GCN", str(drug.gcn or "")),
        ("status", drug.status),
        ("id", drug.id),
    ):
        if value:
            facts.add_row(name, escape(value))
    console.print(facts)
    packages = Table(title=f"{len(drug.packages):,} packages", title_justify="left")
    for column in ("NDC", "labeler", "size", "description", "from", "until", "status"):
        packages.add_column(column, overflow="fold")
    # The one that was asked for first.
    ordered = sorted(drug.packages, key=lambda one: one.ndc not in asked)
    for one in ordered[:_SHOWN]:
        style = "bold" if one.ndc in asked else None
        packages.add_row(
            *map(escape, (one.ndc, one.labeler, one.size, one.description)),
            one.start, one.end, one.status, style=style,
        )  # fmt: skip
    if len(ordered) > _SHOWN:
        packages.caption = f"the first {_SHOWN}; --json has all"
    console.print(packages)
