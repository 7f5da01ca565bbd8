"""A small catalogue of another schema than FDB's, in any SQL database."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import sqlalchemy as sa

from rxindex.model import PackageRow
from rxindex.source.base import Partition
from rxindex.source.mapping import Mapping, parse_mapping
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import connect, parse_url

__all__ = ["ALL", "SMALL", "Product", "read", "runs", "small", "write"]

ALL = Partition("all")
SMALL = """
table = "products"
group = "gcn"
key = ["label"]
[columns]
ndc = "ndc"
name = "label"
gcn = "gcn"
[joins.maker]
table = "makers"
on = { id = "maker" }
"""
COLUMNS = "ndc VARCHAR(11), gcn INT, label VARCHAR(60), maker INT"
Product = tuple[str | None, int | str | None, str | None]


def small(text: str = SMALL) -> Mapping:
    return parse_mapping(text, "small.toml")


def write(url: str, products: Iterable[Product], columns: str = COLUMNS) -> None:
    """Create the table ``products`` with these rows."""
    engine, connection = connect(parse_url(url), read_only=False)
    with connection:
        connection.exec_driver_sql(f"CREATE TABLE products ({columns})")
        rows = [dict(zip(("ndc", "gcn", "label"), row, strict=True)) for row in products]
        if rows:
            table = sa.table("products", sa.column("ndc"), sa.column("gcn"), sa.column("label"))
            connection.execute(table.insert(), rows)
        connection.commit()
    engine.dispose()


def read(
    url: str,
    partition: Partition = ALL,
    after: tuple[str | int, ...] | None = None,
    page_size: int = 10_000,
    mapping: Mapping | None = None,
) -> list[PackageRow]:
    with SqlSource(url, mapping or small(), page_size=page_size) as source:
        return list(source.rows(partition, after))


def runs(rows: Iterable[PackageRow]) -> list[tuple[str | int, ...]]:
    return [group for group, _ in itertools.groupby(row.group for row in rows)]
