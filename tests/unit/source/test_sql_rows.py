"""Conversions from a database's values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.model import PackageRow
from rxindex.source.fdb import fdb_mapping
from rxindex.source.mapping import parse_mapping
from rxindex.source.sql_order import number_of
from rxindex.source.sql_rows import RowReader

MAPPING = fdb_mapping()
COLUMNS = ["GCN_SEQNO", *dict.fromkeys(name for _, name in MAPPING.references())]


def read(**values: Any) -> tuple[PackageRow, RowReader]:
    """Read one row of FDB; a join's columns are written ``join__COLUMN``."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row.update({"NDC": "00071015523", "LN": "LIPITOR 10 MG TABLET", "GCN_SEQNO": 43720})
    row.update({name.replace("__", "."): value for name, value in values.items()})
    names = list(row)
    reader = RowReader(MAPPING, {name: place for place, name in enumerate(names)})
    [made] = reader.rows([tuple(row.values())], [(43720,)], True, [()], [()])
    return made, reader


def test_text_loses_its_outer_blanks_only() -> None:
    row, _ = read(BN=" LIPITOR  X ", labeler__MFG="PFIZER US  ")

    assert (row.brand, row.labeler) == ("LIPITOR  X", "PFIZER US")


def test_the_long_label_name_goes_before_the_short_one() -> None:
    assert read(LN60="  ")[0].name == "LIPITOR 10 MG TABLET"
    assert read(LN60=None)[0].name == "LIPITOR 10 MG TABLET"
    assert read(LN60="LIPITOR 10 MG TABLET LONG ")[0].name == "LIPITOR 10 MG TABLET LONG"


def test_a_generically_named_product_has_no_brand_but_its_name_is_in_the_key() -> None:
    row, _ = read(BN="ATORVASTATIN CALCIUM", GNI="1", INNOV="0")

    assert row.brand == ""
    assert row.key == ("LIPITOR 10 MG TABLET", "ATORVASTATIN CALCIUM", "0")


@pytest.mark.parametrize(
    ("code", "schedule"),
    [("0", ""), ("1", "CI"), ("2", "CII"), ("3", "CIII"), ("4", "CIV"), ("5", "CV"), (2, "CII")],
)
def test_dea_codes_are_schedules(code: object, schedule: str) -> None:
    row, reader = read(DEA=code)

    assert row.schedule == schedule
    assert reader.odd_values == {}


def test_an_unlisted_dea_code_is_kept_for_the_report() -> None:
    row, reader = read(DEA="9")

    assert row.schedule == ""
    assert reader.odd_values == {"schedule": {"9"}}


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        ("20190430", "2019-04-30"),
        (20190430, "2019-04-30"),
        ("2019-04-30", "2019-04-30"),
        ("2019-04-30 12:30:00", "2019-04-30"),
        (dt.date(2019, 4, 30), "2019-04-30"),
        (dt.datetime(2019, 4, 30, 1, 2), "2019-04-30"),  # noqa: DTZ001
        ("00000000", ""),
        ("0000-00-00", ""),
        (0, ""),
        ("", ""),
        (None, ""),
    ],
)
def test_dates_in_every_form_become_iso_dates(value: object, iso: str) -> None:
    row, reader = read(OBSDTEC=value)

    assert row.end == iso
    assert reader.odd_values == {}


@pytest.mark.parametrize("value", ["20190231", "soon", "2019-4", "201904301"])
def test_a_date_that_is_none_stays_and_is_reported(value: str) -> None:
    row, reader = read(OBSDTEC=value)

    assert row.end == value
    assert reader.odd_values == {"end": {value}}


def test_a_date_may_have_a_form_of_its_own() -> None:
    mapping = parse_mapping(
        'table="t"\ngroup="g"\nkey=["n"]\n[columns]\nndc="d"\nname="n"\n'
        'end={column="e", format="%m/%d/%Y"}',
        "x",
    )
    reader = RowReader(mapping, {"g": 0, "n": 1, "d": 2, "e": 3})

    rows = reader.rows([(1, "N", "2", "04/30/2019")], [(1,)], True, [()], [()])
    assert [row.end for row in rows] == ["2019-04-30"]


@pytest.mark.parametrize(
    ("size", "unit", "shown"),
    [
        (Decimal("90.000"), "1", "90"),
        ("90.000", "1", "90"),
        (90, "2", "90 mL"),
        (0.1, "3", "0.1 g"),
        ("1000000.000", "1", "1000000"),
        ("0.000", "2", "mL"),
        (None, "1", ""),
        ("many", "9", "many"),
    ],
)
def test_sizes_are_written_without_needless_zeroes(size: object, unit: str, shown: str) -> None:
    assert read(PS=size, DF=unit)[0].size == shown


def test_ingredients_are_taken_apart() -> None:
    row, _ = read(ingredient__GNN60="HYDROCODONE BITARTRATE/ ACETAMINOPHEN")

    assert row.ingredients == ("HYDROCODONE BITARTRATE", "ACETAMINOPHEN")


def test_what_no_table_says_is_read_from_the_label() -> None:
    row, _ = read(LN="METOPROLOL SUCC ER 50 MG TAB")

    assert row.generic == "metoprolol succinate"
    assert (row.strength, row.form) == ("50 mg", "tablet, extended release")
    assert row.routes == ("oral",)


def test_what_a_table_says_goes_before_the_label() -> None:
    row, _ = read(formulation__STR60="10 mg ", dosage_form__DOSE="TABLET", route__GCRT_DESC="ORAL")

    assert (row.strength, row.form, row.routes) == ("10 mg", "TABLET", ("ORAL",))


def test_an_ndc_kept_as_a_number_gets_its_zeroes_back() -> None:
    assert read(NDC=71015523)[0].ndc == "00071015523"


def test_a_package_description_joins_what_is_there() -> None:
    assert read(PD="VIAL ", AD="SINGLE-DOSE")[0].description == "VIAL, SINGLE-DOSE"
    assert read(PD="VIAL", AD=" ")[0].description == "VIAL"


@given(st.integers(0, 10**9))
def test_numbers_are_read_in_every_form(number: int) -> None:
    for form in (number, str(number), f"{number:012d}", f" {number}.00 ", Decimal(number)):
        assert number_of(form) == number


@pytest.mark.parametrize("value", ["", None, "x", "1.5", "NaN", "Infinity"])
def test_what_is_no_whole_number_is_none(value: object) -> None:
    assert number_of(value) is None


@given(st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.binary()))
def test_no_value_makes_a_row_fail(value: object) -> None:
    row, _ = read(**dict.fromkeys(["NDC", "LN", "LN60", "BN", "DEA", "PS", "DF", "OBSDTEC"], value))

    assert row.group == (43720,)


VALUES = st.one_of(
    st.none(),
    st.integers(0, 99),
    st.sampled_from(
        ["", " ", "0", "1", "3", "9", "20190430", "LIPITOR 10 MG TABLET", b"CUT\xff", "A/B", "A;B"]
    ),
)


@given(st.lists(st.lists(VALUES, min_size=len(COLUMNS), max_size=len(COLUMNS)), min_size=1))
def test_a_page_is_read_as_its_rows_are_one_by_one(page: list[list[Any]]) -> None:
    rows = list(map(tuple, page))
    position = {name: place for place, name in enumerate(COLUMNS)}
    groups = [(number,) for number in range(len(rows))]
    names = [(f"class {number}",) for number in range(len(rows))]
    for grouped in (True, False):
        together = RowReader(MAPPING, position)
        alone = RowReader(MAPPING, position)
        assert list(together.rows(rows, groups, grouped, names, names)) == [
            read_row
            for row, group, name in zip(rows, groups, names, strict=True)
            for read_row in alone.rows([row], [group], grouped, [name], [name])
        ]
        assert together.odd_values == alone.odd_values
        assert [together.key(row, grouped) for row in rows] == [
            one.key for one in alone.rows(rows, groups, grouped, names, names)
        ]
