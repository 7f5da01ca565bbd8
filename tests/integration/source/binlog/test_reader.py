"""Following the binlog of a real MariaDB: a copy kept by what it says stays equal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.source.following import CATALOGUE, SCHEMA, Copy, run, until_idle
from tests.services.mariadb import MariaDB

from rxindex.source.binlog.reader import Binlog, Change


@pytest.fixture
def url(logged_url: str) -> str:
    run(logged_url, *SCHEMA)
    return logged_url


@pytest.fixture
def binlog(url: str) -> Iterator[Binlog]:
    with Binlog(url, CATALOGUE) as opened:
        yield opened


def follow(binlog: Binlog, url: str, *transactions: tuple[str, ...]) -> list[Change]:
    """Run transactions, and follow them in a copy that must be equal afterwards."""
    copy = Copy(url)
    at = binlog.end()
    copy.drugs = copy.whole()
    for statements in transactions:
        run(url, *statements)
    changes = until_idle(binlog, at)
    for change in changes:
        copy.apply(change)
    assert copy.drugs == copy.whole()
    return changes


# -- what a change says ---------------------------------------------------------------------------


def test_an_insert_names_its_group_and_its_drug(binlog: Binlog, url: str) -> None:
    (change,) = follow(binlog, url, ("INSERT INTO products VALUES ('9', 7, 'NEW', 'B', 1, 5)",))

    assert change.groups == {(7,)}
    assert change.drug_ids <= set(Copy(url).whole())
    assert (change.rows, len(change.drug_ids), change.everything) == (1, 1, "")


def test_a_delete_names_the_drug_that_is_gone(binlog: Binlog, url: str) -> None:
    before = set(Copy(url).whole())
    (change,) = follow(
        binlog,
        url,
        ("DELETE FROM products WHERE gcn = 3 AND label = 'DRUG 3' AND brand = 'Brand'",),
    )

    assert change.drug_ids == before - set(Copy(url).whole()) != set()
    assert change.groups == {(3,)}


@pytest.mark.parametrize("gcn", ["1", "0", "NULL", "-1"])
def test_a_package_that_moves_names_both_of_its_drugs(binlog: Binlog, url: str, gcn: str) -> None:
    (change,) = follow(binlog, url, (f"UPDATE products SET gcn = {gcn} WHERE ndc = '00000000003'",))

    assert change.groups == {(3,), (1,) if gcn == "1" else (0, "DRUG 3")}
    assert len(change.drug_ids) == 2


def test_a_transaction_is_one_change_whatever_tables_it_touches(binlog: Binlog, url: str) -> None:
    (change,) = follow(
        binlog,
        url,
        (
            "INSERT INTO makers VALUES (4, 'DUNE')",
            "INSERT INTO other (note) VALUES ('x')",
            "UPDATE products SET maker = 4 WHERE gcn = 2",
            "DELETE FROM products WHERE gcn = 1 LIMIT 2",
            "UPDATE classes SET title = 'salicylate' WHERE class_id = 1",
        ),
    )

    assert change.groups == {(1,), (2,)}


def test_what_is_rolled_back_is_not_seen(binlog: Binlog, url: str) -> None:
    at = binlog.end()
    run(url, "UPDATE products SET label = 'NEVER'", commit=False)
    run(
        url,
        "SAVEPOINT here",
        "INSERT INTO products VALUES ('8', 5, 'NEVER', '', 1, 1)",
        "ROLLBACK TO here",
        "INSERT INTO products VALUES ('9', 5, 'EVER', '', 1, 1)",
    )

    (change,) = until_idle(binlog, at)

    assert (change.rows, change.groups, len(change.drug_ids)) == (1, frozenset({(5,)}), 1)


def test_ten_thousand_rows_of_one_statement_all_arrive(binlog: Binlog, url: str) -> None:
    (change,) = follow(
        binlog,
        url,
        (
            "INSERT INTO products SELECT 50000000000 + seq, seq % 3000, CONCAT('BULK ', seq % 7), "
            "'', seq % 3, seq % 10 FROM seq_1_to_10000",
        ),
    )

    assert change.rows == 10_000
    assert change.groups >= {(group,) for group in range(1, 3000)}


def test_more_groups_than_are_worth_it_ask_for_a_comparison(url: str) -> None:
    with Binlog(url, CATALOGUE, most_groups=3) as binlog:
        few, many = follow(
            binlog,
            url,
            ("UPDATE products SET size = size + 1 WHERE gcn IN (1, 2, 3)",),
            ("UPDATE products SET size = size + 1",),
        )

    assert not few.everything
    assert few.groups == {(1,), (2,), (3,)}
    assert "more than 3 groups" in many.everything and not many.groups


@pytest.mark.parametrize(
    ("statement", "groups"),
    [
        ("UPDATE makers SET title = 'NEW' WHERE id = 1", {(1,), (3,), (5,), (0, "DRUG 0")}),
        ("DELETE FROM makers WHERE id = 3", {(1,), (3,), (5,)}),
        ("UPDATE substances SET title = 'acid' WHERE id = 1", {(1,), (2,)}),
        ("UPDATE formulations SET substance = 2 WHERE gcn = 5", {(5,)}),
        ("DELETE FROM formulations WHERE gcn = 4", {(4,)}),
        ("UPDATE classes SET title = 'new' WHERE class_id = 1", {(1,), (2,)}),
        ("DELETE FROM classes WHERE class_id = 2", {(3,)}),
        ("INSERT INTO class_links VALUES (5, 2)", {(5,)}),
        ("UPDATE class_links SET gcn = 4 WHERE gcn = 3", {(3,), (4,)}),
        ("INSERT INTO uses VALUES (2, 'gout'), (0, 'nothing')", {(2,)}),
        ("DELETE FROM uses WHERE gcn = 1", {(1,)}),
    ],
)
def test_a_joined_row_leads_to_its_groups(
    binlog: Binlog, url: str, statement: str, groups: set[tuple[str | int, ...]]
) -> None:
    (change,) = follow(binlog, url, (statement,))

    maker = statement.startswith("UPDATE makers")
    assert change.groups >= (groups - {(0, "DRUG 0")} if maker else groups)
    assert not change.everything


def test_other_tables_only_advance_the_position(binlog: Binlog, url: str) -> None:
    at = binlog.end()
    run(url, "INSERT INTO other (note) VALUES ('DROP TABLE products')")
    changes = binlog.changes(at)

    change = next(one for one in changes if one.position != at)

    assert (change.rows, change.groups, change.everything) == (0, frozenset(), "")
    assert change.position.order > at.order
    changes.close()


def test_a_change_says_when_it_was_committed(
    binlog: Binlog, url: str, logging_mariadb: MariaDB
) -> None:
    (now,) = logging_mariadb.execute("SELECT UNIX_TIMESTAMP()")[0]
    (change,) = follow(binlog, url, ("UPDATE products SET size = 1 WHERE gcn = 1",))

    assert 0 <= change.committed - int(str(now)) < 60


# -- when only a comparison can tell --------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE TABLE products",
        "TRUNCATE uses",
        "ALTER TABLE products ADD COLUMN more INT FIRST",
        "ALTER TABLE `makers` MODIFY title VARCHAR(40)",
        "/* by hand */ RENAME TABLE products TO old, other TO other2, old TO products",
        "DROP TABLE uses",
    ],
)
def test_a_statement_about_a_followed_table_asks_for_a_comparison(
    binlog: Binlog, url: str, statement: str
) -> None:
    first, second = follow(
        binlog, url, (statement,), ("UPDATE makers SET title = 'NEW' WHERE id = 2",)
    )

    assert "a statement changed a table" in first.everything
    # From then on rows are read as the table is now.
    assert not second.everything


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (ndc INT)",
        "ANALYZE TABLE products",
        "CREATE INDEX i ON products (label)",
        "CREATE VIEW v AS SELECT * FROM products",
        "ALTER TABLE other ADD COLUMN more INT",
    ],
)
def test_statements_that_change_no_followed_row_ask_for_nothing(
    binlog: Binlog, url: str, statement: str
) -> None:
    assert follow(binlog, url, (statement,)) == []


def test_rows_written_before_a_table_was_altered_are_not_misread(binlog: Binlog, url: str) -> None:
    # The first is read after the column is there already.
    first, second, third = follow(
        binlog,
        url,
        ("UPDATE products SET gcn = 5 WHERE gcn = 1",),
        ("ALTER TABLE products ADD COLUMN more INT FIRST",),
        ("UPDATE products SET gcn = 4 WHERE gcn = 2",),
    )

    assert first.groups == {(1,), (5,)}  # the tables were looked at on enter
    assert second.everything
    assert third.groups == {(2,), (4,)}


def test_rows_of_a_layout_that_is_gone_ask_for_a_comparison(binlog: Binlog, url: str) -> None:
    at = binlog.end()
    run(url, "UPDATE products SET gcn = 5 WHERE gcn = 1")
    run(url, "ALTER TABLE products ADD COLUMN more INT FIRST")
    with Binlog(url, CATALOGUE) as later:
        first, second = until_idle(later, at)

    assert "other columns" in first.everything
    assert "a statement changed a table" in second.everything


def test_a_mapping_without_its_table_for_a_while_asks_for_comparisons(
    binlog: Binlog, url: str
) -> None:
    changes = follow(
        binlog,
        url,
        ("CREATE TABLE fresh LIKE products",),
        ("INSERT INTO fresh SELECT * FROM products WHERE gcn > 2",),
        ("DROP TABLE products",),
        ("RENAME TABLE fresh TO products",),
        ("UPDATE products SET gcn = 5 WHERE gcn = 4",),
    )

    assert [bool(change.everything) for change in changes][-3:] == [True, True, False]
    assert changes[-1].groups == {(4,), (5,)}


def test_a_cascade_of_which_the_binlog_says_nothing_asks_for_a_comparison(url: str) -> None:
    run(
        url,
        "CREATE TABLE owners (id INT PRIMARY KEY, note INT)",
        "INSERT INTO owners VALUES (1, 0), (2, 0), (3, 0), (0, 0)",
        "ALTER TABLE products ADD FOREIGN KEY (maker) REFERENCES owners (id) ON DELETE CASCADE",
    )
    with Binlog(url, CATALOGUE) as binlog:
        (change,) = follow(
            binlog,
            url,
            ("UPDATE owners SET note = 1",),
            ("INSERT INTO owners VALUES (9, 9)",),
            ("DELETE FROM owners WHERE id = 2",),
        )

    assert "owners" in change.everything


def test_a_joined_column_of_the_drug_key_asks_for_a_comparison(url: str) -> None:
    mapping = CATALOGUE.model_copy(
        update={"key": (("label",), ("maker.title",)), "ungrouped_key": (("label",),)}
    )
    copy = Copy(url, mapping)
    with Binlog(url, mapping) as binlog:
        at = binlog.end()
        run(url, "UPDATE makers SET title = 'NEW' WHERE id = 1")
        run(url, "UPDATE products SET size = 3 WHERE gcn = 2")
        run(url, "UPDATE classes SET title = 'NEW' WHERE class_id = 1")
        changes = until_idle(binlog, at)
    for change in changes:
        copy.apply(change)

    assert copy.drugs == copy.whole()
    assert ["the drug key" in change.everything for change in changes] == [True, True, False]


def test_rows_written_in_part_by_one_client_ask_for_a_comparison(binlog: Binlog, url: str) -> None:
    (change,) = follow(
        binlog,
        url,
        (
            "SET SESSION binlog_row_image = 'MINIMAL'",
            "UPDATE products SET size = 7 WHERE gcn = 3",
        ),
    )

    assert "binlog_row_image" in change.everything


def test_a_statement_instead_of_rows_asks_for_a_comparison(binlog: Binlog, url: str) -> None:
    (change,) = follow(
        binlog,
        url,
        (
            "SET SESSION binlog_format = 'STATEMENT'",
            "UPDATE products SET size = 7 WHERE gcn = 3",
        ),
    )

    assert "UPDATE products" in change.everything


def test_compressed_rows_ask_for_a_comparison(url: str, logging_mariadb: MariaDB) -> None:
    run(url, "ALTER TABLE products MODIFY label VARCHAR(400)")
    logging_mariadb.execute("SET GLOBAL log_bin_compress = ON")
    try:
        with Binlog(url, CATALOGUE) as binlog:
            (change,) = follow(binlog, url, ("UPDATE products SET label = REPEAT('LONG ', 70)",))
    finally:
        logging_mariadb.execute("SET GLOBAL log_bin_compress = OFF")

    assert "compressed" in change.everything


# -- two-phase transactions -----------------------------------------------------------------------


def test_a_two_phase_transaction_counts_when_it_is_committed(binlog: Binlog, url: str) -> None:
    first = ("XA START 'a', 'b', 3", "UPDATE products SET gcn = 5 WHERE gcn = 1")
    (change,) = follow(
        binlog,
        url,
        (*first, "XA END 'a', 'b', 3", "XA PREPARE 'a', 'b', 3", "XA COMMIT 'a', 'b', 3"),
        ("XA START 'c'", "UPDATE products SET gcn = 1", "XA END 'c'", "XA PREPARE 'c'",
         "XA ROLLBACK 'c'"),
    )  # fmt: skip

    assert change.groups == {(1,), (5,)}


def test_the_second_phase_alone_asks_for_a_comparison(binlog: Binlog, url: str) -> None:
    copy = Copy(url)
    at = binlog.end()
    run(
        url,
        "XA START 'x'",
        "UPDATE products SET gcn = 5 WHERE gcn = 1",
        "XA END 'x'",
        "XA PREPARE 'x'",
        commit=None,
    )
    changes = binlog.changes(at)
    between = next(change.position for change in changes if change.idle)
    changes.close()
    run(url, "SET autocommit = 1", "XA COMMIT 'x'")

    (change,) = until_idle(binlog, between)
    copy.apply(change)

    assert "two-phase" in change.everything
    assert copy.drugs == copy.whole()
