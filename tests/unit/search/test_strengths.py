"""One strength, many spellings."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.search.strengths import Quantity, StrengthTable, find_strengths


def table(*values: str) -> StrengthTable:
    return StrengthTable(dict.fromkeys(values, 1))


def only(text: str) -> Quantity:
    (strength,) = find_strengths(text)
    (quantity,) = strength.quantities
    return quantity


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("500mg", "500 mg"),
        ("500 MG", "0.5 g"),
        ("20-mg", "20 mg"),
        ("1 gm", "1000 mg"),
        ("1,000 units", "1000 USP units"),
        ("50k", "50000 units"),
        ("2 million units", "2000000 units"),
        ("75 µg", "0.075 mg"),
        ("20 meq", "20 mEq"),
        ("0.5 %", "0.5%"),
        (".5%", "5 mg/mL"),
        ("0.5%", "0.5 g/100 mL"),
        ("2 percent", "2 g/100 g"),
        ("1%", "10 mg/g"),
        ("70%", "70 mL/100 mL"),
        ("0.05%", "0.03 g/60 g"),
        # 2.5 mg in 3 mL is 0.0833 %.
        ("0.083%", "2.5 mg/3 mL"),
        ("100 units/ml", "100 units/mL"),
        ("100u/ml", "100 UNIT/ML"),
        ("u-100", "100 units/mL"),
        ("250mg/5 mL", "0.05 g/mL"),
        ("250mg/5ml", "50 mg/mL"),
        ("250/5ml", "250 mg/5 mL"),
        ("5 mg per ml", "5 mg/mL"),
        ("1:1000", "1 mg/mL"),
        ("1:100,000", "0.01 mg/mL"),
        ("50 mcg/actuation", "50 mcg"),
        ("90 mcg/act", "90 mcg/puff"),
        ("25 mcg/hr", "25 mcg/h"),
        ("25 mcg/hr", "25 mcg"),
        ("0.1 mg/24 hr", "0.1 mg/d"),
        ("6x", "6X"),
        # A volume that was not said.
        ("250 mg", "250 mg/5 mL"),
        ("40 mg", "40 mg/0.8 mL"),
        # A unit that was not said.
        ("10", "10 mg"),
        ("100", "0.1 mg"),
        ("88", "88 MCG"),
        ("0.05", "0.5 mg/g"),
        ("0.5", "5 mg/mL"),
        ("10", "10-325 MG"),
        ("325", "10-325 MG"),
        ("5 mcg", "10 MG-5 MCG"),
        ("62.5 mg/5 ml", "250 MG-62.5 MG/5 ML"),
        ("100 unit/ml", "100 unit/mL (3 mL)"),
    ],
)
def test_equal_strengths_are_found_whatever_their_spelling(said: str, written: str) -> None:
    assert table(written, "999 mg", "7%").matching(only(said)) == (written,)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("20 mg", "20 mcg"),
        ("20 mg", "2 mg"),
        ("20 mg", "20 units"),
        ("5 mg", "5 mg/g"),
        ("5 mg/ml", "5 mg/5 mL"),
        ("5 mg/ml", "5 mg"),
        ("324 mg", "325 mg"),
        ("0.5%", "0.5 mg"),
        # Ten times the dose.
        ("10", "100 mg/mL"),
        ("6", "6X"),
        ("20 meq", "20 mg"),
    ],
)
def test_other_strengths_are_not(said: str, written: str) -> None:
    assert table(written).matching(only(said)) == ()


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        ("10-325", [10, 325]),
        ("160/4.5", [160, 4.5]),
        ("5 - 325 mg", [0.005, 0.325]),
        ("10 mg-325 mg", [0.01, 0.325]),
        ("500 mg/125 mg", [0.5, 0.125]),
        ("100-25-200 mg", [0.1, 0.025, 0.2]),
    ],
)
def test_a_combination_has_a_strength_for_each_ingredient(text: str, amounts: list[float]) -> None:
    (strength,) = find_strengths(text)
    assert [one.amount for one in strength.quantities] == pytest.approx(amounts)
    assert (strength.start, strength.end) == (0, len(text))


def test_two_numbers_may_be_an_amount_in_a_spoonful() -> None:
    (strength,) = find_strengths("amoxicillin 400/5")
    assert strength.whole is not None
    assert table("400 mg/5 mL").matching(strength.whole) == ("400 mg/5 mL",)
    (strength,) = find_strengths("norco 10/325")
    assert strength.whole is None


@pytest.mark.parametrize(
    "text",
    ["", "b12", "covid-19", "5fu", "v1.2.3", "h2blocker", "5 mg/0 ml", "0 mg", "1234567890", "1:0"],
)
def test_other_numbers_are_no_strength(text: str) -> None:
    assert not list(find_strengths(text))


def test_what_is_written_so_comes_first_then_what_is_equal_then_what_is_in_a_volume() -> None:
    drugs = {"250 mg/5 mL": 90, "0.25 g": 50, "250 mg": 1, "250 mg/10 mL": 7}
    assert StrengthTable(drugs).matching(only("250 mg")) == (
        "250 mg", "0.25 g", "250 mg/5 mL", "250 mg/10 mL",
    )  # fmt: skip


MASSES = {"ng": 9, "mcg": 6, "ug": 6, "mg": 3, "g": 0, "gm": 0}


@given(
    st.decimals(min_value="0.001", max_value=9999, places=3),
    st.sampled_from(sorted(MASSES)),
    st.sampled_from(sorted(MASSES)),
    st.sampled_from(["", "/mL", "/5 mL", "/h"]),
)
def test_an_amount_is_found_in_every_unit(number: Decimal, unit: str, other: str, per: str) -> None:
    converted = number.scaleb(MASSES[other] - MASSES[unit])
    said, written = f"{number:f} {unit}{per}", f"{converted:f} {other}{per}"
    if any(len(part) > 9 for part in f"{converted:f}".split(".")):
        return
    assert table(written).matching(only(said)) == (written,)


@given(st.decimals(min_value="0.001", max_value=100, places=3))
def test_a_percentage_is_found_as_a_concentration(number: Decimal) -> None:
    for written in (f"{number * 10:f} mg/mL", f"{number:f} g/100 g", f"{number * 50:f} mg/5 mL"):
        assert table(written).matching(only(f"{number:f}%")) == (written,)


@given(st.text(max_size=60) | st.text("0123456789.,/-: mgcluxk%\0", max_size=60))
def test_any_text_is_read_from_the_left_without_overlap(text: str) -> None:
    place = 0
    for strength in find_strengths(text):
        assert place <= strength.start < strength.end <= len(text)
        assert strength.quantities
        assert all(one.size > 0 and one.number > 0 for one in strength.quantities)
        place = strength.end
