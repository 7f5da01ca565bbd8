"""``rxindex serve`` and ``rxindex keys`` as the processes that they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from tests.services.commands import TERMINAL, CommandServer
from tests.services.fdb import create_tables, package
from tests.services.redis import RedisServer, free_port

from rxindex.index.embedded import EmbeddedRedis

ROWS = [
    package("00071015523", "ATORVASTATIN 20 MG TABLET", 16366),
    package("00071015540", "LIPITOR 20 MG TABLET", 16366, INNOV="1", GNI="2"),
    package("00054000102", "OXYCODONE 5 MG TABLET", 4225, DEA="2"),
]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def rxindex(commands: CommandServer, tmp_path: Path) -> Run:
    """Run ``rxindex`` with these words, in a process of its own."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return commands.start(words, cwd=tmp_path, env=os.environ | TERMINAL).wait(60)

    return run


@pytest.fixture
def place(rxindex: Run, tmp_path: Path) -> tuple[str, ...]:
    """An embedded Redis with a catalogue, as words of a command."""
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    words = ("--data-dir", str(tmp_path / "data"), "--embedder", "fake")
    rxindex("sync", "--source", url, *words).check_returncode()
    return words


class Serving:
    """``rxindex serve`` with these words, from enter to exit."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.said = ""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", "from rxindex.cli import main; main()", "serve",
             "--port", str(self.port), *words],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"TERM": "dumb"} | environment,
        )  # fmt: skip

    def __enter__(self) -> Self:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/health/ready").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        self._process.kill()
        raise AssertionError(f"rxindex serve does not answer: {self._process.communicate()[0]}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, how: signal.Signals) -> None:
        self._process.send_signal(how)

    def wait(self) -> int:
        """Wait until it has ended; gives the exit code."""
        self.said, _ = self._process.communicate(timeout=30)
        return self._process.returncode


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_and_stops_cleanly(
    place: tuple[str, ...], tmp_path: Path, how: signal.Signals
) -> None:
    with Serving(*place) as serving:
        found = httpx.get(f"{serving.url}/search", params={"q": "lipitor"})
        assert found.json()["hits"][0]["name"] == "LIPITOR 20 MG TABLET"
        assert "server" not in found.headers
        assert httpx.get(serving.url).headers["content-type"].startswith("text/html")
        assert EmbeddedRedis(tmp_path / "data").socket.exists()
        serving.send(how)
        assert serving.wait() == 0, serving.said
    assert serving.said.strip() == f"{serving.url}/   (Ctrl-C stops)"
    # Nobody else was connected, so the embedded Redis is gone with it.
    assert not EmbeddedRedis(tmp_path / "data").socket.exists()


def test_what_is_under_way_when_it_stops_is_still_answered(
    rxindex: Run, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'fdb.db'}"
    create_tables(url, ROWS)
    with RedisServer(tmp_path_factory.mktemp("redis")) as server, ThreadPoolExecutor(1) as callers:
        words = ("--redis", server.url, "--embedder", "fake")
        rxindex("sync", "--source", url, *words).check_returncode()
        with Serving(*words) as serving:
            assert server.process is not None
            os.kill(server.process.pid, signal.SIGSTOP)
            asked = callers.submit(httpx.get, f"{serving.url}/search?q=oxycodone", timeout=30)
            time.sleep(0.3)
            assert not asked.done()
            serving.send(signal.SIGTERM)
            # It takes on nothing new...
            while is_open(serving.port):
                time.sleep(0.02)
            os.kill(server.process.pid, signal.SIGCONT)
            # ... and lets nobody down.
            assert asked.result().json()["hits"][0]["name"] == "OXYCODONE 5 MG TABLET"
            assert serving.wait() == 0


def is_open(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=5)
    except httpx.TransportError:
        return False
    return True


def test_the_log_has_requests_and_no_queries_and_no_secrets(
    place: tuple[str, ...], rxindex: Run, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    made = json.loads(rxindex("keys", "add", "ward-3", "--keys", str(keys), "--json").stdout)
    logged = {"RXINDEX_LOG_LEVEL": "info", "RXINDEX_LOG_FORMAT": "json"}
    with Serving(*place, "--keys", str(keys), **logged) as serving:
        address = f"{serving.url}/search?q=oxycodone"
        assert httpx.get(address).status_code == 401
        reply = httpx.get(address, headers={"X-API-Key": made["key"]})
        assert reply.status_code == 200
        serving.send(signal.SIGTERM)
        assert serving.wait() == 0
    lines: list[Any] = [json.loads(one) for one in serving.said.splitlines() if one[0] == "{"]
    (line,) = [one for one in lines if one.get("request") == reply.headers["x-request-id"]]
    assert (line["route"], line["status"], line["key"]) == ("/search", 200, "ward-3")
    assert "oxycodone" not in serving.said
    assert made["key"] not in serving.said


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_serve_is_not_open_to_others_without_keys(rxindex: Run, tmp_path: Path, host: str) -> None:
    done = rxindex("serve", "--host", host, "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 3
    assert "open to other machines" in done.stderr
    missing = rxindex("serve", "--host", host, "--keys", str(tmp_path / "none.json"))
    assert missing.returncode == 3
    assert "rxindex keys add" in missing.stderr
    assert not (tmp_path / "data").exists()


def test_a_catalogue_that_is_not_indexed_is_not_served(rxindex: Run, tmp_path: Path) -> None:
    done = rxindex("serve", "--embedder", "fake", "--data-dir", str(tmp_path / "data"))
    assert done.returncode == 5
    assert "CatalogueNotIndexed" in done.stderr


def test_keys_are_added_listed_and_revoked(rxindex: Run, tmp_path: Path) -> None:
    place = ("--keys", str(tmp_path / "etc" / "keys.json"))
    shown = rxindex("keys", "add", "ward-3", *place)
    assert (shown.returncode, shown.stdout.startswith("rx_")) == (0, True)
    rxindex("keys", "add", "ehr", "--requests-per-minute", "6000", *place).check_returncode()
    again = rxindex("keys", "add", "ehr", *place)
    assert (again.returncode, again.stdout) == (3, "")
    listed = rxindex("keys", "list", "--json", *place).stdout
    assert shown.stdout.strip() not in listed
    assert [(one["name"], one["requests_per_minute"]) for one in json.loads(listed)["keys"]] == [
        ("ward-3", None), ("ehr", 6000)
    ]  # fmt: skip
    rxindex("keys", "revoke", "ward-3", *place).check_returncode()
    assert "ward-3" not in rxindex("keys", "list", *place).stdout
    assert rxindex("keys", "revoke", "ward-3", *place).returncode == 3
    nowhere = rxindex("keys", "list")
    assert nowhere.returncode == 3
    assert "--keys FILE" in nowhere.stderr
