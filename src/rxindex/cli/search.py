"""``rxindex search``: ask the index as a prescriber would."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.cli.show import hits_table
from rxindex.config import load_settings
from rxindex.search.searcher import MOST_HITS, Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["search"]

#: Exit code when nothing was found, as grep has it.
NOTHING_FOUND = 1


@tells_errors
def search(
    query: Annotated[
        list[str], typer.Argument(help="A name, an abbreviation, a class, a use, or an NDC.")
    ],
    limit: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="How many hits.")] = 10,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Ask the index as a prescriber would.

    Examples:
      rxindex search lipitor

      rxindex search atorvastatin 20 mg tablet

      rxindex search "something for high cholesterol" --limit 5
    """
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    with (
        open_catalogue(settings) as (index, _),
        closing(settings.make_embedder()) as model,
    ):
        answer = Searcher(index, model, load_words(settings)).search(" ".join(query), limit)
    if as_json:
        print_json(answer)
    elif answer.hits:
        console.print(hits_table(answer))
    else:
        console.print(f"nothing found for {answer.query!r}", markup=False)
    if not as_json:
        for note in answer.notes:
            console.print(note, style="yellow", markup=False)
    if not answer.hits:
        raise typer.Exit(NOTHING_FOUND)
