"""An invented FDB catalogue with names of ingredients of its own, written in a moment.

Each formulation is of another ingredient, so that each drug has a text of its own to be embedded,
and one statement changes as many texts as a test wants.
"""

from __future__ import annotations

import sqlalchemy as sa

from rxindex.source.sample_fdb import METADATA

__all__ = ["REWORD", "write_pharmacy"]

#: SQL that gives every ingredient another name: every text changes, and no drug's key does.
REWORD = "UPDATE rhiclsq1 SET GNN60 = replace(GNN60, 'INE', 'OLE')"

_FORMS = {"01": ("TABLET", "TABLET"), "02": ("CAPSULE", "CAPSULE"), "03": ("CREAM", "CREAM")}
_SYLLABLES = ("BA", "CO", "DE", "FI", "GU", "LA", "MO", "NE", "PI", "RU", "SA", "TO", "VE")


def write_pharmacy(url: str | sa.URL, formulations: int = 400, each: int = 0) -> None:
    """Write the tables and rows.

    Args:
        url: an empty database.
        formulations: so many drugs, at most 28,560.
        each: packages of a drug; 0 for one to four by turns.
    """
    engine = sa.create_engine(url)
    METADATA.create_all(engine)
    packages = [one for gcn in range(1, formulations + 1) for one in _packages(gcn, each)]
    tables: dict[str, list[tuple[object, ...]]] = {
        "rndc14": packages,
        "rlblrid3": [("A00001", "ACME PHARMA")],
        "rgcnseq4": [
            (gcn, gcn, f"0{gcn % 3 + 1}", "1A", "10 MG", "10 MG")
            for gcn in range(1, formulations + 1)
        ],
        "rhiclsq1": [(gcn, _name(gcn), _name(gcn)) for gcn in range(1, formulations + 1)],
        "rrouted3": [("1A", "ORAL")],
        "rdosed2": [(code, *names) for code, names in _FORMS.items()],
    }
    with engine.begin() as connection:
        for name, rows in tables.items():
            table = METADATA.tables[name]
            columns = list(table.columns.keys())
            connection.execute(
                sa.insert(table), [dict(zip(columns, row, strict=True)) for row in rows]
            )
    engine.dispose()


def _name(gcn: int) -> str:
    base = len(_SYLLABLES)
    return "".join(_SYLLABLES[gcn // base**place % base] for place in (3, 2, 1, 0)) + "XINE"


def _packages(gcn: int, each: int) -> list[tuple[object, ...]]:
    name = f"{_name(gcn)} 10 MG {_FORMS[f'0{gcn % 3 + 1}'][0]}"
    return [
        (
            f"{gcn:09d}{number:02d}", "A00001", name[:30], name, _name(gcn), gcn, "0", "1", 30,
            "BOTTLE", "", "0", "F", "00000000", "20100101", "20180101", "1", "", "0",
        )
        for number in range(1, (each or gcn % 4 + 1) + 1)
    ]  # fmt: skip
