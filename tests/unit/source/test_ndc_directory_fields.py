"""The directory's fields, as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.source.ndc_fields import (
    class_names,
    iso_date,
    label_name,
    package_text,
    readable_form,
    split_list,
    strength_text,
)


@pytest.mark.parametrize(
    ("amounts", "units", "text"),
    [
        ("20", "mg/1", "20 mg"),
        (".75", "mg/.5mL", "0.75 mg/0.5 mL"),
        ("100", "[iU]/mL", "100 units/mL"),
        ("10; 325", "mg/1; mg/1", "10 mg; 325 mg"),
        ("88", "ug/1", "88 mcg"),
        ("1.50", "g/100mL", "1.5 g/100 mL"),
        ("20", "meq/1", "20 mEq"),
        ("30", "[hp_C]/30mL", "30C"),
        ("6", "[hp_X]/1", "6X"),
        ("10", "[USP'U]/mL", "10 USP units/mL"),
        ("1", "1/1", "1"),
        ("0.05", "g/mL", "0.05 g/mL"),
        ("5", "", "5"),
        ("", "", ""),
        ("1; 2", "mg/1", "1 mg; 2"),
    ],
)
def test_a_strength_is_written_as_on_a_label(amounts: str, units: str, text: str) -> None:
    assert strength_text(split_list(amounts), split_list(units)) == text


def test_classes_come_best_kind_first_and_keep_their_commas() -> None:
    text = (
        "Cytochrome P450 2D6 Inhibitors [MoA],Nonsteroidal, Anti-inflammatory Drug [EPC],"
        "Anti-Inflammatory Agents, Non-Steroidal [CS],Decreased Prostaglandin Production [PE],"
        "Cut off [E"
    )
    assert class_names(text) == (
        "Nonsteroidal, Anti-inflammatory Drug",
        "Cytochrome P450 2D6 Inhibitors",
        "Anti-Inflammatory Agents, Non-Steroidal",
    )
    assert class_names("") == ()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("TABLET, FILM COATED", "tablet"),
        ("TABLET, FILM COATED, EXTENDED RELEASE", "extended-release tablet"),
        ("POWDER, FOR SUSPENSION", "powder for suspension"),
        ("TABLET, ORALLY DISINTEGRATING", "orally disintegrating tablet"),
        ("INJECTION, SOLUTION", "injection"),
        ("", ""),
    ],
)
def test_a_form_is_written_as_on_a_label(form: str, words: str) -> None:
    assert readable_form(form) == words


@pytest.mark.parametrize(
    ("name", "strength", "form", "label"),
    [
        ("Lipitor", "20 mg", "TABLET, FILM COATED", "Lipitor 20 mg tablet"),
        ("Norco", "10 mg; 325 mg", "TABLET", "Norco 10-325 mg tablet"),
        ("Zenpep", "10 units; 2 mg", "CAPSULE", "Zenpep 10 units / 2 mg capsule"),
        ("Ibuprofen Tablets", "200 mg", "TABLET", "Ibuprofen Tablets 200 mg"),
        (
            "Guanfacine Extended Release",
            "2 mg",
            "TABLET, EXTENDED RELEASE",
            "Guanfacine Extended Release 2 mg tablet",
        ),
        ("Vitafol", "1 mg; 2 mg; 3 mg; 4 mg; 5 mg", "TABLET", "Vitafol tablet"),
        ("Gianvi", "", "KIT", "Gianvi kit"),
        ("Oxygen", "", "", "Oxygen"),
    ],
)
def test_a_label_name_has_name_strength_and_form(
    name: str, strength: str, form: str, label: str
) -> None:
    assert label_name(name, strength, form) == label


@pytest.mark.parametrize(
    ("text", "size", "description"),
    [
        ("30 TABLET in 1 BOTTLE (0002-3004-75)", "30 TABLET", "1 BOTTLE"),
        (
            "1 VIAL in 1 CARTON (0002-0800-01)  > 10 mL in 1 VIAL",
            "10 mL",
            "1 VIAL in 1 CARTON",
        ),
        (
            "10 POUCH in 1 CARTON (0378-8767-93)  > .5 g in 1 POUCH (0378-8767-16) ",
            "10 x 0.5 g",
            "10 POUCH in 1 CARTON",
        ),
        (
            "1 KIT in 1 CARTON (41250-737-45)  *  1 TUBE in 1 KIT > 9 g in 1 TUBE",
            "1 KIT",
            "1 KIT in 1 CARTON * 1 TUBE in 1 KIT > 9 g in 1 TUBE",
        ),
        ("a bottle", "", "a bottle"),
        ("", "", ""),
    ],
)
def test_a_package_is_read(text: str, size: str, description: str) -> None:
    assert package_text(text) == (size, description)


@given(st.text(max_size=600))
def test_any_package_text_is_bounded(text: str) -> None:
    _, description = package_text(text)
    assert len(description) <= 200


def test_a_date_becomes_iso() -> None:
    assert iso_date("20140918") == "2014-09-18"
    assert iso_date("2014-09-18") == "2014-09-18"
    assert iso_date("") == ""
    assert iso_date("20141332") is None
    assert iso_date("soon") is None
