"""Database URLs."""

from __future__ import annotations

import sqlite3
import sys

import pymysql
import pytest
import sqlalchemy as sa

from rxindex.errors import (
    ConfigurationError,
    MissingExtra,
    RxindexError,
    SourceAccessDenied,
    SourceDataError,
    SourceError,
    SourceNotFound,
    SourceSchemaError,
    SourceUnavailable,
)
from rxindex.source.sql_connect import connect, parse_url, public_name, source_errors

SECRET = "hush"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{SECRET}@host/fdb?tls=maybe",
        f"mysql://me:{SECRET}@host/fdb?colour=red",
        f"mysql://me:{SECRET}@host/fdb?connect_timeout=soon",
        f"mysql://me:{SECRET}@host/fdb?ssl_ca=a&ssl_ca=b",
        f"mysql://me:{SECRET}@host/",
        f"mysql://me:{SECRET}@host:{SECRET}/fdb",
        f"mysql+mysqldb://me:{SECRET}@host/fdb",
        f"postgresql://me:{SECRET}@host/fdb",
        f"me:{SECRET}@host/fdb",
        "sqlite:///x.db?mode=rw",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///x.db",
        "",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_url(url)

    assert "Database URL" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("mysql://me:p%40ss@host:3307/fdb?tls=verify", "mysql://host:3307/fdb"),
        ("mariadb+pymysql://me@host/fdb", "mariadb://host/fdb"),
        ("sqlite:////data/x.db", "sqlite:////data/x.db"),
    ],
)
def test_the_public_name_holds_no_user_or_password(url: str, name: str) -> None:
    assert public_name(parse_url(url)) == name


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1045, SourceAccessDenied),
        (1044, SourceAccessDenied),
        (1142, SourceAccessDenied),
        (1049, SourceNotFound),
        (2005, SourceNotFound),
        (1054, SourceSchemaError),
        (1146, SourceSchemaError),
        (1040, SourceUnavailable),
        (1205, SourceUnavailable),
        (2003, SourceUnavailable),
        (2006, SourceUnavailable),
        (2013, SourceUnavailable),
        (1064, SourceError),
    ],
)
def test_a_drivers_error_codes_become_our_own_errors(code: int, kind: type[RxindexError]) -> None:
    error = sa.exc.OperationalError("SELECT 1", {}, pymysql.err.OperationalError(code, "why"))

    with pytest.raises(kind, match=r"mysql://h/d.*why") as caught, source_errors("mysql://h/d"):
        raise error

    assert type(caught.value) is kind
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("database is locked", SourceUnavailable),
        ("unable to open database file", SourceNotFound),
        ("file is not a database", SourceDataError),
        ("database disk image is malformed", SourceDataError),
        ("no such table: rndc14", SourceSchemaError),
        ("attempt to write a readonly database", SourceAccessDenied),
        ("something else", SourceError),
    ],
)
def test_sqlites_errors_become_our_own_errors(text: str, kind: type[RxindexError]) -> None:
    with pytest.raises(kind) as caught, source_errors("sqlite:///x"):
        raise sqlite3.OperationalError(text)

    assert type(caught.value) is kind


def test_a_broken_connection_can_be_tried_again() -> None:
    with pytest.raises(SourceUnavailable), source_errors("mysql://h/d"):
        raise ConnectionResetError("gone")


def test_without_pymysql_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)

    with pytest.raises(MissingExtra, match=r"rxindex\[mysql\]"):
        connect(parse_url("mysql://me@host/fdb"), read_only=True)
