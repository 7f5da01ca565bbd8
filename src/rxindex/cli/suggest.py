"""``rxindex suggest``: complete what is being typed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, Json, RedisUrl
from rxindex.cli.search import NOTHING_FOUND
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import load_settings
from rxindex.search.request import MOST_HITS
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["suggest"]


@tells_errors
def suggest(
    text: Annotated[list[str], typer.Argument(help="The beginning of a name, a class or a use.")],
    limit: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="How many names.")] = 10,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Complete the beginning of a name, a class or a use, the most prescribed first.

    Examples:
      rxindex suggest ator

      rxindex suggest "high blo" --json
    """
    settings = load_settings(config, redis=redis, catalogue=catalogue, data_dir=data_dir)
    typed = " ".join(text)
    with open_catalogue(settings) as (index, _):
        found = Searcher(index, None, load_words(settings)).suggest(typed, limit)
    if as_json:
        print_json({"text": typed, "suggestions": found})
    elif found:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in ("name", "kind", "generic", "match", "not to be taken for"):
            table.add_column(column)
        table.add_column("packages", justify="right")
        for one in found:
            table.add_row(
                *map(escape, (one.display, one.kind, one.generic, one.match, one.warning)),
                f"{one.packages:,}",
            )
        console.print(table)
    else:
        console.print(f"nothing begins with {typed!r}", markup=False)
    if not found:
        raise typer.Exit(NOTHING_FOUND)
