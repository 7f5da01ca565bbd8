"""Servers that can't be followed say why, and what mends it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from tests.integration.source.following import CATALOGUE, SCHEMA, run, until_idle
from tests.services.mariadb import MariaDB

from rxindex.errors import SourceAccessDenied, SourceError
from rxindex.source.binlog.reader import Binlog
from rxindex.source.mapping import parse_mapping
from rxindex.source.sql_connect import parse_url


@pytest.fixture
def url(logged_url: str) -> str:
    run(logged_url, *SCHEMA)
    return logged_url


@pytest.fixture
def small_user(logging_mariadb: MariaDB, url: str) -> Iterator[str]:
    """A user who may only read the tables."""
    database = str(parse_url(url).database)
    logging_mariadb.execute("CREATE USER small@'127.0.0.1' IDENTIFIED BY 'hush hush'")
    logging_mariadb.execute(f"GRANT SELECT ON {database}.* TO small@'127.0.0.1'")
    yield logging_mariadb.url(database, user="small", password="hush hush")
    logging_mariadb.execute("DROP USER small@'127.0.0.1'")


def test_a_server_that_can_be_followed_passes(url: str) -> None:
    with Binlog(url, CATALOGUE) as binlog:
        binlog.check()


@pytest.mark.parametrize(
    ("setting", "bad", "statement"),
    [
        ("binlog_format", "MIXED", "SET GLOBAL binlog_format = 'ROW'"),
        ("binlog_row_image", "MINIMAL", "SET GLOBAL binlog_row_image = 'FULL'"),
        ("binlog_row_image", "NOBLOB", "SET GLOBAL binlog_row_image = 'FULL'"),
        ("log_bin_compress", "ON", "SET GLOBAL log_bin_compress = OFF"),
    ],
)
def test_a_wrong_setting_is_named_with_what_mends_it(
    url: str, logging_mariadb: MariaDB, setting: str, bad: str, statement: str
) -> None:
    before = str(logging_mariadb.execute(f"SELECT @@GLOBAL.{setting}")[0][0])
    logging_mariadb.execute(f"SET GLOBAL {setting} = {bad}")
    try:
        with (
            Binlog(url, CATALOGUE) as binlog,
            pytest.raises(SourceError, match=f"{setting} is {bad}") as caught,
        ):
            binlog.check()
        # What it says does mend it.
        said = re.search(r"Run: (.*?)[.;]", str(caught.value))
        assert said and said[1] == statement
        logging_mariadb.execute(statement)
        with Binlog(url, CATALOGUE) as binlog:
            binlog.check()
    finally:
        logging_mariadb.execute(f"SET GLOBAL {setting} = {before}")


def test_a_server_without_a_binlog_is_refused(mariadb: MariaDB) -> None:
    url = mariadb.create_database("unlogged")
    run(url, *SCHEMA)
    with Binlog(url, CATALOGUE) as binlog:
        for call in (binlog.check, binlog.end):
            with pytest.raises(SourceError, match="--log-bin"):
                call()


def test_missing_rights_are_named_with_what_grants_them(
    small_user: str, logging_mariadb: MariaDB
) -> None:
    with Binlog(small_user, CATALOGUE) as binlog:
        with pytest.raises(SourceAccessDenied) as caught:
            binlog.check()
        at = binlog.end()
        with pytest.raises(SourceAccessDenied):
            next(binlog.changes(at))
    said = re.search(r"Run: (.*)\.$", str(caught.value))
    assert said
    assert said[1] == ("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO 'small'@'127.0.0.1'")
    assert "hush" not in str(caught.value)

    logging_mariadb.execute(said[1])

    with Binlog(small_user, CATALOGUE) as binlog:
        binlog.check()
        assert any(change.idle for change in binlog.changes(at))


def test_a_database_that_the_binlog_leaves_out_is_refused() -> None:
    with MariaDB(binlog=True, options=["--binlog-ignore-db=drugs"]) as server:
        url = server.create_database("drugs")
        run(url, *SCHEMA)
        with (
            Binlog(url, CATALOGUE) as binlog,
            pytest.raises(SourceError, match="leaves the database drugs out"),
        ):
            binlog.check()


def test_a_view_is_refused(url: str) -> None:
    run(url, "RENAME TABLE products TO below", "CREATE VIEW products AS SELECT * FROM below")
    with pytest.raises(SourceError, match="products is a view"), Binlog(url, CATALOGUE):
        pass


@pytest.mark.parametrize(
    ("kind", "said"),
    [("DATE", "type date"), ("VARCHAR(9) CHARACTER SET swe7", "character set swe7")],
)
def test_a_key_column_that_no_binlog_value_can_stand_for_is_refused(
    logged_url: str, kind: str, said: str
) -> None:
    run(logged_url, f"CREATE TABLE p (ndc INT, g INT, l {kind})")
    mapping = parse_mapping(
        'table = "p"\ngroup = "g"\nkey = ["l"]\n[columns]\nndc = "ndc"\nname = "l"\n', "x"
    )
    with pytest.raises(SourceError, match=said), Binlog(logged_url, mapping):
        pass


def test_the_password_is_in_no_message_and_no_log(
    url: str, logging_mariadb: MariaDB, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with Binlog(url, CATALOGUE) as binlog:
        at = binlog.end()
        run(url, "UPDATE products SET size = 1")
        assert len(until_idle(binlog, at)) == 1
    wrong = logging_mariadb.url("mysql", password="not it")
    with pytest.raises(SourceAccessDenied) as caught, Binlog(wrong, CATALOGUE):
        pass
    for secret in (logging_mariadb.password, "not it", "not%20it"):
        assert secret not in caplog.text + str(caught.value) + repr(caught.value)
