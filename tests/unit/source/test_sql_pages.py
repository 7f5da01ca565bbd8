"""Queries, and the text that SQLite gives for bytes that are none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from rxindex.errors import SourceSchemaError
from rxindex.source.sql_connect import source_errors
from rxindex.source.sql_pages import read_rows


def lenient(value: bytes) -> str:
    return value.decode("utf-8", "replace")


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    def opened() -> sqlite3.Connection:
        made = sqlite3.connect(":memory:")
        made.text_factory = lenient
        return made

    engine = sa.create_engine("sqlite://", creator=opened, poolclass=sa.StaticPool)
    with engine.connect() as made:
        made.exec_driver_sql("CREATE TABLE drug (id INTEGER, name TEXT)")
        yield made
    engine.dispose()


def add(connection: sa.Connection, *names: bytes) -> None:
    for number, name in enumerate(names):
        connection.exec_driver_sql("INSERT INTO drug VALUES (?, CAST(? AS TEXT))", (number, name))


Query = sa.Select[*tuple[Any, ...]]

QUERY: Query = sa.select(sa.column("name")).select_from(sa.table("drug")).order_by(sa.column("id"))


def test_text_is_read_as_it_is(connection: sa.Connection) -> None:
    add(connection, "Sinupret® forte".encode(), b"")
    assert read_rows(connection, QUERY) == [("Sinupret® forte",), ("",)]


def test_one_text_that_is_not_utf_8_spoils_no_other(connection: sa.Connection) -> None:
    add(connection, "Sinupret® forte".encode(), b"CUT \xff OFF", b"LAST")
    assert read_rows(connection, QUERY) == [("Sinupret® forte",), ("CUT \ufffd OFF",), ("LAST",)]


def test_the_connection_decodes_as_it_did_before(connection: sa.Connection) -> None:
    add(connection, b"CUT \xff OFF")
    read_rows(connection, QUERY)
    assert connection.exec_driver_sql("SELECT name FROM drug").scalar() == "CUT \ufffd OFF"


def test_another_fault_is_told_as_what_it_is(connection: sa.Connection) -> None:
    missing: Query = sa.select(sa.column("name")).select_from(sa.table("absent"))
    with pytest.raises(SourceSchemaError, match="no such table"), source_errors("drugs.db"):
        read_rows(connection, missing)
