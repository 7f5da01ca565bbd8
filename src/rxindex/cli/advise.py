"""``rxindex advise``: which vector settings suit the catalogue's own vectors."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from rxindex.advise.measurement import Measurement
from rxindex.advise.recommend import Advice, best_windows
from rxindex.advise.run import LEAST, MEASUREMENTS, Bench, Findings, advise
from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, Json, RedisUrl
from rxindex.cli.progress import counting_bar
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings
from rxindex.embed.base import Vectors
from rxindex.errors import EmbeddedRedisError, MissingExtra, RxindexError
from rxindex.index.connect import Client
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.evaluation.judged import read_judged
from rxindex.wiring import open_catalogue

__all__ = ["advise_settings"]

#: Queries of the judged set that are asked. A code is not searched for by its vector.
_TEXTS = 200
_CODES = "ndc"

_WAYS = {"code": "coding alone", "redis": "Redis", "svs": "Intel SVS"}


@tells_errors
def advise_settings(
    sample: Annotated[
        int, typer.Option(min=LEAST, max=1_000_000, help="How many vectors to measure.")
    ] = 10_000,
    neighbours: Annotated[
        int, typer.Option(min=1, max=50, help="How many of the nearest have to be found.")
    ] = 10,
    recall: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of them that has to be.")
    ] = 0.99,
    on_server: Annotated[
        bool,
        typer.Option(
            "--on-server",
            help="Measure in the connected Redis, which slows it down meanwhile.",
        ),
    ] = False,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Measure memory, recall and speed of vector settings on your own vectors, and recommend some.

    Reads the live index and changes nothing in it. Indexes are measured in an embedded Redis that
    is thrown away, or with --on-server in the connected one, in scratch indexes that are dropped.

    Examples:
      rxindex advise

      rxindex advise --redis rediss://cache.internal --recall 0.995

      rxindex advise --on-server --sample 50000 --json
    """
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    with (
        open_catalogue(settings) as (index, capabilities),
        _bench(index.client if on_server else None) as bench,
        counting_bar("measurements", "reading vectors") as update,
    ):
        done = itertools.count()
        found = advise(
            index,
            capabilities,
            bench,
            lambda doing: update(doing, next(done), MEASUREMENTS),
            sample=sample,
            neighbours=neighbours,
            recall=recall,
            embed_queries=lambda model_id: _texts(settings, model_id),
        )
    if as_json:
        print_json(_as_json(found))
    else:
        _show(found, recall)


@contextmanager
def _bench(connected: Client | None) -> Iterator[Bench | None]:
    """Give the Redis to measure in: the connected one, or one of our own if it is installed."""
    if connected is not None:
        yield Bench(connected, connected=True)
        return
    with tempfile.TemporaryDirectory(prefix="rxindex-advise-") as folder:
        try:
            server = EmbeddedRedis(Path(folder))
            client = server.start()
        except (MissingExtra, EmbeddedRedisError):
            yield None
            return
        try:
            yield Bench(client, connected=False)
        finally:
            server.leave()


def _texts(settings: Settings, model_id: str) -> Vectors | None:
    """Embed queries of the judged set, if that costs nothing and the model is the catalogue's."""
    texts = sorted({one.query for one in read_judged(None) if one.kind != _CODES})
    drawn = np.random.default_rng(0).permutation(len(texts))[:_TEXTS]
    try:
        with closing(settings.make_embedder()) as model:
            if model.model_id != model_id or model.price:
                return None
            embedded = model.embed([texts[number] for number in drawn])
    except RxindexError:
        return None  # the model is not at hand; queries made of vectors will do
    kept = [row for row in range(len(drawn)) if row not in embedded.failures]
    return embedded.vectors[kept]


def _as_json(found: Findings) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(found)
    if found.advice is not None:
        told["advice"]["variables"] = found.advice.variables()
    return told


def _show(found: Findings, recall: float) -> None:
    console.print(
        f"[bold]{found.distinct:,}[/] distinct vectors of {found.dimensions} dimensions "
        f"({found.catalogue} {found.generation}, {escape(found.model_id)}); measured "
        f"{found.sample:,} of them with {found.near_queries} queries near vectors and "
        f"{found.text_queries} of prescribers' words",
        soft_wrap=True,
    )
    console.print(_table(found, recall))
    if found.measured_in:
        console.print(f"Redis: {found.measured_in}")
    for note in found.notes:
        console.print(f"note: {escape(note)}", highlight=False, soft_wrap=True)
    if found.advice is not None:
        _show_advice(found.advice, found.catalogue, unchanged=found.unchanged)


def _table(found: Findings, recall: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("measured", no_wrap=True)
    table.add_column("vectors", no_wrap=True)
    numbers = (
        "window", "index B", "upkeep B", "hash B", f"recall@{found.neighbours}", "queries/s",
        "build s",
    )  # fmt: skip
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for one in best_windows(found.measurements, recall):
        chosen = found.advice is not None and one == found.advice.measurement
        table.add_row(*_row(one), style="bold" if chosen else "")
    return table


def _row(one: Measurement) -> tuple[str, ...]:
    kept = one.compression or one.vector_type
    if one.way != "code":
        kept = f"{one.algorithm.upper()} {kept}"
    if one.graph_degree:
        kept += f", degree {one.graph_degree}"
    return (
        _WAYS[one.way],
        kept,
        str(one.search_window or "-"),
        f"{one.vector_bytes:,.0f}",
        f"{one.upkeep_bytes:,.0f}",
        f"{one.document_bytes:,.0f}",
        f"{one.recall:.4f}",
        "-" if one.queries_per_second is None else f"{one.queries_per_second:,.0f}",
        "-" if one.build_seconds is None else f"{one.build_seconds:,.1f}",
    )


def _show_advice(advice: Advice, catalogue: str, *, unchanged: bool) -> None:
    takes = "" if advice.milliseconds is None else f", {advice.milliseconds:,.2f} ms a search"
    console.print(
        f"\n[bold]{'Advice' if advice.met else 'Nothing is good enough; the best'}:[/] recall "
        f"{advice.measurement.recall:.4f}{takes}, {advice.megabytes:,.1f} MB for all vectors"
    )
    for sentence in (*advice.why, *advice.really):
        console.print(f"  - {escape(sentence)}", highlight=False, soft_wrap=True)
    if unchanged:
        console.print("\nThe live index is built so already: there is nothing to change.")
        return
    console.print("\nTo have it:")
    for name, value in advice.variables().items():
        console.print(f"  export {name}={value}", highlight=False, soft_wrap=True)
    console.print(
        f"  rxindex reindex --catalogue {catalogue} --source URL", highlight=False, soft_wrap=True
    )
