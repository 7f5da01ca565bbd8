"""Demo data in a real MariaDB and in SQLite, read back through the FDB mapping."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.services.demo_data import DATABASE, PACKAGES, Written
from tests.services.mariadb import MariaDB

from rxindex.errors import ConfigurationError, SourceNotFound
from rxindex.model import PackageRow, drug_id
from rxindex.source.base import Partition
from rxindex.source.sample import DemoDataReport, write_demo_data
from rxindex.source.sql import SqlSource

pytestmark = [pytest.mark.xdist_group("demo data"), pytest.mark.lasts(35)]


@pytest.fixture(scope="module")
def rows(written: Written) -> list[PackageRow]:
    with SqlSource(written.mariadb, page_size=700) as source:
        assert source.left_out == ()
        return list(source.rows(Partition("all")))


def test_mariadb_and_sqlite_give_the_same_rows(written: Written, rows: list[PackageRow]) -> None:
    with SqlSource(written.sqlite, page_size=333) as source:
        assert source.count() == len(rows) == PACKAGES
        for here, there in zip(rows, source.rows(Partition("all")), strict=True):
            assert here == there


def test_a_seed_gives_the_same_data_in_any_process(written: Written) -> None:
    def content(report: DemoDataReport) -> DemoDataReport:
        return msgspec.structs.replace(report, database="", seconds=0.0)

    assert content(written.report) == content(written.elsewhere)


def test_the_report_counts_drugs_as_a_sync_would(written: Written, rows: list[PackageRow]) -> None:
    report = written.report

    assert report.packages == report.tables["rndc14"] == PACKAGES
    assert report.drugs == len({drug_id(row.group, row.key) for row in rows})
    assert report.formulations == len({row.gcn for row in rows} - {0})
    assert report.written and report.invented_packages == 0 and report.repeated == 19
    assert "@" not in report.database


def test_progress_is_told_to_the_end(written: Written) -> None:
    assert written.progress[0][0] == "rndc14"
    assert {(table, total) for table, done, total in written.progress if done == total} == {
        (table, number) for table, number in written.report.tables.items()
    }


def test_the_rows_are_real_drugs_with_all_that_the_tables_say(rows: list[PackageRow]) -> None:
    whole = [row for row in rows if row.generic and row.strength and row.form and row.routes]
    assert len(whole) > 0.75 * len(rows)
    assert any(row.classes for row in rows) and any(row.indications for row in rows)
    assert {row.schedule for row in rows} >= {"", "CII", "CIV"}
    assert {row.innovator for row in rows} == {True, False}
    assert len({row.labeler for row in rows}) > 300
    assert all(row.start[4:5] in ("", "-") and row.end[4:5] in ("", "-") for row in rows)


def test_the_tables_have_the_mess_that_fdbs_have(mariadb: MariaDB, written: Written) -> None:
    def count(condition: str) -> object:
        statement = f"SELECT COUNT(*) FROM rndc14 WHERE {condition}"
        return mariadb.execute(statement, database=DATABASE)[0][0]

    mess = written.report.mess
    assert count("LENGTH(LN) <> LENGTH(TRIM(LN)) OR LENGTH(BN) <> LENGTH(TRIM(BN))")
    assert count("LN60 IS NULL OR LN60 = ''") == mess["rows without a long label name"] > 0
    assert count("GCN_SEQNO = 0") == mess["rows without a formulation"] > 0
    assert count("DEA NOT IN ('0','1','2','3','4','5')") == mess["invalid DEA codes"] > 0
    assert count("BINARY LN <> BINARY UPPER(LN)") == mess["label names in another case"] > 0
    assert count("CHAR_LENGTH(LN60) > 30") > 0  # type: ignore[operator]


def test_the_tables_have_fdbs_keys_and_index(mariadb: MariaDB, written: Written) -> None:
    indexes = mariadb.execute("SHOW INDEX FROM rndc14", database=DATABASE)

    assert [(row[2], row[4]) for row in indexes] == [
        ("PRIMARY", "NDC"),
        ("rndc14_gcn_seqno", "GCN_SEQNO"),
    ]


def test_tables_that_are_there_are_refused_and_replaced_only_when_asked(
    written: Written, tmp_path: Path
) -> None:
    path = Path(written.sqlite.removeprefix("sqlite:///"))
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    url = f"sqlite:///{copy}"
    database = sqlite3.connect(copy)
    database.execute("CREATE TABLE mine (x)")
    database.execute("INSERT INTO mine VALUES (1)")
    database.commit()
    before = hashlib.sha256(copy.read_bytes()).digest()

    with pytest.raises(ConfigurationError, match=r"rndc14.*--replace"):
        write_demo_data(url, 50)
    assert hashlib.sha256(copy.read_bytes()).digest() == before

    report = write_demo_data(url, 50, replace=True)
    assert database.execute("SELECT COUNT(*) FROM rndc14").fetchone() == (report.packages,)
    assert report.packages == 50
    assert database.execute("SELECT * FROM mine").fetchall() == [(1,)]
    database.close()


def test_tables_of_another_origin_are_never_replaced(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    name = url.rpartition("/")[2]
    mariadb.execute("CREATE TABLE RNDC14 (NDC CHAR(11))", database=name)

    with pytest.raises(ConfigurationError, match="RNDC14"):
        write_demo_data(url, 50, replace=True)
    assert mariadb.execute("SHOW TABLES", database=name) == [("RNDC14",)]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="nowhere"):
        write_demo_data(f"sqlite:///{tmp_path / 'nowhere' / 'fdb.db'}", 50)


def test_an_interrupted_write_leaves_no_half_catalogue(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()

    def interrupt(table: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_demo_data(url, 50, progress=interrupt)
    assert mariadb.execute("SHOW TABLES", database=url.rpartition("/")[2]) == []
