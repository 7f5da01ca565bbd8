"""Runs of the real command line that are told to stop, and the ones that go on.

Redis stands behind a gate that is shut at the moment of the signal, so that the run is in the
middle whatever the machine does.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.services.commands import TERMINAL, Command, CommandServer
from tests.services.gate import Gate
from tests.services.indexed import assert_tidy, contents
from tests.services.pharmacy import REWORD, write_pharmacy
from tests.services.redis import RedisServer, calls

from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.sync.checkpoint import Checkpoints
from rxindex.sync.history import History

DRUGS = 1_200
#: Counts that those of resumed runs must add up to.
ADDED_UP = (
    "total_processed", "successful", "failed", "packages", "added", "updated", "metadata_only",
    "unchanged", "deleted", "embedding_calls",
)  # fmt: skip


class Place:
    """A catalogue and an index behind a gate."""

    def __init__(
        self, folder: Path, server: RedisServer, gate: Gate, commands: CommandServer
    ) -> None:
        self.folder = folder
        self.server = server
        self.commands = commands
        self.gate = gate
        self.source = f"sqlite:///{folder / 'fdb.db'}"
        self.catalogue = Catalogue(server.client(), "fdb")
        write_pharmacy(self.source, DRUGS)

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        return told(self.begin(*words))

    def begin(self, *words: str) -> Command:
        """Begin ``rxindex sync`` in a process of its own."""
        environment = {
            "RXINDEX_REDIS": f"redis://127.0.0.1:{self.gate.port}",
            "RXINDEX_SOURCE": self.source,
            "RXINDEX_CATALOGUE": "fdb",
            "RXINDEX_EMBEDDER": "fake",
            "RXINDEX_DIMENSIONS": "16",
            "RXINDEX_BATCH_SIZE": "4",
        }
        return self.commands.start(
            ["sync", "--json", *words],
            cwd=self.folder,
            env=os.environ | TERMINAL | environment,
        )

    def in_the_middle(self, there: Callable[[], bool]) -> None:
        """Wait until the run is so far, and shut the gate."""
        deadline = time.monotonic() + 120
        while not there():
            assert time.monotonic() < deadline
            time.sleep(0.002)  # between two looks; Redis tells nobody of a plain write
        self.gate.stall()

    def written(self) -> int:
        """How many drugs, texts and batches the server was given so far."""
        return calls(self.server.client(), "hset")

    def stop_in_the_middle(self, how: signal.Signals) -> tuple[int, dict[str, Any]]:
        """Begin a first load and send a signal when some of it is written."""
        before = self.written()
        command = self.begin()
        self.in_the_middle(lambda: self.written() > before + 240)
        command.send_signal(how)
        self.gate.resume()
        return told(command)

    def one_run(self) -> dict[str, Any]:
        """What a run reports that does all of it, into an index of its own."""
        code, report = self.run("--catalogue", "once")
        assert code == 0
        return report

    def checkpoint(self) -> bool:
        generation = self.catalogue.generations()[-1].name
        return Checkpoints(self.catalogue, generation, 0).resume(self.name) is not None

    @property
    def name(self) -> str:
        return History(self.catalogue).last(1)[0].source

    def check(self) -> None:
        once = Catalogue(self.server.client(), "once")
        assert contents(self.catalogue) == contents(once)
        assert_tidy(self.catalogue)


def told(command: Command) -> tuple[int, dict[str, Any]]:
    """Wait for a command's end; give its exit code and the JSON."""
    done = command.wait(200)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def place(tmp_path: Path, commands: CommandServer) -> Iterator[Place]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder) as server, Gate(server.port) as gate:
        yield Place(tmp_path, server, gate, commands)


def added_up(reports: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(report[name] for report in reports) for name in ADDED_UP}


def test_sigterm_ends_a_run_clean_and_the_next_one_goes_on(place: Place) -> None:
    code, first = place.stop_in_the_middle(signal.SIGTERM)
    assert code == 9
    assert first["stopped"] == "it received SIGTERM"
    assert (first["completed"], first["resumed"]) == (False, False)
    assert 100 <= first["total_processed"] < DRUGS
    assert first["next_cursor"] != ""
    assert any("is not complete" in one and "run again" in one for one in first["warnings"])
    assert place.checkpoint()
    assert place.catalogue.live() is None
    assert History(place.catalogue).last(1)[0].outcome == "stopped"
    code, second = place.run()
    assert code == 0
    assert (second["completed"], second["resumed"], second["stopped"]) == (True, True, "")
    assert second["next_cursor"] == ""
    assert second["rechecked"] == first["total_processed"]
    # Each text of this catalogue is one drug's own, so nothing is embedded twice.
    assert added_up([first, second]) == added_up([place.one_run()])
    assert not place.checkpoint()
    place.check()


def test_sigterm_in_a_run_over_changes_keeps_the_index_and_the_next_one_goes_on(
    place: Place, tmp_path: Path
) -> None:
    assert place.run()[0] == 0
    with closing(sqlite3.connect(tmp_path / "fdb.db")) as database, database:
        database.execute(REWORD)
        database.execute("DELETE FROM rndc14 WHERE GCN_SEQNO % 50 = 0")
    live = place.catalogue.live()
    before = contents(place.catalogue)
    command = place.begin()
    written = place.written()
    place.in_the_middle(lambda: place.written() > written + 100)
    command.send_signal(signal.SIGTERM)
    place.gate.resume()
    code, first = told(command)
    assert (code, first["completed"], first["deleted"]) == (9, False, 0)
    assert 0 < first["updated"] < DRUGS * 0.97
    assert (place.catalogue.live(), len(contents(place.catalogue))) == (live, len(before))
    code, second = place.run()
    assert (code, second["resumed"], second["deleted"]) == (0, True, DRUGS // 50)
    assert first["updated"] + second["updated"] == DRUGS - DRUGS // 50
    assert first["embedding_calls"] + second["embedding_calls"] == DRUGS - DRUGS // 50
    place.one_run()
    place.check()


def test_runs_that_are_short_of_time_come_to_the_end_one_after_the_other(place: Place) -> None:
    reports = []
    seconds = 0.2
    for _ in range(12):
        code, report = place.run("--max-seconds", str(seconds))
        reports.append(report)
        if code == 0:
            break
        assert code == 9
        assert report["stopped"] == f"the {seconds:g} seconds that it was given were over"
        seconds *= 1.5
    assert reports[-1]["completed"]
    assert len(reports) > 1
    assert all(report["resumed"] for report in reports[1:])
    # One that came to the end without the time to look at the beginning again believes the others.
    last = reports[-1]
    early = any("no time left to look again" in one for one in last["warnings"])
    assert early == (last["stopped"] != "")
    before = sum(report["total_processed"] for report in reports[:-1])
    assert last["rechecked"] == before or (early and last["rechecked"] < before)
    assert added_up(reports) == added_up([place.one_run()])
    assert not place.checkpoint()
    place.check()


def test_another_run_is_told_by_the_exit_code(place: Place) -> None:
    assert place.run()[0] == 0
    with ThreadPoolExecutor(1) as watching:
        with hold(place.catalogue, "sync"):
            code, said = place.run("--wait", "0")
            assert code == 8
            assert said["error"] == "LeaseHeld"
            assert f"process {os.getpid()}" in said["message"]
            waiting = watching.submit(told, place.begin("--wait", "60"))
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        code, report = waiting.result()
    assert (code, report["unchanged"]) == (0, DRUGS)
