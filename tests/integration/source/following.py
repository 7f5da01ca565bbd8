"""What the tests of following a binlog share: a small schema, and a reader that keeps a copy."""

from __future__ import annotations

from collections.abc import Iterator

from tests.services.products import ALL

from rxindex.model import PackageRow, drug_id, fold
from rxindex.source.binlog.reader import Binlog, BinlogPosition, Change
from rxindex.source.mapping import Mapping, parse_mapping
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import connect, parse_url

__all__ = ["CATALOGUE", "SCHEMA", "Copy", "run", "until_idle"]

#: A catalogue with everything that can lead to a drug: joins of joins, and two lookups.
CATALOGUE: Mapping = parse_mapping(
    """
    table = "products"
    group = "gcn"
    key = ["label", "brand"]
    ungrouped = "label"
    [columns]
    ndc = "ndc"
    name = "label"
    brand = "brand"
    labeler = "maker.title"
    generic = "substance.title"
    size = "size"
    [joins.maker]
    table = "makers"
    on = { id = "maker" }
    [joins.formulation]
    table = "formulations"
    on = { gcn = "gcn" }
    [joins.substance]
    table = "substances"
    on = { id = "formulation.substance" }
    [classes]
    name = "title"
    chain = [{ table = "class_links", match = "gcn" }, { table = "classes", match = "class_id" }]
    [indications]
    name = "title"
    chain = [{ table = "uses", match = "gcn" }]
    """,
    "catalogue.toml",
)
SCHEMA = (
    "CREATE TABLE products (ndc VARCHAR(11) PRIMARY KEY, gcn INT, label VARCHAR(60), "
    "brand VARCHAR(30), maker INT, size DECIMAL(9,3), KEY (gcn))",
    "CREATE TABLE makers (id INT PRIMARY KEY, title VARCHAR(30))",
    "CREATE TABLE formulations (gcn INT PRIMARY KEY, substance INT, KEY (substance))",
    "CREATE TABLE substances (id INT PRIMARY KEY, title VARCHAR(30))",
    "CREATE TABLE class_links (gcn INT, class_id INT, PRIMARY KEY (gcn, class_id))",
    "CREATE TABLE classes (class_id INT PRIMARY KEY, title VARCHAR(30))",
    "CREATE TABLE uses (gcn INT, title VARCHAR(30))",
    "CREATE TABLE other (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(20))",
    "INSERT INTO makers VALUES (1, 'ACME'), (2, 'BOLT'), (3, 'CORE')",
    "INSERT INTO formulations VALUES (1, 1), (2, 1), (3, 2), (4, 2), (5, NULL)",
    "INSERT INTO substances VALUES (1, 'aspirin'), (2, 'caffeine')",
    "INSERT INTO classes VALUES (1, 'NSAID'), (2, 'stimulant')",
    "INSERT INTO class_links VALUES (1, 1), (2, 1), (3, 2)",
    "INSERT INTO uses VALUES (1, 'pain'), (1, 'fever'), (4, 'sleepiness')",
    "INSERT INTO products SELECT LPAD(seq, 11, '0'), seq % 6, CONCAT('DRUG ', seq % 4), "
    "IF(seq % 2, 'Brand', ''), seq % 4, seq FROM seq_1_to_40",
)


def run(url: str, *statements: str, commit: bool | None = True) -> None:
    """Run statements in one transaction, and commit, roll back, or just leave (None)."""
    engine, connection = connect(parse_url(url), read_only=False)
    with connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%"))
        if commit:
            connection.commit()
        elif commit is None:
            connection.invalidate()
        else:
            connection.rollback()
    engine.dispose()


def until_idle(binlog: Binlog, after: BinlogPosition) -> list[Change]:
    """Read what is there, without the changes that only move the position."""
    return [change for change in _up_to_idle(binlog, after) if change.rows or change.everything]


def _up_to_idle(binlog: Binlog, after: BinlogPosition) -> Iterator[Change]:
    changes = binlog.changes(after)
    for change in changes:
        if change.idle:
            changes.close()
            return
        yield change


class Copy:
    """A copy of a catalogue, drug by drug, that is kept by what a binlog says alone."""

    def __init__(self, url: str, mapping: Mapping = CATALOGUE) -> None:
        self.source = SqlSource(url, mapping)
        self.drugs: dict[str, list[PackageRow]] = {}
        self.comparisons = 0

    def whole(self) -> dict[str, list[PackageRow]]:
        """Read the catalogue as it is now."""
        with self.source as source:
            return _drugs(source.rows(ALL))

    def apply(self, change: Change) -> None:
        """Do what a follower does with a change."""
        if change.everything:
            self.drugs, self.comparisons = self.whole(), self.comparisons + 1
            return
        with self.source as source:
            found = _drugs(source.rows_of(list(change.groups)))
        for identity in change.drug_ids - set(found):
            self.drugs.pop(identity, None)
        self.drugs |= found


def _drugs(rows: Iterator[PackageRow]) -> dict[str, list[PackageRow]]:
    drugs: dict[str, list[PackageRow]] = {}
    for row in rows:
        identity = drug_id(row.group, [fold(part) for part in row.key])
        drugs.setdefault(identity, []).append(row)
    return drugs
