"""Values from the binlog lead to the same groups and drugs as values that are read by SQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.source.following import Copy, run, until_idle
from tests.services.mariadb import MariaDB

from rxindex.source.binlog.reader import Binlog
from rxindex.source.mapping import parse_mapping

MAPPING = parse_mapping(
    """
    table = "p"
    group = "g"
    key = ["k", "l"]
    ungrouped = "l"
    [columns]
    ndc = "ndc"
    name = "l"
    """,
    "values.toml",
)
TEXTS = ["'A'", "'a '", "'Ünïté  x'", "''", "' '", "NULL", "'007'", "'000'", "'0'", "'12'", "'9 '"]
NUMBERS = ["0", "NULL", "1", "12", "200", "-3"]


@pytest.fixture(params=["NO_LOG", "MINIMAL", "FULL"])
def url(request: pytest.FixtureRequest, logged_url: str, logging_mariadb: MariaDB) -> Iterator[str]:
    """A database whose binlog says nothing, little, or everything about columns."""
    logging_mariadb.execute(f"SET GLOBAL binlog_row_metadata = {request.param}")
    yield logged_url
    logging_mariadb.execute("SET GLOBAL binlog_row_metadata = NO_LOG")


def check(url: str, group: str, key: str, label: str, rows: list[tuple[str, str, str]]) -> None:
    """Insert, rewrite and delete rows, and see that the drugs named are the drugs there are."""
    run(
        url,
        "SET SESSION sql_mode = ''",
        # Around the columns that matter, some that are hard to step over.
        "CREATE TABLE p (d DATE, t TIMESTAMP(3) NULL, e ENUM('x', 'y'), s SET('q', 'r'), "
        f"ndc INT PRIMARY KEY, g {group}, v INT AS (ndc + 1) VIRTUAL, b BIT(9), k {key}, "
        f"doc JSON, f FLOAT, l {label}, z DATETIME(6), n DECIMAL(20,8), y YEAR, raw BLOB, "
        "long_text VARCHAR(4000))",
    )
    filling = (
        "'2020-02-31', '2020-02-02 03:04:05.678', 'y', 'q,r'",
        "0, NULL, '', ''",
    )
    with Binlog(url, MAPPING) as binlog:
        copy, at = Copy(url, MAPPING), binlog.end()
        run(
            url,
            "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'",
            *(
                "INSERT INTO p (d, t, e, s, ndc, g, b, k, doc, f, l, z, n, y, raw, long_text) "
                f"VALUES ({filling[number % 2]}, {number}, {one}, 300, {two}, '{{\"a\": 1}}', 0.1, "
                f"{three}, 0, -0.5, 2020, x'00FF', REPEAT('é', 999))"
                for number, (one, two, three) in enumerate(rows)
            ),
        )
        inserted = until_idle(binlog, at)
        for change in inserted:
            assert not change.everything, change.everything
            copy.apply(change)
        whole = copy.whole()
        assert copy.drugs == whole
        assert {one for change in inserted for one in change.drug_ids} == set(whole)
        assert {group for change in inserted for group in change.groups} == {
            row.group for drug in whole.values() for row in drug
        }
        at = inserted[-1].position
        run(url, "UPDATE p SET n = n + 1")
        run(url, "DELETE FROM p")
        updated, deleted = until_idle(binlog, at)
    assert updated.drug_ids == deleted.drug_ids == set(whole)
    copy.apply(deleted)
    assert copy.drugs == {}


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("INT UNSIGNED", ["0", "1", "4000000000", "NULL"]),
        ("BIGINT UNSIGNED ZEROFILL", ["18446744073709551615", "7", "0"]),
        ("MEDIUMINT", NUMBERS),
        ("TINYINT UNSIGNED", ["0", "200", "NULL"]),
        ("DECIMAL(12,2)", ["12.00", "0", "NULL", "1000000000"]),
        ("DOUBLE", ["12", "0", "NULL"]),
        ("FLOAT", ["12", "0", "70001"]),
    ],
)
def test_groups_that_are_numbers(url: str, group: str, values: list[str]) -> None:
    rows = [(value, "'K'", label) for value in values for label in ("'A'", "'a '")]
    check(url, group, "VARCHAR(20)", "VARCHAR(20)", rows)


@pytest.mark.parametrize(
    "group",
    [
        "VARCHAR(20)",
        "VARCHAR(300) CHARACTER SET utf8mb3",
        "CHAR(20)",
        "VARCHAR(20) CHARACTER SET latin1",
        "TEXT CHARACTER SET cp1250",
        "CHAR(20) CHARACTER SET utf16",
        "VARBINARY(20)",
        "ENUM('A', '', '007', '0', 'x''y')",
    ],
)
def test_groups_that_are_text(url: str, group: str) -> None:
    values = TEXTS if not group.startswith("ENUM") else ["'A'", "''", "'007'", "'0'", "'x''y'"]
    check(url, group, "CHAR(20)", "VARCHAR(20)", [(value, "'K'", "'L'") for value in values])


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("VARCHAR(20) CHARACTER SET latin1", [*TEXTS, "_latin1 x'8190E9'", "'€'"]),
        ("CHAR(20) CHARACTER SET latin2", ["'ł'", "'x  '"]),
        ("TEXT", TEXTS),
        ("VARCHAR(300) CHARACTER SET ucs2", TEXTS),
        ("VARCHAR(20) CHARACTER SET gbk", ["'中'", "'A'"]),
        ("BINARY(4)", ["'a'", "'ab'", "NULL"]),
        ("BLOB", ["'é'", "''"]),
        ("DECIMAL(9,3)", ["0", "-0.5", "12.340", "NULL"]),
        ("DECIMAL(3,3)", ["0.125", "0"]),
        ("FLOAT", ["0.1", "1.1", "12345.678"]),
        ("DOUBLE", ["0.1", "1e300"]),
        ("BIT(1)", ["1", "0", "NULL"]),
        ("BIT(12)", ["4095", "65"]),
        ("YEAR", ["2020", "0", "NULL"]),
        ("BOOLEAN", ["1", "0"]),
        ("ENUM('B', 'G', 'it''s')", ["'B'", "'it''s'", "NULL"]),
        ("SMALLINT UNSIGNED", ["65535", "0"]),
    ],
)
def test_columns_of_the_key(url: str, kind: str, values: list[str]) -> None:
    check(url, "INT", kind, "VARCHAR(20)", [("5", value, "'L'") for value in values])
    run(url, "DROP TABLE p")
    if "(" in kind and "CHAR" in kind:
        check(url, "INT", "CHAR(20)", kind, [("0", "'K'", value) for value in values])
