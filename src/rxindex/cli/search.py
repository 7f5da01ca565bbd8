"""``rxindex search``: ask the index as a prescriber would."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, Json, RedisUrl
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.cli.show import facets_table, hits_table, remarks
from rxindex.config import load_settings
from rxindex.search.answer import Answer
from rxindex.search.request import MOST_HITS, MOST_OFFSET, SearchRequest
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["NOTHING_FOUND", "search"]

#: Exit code when nothing was found, as grep has it.
NOTHING_FOUND = 1


def _filter(shown: str) -> Any:
    return typer.Option(help=f"Only {shown}; may be given several times.", show_default=False)


@tells_errors
def search(
    query: Annotated[
        list[str], typer.Argument(help="A name, an abbreviation, a class, a use, or an NDC.")
    ],
    limit: Annotated[int, typer.Option(min=1, max=MOST_HITS, help="How many hits.")] = 10,
    offset: Annotated[
        int, typer.Option(min=0, max=MOST_OFFSET, help="How many hits to leave out first.")
    ] = 0,
    exact: Annotated[
        bool, typer.Option("--exact", help="Take the words as typed: correct nothing.")
    ] = False,
    group: Annotated[
        bool, typer.Option("--group", help="One hit for each set of ingredients.")
    ] = False,
    facets: Annotated[
        bool, typer.Option("--facets", help="Also count forms, routes, classes and so on.")
    ] = False,
    why: Annotated[bool, typer.Option("--why", help="Also say what speaks for each hit.")] = False,
    form: Annotated[list[str] | None, _filter("this dosage form")] = None,
    route: Annotated[list[str] | None, _filter("this route")] = None,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class", help="Only this class; may be given several times.", show_default=False
        ),
    ] = None,
    schedule: Annotated[list[str] | None, _filter("this DEA schedule")] = None,
    kind: Annotated[list[str] | None, _filter("brand, or generic")] = None,
    labeler: Annotated[list[str] | None, _filter("this labeler")] = None,
    strength: Annotated[list[str] | None, _filter("this strength")] = None,
    ingredient: Annotated[list[str] | None, _filter("this ingredient")] = None,
    composition: Annotated[
        list[str] | None,
        typer.Option(
            help="Exactly these ingredients: opens a group; give the option for each of them.",
            show_default=False,
        ),
    ] = None,
    active: Annotated[
        bool, typer.Option("--active", help="Leave out what is not marketed any more.")
    ] = False,
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

      rxindex search "something for high cholesterol" --limit 5 --group

      rxindex search opioid --route oral --schedule CII --facets
    """
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    request = SearchRequest(
        q=" ".join(query),
        limit=limit,
        offset=offset,
        exact=exact,
        facets=facets,
        group=group,
        form=tuple(form or ()),
        route=tuple(route or ()),
        class_=tuple(class_ or ()),
        schedule=tuple(schedule or ()),
        kind=tuple(kind or ()),
        labeler=tuple(labeler or ()),
        strength=tuple(strength or ()),
        ingredient=tuple(ingredient or ()),
        composition=tuple(composition or ()),
        active=active,
    )
    with (
        open_catalogue(settings) as (index, _),
        closing(settings.make_embedder()) as model,
    ):
        answer = Searcher(index, model, load_words(settings)).search(request)
    if as_json:
        print_json(answer)
    else:
        _show(answer, why=why)
    if not answer.hits:
        raise typer.Exit(NOTHING_FOUND)


def _show(answer: Answer, *, why: bool) -> None:
    if answer.hits:
        console.print(hits_table(answer.hits))
    else:
        console.print(f"nothing found for {answer.query!r}", markup=False)
    if why:
        for hit in answer.hits:
            console.print(f"{hit.display}: {'; '.join(hit.why)}", style="dim", markup=False)
    if answer.facets:
        console.print(facets_table(answer.facets))
    for remark in remarks(answer):
        console.print(remark, style="yellow", markup=False)
