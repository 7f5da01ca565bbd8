"""Connections to the databases that a catalogue may live in, and what their errors mean."""

from __future__ import annotations

import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, PendingRollbackError, SQLAlchemyError

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

__all__ = [
    "TLS",
    "connect",
    "disconnect",
    "driver_error",
    "mysql_options",
    "parse_url",
    "public_name",
    "source_errors",
    "sqlite_path",
]

#: How to use TLS with MySQL: ``off``; ``prefer`` it if the server offers it; ``on``: refuse to
#: go without, but trust any certificate; ``verify-ca``: the certificate must be signed by the
#: given (or a system) authority; ``verify``: it must also be made out to the host.
TLS = Literal["off", "prefer", "on", "verify-ca", "verify"]

_MYSQL = frozenset({"mysql", "mariadb", "aurora"})
_TEXT_OPTIONS = frozenset({"ssl_ca", "ssl_cert", "ssl_key", "charset", "unix_socket"})
_SECONDS_OPTIONS = frozenset({"connect_timeout", "read_timeout", "write_timeout"})

_ACCESS = frozenset({1044, 1045, 1142, 1143, 1227, 1251, 1410, 1698, 1820, 1862, 2061, 3159, 4151})
_NOT_FOUND = frozenset({1049, 2005})
_SCHEMA = frozenset({1054, 1146})
_UNAVAILABLE = frozenset(
    {1040, 1042, 1053, 1077, 1129, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1213, 1226, 1290}
    | {1317, 1412, 1927, 1969, 2002, 2003, 2006, 2012, 2013, 2014, 2055, 3024}
)


def parse_url(url: str | URL) -> URL:
    """Read a database URL.

    Args:
        url: ``mysql://user:password@host:3306/fdb?ssl_ca=...`` (also ``mariadb://`` and
            ``aurora://``) or ``sqlite:///path``. Special characters in the password are
            percent-encoded. Options: ``tls`` (see `TLS`), ``ssl_ca``, ``ssl_cert``, ``ssl_key``,
            ``charset``, ``unix_socket``, and ``connect_timeout``, ``read_timeout``,
            ``write_timeout`` in seconds. Or one that was read already.

    Raises:
        ConfigurationError: it is not such a URL. The message does not repeat the URL, since that
            may hold a password.
    """
    problem = ""
    try:
        parsed = make_url(url)
    except (SQLAlchemyError, ValueError):
        problem = "it can't be read as one"
    else:
        problem = _problem(parsed)
    if problem:
        # Not chained: the parser's own message may quote a part of the password.
        raise ConfigurationError(
            f"Database URL: {problem}. Write mysql://user:password@host:3306/database or "
            "sqlite:///path/to/file.db, and percent-encode special characters in the password."
        ) from None
    return parsed


def _problem(url: URL) -> str:
    family, _, driver = url.drivername.partition("+")
    if family == "sqlite":
        known: frozenset[str] = frozenset()
        if driver not in ("", "pysqlite"):
            return f"the driver {driver!r} is not supported"
        if not url.database or url.database == ":memory:":
            return "it names no file"
    elif family in _MYSQL:
        known = _TEXT_OPTIONS | _SECONDS_OPTIONS | {"tls"}
        if driver not in ("", "pymysql"):
            return f"the driver {driver!r} is not supported, only pymysql is"
        if not url.database:
            return "it names no database"
        if "@" in (url.host or ""):
            return "there is more than one @ in it"
        tls = url.query.get("tls", "prefer")
        if tls not in get_args(TLS):
            return f"tls={tls} is none of {', '.join(get_args(TLS))}"
        for option in _SECONDS_OPTIONS & set(url.query):
            if not str(url.query[option]).isdigit():
                return f"{option} must be a whole number of seconds"
    else:
        return f"{family!r} is no database that rxindex reads"
    unknown = sorted(set(url.query) - known)
    if unknown:
        there = f" (known: {', '.join(sorted(known))})" if known else ""
        return f"the option {unknown[0]!r} is not known{there}"
    repeated = sorted(name for name, value in url.query.items() if not isinstance(value, str))
    return f"the option {repeated[0]!r} is given twice" if repeated else ""


def public_name(url: URL) -> str:
    """Name the database for messages, without user, password or options."""
    family = url.drivername.partition("+")[0]
    if family == "sqlite":
        return f"sqlite:///{url.database}"
    port = f":{url.port}" if url.port else ""
    return f"{family}://{url.host or 'localhost'}{port}/{url.database}"


def sqlite_path(url: URL) -> Path:
    """Give the file of a ``sqlite:///path`` URL."""
    return Path(url.database or "").expanduser().absolute()


def connect(
    url: URL, *, read_only: bool, tls: TLS | None = None, tls_ca: str | Path | None = None
) -> tuple[sa.Engine, sa.Connection]:
    """Open one connection.

    Args:
        url: from `parse_url`.
        read_only: whether to open SQLite read-only, so that a missing file is not created, and
            every transaction is one that we begin ourselves.
        tls: how to use TLS with MySQL; the default is the URL's ``tls``, else ``verify`` if an
            authority is given, else ``prefer``.
        tls_ca: file with the certificates of the authorities to trust (PEM).

    Returns:
        the engine, to be disposed of, and its connection.

    Raises:
        SourceError: no such host, database or file, or no rights.
        SourceUnavailable: it does not answer.
        MissingExtra: pymysql is not installed.
    """
    if url.drivername.startswith("sqlite"):
        engine = _sqlite_engine(url, read_only)
    else:
        engine = _mysql_engine(url, tls, tls_ca)
    try:
        with source_errors(public_name(url)):
            return engine, engine.connect()
    except RxindexError:
        engine.dispose()
        raise


def disconnect(engine: sa.Engine, connection: sa.Connection) -> None:
    """Let go of what `connect` gave, whatever state it is in."""
    with suppress(Exception):  # a lost connection can't be closed, nor need it be
        connection.close()
    engine.dispose()


def _sqlite_engine(url: URL, read_only: bool) -> sa.Engine:
    path = sqlite_path(url)
    if path.is_dir():
        raise SourceDataError(f"{path} is a folder, not a SQLite file. Give the file's path.")
    if read_only and not path.exists():
        raise SourceNotFound(f"There is no file {path}. Check the path after sqlite:///.")
    if not path.parent.is_dir():
        raise SourceNotFound(f"There is no folder {path.parent}. Create it, or check the path.")
    mode = "ro" if read_only else "rwc"

    def opened() -> sqlite3.Connection:
        # isolation_level=None: transactions are ours alone, or else sqlite3 would begin them
        # where it sees fit and the snapshot would not be one.
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            isolation_level=None if read_only else "DEFERRED",
            check_same_thread=False,
        )
        # One text that is not UTF-8 must not end the run; MySQL replaces what it can't convert.
        connection.text_factory = lambda value: value.decode("utf-8", "replace")
        return connection

    return sa.create_engine("sqlite://", creator=opened, poolclass=sa.NullPool)


def mysql_options(
    url: URL, tls: TLS | None = None, tls_ca: str | Path | None = None
) -> dict[str, Any]:
    """Give what `pymysql.connect` is to be called with, but for the address and the database.

    Args:
        url: from `parse_url`.
        tls: as for `connect`.
        tls_ca: as for `connect`.

    Raises:
        MissingExtra: pymysql is not installed.
        ConfigurationError: a certificate can't be used.
    """
    try:
        import pymysql  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            "Reading MySQL, MariaDB or Aurora needs pymysql: pip install 'rxindex[mysql]'"
        ) from error
    options: dict[str, Any] = {"charset": "utf8mb4", "connect_timeout": 10, "read_timeout": 300}
    for name, value in url.query.items():
        if name in _SECONDS_OPTIONS:
            options[name] = int(str(value))
        elif name != "tls":
            options[name] = value
    if url.password is not None:
        # As bytes: pymysql would encode it as Latin-1, the servers' own clients use UTF-8.
        options["password"] = str(url.password).encode()
    _add_tls(options, tls or url.query.get("tls"), tls_ca)
    return options


def _mysql_engine(url: URL, tls: TLS | None, tls_ca: str | Path | None) -> sa.Engine:
    options = mysql_options(url, tls, tls_ca)
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    # Dates and decimals are wanted as text: cheaper, and 0000-00-00 is no date in Python.
    as_text = {
        FIELD_TYPE.DATE,
        FIELD_TYPE.DATETIME,
        FIELD_TYPE.TIMESTAMP,
        FIELD_TYPE.NEWDECIMAL,
        FIELD_TYPE.DECIMAL,
    }
    options["conv"] = {kind: how for kind, how in conversions.items() if kind not in as_text}
    return sa.create_engine(
        url.set(drivername="mysql+pymysql", query={}),
        connect_args=options,
        poolclass=sa.NullPool,
        isolation_level="REPEATABLE READ",
        # Parameters may be label names of the catalogue: they stay out of error messages.
        hide_parameters=True,
    )


def _add_tls(options: dict[str, Any], tls: Any, tls_ca: str | Path | None) -> None:
    """Replace the ``ssl_*`` options by what pymysql is to do about TLS."""
    given = options.pop("ssl_ca", None)
    authority = tls_ca or given
    certificate, key = options.pop("ssl_cert", None), options.pop("ssl_key", None)
    mode: TLS = tls or ("verify" if authority else "on" if certificate else "prefer")
    if mode == "off":
        options["ssl_disabled"] = True
        return
    if mode == "prefer":
        return
    for name, path in (("ssl_ca", authority), ("ssl_cert", certificate), ("ssl_key", key)):
        if path and not Path(path).is_file():
            raise ConfigurationError(f"{name}: there is no file {path}. Give a PEM file.")
    try:
        context = ssl.create_default_context(cafile=authority)
        if certificate:
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"TLS: {authority or certificate} can't be used: {error}. Give PEM files."
        ) from error
    # Since Python 3.13 the default is stricter than Amazon's RDS certificates are.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = mode == "verify"
    context.verify_mode = ssl.CERT_NONE if mode == "on" else ssl.CERT_REQUIRED
    options["ssl"] = context


@contextmanager
def source_errors(name: str) -> Iterator[None]:
    """Turn a database driver's errors into rxindex's own.

    Args:
        name: the database, for the message (from `public_name`).
    """
    try:
        yield
    except DBAPIError as error:
        raise driver_error(name, error.orig) from error
    except PendingRollbackError as error:
        # The error that broke the connection was raised before.
        raise SourceUnavailable(f"{name}: the connection was lost. Connect anew.") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise driver_error(name, error) from error
    except OSError as error:
        # A connection that breaks while a result is read surfaces as the socket's own error.
        raise SourceUnavailable(f"{name}: the connection broke: {error}. Try again.") from error


def driver_error(name: str, error: BaseException | None) -> RxindexError:
    """Give rxindex's own error for a database driver's.

    Args:
        name: the database, for the message (from `public_name`).
        error: as the driver raised it.
    """
    if isinstance(error, sqlite3.Error):
        return _sqlite_error(name, error)
    code = error.args[0] if error is not None and error.args else None
    text = str(error.args[-1] if error is not None and error.args else error)
    if code in _ACCESS:
        return SourceAccessDenied(
            f"{name} refused access: {text}. Check user, password and rights, and whether it "
            "asks for TLS."
        )
    if code in _NOT_FOUND or (code == 2003 and _unknown_host(text)):
        return SourceNotFound(f"{name}: {text}. Check the host and database in the URL.")
    if code == 2003 and "CERTIFICATE_VERIFY_FAILED" in text.upper().replace(" ", "_"):
        return SourceAccessDenied(
            f"{name}: the server's certificate is not trusted: {text}. Check ssl_ca."
        )
    if code == 2026 or (code == 2003 and "ssl" in text.lower()):
        return SourceAccessDenied(f"{name}: no TLS connection: {text}. Check tls and ssl_ca.")
    if code in _SCHEMA:
        return SourceSchemaError(f"{name}: {text}. Check the mapping.")
    if code in _UNAVAILABLE or code == 0:
        return SourceUnavailable(f"{name} does not answer: {text}. Check that it runs; try again.")
    return SourceError(f"{name}: {text}")


def _unknown_host(text: str) -> bool:
    return any(
        sign in text
        for sign in ("Name or service not known", "nodename nor servname", "getaddrinfo failed")
    ) or ("No address associated" in text)


def _sqlite_error(name: str, error: sqlite3.Error) -> RxindexError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return SourceUnavailable(f"{name} is locked by another program. Try again.")
    if "unable to open" in text:
        return SourceNotFound(f"{name}: {text}. Check the path and the rights to read it.")
    if "not a database" in text or "malformed" in text or "not authorized" in text:
        return SourceDataError(f"{name}: {text}. Give a SQLite database file.")
    if "no such table" in text or "no such column" in text:
        return SourceSchemaError(f"{name}: {text}. Check the mapping.")
    if "readonly" in text:
        return SourceAccessDenied(f"{name}: {text}.")
    return SourceError(f"{name}: {text}")
