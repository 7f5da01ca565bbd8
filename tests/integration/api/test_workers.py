"""``rxindex serve --workers``: several processes that are one service."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from tests.integration.api.test_serve import Run, Serving, is_open, place, rxindex

from rxindex.index.embedded import EmbeddedRedis

__all__ = ["place", "rxindex"]

LOGGED = {"RXINDEX_LOG_LEVEL": "info", "RXINDEX_LOG_FORMAT": "json"}


def workers_of(serving: Serving) -> set[int]:
    """List the processes that answer."""
    pid = serving.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {
        int(one) for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()
    }


def begun(serving: Serving) -> set[int]:
    """List the workers that have put their application together: they have begun to count."""
    workers = workers_of(serving)
    environment = Path(f"/proc/{min(workers)}/environ").read_bytes().split(b"\0")
    (folder,) = (
        one.partition(b"=")[2] for one in environment if one.startswith(b"PROMETHEUS_MULTIPROC_DIR")
    )
    return {one for one in workers if (Path(os.fsdecode(folder)) / f"counter_{one}.db").exists()}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def ask(serving: Serving, path: str = "/search?q=lipitor", **headers: str) -> httpx.Response:
    """Ask over a connection of its own, which any of the processes may take."""
    return httpx.get(f"{serving.url}{path}", headers=headers, timeout=30)


def counted(serving: Serving, route: str) -> int:
    """Read how many answers of a route the metrics tell of."""
    told = ask(serving, "/metrics").text
    found = re.findall(
        rf'^rxindex_http_requests_total{{.*route="{route}".*}} (\S+)$', told, re.MULTILINE
    )
    return int(sum(map(float, found)))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_workers_answer_and_stop_cleanly(
    place: tuple[str, ...], tmp_path: Path, how: signal.Signals
) -> None:
    with Serving(*place, "--workers", "2") as serving:
        assert len(workers_of(serving)) == 2
        assert ask(serving).json()["hits"][0]["name"] == "LIPITOR 20 MG TABLET"
        serving.send(how)
        assert serving.wait() == 0, serving.said
    # uvicorn's parent leaves its socket to the end of the process, which Python tells of here.
    said = [one for one in serving.said.splitlines() if "socket" not in one]
    assert said == [f"{serving.url}/   (Ctrl-C stops)"]
    assert not EmbeddedRedis(tmp_path / "data").socket.exists()


def test_a_worker_that_is_killed_is_replaced_while_the_others_answer(
    place: tuple[str, ...],
) -> None:
    with Serving(*place, "--workers", "2") as serving, ThreadPoolExecutor(4) as callers:
        before = workers_of(serving)
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        # From now on, over new connections: each is answered by who is left.
        asked = [callers.submit(ask, serving) for _ in range(40)]
        assert {one.result().status_code for one in asked} == {200}
        wait_until(lambda: len(begun(serving) - {killed}) == 2)
        assert len(workers_of(serving) - before) == 1
        assert ask(serving).status_code == 200
        serving.send(signal.SIGTERM)
        assert serving.wait() == 0, serving.said


def test_the_metrics_of_any_worker_are_those_of_all(place: tuple[str, ...]) -> None:
    with Serving(*place, "--workers", "2") as serving:
        wait_until(lambda: len(begun(serving)) == 2)
        asked = counted(serving, "/search")
        for _ in range(20):
            assert ask(serving).status_code == 200
        time.sleep(1.1)  # what is told may be a second old
        assert {counted(serving, "/search") for _ in range(10)} == {asked + 20}
        os.kill(min(workers_of(serving)), signal.SIGKILL)
        time.sleep(1.1)
        # A counter never goes back.
        assert counted(serving, "/search") >= asked + 20
        told = ask(serving, "/metrics").text
        serving.send(signal.SIGTERM)
        assert serving.wait() == 0, serving.said
    assert told.count("# TYPE rxindex_searches_total ") == 1
    assert "rxindex_quarantine" in told


def test_a_key_has_one_quota_over_all_workers(
    place: tuple[str, ...], rxindex: Run, tmp_path: Path
) -> None:
    keys = str(tmp_path / "keys.json")
    add = rxindex("keys", "add", "ehr", "--requests-per-minute", "10", "--keys", keys, "--json")
    key = json.loads(add.stdout)["key"]
    with Serving(*place, "--keys", keys, "--workers", "3", **LOGGED) as serving:
        began = time.monotonic()
        replies = [ask(serving, **{"X-API-Key": key}) for _ in range(30)]
        back = 1 + int((time.monotonic() - began) * 10 / 60)
        serving.send(signal.SIGTERM)
        assert serving.wait() == 0
    assert 10 <= [one.status_code for one in replies].count(200) <= 10 + back
    assert {one.status_code for one in replies} == {200, 429}
    assert key not in serving.said


def test_workers_end_with_a_parent_that_was_killed(place: tuple[str, ...], tmp_path: Path) -> None:
    # Its folder for temporary files is left behind, as everything is by a process that is killed.
    with Serving(*place, "--workers", "2", TMPDIR=str(tmp_path)) as serving:
        workers = workers_of(serving)
        serving.send(signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{one}").exists() for one in workers))
        assert not is_open(serving.port)
    with EmbeddedRedis(tmp_path / "data"):
        pass  # the last to leave stops it


def test_what_the_command_line_says_holds_for_the_workers(
    place: tuple[str, ...], tmp_path: Path
) -> None:
    """Flags come before the file, which all of them read too."""
    config = tmp_path / "rx.toml"
    config.write_text('catalogue = "another"\napi_under_way = 1\nlog_level = "info"\n')
    words = (*place, "--catalogue", "drugs", "--config", str(config))
    with Serving(*words, "--workers", "2") as serving:
        assert ask(serving, "/status").json()["catalogue"] == "drugs"
        serving.send(signal.SIGTERM)
        assert serving.wait() == 0
    assert "answers" in serving.said


def test_workers_are_a_number_or_auto(rxindex: Run, tmp_path: Path) -> None:
    for wrong in ("0", "-1", "many", "257", "1.5"):
        done = rxindex("serve", f"--workers={wrong}", "--data-dir", str(tmp_path / "data"))
        assert (done.returncode, "--workers is a number" in done.stderr) == (3, True)
