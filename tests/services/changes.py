"""What a database owner does to a catalogue between two nights, by SQL, at random."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

__all__ = ["change"]

_Change = Callable[[sqlite3.Connection, list[int]], None]


def _reword(database: sqlite3.Connection, gcns: list[int]) -> None:
    """Other names of ingredients: the texts that are embedded change."""
    for gcn in gcns:
        database.execute(
            "UPDATE rhiclsq1 SET GNN60 = GNN60 || ' ' || ? "
            "WHERE HICL_SEQNO = (SELECT HICL_SEQNO FROM rgcnseq4 WHERE GCN_SEQNO = ?)",
            (f"form {gcn}", gcn),
        )


def _resize(database: sqlite3.Connection, gcns: list[int]) -> None:
    """Package sizes and end dates: nothing that is embedded."""
    for gcn in gcns:
        database.execute("UPDATE rndc14 SET PS = PS + 1 WHERE GCN_SEQNO = ?", (gcn,))


def _rename(database: sqlite3.Connection, gcns: list[int]) -> None:
    """Label names: to the index another drug, and one less."""
    for gcn in gcns:
        database.execute(
            "UPDATE rndc14 SET LN = substr(LN, 1, 27) || ' XR', LN60 = LN60 || ' XR' "
            "WHERE GCN_SEQNO = ?",
            (gcn,),
        )


def _remove(database: sqlite3.Connection, gcns: list[int]) -> None:
    for gcn in gcns:
        database.execute("DELETE FROM rndc14 WHERE GCN_SEQNO = ?", (gcn,))


def _add(database: sqlite3.Connection, gcns: list[int]) -> None:
    """A package each, by a labeler code that no other has; half of them of a new name."""
    columns = [row[1] for row in database.execute("PRAGMA table_info(rndc14)")]
    for number, gcn in enumerate(gcns):
        row = database.execute("SELECT * FROM rndc14 WHERE GCN_SEQNO = ?", (gcn,)).fetchone()
        values = dict(zip(columns, row, strict=True)) | {"NDC": f"99999{gcn:06d}"}
        if number % 2:
            values |= {"LN": f"NEW DRUG {gcn}", "LN60": f"NEW DRUG {gcn}"}
        marks = ", ".join("?" * len(columns))
        database.execute(f"INSERT INTO rndc14 VALUES ({marks})", [values[c] for c in columns])


def _rekey(database: sqlite3.Connection, gcns: list[int]) -> None:
    """A package of each formulation moves to the next one's drug."""
    for gcn, other in pairwise(gcns):
        ndc = database.execute(
            "SELECT min(NDC) FROM rndc14 WHERE GCN_SEQNO = ?", (gcn,)
        ).fetchone()[0]
        target = database.execute(
            "SELECT LN, LN60, BN, INNOV FROM rndc14 WHERE GCN_SEQNO = ? ORDER BY NDC", (other,)
        ).fetchone()
        database.execute(
            "UPDATE rndc14 SET GCN_SEQNO = ?, LN = ?, LN60 = ?, BN = ?, INNOV = ? WHERE NDC = ?",
            (other, *target, ndc),
        )


#: Each kind with its share of the formulations.
_KINDS: dict[_Change, float] = {
    _reword: 0.001,
    _resize: 0.02,
    _rename: 0.004,
    _remove: 0.004,
    _add: 0.01,
    _rekey: 0.004,
}


def change(path: Path, seed: int) -> None:
    """Change some of a SQLite catalogue in FDB's schema, everywhere in it.

    Args:
        path: of the database.
        seed: the same seed makes the same changes to the same catalogue.
    """
    chance = random.Random(seed)
    with closing(sqlite3.connect(path)) as database, database:
        query = "SELECT DISTINCT GCN_SEQNO FROM rndc14 WHERE GCN_SEQNO > 0 ORDER BY 1"
        gcns = [row[0] for row in database.execute(query)]
        chance.shuffle(gcns)
        for kind, share in _KINDS.items():
            count = max(2, round(len(gcns) * share))
            chosen, gcns = gcns[:count], gcns[count:]
            kind(database, chosen)
