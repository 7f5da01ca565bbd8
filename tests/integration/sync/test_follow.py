"""Following a real MariaDB's binlog into a real index."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pymysql
import pytest
from tests.services.fdb import create_tables, package
from tests.services.mariadb import MariaDB

from rxindex.embed.fake import FakeEmbedder
from rxindex.errors import BinlogGone, SourceError
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.lease import hold
from rxindex.index.store import DrugStore
from rxindex.source import open_binlog, open_source
from rxindex.sync.follow import Applied, Follower
from rxindex.sync.history import History, read_follow
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.sync.stop import Stop
from rxindex.sync.verify import VerifyOptions, verify
from rxindex.vocabulary import Vocabulary

pytestmark = [pytest.mark.xdist_group("follow"), pytest.mark.lasts(15)]

ROWS = [package(i, f"DRUG {i // 2} {i % 5} MG TABLET", 1000 + i // 3) for i in range(1, 61)]


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with MariaDB(binlog=True) as running:
        yield running


class Following:
    """A database, an index, and a follower between them in a thread of its own."""

    def __init__(
        self, server: MariaDB, catalogue: Catalogue, capabilities: Capabilities, words: Vocabulary
    ) -> None:
        self.server = server
        self.catalogue = catalogue
        self.capabilities = capabilities
        self.words = words
        self.embedder = FakeEmbedder(dimensions=16)
        self.options = SyncOptions(today="2019-05-01", allow_deletes=True)
        self.url = server.create_database(catalogue.name)
        create_tables(self.url.replace("mysql://", "mysql+pymysql://"), ROWS)
        self.applied: queue.Queue[Applied] = queue.Queue()

    def execute(self, *statements: str) -> None:
        """Run statements in one transaction."""
        connection = pymysql.connect(
            unix_socket=str(self.server.socket), user="root", database=self.catalogue.name
        )
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()

    def follower(self, stop: Stop) -> Follower:
        return Follower(
            lambda: open_source(self.url),
            lambda: open_binlog(self.url),
            self.embedder,
            self.catalogue,
            self.capabilities,
            self.words,
            self.options,
            stop,
            tell=self.applied.put,
        )

    def catch_up(self) -> list[Applied]:
        """Follow until in step, and tell what was applied."""
        self.follower(Stop(60)).run(until_idle=True)
        return [self.applied.get() for _ in range(self.applied.qsize())]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Follow in a thread from enter to exit."""
        stop = Stop(120)
        failed: list[BaseException] = []

        def follow() -> None:
            try:
                self.follower(stop).run()
            except BaseException as error:  # told to the test
                failed.append(error)

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            yield
        finally:
            stop.ask("the test is over")
            thread.join()
        assert not failed, failed

    def names(self) -> dict[str, int]:
        """Label names in the index, each with its number of packages."""
        store = DrugStore(self.catalogue, self.catalogue.require_live())
        found: dict[str, int] = {}
        for ids in store.ids():
            for drug in store.get(ids):
                if drug is not None:  # it may go between the two reads
                    found[drug.name] = found.get(drug.name, 0) + len(drug.packages)
        return found

    def wait_for(self, condition: Callable[[dict[str, int]], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition(self.names()):
            assert time.monotonic() < deadline, self.names()
            time.sleep(0.02)  # a reader polls; there is nothing to be notified by

    def is_equal(self) -> bool:
        """Whether source and index agree, drug by drug."""
        with open_source(self.url) as source:
            options = VerifyOptions(today=self.options.today)
            return verify(source, None, self.catalogue, self.words, options).clean


@pytest.fixture
def following(
    server: MariaDB, catalogue: Catalogue, capabilities: Capabilities, vocabulary: Vocabulary
) -> Following:
    return Following(server, catalogue, capabilities, vocabulary)


def test_the_first_time_everything_is_compared_and_then_changes_arrive(
    following: Following,
) -> None:
    [first] = following.catch_up()
    assert first.everything
    assert first.report.packages == len(ROWS)
    following.execute(
        "UPDATE rndc14 SET LN = 'CHANGED', LN60 = 'CHANGED' WHERE NDC = '00000000007'"
    )
    [second] = following.catch_up()
    assert (second.everything, second.rows) == ("", 1)
    assert second.report.added == 1
    assert following.names()["CHANGED"] == 1
    assert following.is_equal()
    assert following.catch_up() == []


def test_each_kind_of_change_arrives_while_following(following: Following) -> None:
    following.catch_up()
    with following.running():
        following.execute(
            "INSERT INTO rndc14 (NDC, LN, LN60, BN, GCN_SEQNO, INNOV, GNI) VALUES "
            "('00000000900', 'NEW 5 MG', 'NEW 5 MG', 'NEW', 900, '0', '1')"
        )
        following.wait_for(lambda names: "NEW 5 MG" in names)
        # A package moves to another drug of another group; its old drug vanishes.
        following.execute(
            "UPDATE rndc14 SET LN = 'MOVED', LN60 = 'MOVED', GCN_SEQNO = 901 "
            "WHERE NDC = '00000000900'"
        )
        following.wait_for(lambda names: "MOVED" in names and "NEW 5 MG" not in names)
        following.execute("DELETE FROM rndc14 WHERE NDC = '00000000900'")
        following.wait_for(lambda names: "MOVED" not in names)
        following.execute("UPDATE rlblrid3 SET MFG = 'OTHER PHARMA'")
        store = DrugStore(following.catalogue, following.catalogue.require_live())
        some = next(store.ids())[0]

        def labeler(names: dict[str, int]) -> bool:
            [drug] = store.get([some])
            return drug is not None and drug.packages[0].labeler == "OTHER PHARMA"

        following.wait_for(labeler)
    assert following.is_equal()


def test_ten_thousand_rows_of_one_statement_all_arrive(following: Following) -> None:
    following.catch_up()
    values = ", ".join(
        f"('{code:011d}', 'BULK {code // 4}', 'BULK {code // 4}', 'BULK', {5000 + code // 4}, '0')"
        for code in range(100_000, 110_000)
    )
    following.execute(f"INSERT INTO rndc14 (NDC, LN, LN60, BN, GCN_SEQNO, INNOV) VALUES {values}")
    applied = following.catch_up()
    assert sum(one.rows for one in applied) == 10_000
    assert not any(one.everything for one in applied)
    bulk = {name: n for name, n in following.names().items() if name.startswith("BULK")}
    assert (len(bulk), sum(bulk.values())) == (2_500, 10_000)


def test_what_is_rolled_back_never_arrives(following: Following) -> None:
    following.catch_up()
    following.execute("UPDATE rndc14 SET LN60 = 'NEVER' WHERE NDC = '00000000007'", "ROLLBACK")
    assert following.catch_up() == []
    assert "NEVER" not in following.names()


def test_a_nightly_run_fits_in_between(following: Following) -> None:
    following.catch_up()
    with following.running():
        following.execute("UPDATE rndc14 SET LN60 = 'BY DAY' WHERE NDC = '00000000007'")
        following.wait_for(lambda names: "BY DAY" in names)
        options = SyncOptions(today="2019-05-01", wait=30)
        report = sync(
            open_source(following.url), following.embedder, following.catalogue,
            following.capabilities, following.words, options,
        )  # fmt: skip
        assert (report.completed, report.added, report.deleted) == (True, 0, 0)
        following.execute("UPDATE rndc14 SET LN60 = 'BY NIGHT' WHERE NDC = '00000000007'")
        following.wait_for(lambda names: "BY NIGHT" in names and "BY DAY" not in names)
    assert following.is_equal()


def test_a_follower_waits_while_another_run_holds_the_lease(following: Following) -> None:
    following.catch_up()
    with hold(following.catalogue, "sync"):
        following.execute("UPDATE rndc14 SET LN60 = 'LATER' WHERE NDC = '00000000007'")
        with following.running():
            time.sleep(0.5)  # long enough that it would have been written
            assert "LATER" not in following.names()
            # Once the lease is free (the context that it was taken in has ended) it goes on.
            following.catalogue.client.delete(following.catalogue.key("lease"))
            following.wait_for(lambda names: "LATER" in names)


def test_changes_while_nobody_followed_are_caught_up(following: Following) -> None:
    following.catch_up()
    for number in range(5):
        following.execute(
            f"UPDATE rndc14 SET LN60 = 'ROUND {number}' WHERE NDC = '0000000000{number + 1}'"
        )
    applied = following.catch_up()
    assert sum(one.rows for one in applied) == 5
    assert {f"ROUND {number}" for number in range(5)} <= set(following.names())
    assert following.is_equal()


def test_when_the_binlog_is_gone_everything_is_compared(
    following: Following, server: MariaDB
) -> None:
    following.catch_up()
    following.execute("UPDATE rndc14 SET LN60 = 'LOST' WHERE NDC = '00000000007'")
    server.execute("FLUSH BINARY LOGS")
    [last, *_] = server.execute("SHOW MASTER STATUS")
    deadline = time.monotonic() + 30
    # A file that is being read is not purged, and a reader that left is not gone at once.
    while len(server.execute("SHOW BINARY LOGS")) > 1:
        for (reader,) in server.execute(
            "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%%'"
        ):
            server.execute(f"KILL {reader}")
        server.execute(f"PURGE BINARY LOGS TO '{last[0]}'")
        assert time.monotonic() < deadline
    [only] = following.catch_up()
    assert only.everything
    assert "LOST" in following.names()
    assert following.is_equal()


def test_an_altered_table_is_compared_as_a_whole(following: Following) -> None:
    following.catch_up()
    following.execute(
        "ALTER TABLE rndc14 ADD COLUMN extra INT FIRST",
        "UPDATE rndc14 SET LN60 = 'AFTER' WHERE NDC = '00000000007'",
    )
    applied = following.catch_up()
    assert any(one.everything for one in applied)
    assert "AFTER" in following.names()
    assert following.is_equal()


def test_the_database_restarts_while_following(following: Following, server: MariaDB) -> None:
    following.catch_up()
    with following.running():
        server.restart()
        following.execute("UPDATE rndc14 SET LN60 = 'AFTER ALL' WHERE NDC = '00000000007'")
        following.wait_for(lambda names: "AFTER ALL" in names)
    assert following.is_equal()


def test_a_mass_delete_is_held_back(following: Following) -> None:
    following.catch_up()
    following.options = SyncOptions(today="2019-05-01")
    before = following.names()
    following.execute("DELETE FROM rndc14 WHERE NDC > '00000000010'")
    [held] = following.catch_up()
    assert held.report.delete_held > 0
    assert "--allow-deletes" in held.report.warnings[0]
    assert len(following.names()) == len(before)


def test_its_state_and_its_comparisons_can_be_seen(following: Following) -> None:
    following.catch_up()
    following.execute("UPDATE rndc14 SET LN60 = 'SEEN' WHERE NDC = '00000000007'")
    following.catch_up()
    state = read_follow(following.catalogue)
    assert state is not None
    assert (state.rows, state.drugs >= len({row["LN60"] for row in ROWS})) == (1, True)
    assert abs(state.committed - time.time()) < 60
    assert state.lag(time.time()) < 60
    assert [one.command for one in History(following.catalogue).last()] == ["sync"]


def test_a_server_without_whole_rows_is_refused(following: Following, server: MariaDB) -> None:
    server.execute("SET GLOBAL binlog_row_image = 'MINIMAL'")
    try:
        with pytest.raises(SourceError, match="binlog_row_image") as refused:
            following.catch_up()
    finally:
        server.execute("SET GLOBAL binlog_row_image = 'FULL'")
    assert not isinstance(refused.value, BinlogGone)
    assert server.password not in str(refused.value)
