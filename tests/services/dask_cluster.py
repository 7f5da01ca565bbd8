"""A Dask scheduler and workers in processes of their own, as somebody else's cluster would be."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from distributed import Client
from tests.services.redis import free_port

__all__ = ["DaskCluster"]


class DaskCluster:
    """A scheduler, from enter to exit, and the workers that were started.

    Args:
        folder: for what the processes write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"tcp://127.0.0.1:{free_port()}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        port = self.url.rpartition(":")[2]
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()

    def start_worker(self, environment: Mapping[str, str] | None = None) -> None:
        """Start a worker, with more in its environment."""
        self._start(
            "dask_worker", self.url, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny",
            "--no-dashboard", environment=environment,
        )  # fmt: skip

    def wait_for_worker(self) -> None:
        """Wait until the scheduler knows a worker."""
        with Client(self.url, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(1, timeout=30)

    def kill_scheduler(self) -> None:
        """Kill the scheduler at once."""
        self._processes[0].kill()
        self._processes[0].wait()

    def _start(
        self, program: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> None:
        log = self.folder / f"dask-{len(self._processes)}.log"
        with log.open("wb") as out:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", f"distributed.cli.{program}", *words],
                    stdout=out,
                    stderr=out,
                    cwd=self.folder,
                    env=os.environ | (environment or {}),
                )
            )
