"""``rxindex bench``: how fast this is here, on your own data, beside the raw limits."""

from __future__ import annotations

import functools
import os
import random
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich import box
from rich.table import Table

from rxindex.bench.questions import judged_requests, never_twice, read_requests, searches
from rxindex.bench.raw import read_bare
from rxindex.bench.scratch import scratch_catalogue
from rxindex.bench.searching import SearchFigures, measure_search
from rxindex.bench.service import ServiceFigures, measure_service
from rxindex.bench.syncing import SyncFigures, measure_sync
from rxindex.bench.timing import Latencies, Spent
from rxindex.cli.options import (
    Catalogue,
    ConfigFile,
    DataDir,
    EmbedderName,
    Json,
    MappingFile,
    RedisUrl,
)
from rxindex.cli.progress import counting_bar
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings
from rxindex.index.capability import probe
from rxindex.index.catalogue import Catalogue as Place
from rxindex.search.request import SearchRequest
from rxindex.wiring import load_words, open_catalogue, open_rows, require_source, sync_options

__all__ = ["bench_app", "bench_search", "bench_sync"]

#: Questions to have ready for each second: more than one thread or a few connections can ask.
_ASKED_A_SECOND = 2_500
#: Where the key of a service is looked for; a command line can be read by everybody.
_API_KEY = "RXINDEX_API_KEY"

bench_app = typer.Typer(
    add_completion=False,
    help="Measure on this machine, beside the raw limits.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@bench_app.callback()
def _root() -> None:
    """Measure on this machine, beside the raw limits."""


@bench_app.command("sync")
@tells_errors
def bench_sync(
    source: Annotated[
        str | None,
        typer.Argument(
            help="mysql://user:password@host/fdb, sqlite:///file, ndc:PATH, or sample.",
            show_default=False,
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(
            help="Measure this Redis, in a catalogue of its own that is removed afterwards. Left "
            "out: an embedded one in a temporary folder, whatever the settings say.",
            show_default=False,
        ),
    ] = None,
    embedder: EmbedderName = None,
    mapping: MappingFile = None,
    sample: Annotated[
        int, typer.Option(min=1, help="Texts, at most, to measure the embedder alone with.")
    ] = 2_000,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Measure a sync of your catalogue beside its limits.

    Syncs twice into an index that is made for this and removed afterwards, then measures each
    limit alone: the bare driver reading the rows, the embedder, and Redis taking the same
    documents. The live index is not touched. A paid embedder is paid for every distinct text.

    Examples:
      rxindex bench sync mysql://reader@db.internal/fdb --embedder fake

      rxindex bench sync sample --json
    """
    settings = load_settings(config, source=source, redis=redis, embedder=embedder, mapping=mapping)
    url = require_source(settings)
    vocabulary = load_words(settings)
    with (
        closing(settings.make_embedder()) as model,
        _scratch(settings if redis is not None else None) as index,
        counting_bar("packages", "cold sync") as tell,
    ):
        figures = measure_sync(
            functools.partial(open_rows, settings, vocabulary),
            functools.partial(
                read_bare, url, mapping=settings.mapping, tls_ca=settings.source_ca
            ),
            model, index, probe(index.client), vocabulary, sync_options(settings),
            sample=sample, tell=tell,
        )  # fmt: skip
    if as_json:
        print_json(figures)
    else:
        _show_sync(figures)


@contextmanager
def _scratch(settings: Settings | None) -> Iterator[Place]:
    """Give a catalogue to measure in, in the Redis of the settings or an embedded one.

    SIGTERM ends the measurement as Ctrl-C does, so that nothing stays behind.
    """
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if settings is None:
            with scratch_catalogue() as index:
                yield index
            return
        with open_catalogue(settings) as (named, _), scratch_catalogue(named.client) as index:
            yield index
    finally:
        signal.signal(signal.SIGTERM, before)


@bench_app.command("search")
@tells_errors
def bench_search(
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Your own queries, one a line. [default: made up from the catalogue's names]",
            show_default=False,
        ),
    ] = None,
    judged: Annotated[
        bool, typer.Option("--judged", help="The judged queries that the catalogue can answer.")
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            help="Measure this service, too: http://host:8000. Its API key is read from "
            f"{_API_KEY}.",
            show_default=False,
        ),
    ] = None,
    connections: Annotated[
        int, typer.Option(min=1, max=500, help="Of the service, that ask at once.")
    ] = 8,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3_600, help="For each measurement.")
    ] = 10.0,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Measure how fast searches are answered.

    Asks the live index one question after another, none of them twice; then sends the commands
    of such searches to Redis with nothing around them, and measures the embedder alone. Only
    reads.

    Examples:
      rxindex bench search --redis rediss://cache.internal

      rxindex bench search --url http://localhost:8000 --connections 50 --seconds 30
    """
    if queries is not None and judged:
        raise typer.BadParameter("give --queries or --judged, not both")
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    with (
        open_catalogue(settings) as (index, _),
        closing(settings.make_embedder()) as model,
        counting_bar("questions", "making up questions") as tell,
    ):
        asked = _requests(settings, index, queries, judged=judged, seconds=seconds)
        half = len(asked) // 2 if url is not None else len(asked)
        figures = measure_search(
            index, model, load_words(settings), asked[:half], seconds=seconds, tell=tell
        )
        service = None
        if url is not None:
            tell("asking the service", 0, len(asked) - half)
            service = measure_service(
                url, asked[half:], connections=connections, seconds=seconds,
                api_key=os.environ.get(_API_KEY, ""),
            )  # fmt: skip
    if as_json:
        print_json(msgspec.to_builtins(figures) | {"service": service})
    else:
        _show_search(figures, service)


def _requests(
    settings: Settings, index: Place, queries: Path | None, *, judged: bool, seconds: float
) -> list[SearchRequest]:
    """Give enough questions for the time, none written like another."""
    count = max(2_000, round(seconds * _ASKED_A_SECOND))
    if queries is None and not judged:
        return list(searches(index, load_words(settings), count, repeat=False))
    given = read_requests(queries) if queries is not None else judged_requests(index)
    return list(never_twice(given, random.Random(1), count))  # noqa: S311  no secret


def _show_sync(figures: SyncFigures) -> None:
    console.print(
        f"{figures.packages:,} packages, {figures.drugs:,} drugs, {figures.texts:,} distinct "
        f"texts; {figures.model}; {figures.index['algorithm']} {figures.index['vector_type']}"
    )
    table = _table("what", "count", "seconds", "a second", "CPU s", "CPU s of Redis")
    named = {
        "the bare driver, reading": figures.read,
        "the embedder alone": figures.embed,
        "pipelined HSET alone": figures.write,
        "cold sync": figures.cold,
        "sync without changes": figures.no_change,
    }
    for name, spent in named.items():
        table.add_row(name, *_spent_cells(spent))
    console.print(table)
    ratios = _table("ratio", "here", "aimed at")
    for name, value, aim in (
        ("pipelined HSET / cold sync", figures.raw_write_share, "0.80 with a free embedder"),
        ("the embedder alone / cold sync", figures.embed_share, "0.90 with a local model"),
        (
            "sync without changes / bare driver",
            figures.no_change_factor,
            "2.00 or less, of a database",
        ),
    ):
        ratios.add_row(name, f"{value:.2f}", aim)
    console.print(ratios)
    console.print(
        f"Redis {figures.redis_bytes / figures.packages:,.0f} bytes a package; this process at "
        f"most {figures.peak_memory / 2**20:,.0f} MB"
    )


def _spent_cells(spent: Spent) -> tuple[str, ...]:
    return (
        f"{spent.count:,}", f"{spent.seconds:.2f}", f"{spent.count / spent.seconds:,.0f}",
        f"{spent.cpu:.2f}", f"{spent.redis_cpu:.2f}" if spent.redis_cpu else "",
    )  # fmt: skip


def _show_search(figures: SearchFigures, service: ServiceFigures | None) -> None:
    console.print(
        f"{figures.catalogue} {figures.generation}: {figures.drugs:,} drugs, {figures.algorithm}, "
        f"{figures.model}; {figures.round_trips:.1f} round trips to Redis in a search"
    )
    table = _table("what", "answers", "a second", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "most ms")
    table.add_row("searches, in this process", *_latency_cells(figures.searches))
    table.add_row("their commands alone", *_latency_cells(figures.raw))
    table.add_row("the embedder alone", *_latency_cells(figures.embedder))
    if service is not None:
        name = f"the service, {service.connections} connections"
        table.add_row(name, *_latency_cells(service.answers))
    console.print(table)
    console.print(f"searches / their commands alone: {figures.raw_share:.2f}")
    refused = {status: count for status, count in (service.statuses if service else {}).items()
               if status != "200"}  # fmt: skip
    if refused:
        said = ", ".join(f"{count:,} with status {status}" for status, count in refused.items())
        console.print(f"[yellow]not answered by the service: {said}[/]")


def _latency_cells(found: Latencies) -> tuple[str, ...]:
    values = (found.p50, found.p90, found.p95, found.p99, found.most)
    return (
        f"{found.answers:,}",
        f"{found.per_second:,.0f}",
        *(f"{value:.2f}" for value in values),
    )


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table
