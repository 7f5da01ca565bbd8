"""A small FDB catalogue in any SQL database, row by row as a test wants it."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

__all__ = ["add_packages", "create_tables", "package", "remove_packages"]

METADATA = sa.MetaData()
RNDC14 = sa.Table(
    "rndc14",
    METADATA,
    sa.Column("NDC", sa.String(11), primary_key=True),
    sa.Column("LBLRID", sa.String(6)),
    sa.Column("LN", sa.String(30)),
    sa.Column("LN60", sa.String(60)),
    sa.Column("BN", sa.String(30)),
    sa.Column("GCN_SEQNO", sa.Integer, index=True),
    sa.Column("INNOV", sa.String(1)),
    sa.Column("DF", sa.String(1)),
    sa.Column("PS", sa.Numeric(11, 3)),
    sa.Column("PD", sa.String(10)),
    sa.Column("AD", sa.String(20)),
    sa.Column("DEA", sa.String(1)),
    sa.Column("CL", sa.String(1)),
    sa.Column("OBSDTEC", sa.String(8)),
    sa.Column("DADDNC", sa.String(8)),
    sa.Column("DUPDC", sa.String(8)),
    sa.Column("GNI", sa.String(1)),
    sa.Column("OBC", sa.String(2)),
    sa.Column("REPACK", sa.String(1)),
)
LABELERS = sa.Table(
    "rlblrid3",
    METADATA,
    sa.Column("LBLRID", sa.String(6), primary_key=True),
    sa.Column("MFG", sa.String(30)),
)


def package(ndc: int | str, name: str, gcn: int, **other: object) -> dict[str, object]:
    """A row of rndc14; fields that are not given have usual values."""
    row: dict[str, object] = {
        "NDC": ndc if isinstance(ndc, str) else f"{ndc:011d}",
        "LBLRID": "A00001",
        "LN": name[:30],
        "LN60": name,
        "BN": name.split()[0],
        "GCN_SEQNO": gcn,
        "INNOV": "0",
        "DF": "1",
        "PS": 100,
        "PD": "BOTTLE",
        "AD": "",
        "DEA": "0",
        "CL": "F",
        "OBSDTEC": "00000000",
        "DADDNC": "20100101",
        "DUPDC": "20180101",
        "GNI": "1",
        "OBC": "",
        "REPACK": "0",
    }
    return row | other


def create_tables(url: str, rows: Iterable[dict[str, object]] = ()) -> None:
    """Make the tables anew, with these packages."""
    engine = sa.create_engine(url)
    METADATA.drop_all(engine)
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(LABELERS), [{"LBLRID": "A00001", "MFG": "ACME PHARMA"}])
    engine.dispose()
    add_packages(url, rows)


def add_packages(url: str, rows: Iterable[dict[str, object]]) -> None:
    """Add packages, replacing those with the same NDC."""
    rows = list(rows)
    if not rows:
        return
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        codes = [row["NDC"] for row in rows]
        connection.execute(sa.delete(RNDC14).where(RNDC14.c.NDC.in_(codes)))
        connection.execute(sa.insert(RNDC14), rows)
    engine.dispose()


def remove_packages(url: str, codes: Iterable[str]) -> None:
    """Remove packages by NDC."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.delete(RNDC14).where(RNDC14.c.NDC.in_(list(codes))))
    engine.dispose()
