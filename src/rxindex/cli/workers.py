"""What ``rxindex sync`` does with ``--workers`` and ``--scheduler``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from rxindex.cli.progress import counting_bar
from rxindex.cli.runs import observed
from rxindex.cli.session import console
from rxindex.config import Settings
from rxindex.errors import ConfigurationError, MissingExtra
from rxindex.sync.options import SyncOptions
from rxindex.sync.report import SyncReport
from rxindex.sync.stop import Stop
from rxindex.wiring import open_catalogue, require_source

if TYPE_CHECKING:
    from distributed import Client

    from rxindex.cluster.report import WorkerShare

__all__ = ["run_on_workers"]


def run_on_workers(
    settings: Settings,
    options: SyncOptions,
    stop: Stop,
    workers: int | None,
    scheduler: str | None,
    *,
    as_json: bool,
) -> SyncReport:
    """Run a sync on several workers, with a progress bar, and show each one's share.

    Args:
        settings: of the command.
        options: of the run.
        stop: when to stop; SIGTERM always stops it.
        workers: processes to start on this machine; None with a scheduler.
        scheduler: address of a Dask cluster; None with workers.
        as_json: show nothing; the report has the shares.

    Raises:
        MissingExtra: Dask is not installed.
        ConfigurationError: workers on other machines could not reach what the settings name.
        RxindexError: see `rxindex.cluster.sync.sync_on_workers`.
    """
    try:
        from rxindex.cluster.sync import sync_on_workers
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "--workers and --scheduler need Dask: pip install 'rxindex[dask]'"
        ) from error
    require_source(settings)
    with (
        stop.on_signals(),
        _cluster(settings, workers, scheduler) as client,
        open_catalogue(settings, patient=True) as (index, capabilities),
        counting_bar("packages", "starting") as update,
        observed(settings, index) as observers,
    ):
        report = sync_on_workers(
            client, settings, index, capabilities, options, update,
            stop=stop, observers=observers,
        )  # fmt: skip
    if not as_json:
        console.print(_table(report.workers))
    return report


def _cluster(
    settings: Settings, workers: int | None, scheduler: str | None
) -> AbstractContextManager[Client]:
    from rxindex.cluster.workers import local_workers, workers_of

    if scheduler is None:
        return local_workers(workers or 1)
    if settings.redis is None:
        raise ConfigurationError(
            "workers on other machines can't reach the embedded Redis: give the address of a "
            "Redis with --redis"
        )
    return workers_of(scheduler)


def _table(workers: Sequence[WorkerShare]) -> Table:
    """Show what each worker did."""
    table = Table(box=None)
    table.add_column("worker")
    for heading in ("partitions", "drugs", "seconds"):
        table.add_column(heading, justify="right")
    for one in workers:
        table.add_row(
            escape(one.name), f"{one.partitions:,}", f"{one.drugs:,}", f"{one.seconds:,.1f}"
        )
    return table
