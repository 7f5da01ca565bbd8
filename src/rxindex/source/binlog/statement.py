"""Statements in a binlog: which end a transaction, and which change a followed table unseen."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["Kind", "concerns", "kind_of", "xa_name"]

#: ``begin`` and ``end`` of a transaction, the second half of a two-phase one, or another.
Kind = Literal["begin", "commit", "rollback", "xa commit", "xa rollback", "other"]

_COMMENT = re.compile(r"\s*(?:/\*.*?\*/|--\s.*?(?:\n|$)|#.*?(?:\n|$))", re.DOTALL)
_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"BEGIN$|START\s+TRANSACTION|XA\s+(?:START|BEGIN)\b", re.IGNORECASE), "begin"),
    (re.compile(r"COMMIT$", re.IGNORECASE), "commit"),
    (re.compile(r"ROLLBACK$", re.IGNORECASE), "rollback"),
    (re.compile(r"XA\s+COMMIT\b", re.IGNORECASE), "xa commit"),
    (re.compile(r"XA\s+ROLLBACK\b", re.IGNORECASE), "xa rollback"),
)
_XID = re.compile(r"X'([0-9A-Fa-f]*)'|'([^']*)'")
#: Statements that can change what a table holds. Those about temporary tables, indexes, views,
#: rights or statistics can't.
_CHANGES = re.compile(
    r"(?:ALTER\s+(?:ONLINE\s+|IGNORE\s+)*TABLE|CREATE\s+(?:OR\s+REPLACE\s+)?TABLE|DROP\s+TABLES?|"
    r"RENAME\s+TABLES?|TRUNCATE|INSERT|UPDATE|DELETE|REPLACE|LOAD|WITH|IMPORT)\b",
    re.IGNORECASE,
)
_DATABASE = re.compile(
    r"(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:DATABASE|SCHEMA)\b", re.IGNORECASE
)
_NAMES = re.compile(r"`((?:[^`]|``)+)`|([\w$]+)")


def _bare(statement: str) -> str:
    """Take comments in front and the semicolon at the end away."""
    while match := _COMMENT.match(statement):
        statement = statement[match.end() :]
    return statement.strip().rstrip(";").rstrip()


def kind_of(statement: str) -> Kind:
    """Tell what part a statement plays in a transaction."""
    bare = _bare(statement)
    return next((kind for pattern, kind in _KINDS if pattern.match(bare)), "other")


def xa_name(statement: str) -> str:
    """Give the name of the two-phase transaction in ``XA COMMIT X'..',X'..',1``: its two parts."""
    parts = [
        bytes.fromhex(hexed).decode("utf-8", "replace") if hexed else plain
        for hexed, plain in _XID.findall(_bare(statement))
    ]
    return "".join(parts[:2])


def concerns(statement: str, used: str, database: str, tables: frozenset[str]) -> bool:
    """Tell whether a statement may change what one of some tables holds.

    When in doubt it does: that costs a comparison, the other error would cost data.

    Args:
        statement: the statement.
        used: the database that it was run in.
        database: the database of the tables.
        tables: their names in lower case.
    """
    bare = _bare(statement)
    about_database = _DATABASE.match(bare)
    if not about_database and not _CHANGES.match(bare):
        return False
    names = {(quoted or plain).lower() for quoted, plain in _NAMES.findall(bare)}
    ours = database.lower()
    if about_database:
        return ours in names
    return bool(names & tables) and (used.lower() == ours or ours in names)
