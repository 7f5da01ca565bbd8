"""Runs that are killed between a document and its group's entry in the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.services.fdb import create_tables, package
from tests.services.indexed import assert_tidy, contents
from tests.services.redis import RedisServer
from tests.services.runs import Order, RunServer

from rxindex.index.catalogue import Catalogue
from rxindex.index.ledger import GroupLedger

pytestmark = [pytest.mark.xdist_group("ledger kills"), pytest.mark.lasts(8)]

ROWS = [package(gcn, f"ZORBAXIL {gcn} MG TABLET", gcn) for gcn in range(1, 41)]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RedisServer, RunServer]]:
    folder = tmp_path_factory.mktemp("ledger")
    with RedisServer(folder) as server, RunServer(folder) as runs:
        yield server, runs


@pytest.mark.parametrize(
    ("command", "entries"),
    [
        # Before the entry is taken back, before the document is written, before it is entered.
        ("HDEL\r\n$3\r\n[7]", 40),
        ("HSET\r\n$4\r\nname", 39),
        ("HSET\r\n$3\r\n[7]", 39),
    ],
)
def test_a_source_that_goes_back_after_a_kill_is_followed(
    tmp_path: Path, processes: tuple[RedisServer, RunServer], command: str, entries: int
) -> None:
    server, runs = processes
    client = server.client()
    client.flushall()
    file = tmp_path / "fdb.db"
    create_tables(f"sqlite:///{file}", ROWS)

    def order(name: str, pause_before: str = "") -> Order:
        return Order(
            redis=server.url, source=f"sqlite:///{file}", catalogue=name,
            options={"batch_size": 10}, pause_before=pause_before,
        )  # fmt: skip

    def resize(size: int) -> None:
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE rndc14 SET PS = ? WHERE GCN_SEQNO = 7", (size,))

    assert runs.carry_out(order("fdb")).done.added == 40
    ledger = GroupLedger(Catalogue(client, "fdb"), "g1")
    resize(30)
    killed = runs.start(order("fdb", command))
    killed.wait_until_paused()
    killed.kill()
    assert killed.wait().code < 0
    assert len(ledger) == entries
    # What the entry stood for, before the run took it back.
    resize(100)
    assert runs.carry_out(order("fdb")).done.completed
    assert runs.carry_out(order("once")).done.completed
    assert contents(Catalogue(client, "fdb")) == contents(Catalogue(client, "once"))
    assert_tidy(Catalogue(client, "fdb"))
    assert len(ledger) == 40
