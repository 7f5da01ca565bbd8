"""What a server says about its binlog: who it is, where it ends, whether it can be followed.

A server writes a transaction to its binlog before the storage engine commits it, and a reader may
be faster than that (with semi-synchronous replication, by as long as a replica takes to answer).
Who then reads the rows finds them as they were, and never hears of them again. So no position is
given out, and no change, before what it stands for can be read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from rxindex.errors import BinlogGone, SourceAccessDenied, SourceError, SourceUnavailable
from rxindex.source.binlog.change import BinlogPosition
from rxindex.source.sql_connect import source_errors

__all__ = ["Server"]

#: Seconds to wait for a transaction that is in the binlog to be committed.
PATIENCE = 60.0
#: Seconds that a MySQL without transaction numbers is given to commit what its binlog's end stands
#: for. Longer than a commit takes, but not a proof; MariaDB and GTIDs need no such wait.
SETTLING = 1.0

_SETTINGS = (
    "log_bin", "binlog_format", "binlog_row_image", "log_bin_compress",
    "binlog_transaction_compression", "binlog_row_value_options", "server_uuid", "server_id",
    "hostname", "port", "gtid_mode",
)  # fmt: skip


class Server:
    """The server behind a connection.

    Args:
        connection: each statement on it sees what is committed.
        name: the database, for messages.

    Raises:
        SourceUnavailable: it hung up.
    """

    def __init__(self, connection: sa.Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        dialect = connection.dialect
        self.is_mariadb = bool(getattr(dialect, "is_mariadb", False))
        self._version: Sequence[Any] = getattr(dialect, "server_version_info", None) or ()
        listed = ", ".join(f"'{setting}'" for setting in _SETTINGS)
        self._settings = {
            str(key).lower(): str(value)
            for key, value in self._ask(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({listed})")
        }
        self.identity = self._settings.get("server_uuid") or (
            f"{self._settings['server_id']}@{self._settings['hostname']}:{self._settings['port']}"
        )
        self._visible: tuple[int, str, int] = (0, "", 0)

    def _ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with source_errors(self._name):
            result = self._connection.exec_driver_sql(statement, values or None)
            return [tuple(row) for row in result] if result.returns_rows else []

    # -- whether it can be followed ------------------------------------------------------------

    def check(self, database: str, try_reading: Callable[[], None]) -> None:
        """Refuse what can't be followed, and say what mends it.

        Args:
            database: the database that is to be followed.
            try_reading: reads the binlog's end as a replica would.

        Raises:
            SourceAccessDenied: rights are missing, and nothing else.
            SourceError: something else is in the way too.
            SourceUnavailable: it does not answer.
        """
        problems = self._wrong_settings()
        if not problems:
            problems += self._filtered(database)
        elif self._settings.get("log_bin") != "ON":
            raise SourceError(self._refusal(problems))
        rights = self._missing_rights(try_reading)
        if problems:
            raise SourceError(self._refusal(problems + rights))
        if rights:
            raise SourceAccessDenied(self._refusal(rights))

    def _refusal(self, problems: list[str]) -> str:
        return f"{self._name} can't be followed: {' '.join(problems)}"

    def _wrong_settings(self) -> list[str]:
        value = self._settings.get
        if value("log_bin", "OFF").upper() not in {"ON", "1"}:
            return [
                "it writes no binlog. Start it with --log-bin, --binlog-format=ROW and a "
                "--server-id; on RDS and Aurora, set binlog_format = ROW in the parameter group."
            ]
        wanted = {
            "binlog_format": ("ROW", "'ROW'"),
            "binlog_row_image": ("FULL", "'FULL'"),
            "log_bin_compress": ("OFF", "OFF"),
            "binlog_transaction_compression": ("OFF", "OFF"),
            "binlog_row_value_options": ("", "''"),
        }
        return [
            f"{setting} is {value(setting)}. Run: SET GLOBAL {setting} = {statement}; write it "
            "into the server's option file too, and let its clients connect anew."
            for setting, (good, statement) in wanted.items()
            if value(setting, good).upper() != good
        ]

    def _filtered(self, database: str) -> list[str]:
        try:
            status = self._status()
        except SourceAccessDenied:
            return []
        only, never = (str(value or "").lower().split(",") for value in status[2:4])
        ours = database.lower()
        if (only != [""] and ours not in only) or ours in never:
            return [
                f"its binlog leaves the database {database} out. Mend binlog-do-db or "
                "binlog-ignore-db in the server's option file and restart it."
            ]
        return []

    def _missing_rights(self, try_reading: Callable[[], None]) -> list[str]:
        monitor = "REPLICATION CLIENT"
        if self.is_mariadb and tuple(self._version[:3]) >= (10, 5, 2):
            monitor = "BINLOG MONITOR"
        missing = []
        try:
            self._status()
        except SourceAccessDenied:
            missing.append(monitor)
        try:
            try_reading()
        except SourceAccessDenied:
            missing.insert(0, "REPLICATION SLAVE")
        if not missing:
            return []
        user, _, host = str(self._ask("SELECT CURRENT_USER()")[0][0]).rpartition("@")
        return [
            f"the user lacks a right. Run: GRANT {', '.join(missing)} ON *.* TO '{user}'@'{host}'."
        ]

    # -- positions -----------------------------------------------------------------------------

    def _status(self) -> tuple[Any, ...]:
        """Give file, position, and the databases that are logged or left out."""
        new = not self.is_mariadb and tuple(self._version[:2]) >= (8, 2)
        rows = self._ask("SHOW BINARY LOG STATUS" if new else "SHOW MASTER STATUS")
        if not rows:
            raise SourceError(self._refusal(self._wrong_settings() or ["it writes no binlog."]))
        return rows[0]

    def end(self) -> BinlogPosition:
        """Give the binlog's end. All that is before it can be read from the tables.

        Raises:
            SourceError: there is no binlog.
            SourceAccessDenied: no right to ask.
            SourceUnavailable: it does not answer.
        """
        if self.is_mariadb:
            file, position = self._committed()
            if not file:
                raise SourceError(self._refusal(self._wrong_settings() or ["it has no binlog."]))
            gtid = self._ask("SELECT BINLOG_GTID_POS(%s, %s)", file, position)[0][0]
            return BinlogPosition(self.identity, file, position, str(gtid or ""))
        file, position = self._status()[:2]
        time.sleep(SETTLING)
        return BinlogPosition(self.identity, str(file), int(position))

    def confirm(self, position: BinlogPosition) -> None:
        """Make sure that a saved position still means what it did.

        Raises:
            BinlogGone: it is another server's, or the server's binlog was reset.
            SourceUnavailable: it does not answer.
        """
        if position.server != self.identity:
            raise BinlogGone(
                f"{self._name} is another server ({self.identity}) than the one that was followed "
                f"({position.server}). Compare source and index in full, then follow from the "
                "binlog's end."
            )
        # At the very start of a file MariaDB gives no number.
        if not position.gtid or position.position <= 4:
            return
        if self.is_mariadb:
            query = "SELECT BINLOG_GTID_POS(%s, %s)"
            now = str(self._ask(query, position.file, position.position)[0][0] or "")
            known = set(position.gtid.split(",")) <= set(now.split(","))
        else:
            query = "SELECT GTID_SUBSET(%s, @@GLOBAL.gtid_executed)"
            known = bool(self._ask(query, position.gtid)[0][0])
        if not known:
            raise BinlogGone(
                f"{self._name}: the binlog {position.file} does not have transaction "
                f"{position.gtid} at {position.position} any more: it was purged or reset. Compare "
                "source and index in full, then follow from the binlog's end."
            )

    # -- what can be read ----------------------------------------------------------------------

    def _committed(self) -> tuple[str, int]:
        """Give the position in MariaDB's binlog that a snapshot begun now stands for."""
        # https://mariadb.com/kb/en/enhancements-for-start-transaction-with-consistent-snapshot/
        self._ask("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        try:
            status = dict(self._ask("SHOW STATUS LIKE 'binlog_snapshot_%%'"))
        finally:
            self._ask("ROLLBACK")
        found = {str(key).lower(): value for key, value in status.items()}
        return (
            str(found.get("binlog_snapshot_file", "")),
            int(found.get("binlog_snapshot_position", 0) or 0),
        )

    def wait_until_readable(
        self, position: BinlogPosition, witness: tuple[str, dict[str, Any]] | None
    ) -> None:
        """Wait until a transaction in the binlog is committed.

        Args:
            position: behind it.
            witness: one of its rows: the table's name, and columns with the values that find it.

        Raises:
            SourceUnavailable: it was not within a minute, or the server hung up.
        """
        if position.order <= self._visible:
            return
        if self.is_mariadb:
            pause, deadline = 0.0005, time.monotonic() + PATIENCE
            while (seen := self._seen()) < position.order:
                if time.monotonic() > deadline:
                    raise self._not_committed(position)
                time.sleep(pause)  # the server tells nobody when it has committed
                pause = min(2 * pause, 0.02)
            self._visible = seen
            return
        if position.gtid:
            query = "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)"
            if self._ask(query, position.gtid, PATIENCE)[0][0]:
                raise self._not_committed(position)
        elif witness is not None:
            self._wait_for_lock(*witness)
        self._visible = position.order

    def _seen(self) -> tuple[int, str, int]:
        file, position = self._committed()
        return len(file), file, position

    def _wait_for_lock(self, table: str, values: dict[str, Any]) -> None:
        """Wait for whoever holds a row: until it is committed, its transaction does."""
        conditions = [sa.column(column) == value for column, value in values.items()]
        query = sa.select(sa.literal(1)).select_from(sa.table(table)).where(*conditions).limit(1)
        with source_errors(self._name):
            # LOCK IN SHARE MODE: its new name, FOR SHARE, asks some servers for more than SELECT.
            self._connection.execute(query.with_for_update(read=True)).all()

    def _not_committed(self, position: BinlogPosition) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self._name}: what is in the binlog at {position.file}, {position.position}, was not "
            f"committed within {PATIENCE:.0f} seconds. See whether the server waits for a replica; "
            "follow on from the last position."
        )
