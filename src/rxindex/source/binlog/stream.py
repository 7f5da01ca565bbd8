"""One connection that a server sends its binlog over, and what its errors mean."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import URL

from rxindex.errors import BinlogGone, MissingExtra, RxindexError, SourceUnavailable
from rxindex.source.binlog.change import BinlogPosition
from rxindex.source.sql_connect import driver_error, public_name

__all__ = ["Stream"]

#: The server's answer when it can't send from a position on.
_CANNOT_READ = 1236
#: Seconds of silence after which the connection counts as lost: the server says that it is there
#: several times a second.
_SILENCE = 60

# It advises a server setting that is not needed here; see rxindex.source.binlog.layout.
logging.getLogger("pymysqlreplication").setLevel(logging.ERROR)


class Stream:
    """A server's binlog from a position on.

    Args:
        url: the database, from `parse_url`; only its schema's rows are handed out.
        options: what `pymysql.connect` is called with, from `mysql_options`.
        database: the database's name as the server writes it.
        after: where to begin.
        server_id: what the server is to know this reader by; two with the same id would throw
            each other out.
        idle: seconds after which the server is to say that there is nothing new.
        wait: whether to wait for more at the end of the binlog, or to end there.

    Raises:
        MissingExtra: mysql-replication is not installed.
    """

    def __init__(
        self,
        url: URL,
        options: dict[str, Any],
        database: str,
        after: BinlogPosition,
        *,
        server_id: int,
        idle: float,
        wait: bool = True,
    ) -> None:
        try:
            import pymysql
            from pymysqlreplication import (
                BinLogStreamReader,
                event,
                row_event,
            )
        except ImportError as error:
            raise MissingExtra(
                "Following a binlog needs mysql-replication: pip install 'rxindex[mysql]'"
            ) from error
        self._name = public_name(url)
        self._after = after
        self._opened: set[bool] = set()
        self._driver_errors = (pymysql.err.MySQLError, OSError)
        settings = dict(options)
        if url.host or "unix_socket" not in settings:
            settings |= {"host": url.host or "localhost", "port": url.port or 3306}
        settings["user"] = url.username or ""
        settings["read_timeout"] = min(settings.get("read_timeout") or _SILENCE, _SILENCE)
        self._reader = BinLogStreamReader(
            settings,
            server_id=server_id,
            blocking=wait,
            resume_stream=True,
            log_file=after.file,
            log_pos=after.position,
            slave_heartbeat=idle,
            only_schemas=[database],
            only_events=[
                event.QueryEvent,
                event.XidEvent,
                event.XAPrepareEvent,
                event.RotateEvent,
                event.GtidEvent,
                event.MariadbGtidEvent,
                event.HeartbeatLogEvent,
                event.ExecuteLoadQueryEvent,
                event.NotImplementedEvent,
                row_event.TableMapEvent,
                row_event.WriteRowsEvent,
                row_event.UpdateRowsEvent,
                row_event.DeleteRowsEvent,
                row_event.PartialUpdateRowsEvent,
            ],
            filter_non_implemented_events=False,
            # Also on MariaDB: with is_mariadb the library begins at a GTID, or at the oldest file.
            is_mariadb=False,
            # Its log lines would hold the connection's settings.
            enable_logging=False,
            pymysql_wrapper=self._connect,
        )

    def _connect(self, **settings: Any) -> Any:
        """Connect for the library, once.

        The library would connect anew by itself and go on in the middle of a transaction, without
        the tables that its rows belong to.
        """
        import pymysql

        control = "db" in settings
        if control in self._opened:
            raise SourceUnavailable(
                f"{self._name}: the connection that its binlog came over was lost. Follow on from "
                "the last position."
            )
        self._opened.add(control)
        if control:
            # The library uses the old name of this argument.
            settings["database"] = settings.pop("db")
        return pymysql.connect(**settings)

    @property
    def file(self) -> str:
        """The file that the last event came from."""
        return str(self._reader.log_file)

    @property
    def place(self) -> int:
        """Where the last event ends in it."""
        return int(self._reader.log_pos)

    def events(self) -> Iterator[Any]:
        """Yield the library's events, until the end if that is not waited for.

        Raises:
            BinlogGone: the server can't send from that position on.
            SourceUnavailable: it does not answer, or hung up.
            SourceAccessDenied: no right to read the binlog.
        """
        while (event := self._next()) is not None:
            yield event

    def _next(self) -> Any:
        try:
            return self._reader.fetchone()
        except RxindexError:
            raise
        except self._driver_errors as error:
            raise self._translated(error) from error
        except (struct.error, ValueError, LookupError, TypeError, AttributeError) as error:
            raise BinlogGone(
                f"{self._name}: the binlog {self.file} can't be read behind {self.place} "
                f"({type(error).__name__}: {error}). Compare source and index in full, then "
                "follow from the binlog's end."
            ) from error

    def _translated(self, error: Exception) -> RxindexError:
        text = str(error.args[-1]) if error.args else str(error)
        if error.args and error.args[0] == _CANNOT_READ and "server_id" not in text:
            return BinlogGone(
                f"{self._name}: the binlog can't be followed from {self._after.file}, position "
                f"{self._after.position}: {text}. Compare source and index in full, then follow "
                "from the binlog's end; keep binlogs longer than a reader may be away."
            )
        if isinstance(error, OSError) or (error.args and error.args[0] == _CANNOT_READ):
            return SourceUnavailable(f"{self._name}: the connection broke: {text}. Try again.")
        return driver_error(self._name, error)

    def close(self) -> None:
        """Close the connections."""
        try:
            self._reader.close()
        except self._driver_errors:
            # A connection that is lost need not be closed.
            return
