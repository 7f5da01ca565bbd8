"""Near real time: what each committed transaction changed in a catalogue, from the binlog.

MySQL, Aurora and MariaDB write every change of a row to their binlog, with the row as it was and
as it is (``binlog_format = ROW``, ``binlog_row_image = FULL``). `Binlog` reads it as a replica
does, from a saved position on, and says for each transaction which groups to read anew and which
drugs they were and are.

- Package rows say both themselves. Rows of joined tables (a labeler, a formulation, the link from
  a class to its drugs) lead to their groups by a query, at the time when the change is yielded.
  What changed in the database since then has a change of its own, further on.
- What the rows don't tell (a table was altered or truncated, a foreign key took rows along, a
  column of the drug key is in a table that changed) is said as ``everything``.
- A change is yielded when its transaction can be read; see `rxindex.source.binlog.server`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from rxindex.errors import ConfigurationError, RxindexError, SourceError, TransientError
from rxindex.source.binlog.change import BinlogPosition, Change
from rxindex.source.binlog.reach import Reach, Touched
from rxindex.source.binlog.reading import Reading
from rxindex.source.binlog.server import Server
from rxindex.source.binlog.stream import Stream
from rxindex.source.fdb import fdb_mapping
from rxindex.source.mapping import Mapping
from rxindex.source.sql_connect import (
    TLS,
    connect,
    disconnect,
    mysql_options,
    parse_url,
    public_name,
    source_errors,
)
from rxindex.source.sql_pages import Row

__all__ = ["Binlog", "BinlogPosition", "Change"]


class Binlog:
    """Follows the binlog of a catalogue's database.

    Not safe to share between threads.

    Args:
        url: ``mysql://user:password@host/database`` (also ``mariadb``, ``aurora``); the user needs
            SELECT on the database, and the rights that `check` names.
        mapping: its tables and columns; the default is FDB MedKnowledge's.
        tls: how to use TLS; see `rxindex.source.sql_connect.TLS`.
        tls_ca: file with the certificates of the authorities to trust (PEM).
        server_id: what the server is to know this reader by. Must differ from those of its
            replicas; the default is drawn by lot from two billion.
        idle: seconds without news after which an idle change is yielded.
        most_groups: if a transaction changes more, a full comparison is asked for.

    Attributes:
        name: the database, for messages, without user or password.

    Raises:
        ConfigurationError: the URL is not one, or names a database without a binlog.
    """

    def __init__(
        self,
        url: str,
        mapping: Mapping | None = None,
        *,
        tls: TLS | None = None,
        tls_ca: str | Path | None = None,
        server_id: int | None = None,
        idle: float = 0.1,
        most_groups: int = 20_000,
    ) -> None:
        self._url = parse_url(url)
        self.name = public_name(self._url)
        if self._url.drivername.startswith("sqlite"):
            raise ConfigurationError(
                f"{self.name} has no binlog: only MySQL, Aurora and MariaDB can be followed. Run "
                "sync by a schedule."
            )
        self._mapping = mapping or fdb_mapping()
        self._tls, self._tls_ca = tls, tls_ca
        self._server_id = server_id
        self._idle, self._most = idle, most_groups
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None

    def __repr__(self) -> str:
        return f"Binlog({self.name!r})"

    def __enter__(self) -> Self:
        """Connect, and see where the mapping's tables are.

        Raises:
            SourceError: the catalogue can't be read, or a table or column can't be followed.
            SourceUnavailable: the database does not answer.
            MissingExtra: pymysql is not installed.
        """
        engine, connection = connect(self._url, read_only=True, tls=self._tls, tls_ca=self._tls_ca)
        try:
            with source_errors(self.name):
                # Each query is to see what is committed, and to hold no lock behind it.
                connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
                connection.commit()
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
                self._database = str(connection.exec_driver_sql("SELECT DATABASE()").scalar_one())
            self._engine, self._connection = engine, connection
            self._server = Server(connection, self.name)
            self._reach: Reach | None = self._look()
        except BaseException as error:
            self._engine, self._connection = engine, connection
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the connection."""
        connection, engine = self._connection, self._engine
        self._connection = self._engine = None
        if connection is not None and engine is not None:
            disconnect(engine, connection)

    def _look(self) -> Reach:
        with source_errors(self.name):
            return Reach(self._open(), self._fetch, self._mapping, self.name, self._most)

    def _open(self) -> sa.Connection:
        if self._connection is None:
            raise SourceError(f"{self.name} is not open: use it in a with statement.")
        return self._connection

    def _fetch(self, query: sa.Select[*tuple[Any, ...]]) -> list[Row]:
        with source_errors(self.name):
            return [tuple(row) for row in self._open().execute(query)]

    # -- before following ----------------------------------------------------------------------

    def check(self) -> None:
        """Refuse a server that can't be followed, with the statement that mends it.

        Raises:
            SourceAccessDenied: rights are missing.
            SourceError: there is no binlog, it does not have whole rows, or leaves the database
                out.
            SourceUnavailable: the server does not answer.
        """
        self._open()
        self._server.check(self._database, self._try_reading)

    def _try_reading(self) -> None:
        stream = self._stream(self._server.end(), wait=False)
        try:
            for _ in stream.events():
                pass
        finally:
            stream.close()

    def end(self) -> BinlogPosition:
        """Give the binlog's end: where to begin after a full comparison that starts now.

        All that is before it can be read from the tables.

        Raises:
            SourceError: there is no binlog, or no right to ask where it ends.
            SourceUnavailable: the server does not answer.
        """
        self._open()
        return self._server.end()

    # -- following -----------------------------------------------------------------------------

    def changes(self, after: BinlogPosition) -> Generator[Change, None, None]:
        """Yield what changed behind a position, without end.

        One change for each transaction that touches a followed table. Others advance the position
        only, and of many in a row not each is told. An idle change comes whenever there is
        nothing for a moment, so that a reader can apply what it has gathered, or leave.

        Args:
            after: `end`, or the position of a change that was applied.

        Raises:
            BinlogGone: the binlog does not go back that far, or belongs to another server.
            SourceUnavailable: the connection was lost. Enter anew and go on from the last
                position: nothing is lost or comes twice but what that change had already said.
            SourceError: the binlog can't be read; see `check`.
        """
        self._open()
        self._server.confirm(after)
        stream = self._stream(after, wait=True)
        try:
            yield from self._follow(stream, after)
        finally:
            stream.close()

    def _stream(self, after: BinlogPosition, wait: bool) -> Stream:
        return Stream(
            self._url,
            mysql_options(self._url, self._tls, self._tls_ca),
            self._database,
            after,
            # A server ends the reader before that has the same number, even one that is about to
            # end by itself; MariaDB 10.11 was seen to crash over that. So a trial gets its own.
            server_id=(wait and self._server_id) or 2**31 + secrets.randbelow(2**31 - 1),
            idle=self._idle,
            wait=wait,
        )

    def _follow(self, stream: Stream, position: BinlogPosition) -> Iterator[Change]:
        reading = Reading(self._reach_now, self._forget, self._database, self._mapping)
        gtid, told = position.gtid, time.monotonic()
        for event in stream.events():
            kind = type(event).__name__
            if kind == "HeartbeatLogEvent":
                told = time.monotonic()
                yield Change(position, idle=True)
                continue
            if kind in {"GtidEvent", "MariadbGtidEvent"}:
                gtid = str(event.gtid)
            ended = reading.take(kind, event)
            # A server also says which file it begins with; without a time, that is no event of it.
            moved = kind == "RotateEvent" and event.timestamp and not reading.inside
            if not ended and not moved:
                continue
            position = BinlogPosition(position.server, stream.file, stream.place, gtid)
            touched = reading.touched
            if ended and (touched.rows or touched.everything):
                yield self._change(touched, position, event.timestamp)
                told = time.monotonic()
            elif time.monotonic() - told >= self._idle:
                yield Change(position, committed=float(event.timestamp))
                told = time.monotonic()
            reading.touched = Touched()

    def _change(self, touched: Touched, position: BinlogPosition, timestamp: int) -> Change:
        self._server.wait_until_readable(position, touched.witness)
        if not touched.everything:
            reach = self._reach_now()
            if reach is None:
                touched.everything = "the tables can't be read as they are"
            else:
                reach.resolve(touched)
        if touched.everything:
            return Change(
                position,
                rows=touched.rows,
                everything=touched.everything,
                committed=float(timestamp),
            )
        return Change(
            position,
            frozenset(touched.groups),
            frozenset(touched.drug_ids),
            touched.rows,
            committed=float(timestamp),
        )

    # -- the tables, which may change while they are followed -------------------------------------

    def _reach_now(self) -> Reach | None:
        """Give the tables as they are now, or None if the mapping does not fit them.

        Raises:
            SourceUnavailable: the database does not answer.
        """
        if self._reach is None:
            try:
                self._reach = self._look()
            except TransientError:
                raise
            except RxindexError:
                # Halfway through an exchange of tables, say. The comparison that is asked for
                # names what is missing if it stays so.
                return None
        return self._reach

    def _forget(self) -> None:
        """Look at the tables anew when they are needed next: they were altered."""
        self._reach = None
