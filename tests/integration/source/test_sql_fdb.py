"""FDB's tables in the shapes that people load them in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.services.mariadb import MariaDB

from rxindex.errors import SourceSchemaError
from rxindex.model import PackageRow
from rxindex.source.base import Partition
from rxindex.source.sql import SqlSource
from rxindex.source.sql_connect import connect, parse_url

PACKAGES = """
CREATE TABLE {name} (NDC CHAR(11) NOT NULL PRIMARY KEY, LBLRID VARCHAR(6), LN VARCHAR(30),
LN60 VARCHAR(60), BN VARCHAR(30), GCN_SEQNO {gcn}, INNOV VARCHAR(1), DF VARCHAR(1),
PS DECIMAL(11,3), PD VARCHAR(10), AD VARCHAR(20), DEA VARCHAR(1), OBSDTEC {date}, DADDNC {date},
GNI VARCHAR(1))
"""
LIPITOR = (
    "INSERT INTO {name} VALUES ('00071015523', 'A00071', 'LIPITOR 10 MG TABLET', "
    "'LIPITOR 10 MG TABLET', 'LIPITOR', {gcn}, '1', '1', 90, 'BOTTLE', '', '0', "
    "{none}, {added}, '2')"
)
FORMULATION = [
    "CREATE TABLE RGCNSEQ4_GCNSEQNO_MSTR (GCN_SEQNO {gcn} PRIMARY KEY, HICL_SEQNO INT, "
    "GCDF VARCHAR(2), GCRT VARCHAR(1), STR VARCHAR(15), STR60 VARCHAR(60))",
    "INSERT INTO RGCNSEQ4_GCNSEQNO_MSTR VALUES ({number}, 7, 'TA', '1', '10 MG', NULL)",
    "CREATE TABLE RHICLSQ1_HICLSEQNO_MSTR (HICL_SEQNO INT, GNN VARCHAR(30), GNN60 VARCHAR(60))",
    "INSERT INTO RHICLSQ1_HICLSEQNO_MSTR VALUES (7, 'ATORVASTATIN CALCIUM', '')",
    # Without GCDF_DESC: one of the form's columns is enough.
    "CREATE TABLE RDOSED2_DOSE_DESC (GCDF VARCHAR(2), DOSE VARCHAR(10))",
    "INSERT INTO RDOSED2_DOSE_DESC VALUES ('TA', 'TABLET')",
    "CREATE TABLE RROUTED3_ROUTE_DESC (GCRT VARCHAR(1), GCRT_DESC VARCHAR(20))",
    "INSERT INTO RROUTED3_ROUTE_DESC VALUES ('1', 'ORAL')",
    "CREATE TABLE RLBLRID3_LBLR_DESC (LBLRID VARCHAR(6), MFG VARCHAR(30))",
    "INSERT INTO RLBLRID3_LBLR_DESC VALUES ('A00071', 'PFIZER US PHARM ')",
    "CREATE TABLE RETCGC0_ETC_GCNSEQNO (GCN_SEQNO {gcn}, ETC_ID INT)",
    "INSERT INTO RETCGC0_ETC_GCNSEQNO VALUES ({number}, 2), ({number}, 1), ({other}, 1)",
    "CREATE TABLE RETCTBL0_ETC_ID (ETC_ID INT, ETC_NAME VARCHAR(70))",
    "INSERT INTO RETCTBL0_ETC_ID VALUES (1, 'Statins'), (2, 'Antihyperlipidemic')",
    "CREATE TABLE RINDMGC0_INDCTS_GCNSEQNO_LINK (GCN_SEQNO {gcn}, INDCTS INT)",
    "INSERT INTO RINDMGC0_INDCTS_GCNSEQNO_LINK VALUES ({number}, 1), ({number}, 2), ({number}, 3)",
    "CREATE TABLE RINDMMA2_INDCTS_MSTR (INDCTS INT, INDCTS_LBL VARCHAR(1), DXID INT)",
    "INSERT INTO RINDMMA2_INDCTS_MSTR VALUES (1, 'L', 1), (2, 'P', 2), (3, NULL, 3)",
    "CREATE TABLE RFMLDX0_DXID (DXID INT, DXID_DESC56 VARCHAR(56))",
    "INSERT INTO RFMLDX0_DXID VALUES (1, 'hypercholesterolemia'), (2, 'proxy'), (3, 'MI')",
]


def load(url: str, statements: list[str]) -> None:
    engine, connection = connect(parse_url(url), read_only=False)
    with connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.commit()
    engine.dispose()


def read(url: str) -> list[PackageRow]:
    with SqlSource(url) as source:
        return list(source.rows(Partition("all")))


@pytest.mark.parametrize(
    ("gcn", "number", "other"),
    [("INT", "43720", "9"), ("DECIMAL(6,0)", "43720", "9"), ("VARCHAR(6)", "'043720'", "'9'")],
)
def test_the_official_table_names_are_found_with_any_type_of_gcn(
    url: str, gcn: str, number: str, other: str
) -> None:
    values = {"gcn": gcn, "number": number, "other": other}
    load(
        url,
        [
            PACKAGES.format(name="RNDC14_NDC_MSTR", gcn=gcn, date="CHAR(8)"),
            LIPITOR.format(name="RNDC14_NDC_MSTR", gcn=number, none="'00000000'",
                           added="'20010115'"),
            *(statement.format(**values) for statement in FORMULATION),
        ],
    )  # fmt: skip

    [row] = read(url)

    group = (1, "043720") if gcn.startswith("VARCHAR") else (43720,)
    assert row == PackageRow(
        group=group,
        key=("LIPITOR 10 MG TABLET", "LIPITOR", "1"),
        ndc="00071015523",
        name="LIPITOR 10 MG TABLET",
        brand="LIPITOR",
        generic="ATORVASTATIN CALCIUM",
        ingredients=("ATORVASTATIN CALCIUM",),
        strength="10 MG",
        form="TABLET",
        routes=("ORAL",),
        classes=("Antihyperlipidemic", "Statins"),
        indications=("MI", "hypercholesterolemia"),
        schedule="",
        innovator=True,
        gcn=43720,
        labeler="PFIZER US PHARM",
        size="90",
        description="BOTTLE",
        start="2001-01-15",
        end="",
    )


def test_the_package_table_alone_will_do(url: str) -> None:
    load(
        url,
        [
            PACKAGES.format(name="Rndc14", gcn="INT", date="CHAR(8)"),
            LIPITOR.format(name="Rndc14", gcn=43720, none="'20200101'", added="'20010115'"),
        ],
    )

    with SqlSource(url) as source:
        [row] = source.rows(Partition("all"))
        assert set(source.left_out) == {
            "labeler", "formulation", "ingredient", "dosage_form", "route", "classes",
            "indications",
        }  # fmt: skip

    assert (row.generic, row.strength, row.form) == ("lipitor", "10 mg", "tablet")
    assert (row.labeler, row.classes, row.end) == ("", (), "2020-01-01")


def test_date_columns_with_zero_dates_are_read(
    mariadb: MariaDB, new_database: Callable[[], str]
) -> None:
    url = new_database()
    load(
        url,
        [
            "SET SESSION sql_mode = ''",
            PACKAGES.format(name="rndc14", gcn="MEDIUMINT", date="DATE"),
            LIPITOR.format(name="rndc14", gcn=43720, none="'0000-00-00'", added="'2001-01-15'"),
        ],
    )

    [row] = read(url)

    assert (row.start, row.end) == ("2001-01-15", "")


def test_a_view_will_do_for_a_table(url: str) -> None:
    load(
        url,
        [
            PACKAGES.format(name="loaded", gcn="INT", date="CHAR(8)"),
            LIPITOR.format(name="loaded", gcn=43720, none="NULL", added="NULL"),
            "CREATE VIEW rndc14 AS SELECT * FROM loaded",
        ],
    )

    assert [row.ndc for row in read(url)] == ["00071015523"]


def test_products_without_a_formulation_are_told_apart_by_their_long_name(url: str) -> None:
    load(
        url,
        [
            PACKAGES.format(name="rndc14", gcn="INT", date="CHAR(8)"),
            *(
                f"INSERT INTO rndc14 (NDC, LN, LN60, BN, GCN_SEQNO) VALUES ('{n}', 'SYRINGE', "
                f"'{name}', 'BD', 0)"
                for n, name in enumerate(["SYRINGE 1 ML", "SYRINGE 3 ML", ""])
            ),
        ],
    )

    rows = read(url)

    assert {row.group for row in rows} == {(0, "SYRINGE")}
    assert [row.key[0] for row in rows] == ["SYRINGE 1 ML", "SYRINGE 3 ML", "SYRINGE"]


def test_a_missing_fdb_column_is_named(url: str) -> None:
    load(url, [PACKAGES.format(name="rndc14", gcn="INT", date="CHAR(8)").replace("INNOV", "INV")])

    with pytest.raises(SourceSchemaError, match=r"rndc14 has no column INNOV"):
        read(url)
