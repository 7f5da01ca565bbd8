"""What following a binlog yields."""

from __future__ import annotations

import msgspec

from rxindex.source.base import Group

__all__ = ["BinlogPosition", "Change"]


class BinlogPosition(msgspec.Struct, frozen=True):
    """A place between two transactions in a server's binlog; can be written as JSON.

    Attributes:
        server: which server's. Another server's file of the same name is another file.
        file: the binlog file.
        position: bytes from the file's start.
        gtid: the last transaction before, where the server numbers them: tells whether the file
            still is the one that was followed, for a server whose binlog was reset names its
            files alike.
    """

    server: str
    file: str
    position: int
    gtid: str = ""

    @property
    def order(self) -> tuple[int, str, int]:
        """Sorts as the server wrote; numbers grow past the six digits of a file's name."""
        return len(self.file), self.file, self.position


class Change(msgspec.Struct, frozen=True):
    """What one committed transaction changed, or that nothing did for a moment.

    Attributes:
        position: behind the transaction: to be saved once this change is applied.
        groups: to read anew with `rxindex.source.base.Source.rows_of`.
        drug_ids: of the drugs that changed package rows belonged to or belong to now. One that
            `groups` do not yield any more is gone.
        rows: changed rows in followed tables. Not all are counted if ``everything`` is said.
        everything: why only a full comparison can tell what changed, or empty.
        committed: when, in epoch seconds by the server's clock; a binlog says it to the second.
            0 if there is no transaction.
        idle: nothing is waiting in the binlog.
    """

    position: BinlogPosition
    groups: frozenset[Group] = frozenset()
    drug_ids: frozenset[str] = frozenset()
    rows: int = 0
    everything: str = ""
    committed: float = 0.0
    idle: bool = False
