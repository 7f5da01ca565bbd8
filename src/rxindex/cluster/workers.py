"""Workers for a sync: processes of this machine, or those of a Dask cluster that is there."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
from distributed import Client, LocalCluster, Security, WorkerPlugin
from distributed.comm.addressing import resolve_address

from rxindex.errors import ConfigurationError, MissingExtra, WorkersUnavailable

__all__ = ["local_workers", "slots", "workers_of"]

#: Dask's settings for workers of this machine. So many deaths of its worker a partition survives;
#: and there are no pages of which anybody here could read how the run fares.
_LOCAL: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 10,
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}


@contextmanager
def local_workers(count: int) -> Iterator[Client]:
    """Start so many processes on this machine, and stop them on exit.

    They talk over the loopback address with certificates that are made for the occasion, so that
    no other user of the machine can give them work or read the settings they are sent.

    Args:
        count: one or more.

    Raises:
        MissingExtra: the library that makes the certificates is not installed.
    """
    try:
        security = Security.temporary()  # type: ignore[no-untyped-call]
    except ImportError as error:
        raise MissingExtra(
            "sync --workers needs cryptography: pip install 'rxindex[dask]'"
        ) from error
    handlers = [(one, one.level) for one in logging.getLogger().handlers]
    with (
        _silent(),
        dask.config.set(_LOCAL),
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            # Not none, which is a port that everybody knows.
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            security=security,
            # What a run holds does not grow with the catalogue; nothing need be watched.
            memory_limit=0,
            # A worker that is being stopped complains of the scheduler that is gone.
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(  # type: ignore[no-untyped-call]
            cluster, security=security, set_as_default=False
        ) as client,
    ):
        # To silence its workers, Dask silences what this process tells of anything.
        for handler, level in handlers:
            handler.setLevel(level)
        client.register_plugin(_Deaf(), name="rxindex-deaf")
        yield client


@contextmanager
def _silent() -> Iterator[None]:
    """Keep Dask's own words out of this process' log."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


class _Deaf(WorkerPlugin):
    """Lets a worker leave Ctrl-C, which a terminal sends to all, to the command that stops it."""

    def setup(self, worker: Any) -> None:
        """Begin on a worker (Dask's own call, in the main thread)."""
        del worker
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def workers_of(scheduler: str, *, timeout: float = 20.0) -> Iterator[Client]:
    """Connect to a Dask cluster whose workers have this version of rxindex.

    Args:
        scheduler: ``tcp://host:port``, or ``tls://host:port`` with Dask's own settings for TLS.
        timeout: seconds to wait for its first answer.

    Raises:
        ConfigurationError: it is no address, or the cluster has another version of rxindex.
        WorkersUnavailable: nothing answers there, or it has no worker.
    """
    try:
        resolve_address(scheduler)
        client = Client(  # type: ignore[no-untyped-call]
            scheduler, timeout=timeout, set_as_default=False
        )
    except ValueError as error:
        raise ConfigurationError(
            f"{scheduler!r} is not the address of a Dask scheduler ({error}): write tcp://host:8786"
        ) from error
    except OSError as error:
        raise WorkersUnavailable(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        _require_version(client, scheduler)
        yield client


def slots(client: Client) -> int:
    """Count the partitions that a cluster's workers can have under way at once.

    Raises:
        WorkersUnavailable: the scheduler does not answer.
    """
    try:
        return sum(client.nthreads().values())  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError) as error:
        raise WorkersUnavailable(f"the Dask scheduler does not answer: {error}") from error


def _require_version(client: Client, scheduler: str) -> None:
    versions: Any = client.get_versions(packages=["rxindex"])
    if not versions["workers"]:
        raise WorkersUnavailable(
            f"the Dask cluster at {scheduler} has no worker: start some with 'dask worker "
            f"{scheduler} --nthreads 1'"
        )
    own = versions["client"]["packages"]["rxindex"]
    # The scheduler reads the tasks too.
    others = {"the scheduler": versions["scheduler"], **versions["workers"]}
    for name, one in others.items():
        found = one["packages"]["rxindex"]
        if found != own:
            raise ConfigurationError(
                f"{name} of the Dask cluster at {scheduler} has "
                f"{f'rxindex {found}' if found else 'no rxindex'}, this is rxindex {own}: install "
                "the same version everywhere (with the extras that source and embedder need)"
            )
