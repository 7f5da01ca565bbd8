"""``rxindex follow``: keep the index in step, change by change."""

from __future__ import annotations

import signal
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from rxindex.cli.options import (
    Catalogue,
    ConfigFile,
    DataDir,
    EmbedderName,
    Json,
    MappingFile,
    MaxSeconds,
    RedisUrl,
    SourceUrl,
)
from rxindex.cli.runs import observed
from rxindex.cli.session import console, print_json, tells_errors
from rxindex.config import Settings, load_settings
from rxindex.source import open_binlog
from rxindex.sync.events import Observer
from rxindex.sync.follow import Applied, Follower
from rxindex.sync.stop import Stop
from rxindex.wiring import load_words, open_catalogue, open_rows, require_source, sync_options

if TYPE_CHECKING:
    from rxindex.source.binlog.reader import Binlog

__all__ = ["follow"]


@tells_errors
def follow(
    source: SourceUrl = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    mapping: MappingFile = None,
    catch_up: Annotated[
        bool, typer.Option("--catch-up", help="Stop once the index is in step.")
    ] = False,
    max_seconds: MaxSeconds = None,
    server_id: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=2**32 - 1,
            help="What the database knows this reader by; unlike its replicas'. "
            "[default: drawn by lot]",
            show_default=False,
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Serve Prometheus metrics on this port of the loopback address.",
            show_default=False,
        ),
    ] = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Follow the database's binlog: a committed change is searchable a moment later.

    Begins where it stopped; the first time, and when the binlog has gone, it compares the whole
    catalogue first. Each handful of changes is told on a line (with --json, an object a line).
    Ends at Ctrl-C or SIGTERM. The database user needs the right to read the binlog (REPLICATION
    SLAVE and REPLICATION CLIENT), and the server full rows in it (binlog_format ROW,
    binlog_row_image FULL).

    Examples:
      rxindex follow --source mysql://reader@db.internal/fdb --redis rediss://cache.internal

      rxindex follow --source mysql://reader@db.internal/fdb --catch-up --json
    """
    settings = load_settings(
        config,
        source=source,
        redis=redis,
        catalogue=catalogue,
        embedder=embedder,
        mapping=mapping,
        data_dir=data_dir,
    )
    stop = Stop(max_seconds)
    with ExitStack() as opened:
        opened.enter_context(stop.on_signals(signal.SIGTERM, signal.SIGINT))
        follower = _follower(settings, stop, server_id, metrics_port, opened, as_json=as_json)
        state = follower.run(until_idle=catch_up)
    if not as_json:
        console.print(
            f"stopped{': ' + escape(stop.reason) if stop.reason else ''}; "
            f"{state.rows:,} changed rows so far, the next follow goes on from there"
        )


def _follower(
    settings: Settings,
    stop: Stop,
    server_id: int | None,
    metrics_port: int | None,
    opened: ExitStack,
    *,
    as_json: bool,
) -> Follower:
    vocabulary = load_words(settings)
    url = require_source(settings)

    def binlog() -> Binlog:
        return open_binlog(
            url, mapping=settings.mapping, tls_ca=settings.source_ca, server_id=server_id
        )

    binlog()  # refuses a source without one before anything is started
    index, capabilities = opened.enter_context(open_catalogue(settings, patient=True))
    embedder = opened.enter_context(closing(settings.make_embedder()))
    observers: list[Observer] = opened.enter_context(observed(settings, index))
    if metrics_port is not None:
        from rxindex.observe.prometheus import PrometheusObserver

        metrics = PrometheusObserver()
        metrics.watch(index)
        opened.enter_context(metrics.serve(metrics_port))
        observers = [*observers, metrics]
    return Follower(
        lambda: open_rows(settings, vocabulary),
        binlog,
        embedder,
        index,
        capabilities,
        vocabulary,
        sync_options(settings),
        stop,
        observers,
        _tell_json if as_json else _tell,
    )


def _tell(applied: Applied) -> None:
    report = applied.report
    written = report.added + report.updated + report.metadata_only
    what = escape(applied.everything) or f"{applied.rows:,} changed rows"
    console.print(
        f"{time.strftime('%H:%M:%S')} {what}: {written:,} drugs written, {report.deleted:,} "
        f"deleted, {report.embedding_calls:,} embedding calls, "
        f"{applied.lag:,.1f} s after the commit"
    )
    for warning in report.warnings:
        console.print(f"[yellow]{escape(warning)}[/]")
    for failure in report.failures[:10]:
        console.print(f"[red]{escape(failure.name or failure.id)}[/]: {escape(failure.reason)}")


def _tell_json(applied: Applied) -> None:
    print_json(applied)
