"""``rxindex demo``: the whole way, from the FDA's directory to answers, on this machine."""

from __future__ import annotations

from contextlib import closing

import msgspec
from pydantic import SecretStr

from rxindex.cli.options import DataDir, Json
from rxindex.cli.runs import run
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.cli.show import hits_table, report_table
from rxindex.config import Settings, load_settings
from rxindex.search.searcher import Searcher
from rxindex.sync.options import SyncOptions
from rxindex.wiring import load_words, open_catalogue

__all__ = ["QUERIES", "demo"]

#: What keyword search on the catalogue fails at, and what each query shows.
QUERIES = (
    ("lipitor", "a brand: its strengths first, then the generics of the same substance"),
    ("metfromin", "a misspelling"),
    ("ASA", "an abbreviation"),
    ("statin", "a class: one drug of each before a second strength of any"),
    ("something for high blood pressure", "plain words"),
    ("0071-0155-23", "an NDC, in any of its forms"),
)


@tells_errors
def demo(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Index the FDA's NDC Directory on this machine and search it.

    Reads the human prescription drugs of April 2019, and the over-the-counter ones whose
    ingredients are known, into an embedded Redis with a local model. Needs no account, no
    server and no container. A second run takes seconds: nothing has changed.

    Example:
      rxindex demo
    """
    folder = data_dir or load_settings().data_dir / "demo"
    # Nothing of the user's own settings: the demo must not write into their Redis.
    settings = Settings.model_construct(
        source=SecretStr("sample"), catalogue="demo", data_dir=folder
    )
    # One Redis for both halves: it is started once and stopped once.
    with open_catalogue(settings) as (index, _):
        if not as_json:
            console.print("[bold]1. The FDA's NDC Directory becomes an index[/]")
        report = run(settings, SyncOptions(index=settings.index_settings()))
        if not as_json:
            console.print(report_table(report))
            console.print("\n[bold]2. Six searches[/]")
        with closing(settings.make_embedder()) as embedder:
            searcher = Searcher(index, embedder, load_words(settings))
            answers = [searcher.search(query, limit=5) for query, _ in QUERIES]
    if as_json:
        print_json({"report": report, "answers": [msgspec.to_builtins(one) for one in answers]})
        return
    for answer, (query, shows) in zip(answers, QUERIES, strict=True):
        console.print(hits_table(answer.hits, title=f"[bold]{query}[/]  [dim]{shows}[/]"))
    console.print(
        f"\nThe index stays in {folder}. Ask it yourself:\n"
        f'  rxindex search --catalogue demo --data-dir {folder} "water pill"'
    )
