"""``rxindex sync --workers`` as a person or a script runs it, and stops it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import pytest
from tests.integration.cluster.pharmacy import DRUGS, Pharmacy

from rxindex.index.embedded import EmbeddedRedis

pytestmark = [pytest.mark.xdist_group("workers"), pytest.mark.lasts(20)]


_PROGRAM = "from rxindex.cli import main; main()"


class Sync:
    """The command under way, in a process group of its own, as a shell would start it."""

    def __init__(
        self, pharmacy: Pharmacy, server: EmbeddedRedis, folder: Path, *words: str
    ) -> None:
        self._out, self._err = folder / "out", folder / "err"
        settings = {
            "RXINDEX_SOURCE": f"sqlite:///{pharmacy.path}",
            "RXINDEX_REDIS": server.url,
            "RXINDEX_CATALOGUE": pharmacy.catalogue.name,
            "RXINDEX_EMBEDDER": "titan",
            "RXINDEX_DIMENSIONS": "256",
            "RXINDEX_TITAN_ENDPOINT": pharmacy.bedrock.url,
            "RXINDEX_TITAN_CONCURRENCY": "2",
            "RXINDEX_BATCH_SIZE": "5",
        }
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", _PROGRAM, "sync", *words],
                stdout=out, stderr=err, start_new_session=True, env=os.environ | settings,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def signal(self, how: signal.Signals, *, group: bool) -> None:
        """Send a signal, to the workers too as Ctrl-C does, or to the command alone."""
        (os.killpg if group else os.kill)(self._process.pid, how)

    def workers(self) -> list[psutil.Process]:
        """The processes that the command has started."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def wait(self) -> tuple[int, str, str]:
        """Wait for its end; give exit code, output and errors."""
        code = self._process.wait(120)
        return code, self._out.read_text(), self._err.read_text()


def assert_gone(processes: list[psutil.Process]) -> None:
    """Check that there were workers and that none is left."""
    assert len(processes) >= 2
    deadline = time.monotonic() + 20  # what they had started themselves ends after them
    while (left := [one for one in processes if is_alive(one)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process is at work; one that nobody has waited for is not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def command(
    credentials: None, pharmacy: Pharmacy, redis_server: EmbeddedRedis, tmp_path: Path
) -> Iterator[Sync]:
    """The command, held in the middle of its work."""
    with Sync(pharmacy, redis_server, tmp_path, "--workers", "2", "--json") as started:
        yield started


def test_at_sigterm_workers_end_clean_and_a_script_reads_what_they_did(
    command: Sync, pharmacy: Pharmacy
) -> None:
    with pharmacy.bedrock.held_after(DRUGS // 2):
        pharmacy.bedrock.wait_until_held()
        workers = command.workers()
        command.signal(signal.SIGTERM, group=False)
        pharmacy.wait_until_told_to_stop()
    code, out, err = command.wait()
    assert (code, err) == (9, "")
    report = json.loads(out)
    assert (report["completed"], report["stopped"]) == (False, "it received SIGTERM")
    assert {one["name"] for one in report["workers"]} <= {"0", "1"}
    assert sum(one["drugs"] for one in report["workers"]) == report["total_processed"] > 0
    assert set(report["workers"][0]) == {"name", "partitions", "drugs", "seconds"}
    assert_gone(workers)
    assert pharmacy.is_free()


def test_at_ctrl_c_the_command_takes_its_workers_with_it_and_gives_the_lease_back(
    command: Sync, pharmacy: Pharmacy
) -> None:
    with pharmacy.bedrock.held_after(DRUGS // 2):
        pharmacy.bedrock.wait_until_held()
        workers = command.workers()
        command.signal(signal.SIGINT, group=True)
    code, out, err = command.wait()
    assert (code, out) == (130, "")
    assert err == "interrupted; what was written is whole, run again to go on\n"
    assert_gone(workers)
    assert pharmacy.is_free()
    assert pharmacy.catalogue.live() is None
