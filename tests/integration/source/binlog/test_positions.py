"""Positions in the binlog of a real MariaDB that restarts, dies, purges, or commits late."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import msgspec
import pytest
from tests.integration.source.following import CATALOGUE, SCHEMA, Copy, run, until_idle
from tests.services.mariadb import MariaDB

from rxindex.errors import BinlogGone, ConfigurationError, SourceError, SourceUnavailable
from rxindex.source.binlog.reader import Binlog, BinlogPosition
from rxindex.source.binlog.server import Server
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import connect, parse_url


@pytest.fixture
def url(logged_url: str) -> str:
    run(logged_url, *SCHEMA)
    return logged_url


@pytest.fixture
def binlog(url: str) -> Iterator[Binlog]:
    with Binlog(url, CATALOGUE) as opened:
        yield opened


# -- positions ------------------------------------------------------------------------------------


def test_a_position_can_be_kept_as_json(binlog: Binlog) -> None:
    at = binlog.end()
    kept = msgspec.json.encode(at)

    assert msgspec.json.decode(kept, type=BinlogPosition) == at


def test_following_goes_on_from_any_position_with_nothing_lost_or_doubled(
    binlog: Binlog, url: str, logging_mariadb: MariaDB
) -> None:
    at = binlog.end()
    for number in range(12):
        run(url, f"UPDATE products SET size = {number + 100} WHERE gcn = {number % 5 + 1}")
        if number % 4 == 3:
            logging_mariadb.execute("FLUSH BINARY LOGS")
    whole = until_idle(binlog, at)

    assert len(whole) == 12
    for number, change in enumerate(whole):
        rest = until_idle(binlog, change.position)
        assert [one.position for one in rest] == [one.position for one in whole[number + 1 :]]


def test_a_position_of_another_server_is_gone(binlog: Binlog) -> None:
    at = msgspec.structs.replace(binlog.end(), server="7@elsewhere:3306")

    with pytest.raises(BinlogGone, match="another server"):
        next(binlog.changes(at))


def test_a_position_inside_a_transaction_is_gone(binlog: Binlog, url: str) -> None:
    at = binlog.end()
    run(url, "UPDATE products SET size = 1")

    for wrong in (at.position + 7, at.position + 10_000_000):
        with pytest.raises(BinlogGone, match="full"):
            next(binlog.changes(msgspec.structs.replace(at, position=wrong, gtid="")))


def test_a_random_history_is_followed(binlog: Binlog, url: str) -> None:
    chance = random.Random(14)
    copy = Copy(url)
    at = binlog.end()
    copy.drugs = copy.whole()

    def statement() -> str:
        gcn, other, number = chance.randrange(7), chance.randrange(7), chance.randrange(60)
        return chance.choice(
            [
                f"UPDATE products SET gcn = {gcn} WHERE gcn = {other} LIMIT 3",
                f"UPDATE products SET label = 'drug {gcn} ' WHERE ndc LIKE '%{other}'",
                f"UPDATE products SET size = {number}, maker = {other} WHERE gcn = {gcn}",
                f"DELETE FROM products WHERE gcn = {gcn} LIMIT 2",
                f"REPLACE INTO products VALUES ('n{number}', {gcn}, 'N{other}', NULL, 1, 2)",
                f"UPDATE makers SET title = 'M{number}' WHERE id = {gcn}",
                f"UPDATE formulations SET substance = {other} WHERE gcn = {gcn}",
                f"REPLACE INTO substances VALUES ({other}, 'S{number}')",
                f"REPLACE INTO class_links VALUES ({gcn}, {other})",
                f"DELETE FROM class_links WHERE gcn = {gcn}",
                f"REPLACE INTO classes VALUES ({other}, 'C{number}')",
                f"INSERT INTO uses VALUES ({gcn}, 'U{number}')",
            ]
        )

    for _ in range(25):
        for _ in range(chance.randrange(1, 5)):
            run(url, *(statement() for _ in range(chance.randrange(1, 4))))
        for change in until_idle(binlog, at):
            copy.apply(change)
            at = change.position
        assert copy.drugs == copy.whole()
    assert copy.comparisons == 0


# -- a server that goes away ----------------------------------------------------------------------


def test_a_restart_in_mid_stream_loses_and_doubles_nothing() -> None:
    with MariaDB(binlog=True) as server:
        url = server.create_database("drugs")
        run(url, *SCHEMA)
        seen: list[int] = []
        with Binlog(url, CATALOGUE) as binlog:
            at = binlog.end()
            for number in range(5):
                run(url, f"UPDATE products SET size = {number + 50} WHERE gcn = 1")
            changes = binlog.changes(at)
            for change in changes:
                if change.rows:
                    seen.append(change.position.position)
                    at = change.position
                if len(seen) == 3:
                    break
            ended = threading.Thread(target=server.restart)
            ended.start()
            with pytest.raises(SourceUnavailable):
                for change in changes:
                    if change.rows:
                        seen.append(change.position.position)
                        at = change.position
            ended.join()
        with Binlog(url, CATALOGUE) as binlog:
            run(url, "UPDATE products SET size = 1 WHERE gcn = 2")
            rest = until_idle(binlog, at)

        assert len(seen) + len(rest) == 6
        assert rest[-1].groups == {(2,)}
        assert rest[-1].position.file > at.file

        # What was purged can't be followed; nor what was reset, though its name is used again.
        server.execute("FLUSH BINARY LOGS")
        server.execute("PURGE BINARY LOGS TO %s", (rest[-1].position.file[:-1] + "3",))
        with Binlog(url, CATALOGUE) as binlog:
            with pytest.raises(BinlogGone, match="full"):
                next(binlog.changes(at))
            with pytest.raises(BinlogGone, match="full"):
                next(binlog.changes(msgspec.structs.replace(at, gtid="")))
            kept = binlog.end()
            server.execute("RESET MASTER")
            while binlog.end().order < (len(kept.file), kept.file, kept.position):
                run(url, "UPDATE products SET size = size + 1")
                if binlog.end().file == kept.file:
                    break
                server.execute("FLUSH BINARY LOGS")
            with pytest.raises(BinlogGone):
                next(binlog.changes(kept))


def test_a_killed_server_is_unavailable(tmp_path_factory: pytest.TempPathFactory) -> None:
    with MariaDB(binlog=True) as server:
        url = server.create_database("drugs")
        run(url, *SCHEMA)
        with Binlog(url, CATALOGUE) as binlog:
            at = binlog.end()
            changes = binlog.changes(at)
            assert any(change.idle for change in changes)
            server.kill()
            with pytest.raises(SourceUnavailable) as caught:
                list(changes)
            assert server.password not in str(caught.value)
            for call in (binlog.end, binlog.check, lambda: next(binlog.changes(at))):
                with pytest.raises(SourceUnavailable):
                    call()
        with pytest.raises(SourceUnavailable), Binlog(url, CATALOGUE):
            pass


# -- use ------------------------------------------------------------------------------------------


def test_it_is_used_in_a_with_statement(url: str) -> None:
    binlog = Binlog(url, CATALOGUE)
    for call in (binlog.end, binlog.check):
        with pytest.raises(SourceError, match="with statement"):
            call()
    assert "p@ss" not in repr(binlog)


def test_sqlite_has_no_binlog() -> None:
    with pytest.raises(ConfigurationError, match="no binlog"):
        Binlog("sqlite:///drugs.db")


def test_two_readers_do_not_disturb_each_other(url: str) -> None:
    with Binlog(url, CATALOGUE) as one, Binlog(url, CATALOGUE) as other:
        at = one.end()
        first, second = one.changes(at), other.changes(at)
        assert all(any(change.idle for change in changes) for changes in (first, second))
        run(url, "UPDATE products SET size = 2 WHERE gcn = 2")
        for changes in (first, second):
            assert next(change for change in changes if change.rows).groups == {(2,)}
            changes.close()


# -- a server that commits later than it logs -----------------------------------------------------


def test_where_nothing_else_tells_a_row_of_the_transaction_is_waited_for(url: str) -> None:
    # So does a MySQL that gives its transactions no numbers.
    engine, writer = connect(parse_url(url), read_only=False)
    reading, reader = connect(parse_url(url), read_only=True)
    server = Server(reader.execution_options(isolation_level="AUTOCOMMIT"), "drugs")
    server.is_mariadb = False
    position = BinlogPosition("x", "binlog.000009", 9)
    with writer, reader:
        writer.exec_driver_sql("UPDATE products SET size = 5 WHERE ndc = '00000000001'")
        waiting = threading.Thread(
            target=server.wait_until_readable,
            args=(position, ("products", {"ndc": "00000000001"})),
        )
        waiting.start()
        query = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
        while not int(writer.exec_driver_sql(query).one()[1]):
            assert waiting.is_alive()
        writer.commit()
        waiting.join(timeout=60)
        assert not waiting.is_alive()
    engine.dispose()
    reading.dispose()


def test_a_change_can_be_read_when_it_is_told(binlog: Binlog, url: str) -> None:
    at = binlog.end()

    def write_on() -> None:
        engine, writer = connect(parse_url(url), read_only=False)
        with writer:
            for number in range(300):
                writer.exec_driver_sql(f"UPDATE products SET size = {number} WHERE ndc = '1'")
                writer.commit()
        engine.dispose()

    run(url, "INSERT INTO products VALUES ('1', 1, 'X', '', 1, 0)")
    writing = threading.Thread(target=write_on)
    changes = binlog.changes(at)
    assert next(changes).rows == 1
    writing.start()
    with SqlSource(url, CATALOGUE) as source:
        # The first sets what is there already, and so changes nothing.
        for number in range(1, 300):
            change = next(change for change in changes if change.rows)
            source.renew()
            (size,) = {row.size for row in source.rows_of(list(change.groups)) if row.ndc == "1"}
            assert int(size) >= number
    changes.close()
    writing.join()
