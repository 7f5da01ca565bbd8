"""What can be wrong with a database, and what is said about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pymysql
import pytest
from tests.services.mariadb import MariaDB
from tests.services.products import ALL, SMALL, read, small, write

from rxindex.errors import (
    ConfigurationError,
    RxindexError,
    SourceAccessDenied,
    SourceDataError,
    SourceError,
    SourceNotFound,
    SourceSchemaError,
    SourceUnavailable,
    TransientError,
)
from rxindex.source.mapping import Mapping
from rxindex.source.sql import SqlSource


def refused(url: str, kind: type[RxindexError], mapping: Mapping | None = None) -> str:
    with pytest.raises(kind) as caught, SqlSource(url, mapping or small()):
        pass
    return str(caught.value)


def test_a_wrong_password_is_refused_without_being_shown(mariadb: MariaDB) -> None:
    message = refused(mariadb.url("mysql", password="Wr0ng&Secret"), SourceAccessDenied)

    assert "rx" in message and "password" in message
    assert "Wr0ng" not in message and mariadb.password not in message


def test_a_password_beyond_latin_1_is_understood(mariadb: MariaDB) -> None:
    mariadb.execute("CREATE OR REPLACE USER far@'127.0.0.1' IDENTIFIED BY %s", ("gĦü€",))
    mariadb.execute("GRANT ALL ON mysql.* TO far@'127.0.0.1'")

    refused(mariadb.url("mysql", user="far", password="gĦü€"), SourceSchemaError)


def test_an_unknown_database_is_named(mariadb: MariaDB) -> None:
    assert "nowhere" in refused(mariadb.url("nowhere"), SourceNotFound)


def test_an_unknown_host_is_named(mariadb: MariaDB) -> None:
    message = refused(mariadb.url("x", host="no-such-host.invalid"), SourceNotFound)

    assert "no-such-host.invalid" in message


def test_a_server_that_is_down_can_be_tried_again(tmp_path: Path) -> None:
    message = refused("mysql://u:hush@127.0.0.1:1/fdb", SourceUnavailable)

    assert "127.0.0.1:1/fdb" in message and "hush" not in message
    assert issubclass(SourceUnavailable, TransientError)


def test_a_server_that_dies_in_mid_read_can_be_tried_again() -> None:
    with MariaDB() as server:
        url = server.create_database("fdb")
        write(url, [(f"{n:05d}", n, "A") for n in range(1, 50)])
        with SqlSource(url, small(), page_size=5) as source:
            rows = source.rows(ALL)
            next(rows)
            server.kill()
            with pytest.raises(SourceUnavailable):
                list(rows)
        server.start()
        assert len(read(url)) == 49


def test_a_missing_table_is_named_with_those_that_are_there(url: str) -> None:
    write(url, [])
    other = SMALL.replace('"products"', '["drugs", "medicines"]')

    message = refused(url, SourceSchemaError, small(other))

    assert "drugs or medicines" in message and "products" in message


def test_a_missing_column_is_named_with_those_that_are_there(url: str) -> None:
    write(url, [])
    other = SMALL.replace('name = "label"', 'name = "label"\nbrand = "trade_name"')

    message = refused(url, SourceSchemaError, small(other))

    assert "products" in message and "trade_name" in message
    assert "columns.brand" in message and "label" in message


def test_a_join_that_is_not_optional_must_be_there(url: str) -> None:
    write(url, [])
    needed = SMALL + "optional = false\n"

    assert "makers" in refused(url, SourceSchemaError, small(needed))
    with SqlSource(url, small()) as source:
        assert source.left_out == ("maker",)


def test_a_missing_right_is_access_denied(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    write(url, [("1", 1, "A")])
    name = url.rpartition("/")[2]
    mariadb.execute("CREATE OR REPLACE USER few@'127.0.0.1' IDENTIFIED BY 'pw'")

    refused(mariadb.url(name, user="few", password="pw"), SourceAccessDenied)


def test_a_missing_sqlite_file_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "none.db"

    assert str(path) in refused(f"sqlite:///{path}", SourceNotFound)
    assert not path.exists()


def test_a_file_that_is_no_database_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "drugs.db"
    path.write_text("ndc,name\n" * 200)

    assert "drugs.db" in refused(f"sqlite:///{path}", SourceDataError)
    refused(f"sqlite:///{tmp_path}", SourceDataError)


def test_a_locked_sqlite_file_can_be_tried_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}?"
    write(url, [("1", 1, "A")])
    holder = sqlite3.connect(tmp_path / "drugs.db", isolation_level=None)
    holder.execute("PRAGMA busy_timeout = 0")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        assert "locked" in refused(url, SourceUnavailable)
    finally:
        holder.close()


def test_a_group_that_is_no_number_is_shown(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}"
    write(url, [("1", "abc", "A")])

    with pytest.raises(SourceDataError, match="abc"):
        read(url)


def test_a_source_that_is_not_open_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'drugs.db'}"
    write(url, [("1", 1, "A")])
    with SqlSource(url, small()) as source:
        rows = source.rows(ALL)

    with pytest.raises(SourceError, match="with statement"):
        list(rows)


def test_neither_name_nor_repr_hold_the_password() -> None:
    source = SqlSource("mysql://me:s3cr%40t@db.example:3307/fdb?ssl_ca=ca.pem")

    assert source.name == "mysql://db.example:3307/fdb"
    assert repr(source) == "SqlSource('mysql://db.example:3307/fdb')"


def test_a_page_size_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="page_size"):
        SqlSource("sqlite:///x.db", page_size=0)


def test_the_driver_can_be_reached_by_every_spelling(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    write(url, [("1", 1, "A")])
    for scheme in ("mariadb", "mysql+pymysql", "aurora"):
        assert len(read(url.replace("mysql", scheme, 1))) == 1


def test_a_unix_socket_can_be_given(mariadb: MariaDB, new_database: Callable[[], str]) -> None:
    url = new_database()
    write(url, [("1", 1, "A")])
    name = url.rpartition("/")[2]

    assert len(read(mariadb.url(name, unix_socket=str(mariadb.socket)))) == 1


def test_an_option_with_a_missing_file_is_named(mariadb: MariaDB) -> None:
    message = refused(mariadb.url("mysql", ssl_ca="/none/ca.pem"), ConfigurationError)

    assert "/none/ca.pem" in message


def test_the_fixture_follows_its_options() -> None:
    with MariaDB(binlog=True) as server:
        assert server.execute("SELECT @@binlog_format, @@binlog_row_image") == [("ROW", "FULL")]
        server.restart()
        with pytest.raises(pymysql.err.OperationalError):
            pymysql.connect(unix_socket=str(server.socket), user=server.user, password="")
