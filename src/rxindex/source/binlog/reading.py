"""From a binlog's events to transactions, and what each touches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rxindex.errors import TransientError
from rxindex.source.binlog.layout import TableLayout
from rxindex.source.binlog.reach import Reach, Touched
from rxindex.source.binlog.statement import concerns, kind_of, xa_name
from rxindex.source.mapping import Mapping

__all__ = ["Reading"]

#: Bit of MariaDB's GTID event: what follows is one statement, not a transaction with an end.
#: https://mariadb.com/kb/en/gtid_event/
_STANDALONE = 1
#: Event types with rows or statements inside that the library can't take apart, and the server's
#: word for events that are lost.
_OPAQUE = {
    0x1A: "the server reports that changes may be missing in its binlog",
    0x28: "a compressed transaction can't be read (binlog_transaction_compression)",
    **dict.fromkeys(range(165, 172), "compressed rows can't be read (log_bin_compress)"),
}
#: Two-phase transactions that are remembered between their two phases.
_MOST_PREPARED = 1_000


class Reading:
    """Takes events and gathers what the transaction at hand touches.

    Args:
        reach: gives the tables as they are now, or None if the mapping does not fit them.
        forget: has them looked at anew next time, since they were altered.
        database: the database's name.
        mapping: the mapping.

    Attributes:
        touched: what the transaction touches so far; the caller takes it when one has ended.
        inside: whether a transaction has begun and not ended.
    """

    def __init__(
        self,
        reach: Callable[[], Reach | None],
        forget: Callable[[], None],
        database: str,
        mapping: Mapping,
    ) -> None:
        self._reach, self._forget = reach, forget
        self._database = database
        tables = {*mapping.table, *(n for join in mapping.joins.values() for n in join.table)}
        for lookup in (mapping.classes, mapping.indications):
            if lookup is not None:
                tables |= {name for link in lookup.chain for name in link.table}
        self._names = frozenset(name.lower() for name in tables)
        self._layouts: dict[int, TableLayout | None] = {}
        self._prepared: dict[str, Touched] = {}
        self.inside = False
        self.touched = Touched()

    def take(self, kind: str, event: Any) -> bool:
        """Take one event, and tell whether a transaction ends with it."""
        if kind == "MariadbGtidEvent":
            self.inside = not event.flags & _STANDALONE
        elif kind == "TableMapEvent":
            self._table(event)
        elif kind.endswith("RowsEvent"):
            self._rows(event)
        elif kind == "QueryEvent":
            return self._statement(event)
        elif kind == "XidEvent":
            self.inside = False
            return True
        elif kind == "XAPrepareEvent":
            return self._prepare(event)
        elif kind == "ExecuteLoadQueryEvent":
            self.touched.everything = "rows were loaded by a statement that names none"
        elif kind == "NotImplementedEvent" and event.event_type in _OPAQUE:
            self.touched.everything = _OPAQUE[event.event_type]
            # A compressed transaction is one event, with its end inside.
            return not self.inside
        return False

    def _statement(self, event: Any) -> bool:
        kind = kind_of(event.query)
        if kind == "begin":
            self.inside = True
            return False
        if kind in {"xa commit", "xa rollback"}:
            self._second_phase(kind, event)
        elif kind == "other":
            used = event.schema.decode("utf-8", "replace")
            if concerns(event.query, used, self._database, self._names):
                self.touched.everything = f"a statement changed a table: {event.query[:200]}"
                self._forget()
                self._layouts.clear()
            if self.inside:
                return False
        self.inside = False
        return True

    def _prepare(self, event: Any) -> bool:
        """Remember what a two-phase transaction touches until its second phase."""
        self.inside = False
        if not event.one_phase:
            while len(self._prepared) >= _MOST_PREPARED:
                del self._prepared[next(iter(self._prepared))]
            self._prepared[str(event.xid)] = self.touched
            self.touched = Touched()
        return True

    def _second_phase(self, kind: str, event: Any) -> None:
        prepared = self._prepared.pop(xa_name(event.query), None)
        if kind == "xa rollback":
            return
        self.touched = prepared or Touched(
            everything="a two-phase transaction ended that began before the binlog was followed"
        )

    def _table(self, event: Any) -> None:
        """Fit a table's layout to the binlog's, so that its rows can be read."""
        reach = self._reach()
        known = None if reach is None else reach.tables.get(event.table.lower())
        self._layouts[event.table_id] = None
        if known is None:
            if reach is None and event.table.lower() in self._names:
                self.touched.everything = "the tables can't be read as they are"
            return
        types = [column.type for column in event.columns]
        if not known.fits(types, event.optional_metadata.column_name_list):
            self.touched.everything = (
                f"{known.name} had other columns when the change was made than it has now"
            )
            # It may have been altered behind the binlog's back.
            self._forget()
            return
        known.prepare(event.columns)
        self._layouts[event.table_id] = known

    def _rows(self, event: Any) -> None:
        layout = self._layouts.get(event.table_id)
        reach = self._reach()
        if layout is None or reach is None or self.touched.everything:
            return
        bitmaps = [event.columns_present_bitmap]
        if hasattr(event, "columns_present_bitmap2"):
            bitmaps.append(event.columns_present_bitmap2)
        if not all(layout.is_whole(bitmap) for bitmap in bitmaps):
            self.touched.everything = (
                f"a client wrote rows of {layout.name} to the binlog in part (binlog_row_image)"
            )
            return
        new = type(event).__name__ == "WriteRowsEvent"
        try:
            for row in event.rows:
                if "values" in row:
                    image = layout.image(row["values"])
                    before, after = (None, image) if new else (image, None)
                else:
                    before = layout.image(row["before_values"])
                    after = layout.image(row["after_values"])
                reach.add(self.touched, layout, before, after)
                if self.touched.everything:
                    return
        except TransientError:
            raise
        except Exception as error:
            # Whatever the library or a value is at fault with: not to know is not to have lost.
            self.touched.everything = (
                f"rows of {layout.name} can't be read from the binlog ({type(error).__name__})"
            )
