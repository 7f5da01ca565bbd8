"""What the commands that write an index share: settings to a run, and a report to an exit code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

import typer
from rich.markup import escape

from rxindex.cli.progress import counting_bar
from rxindex.cli.session import console, print_json
from rxindex.cli.show import report_table
from rxindex.config import Settings
from rxindex.index.catalogue import Catalogue
from rxindex.observe.logs import LogObserver, configure_logging
from rxindex.sync.events import Observer
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.retry import retry
from rxindex.sync.run import sync
from rxindex.sync.since import sync_since
from rxindex.sync.stop import Stop
from rxindex.wiring import load_words, open_catalogue, open_rows, sync_options

__all__ = ["SOME_FAILED", "STOPPED", "finish", "observed", "retry_entries", "run"]

#: Exit code when the run went through but some drugs did not, or something was held back.
SOME_FAILED = 7
#: Exit code when the run stopped before the end, at its deadline or by a signal.
STOPPED = 9


@contextmanager
def observed(settings: Settings, catalogue: Catalogue) -> Iterator[list[Observer]]:
    """Give the observers that the settings ask for; the metrics file is written on exit.

    How a run went is told by the command itself. It is logged too where logs are what is read:
    with ``log_format`` json, or from ``log_level`` info on.
    """
    configure_logging(settings.log_format, settings.log_level)
    logs = settings.log_format == "json" or settings.log_level in {"info", "debug"}
    observers: list[Observer] = [LogObserver()] if logs else []
    if settings.traces:
        from rxindex.observe.tracing import TracingObserver

        observers.append(TracingObserver())
    if settings.metrics_file is None:
        yield observers
        return
    from rxindex.observe.prometheus import PrometheusObserver

    metrics = PrometheusObserver()
    metrics.watch(catalogue)
    try:
        yield [*observers, metrics]
    finally:
        metrics.write_textfile(settings.metrics_file)


def run(
    settings: Settings,
    options: SyncOptions,
    *,
    stop: Stop | None = None,
    since: dt.datetime | None = None,
    updated: bool = False,
) -> SyncReport:
    """Run a sync with everything that the settings name, and a progress bar.

    Args:
        settings: of the command.
        options: of the run.
        stop: when to stop; SIGTERM always stops it.
        since: with ``updated``: from this update time on; None for the latest one seen.
        updated: only what was updated.

    Raises:
        RxindexError: see `rxindex.sync.run.sync`, `open_source` and `open_catalogue`.
    """
    stop = Stop() if stop is None else stop
    vocabulary = load_words(settings)
    rows = open_rows(settings, vocabulary)
    with (
        stop.on_signals(),
        open_catalogue(settings, patient=True) as (index, capabilities),
        closing(settings.make_embedder()) as embedder,
        counting_bar("packages", "syncing") as update,
        observed(settings, index) as observers,
    ):
        if updated:
            lag = dt.timedelta(seconds=settings.since_lag)
            return sync_since(
                rows, embedder, index, vocabulary, options, since, lag,
                stop=stop, observers=observers,
            )  # fmt: skip
        return sync(
            rows, embedder, index, capabilities, vocabulary, options,
            lambda report, packages: update("syncing", report.packages, packages),
            stop=stop, observers=observers,
        )  # fmt: skip


def retry_entries(settings: Settings, ids: Sequence[str] | None, *, dry_run: bool) -> SyncReport:
    """Read drugs in quarantine again and put them through the plan.

    Args:
        settings: of the command; they name a source.
        ids: of entries or drugs; None for all.
        dry_run: write nothing.

    Raises:
        QueryError: an id is not in quarantine.
        RxindexError: see `rxindex.sync.retry.retry`.
    """
    vocabulary = load_words(settings)
    rows = open_rows(settings, vocabulary)
    with (
        open_catalogue(settings, patient=True) as (index, _),
        closing(settings.make_embedder()) as embedder,
        observed(settings, index) as observers,
    ):
        options = sync_options(settings, dry_run=dry_run)
        return retry(rows, embedder, index, vocabulary, options, ids, observers=observers)


def finish(report: SyncReport, *, as_json: bool, trial: bool = False) -> None:
    """Show a report and exit with its code.

    Args:
        report: what the run did.
        as_json: for scripts.
        trial: the run was told to stop early.

    Raises:
        typer.Exit: something is left to do.
    """
    if as_json:
        print_json(report)
    else:
        _show(report)
    if report.quarantined:
        raise typer.Exit(SOME_FAILED)
    if not report.completed and not trial:
        raise typer.Exit(STOPPED if report.stopped or report.deferred else SOME_FAILED)


def _show(report: SyncReport) -> None:
    console.print(report_table(report))
    for kind, names in report.samples.items():
        console.print(f"[bold]{kind.replace('_', ' ')}[/], for example: {_listed(names)}")
    if report.stopped:
        more = "; the next run goes on from there" if report.next_cursor else ""
        console.print(f"[yellow]stopped: {escape(report.stopped)}{more}[/]")
    for warning in report.warnings:
        console.print(f"[yellow]{escape(warning)}[/]")
    for failure in report.failures[:10]:
        name = escape(f"{failure.name or failure.id} {failure.ndc}".strip())
        console.print(f"[red]{name}[/]: {escape(failure.reason)}")
    if report.quarantined > 10:
        console.print(f"... {report.quarantined} in all: rxindex quarantine list")


def _listed(names: Sequence[str]) -> str:
    return escape("; ".join(names))
