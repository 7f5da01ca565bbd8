"""Two runs on one catalogue, each in a process of its own: they never overlap.

A run that is paused (a suspended machine, a long garbage collection) is taken for dead and
another one does its work. When the first wakes up, its next command is on its way already, and
must find that Redis refuses it, whatever it is.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.services.fdb import create_tables, package
from tests.services.indexed import assert_tidy, contents, everything
from tests.services.redis import RedisServer
from tests.services.runs import Order, RunServer

from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import read_holder
from rxindex.sync.history import History
from rxindex.sync.quarantine import read_entries

pytestmark = [pytest.mark.xdist_group("lease"), pytest.mark.lasts(20)]

#: Of a run that is paused: long enough for its heartbeat on a busy machine.
SHORT = 0.5
NAMES = ("ATORVASTATIN", "LISINOPRIL", "METFORMIN", "WARFARIN", "OXYCODONE", "AMLODIPINE")


def rows() -> list[dict[str, object]]:
    """Give 400 drugs of one package or two."""
    return [
        package(number, f"{NAMES[number % 6]} {number // 2} MG TABLET", 1000 + number // 12)
        for number in range(1, 800)
    ]


class Place:
    """A catalogue and processes that keep its index."""

    def __init__(self, folder: Path, server: RedisServer, runs: RunServer) -> None:
        self.path = folder / "fdb.db"
        self.server = server
        self.runs = runs
        self.catalogue = Catalogue(server.client(), "fdb")
        server.client().flushall()
        create_tables(f"sqlite:///{self.path}", rows())

    def order(
        self, name: str = "fdb", *, pause_before: str = "", pause_at_batch: int = 0, **options: Any
    ) -> Order:
        return Order(
            redis=self.server.url,
            source=f"sqlite:///{self.path}",
            catalogue=name,
            options={"batch_size": 20, "allow_deletes": True, "most_deletes": 1.0, **options},
            page_size=50,
            pause_before=pause_before,
            pause_at_batch=pause_at_batch,
        )

    def change(self, *statements: str) -> None:
        """Change the catalogue beside whoever reads it: in a copy that takes its place."""
        copy = self.path.with_suffix(".new")
        copy.write_bytes(self.path.read_bytes())
        with closing(sqlite3.connect(copy)) as database, database:
            for statement in statements:
                database.execute(statement)
        copy.replace(self.path)

    def check(self) -> None:
        """Hold the index against one of the same source that was built in one go."""
        assert self.runs.carry_out(self.order("once")).done.completed
        assert contents(self.catalogue) == contents(Catalogue(self.server.client(), "once"))


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RunServer]]:
    folder = tmp_path_factory.mktemp("lease")
    with RedisServer(folder) as server, RunServer(folder) as runs:
        yield server, runs


@pytest.fixture
def place(tmp_path: Path, processes: tuple[RedisServer, RunServer]) -> Place:
    return Place(tmp_path, *processes)


# -- one after the other -----------------------------------------------------------------------


def test_a_second_run_leaves_and_names_the_first(place: Place) -> None:
    first = place.runs.start(place.order(pause_at_batch=3))
    first.wait_until_paused()
    second = place.runs.carry_out(place.order())
    assert (second.code, second.error) == (8, "LeaseHeld")
    assert f"sync, process {first.pid} on {os.uname().nodename}" in second.message
    assert "--wait" in second.message
    first.resume()
    assert first.wait().done.completed
    place.check()
    assert_tidy(place.catalogue)


def test_a_second_run_that_waits_begins_when_the_first_has_ended(place: Place) -> None:
    first = place.runs.start(place.order(pause_at_batch=3))
    first.wait_until_paused()
    place.change("UPDATE rndc14 SET PS = 7 WHERE GCN_SEQNO < 1010")
    second = place.runs.start(place.order(wait=60.0))
    leaves = place.runs.carry_out(place.order(wait=0.4))
    assert (leaves.code, leaves.error) == (8, "LeaseHeld")
    first.resume()
    done = first.wait().done
    assert (done.completed, done.added) == (True, done.total_processed)
    done = second.wait().done
    assert done.completed
    assert done.metadata_only > 0
    assert (done.added, done.updated, done.embedding_calls) == (0, 0, 0)
    place.check()
    runs = {one.pid: one for one in History(place.catalogue).last()}
    assert runs[second.pid].ended > runs[first.pid].ended


def test_the_lease_of_a_run_that_was_killed_delays_nobody(place: Place) -> None:
    first = place.runs.start(place.order(pause_at_batch=5, lease_seconds=300.0))
    first.wait_until_paused()
    first.kill()
    assert first.wait().code == -signal.SIGKILL
    holder = read_holder(place.catalogue)
    assert holder is not None
    assert holder.pid == first.pid
    began = time.monotonic()
    second = place.runs.carry_out(place.order())
    assert time.monotonic() - began < 60
    assert second.done.completed
    assert second.done.unchanged > 0
    assert read_holder(place.catalogue) is None
    place.check()
    assert_tidy(place.catalogue)


def test_a_reindex_and_a_rollback_wait_their_turn_too(place: Place) -> None:
    assert place.runs.carry_out(place.order()).done.completed
    first = place.runs.start(place.order(pause_at_batch=3, rebuild=True))
    first.wait_until_paused()
    second = place.runs.carry_out(place.order(rebuild=True))
    assert second.code == 8
    assert "reindex, process" in second.message
    first.resume()
    assert first.wait().done.completed


# -- a run that was taken for dead -------------------------------------------------------------

#: Where the first run is paused: right before it sends a command with this in it.
MOMENTS = {
    "documents": "HSET",
    "deletes": "UNLINK",
    "the checkpoint": '"cursor":',
    "the checkpoint's end": "DEL",
    "the quarantine": '"retry_after":',
    "the alias": "FT.ALIASUPDATE",
    "the generation before": ":previous",
    "a new generation": "FT.CREATE",
    "a new generation's record": ":meta",
    "the removal of an older one": "FT.DROPINDEX",
}
#: These happen in a run that builds another generation.
BUILDING = {
    "the alias",
    "the generation before",
    "a new generation",
    "a new generation's record",
    "the removal of an older one",
}
BAD_ROW = (
    "INSERT INTO rndc14 SELECT 'NOT-AN-NDC', LBLRID, LN, LN60, BN, GCN_SEQNO, INNOV, DF, PS, PD, "
    "AD, DEA, CL, OBSDTEC, DADDNC, DUPDC, GNI, OBC, REPACK FROM rndc14 WHERE NDC = '00000000400'"
)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_was_taken_for_dead_changes_nothing_any_more(place: Place, moment: str) -> None:
    assert place.runs.carry_out(place.order()).done.completed
    if moment == "the removal of an older one":
        assert place.runs.carry_out(place.order(rebuild=True)).done.completed
    place.change(
        "UPDATE rndc14 SET PS = 7 WHERE GCN_SEQNO < 1010",
        "UPDATE rndc14 SET LN60 = LN60 || ' XR' WHERE GCN_SEQNO BETWEEN 1020 AND 1022",
        "DELETE FROM rndc14 WHERE GCN_SEQNO BETWEEN 1030 AND 1032",
        BAD_ROW,
    )
    order = place.order(
        pause_before=MOMENTS[moment],
        lease_seconds=SHORT,
        rebuild=moment in BUILDING,
        checkpoint_seconds=0.0,
    )
    first = place.runs.start(order)
    first.wait_until_paused()
    place.change(
        "UPDATE rndc14 SET PS = 9 WHERE GCN_SEQNO < 1012",
        "UPDATE rndc14 SET LN60 = LN60 || ' MORE' WHERE GCN_SEQNO BETWEEN 1021 AND 1024",
        "DELETE FROM rndc14 WHERE GCN_SEQNO BETWEEN 1031 AND 1034",
        "DELETE FROM rndc14 WHERE NDC = 'NOT-AN-NDC'",
        "UPDATE rndc14 SET GCN_SEQNO = 1040 WHERE NDC IN ('00000000100', '00000000200')",
    )
    second = place.runs.carry_out(place.order(wait=60.0, rebuild=moment in BUILDING))
    assert second.done.completed, second.done.warnings
    before = everything(place.catalogue)
    first.resume()
    outcome = first.wait()
    assert (outcome.code, outcome.error) == (8, "LeaseLost"), outcome.message
    assert "lost its lease" in outcome.message
    assert "run again" in outcome.message
    assert everything(place.catalogue) == before
    assert place.catalogue.live() == second.done.generation
    place.check()
    assert read_entries(place.catalogue) == []
    last = History(place.catalogue).last(2)
    assert [one.outcome for one in last] == ["failed", "completed"]
    assert last[0].error == "LeaseLost"
    assert place.runs.carry_out(place.order(rebuild=True)).done.completed
    assert_tidy(place.catalogue)


def test_a_run_that_was_taken_for_dead_and_found_nobody_ends_too(place: Place) -> None:
    """The other one has come and gone, and its lease with it."""
    first = place.runs.start(place.order(pause_at_batch=3, lease_seconds=SHORT))
    first.wait_until_paused()
    assert place.runs.carry_out(place.order(wait=60.0)).done.completed
    assert read_holder(place.catalogue) is None
    first.resume()
    assert first.wait().error == "LeaseLost"
    place.check()
