"""``rxindex alternatives``: what may stand in place of a drug."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Annotated

import typer

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, Json, RedisUrl
from rxindex.cli.search import NOTHING_FOUND
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.cli.show import hits_table
from rxindex.config import load_settings
from rxindex.search.answer import Alternatives, Hit
from rxindex.search.request import MOST_HITS
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["alternatives"]


@tells_errors
def alternatives(
    drug: Annotated[
        list[str],
        typer.Argument(help="An id as search --json shows it, an NDC, or a name: its best hit."),
    ],
    limit: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="Hits in each list.")] = 5,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Show what may stand in place of a drug: equivalents, the same class, the same use.

    For a prescriber to decide: nothing is substituted.

    Examples:
      rxindex alternatives lipitor 20 mg

      rxindex alternatives 0071-0155-23 --json
    """
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    asked = " ".join(drug)
    with (
        open_catalogue(settings) as (index, _),
        closing(settings.make_embedder()) as model,
    ):
        found = _find(Searcher(index, model, load_words(settings)), asked, limit)
    if as_json:
        print_json({"drug": None} if found is None else found)
    elif found is None:
        console.print(f"nothing found for {asked!r}", markup=False)
    else:
        for title, hits in _lists(found):
            if hits:
                console.print(hits_table(hits, title=f"[bold]{title}[/]"))
    if found is None:
        raise typer.Exit(NOTHING_FOUND)


def _find(searcher: Searcher, asked: str, limit: int) -> Alternatives | None:
    """Take the text for an id; else for a query, and its best hit for the drug."""
    if " " not in asked and (found := searcher.alternatives(asked, limit)) is not None:
        return found
    hits = searcher.search(asked, 1).hits
    return searcher.alternatives(hits[0].id, limit) if hits else None


def _lists(found: Alternatives) -> Iterator[tuple[str, Sequence[Hit]]]:
    yield "the drug", (found.drug,)
    yield "equivalents, generics first", found.equivalents
    yield "the same ingredients", found.same_ingredients
    for one in found.same_class:
        yield f"class: {one.name}", one.hits
    for one in found.same_indication:
        yield f"used for: {one.name}", one.hits
