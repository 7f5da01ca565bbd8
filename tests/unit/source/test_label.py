"""What a label name says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxindex.source.label import parse_label

NAMES = [
    ("ATORVASTATIN 20 MG TABLET", "atorvastatin", "20 mg", "tablet"),
    (
        "HYDROCODONE-ACETAMINOPHEN 10-325 MG TABLET",
        "hydrocodone-acetaminophen",
        "10 mg; 325 mg",
        "tablet",
    ),
    ("HYDROCODONE-ACETAMIN 10-325 MG", "hydrocodone-acetaminophen", "10 mg; 325 mg", ""),
    ("HYDROCODONE/APAP 10/325 MG TAB", "hydrocodone/acetaminophen", "10 mg; 325 mg", "tablet"),
    ("AMOX-CLAV 875-125 MG TABLET", "amoxicillin-clavulanate", "875 mg; 125 mg", "tablet"),
    ("LANTUS 100 UNITS/ML VIAL", "lantus", "100 units/mL", "vial"),
    ("METOPROLOL SUCC ER 50 MG TAB", "metoprolol succinate", "50 mg", "tablet, extended release"),
    ("PREDNISONE 10 MG TAB DOSE PACK", "prednisone", "10 mg", "tablet, dose pack"),
    ("TIMOLOL 0.5% EYE DROPS", "timolol", "0.5%", "eye drops"),
    ("TIMOLOL EYE DROPS 0.5 %", "timolol", "0.5%", "eye drops"),
    ("FLONASE ALLERGY RLF 50 MCG SPR", "flonase allergy relief", "50 mcg", "spray"),
    ("VITAMIN D2 1.25MG(50,000 UNIT)", "vitamin d2", "1.25 mg", ""),
    ("VITAMIN B-12 1,000 MCG TABLET", "vitamin b-12", "1,000 mcg", "tablet"),
    (
        "IPRATROPIUM-ALBUTEROL 0.5-3 MG/3 ML",
        "ipratropium-albuterol",
        "0.5 mg/3 mL; 3 mg/3 mL",
        "",
    ),
    ("FENTANYL 25 MCG/HR PATCH", "fentanyl", "25 mcg/hr", "patch"),
    ("5-HTP 50 MG CAPSULE", "5-htp", "50 mg", "capsule"),
    ("OXYGEN", "oxygen", "", ""),
    ("HEPARIN SOD 5,000 UNIT/ML VL", "heparin sodium", "5,000 units/mL", "vial"),
    ("METFORMIN HCL ER 500 MG TABLET", "metformin hydrochloride", "500 mg",
     "tablet, extended release"),
    ("OMEPRAZOLE DR 20 MG CAP", "omeprazole", "20 mg", "capsule, delayed release"),
    ("POTASSIUM CL ER 20 MEQ TABLET", "potassium chloride", "20 mEq", "tablet, extended release"),
    ("ADVIL 200 MG LIQUI-GEL", "advil", "200 mg", "capsule"),
    ("HUMALOG 100 UNITS/ML KWIKPEN", "humalog", "100 units/mL", "pen"),
    ("AZITHROMYCIN 200 MG/5 ML SUSP", "azithromycin", "200 mg/5 mL", "suspension"),
    ("MUPIROCIN 2% OINT", "mupirocin", "2%", "ointment"),
    ("CLOBETASOL 0.05% CRM", "clobetasol", "0.05%", "cream"),
    ("VANCOMYCIN 1 GM VIAL", "vancomycin", "1 g", "vial"),
    ("PENICILLIN G 1.2 MU/2 ML SYR", "penicillin g", "1.2 million units/2 mL", "syringe"),
    ("KETOROLAC 30 MG/ML INJ", "ketorolac", "30 mg/mL", "injection"),
    ("BISACODYL 10 MG SUPP", "bisacodyl", "10 mg", "suppository"),
    ("DOCUSATE SODIUM 50 MG/5 ML LIQ", "docusate sodium", "50 mg/5 mL", "liquid"),
    ("LISINOPRIL-HCTZ 20-12.5 MG TAB", "lisinopril-hydrochlorothiazide", "20 mg; 12.5 mg",
     "tablet"),
    ("ALBUTEROL HFA 90 MCG INHALER", "albuterol hfa", "90 mcg", "inhaler"),
    ("ONDANSETRON ODT 4 MG TABLET", "ondansetron odt", "4 mg", "tablet"),
    ("NYSTATIN 100,000 UNIT/ML SUSP", "nystatin", "100,000 units/mL", "suspension"),
    ("  atorvastatin   20mg  tablet ", "atorvastatin", "20 mg", "tablet"),
    ("MYCAMINE .5 MG/ML SOLN", "mycamine", "0.5 mg/mL", "solution"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ingredient", "strength", "form"), NAMES)
def test_a_label_name_is_read(name: str, ingredient: str, strength: str, form: str) -> None:
    label = parse_label(name)

    assert (label.ingredient, label.strength, label.form) == (ingredient, strength, form)


@pytest.mark.parametrize(
    ("name", "routes"),
    [
        ("ATORVASTATIN 20 MG TABLET", ("oral",)),
        ("TIMOLOL 0.5% EYE DROPS", ("ophthalmic",)),
        ("NEOMYCIN-POLYMYXIN-HC EAR SUSP", ("otic",)),
        ("FLUTICASONE 50 MCG NASAL SPRAY", ("nasal",)),
        ("SOMETHING 5 MG SOLUTION", ()),
    ],
)
def test_the_route_is_given_where_the_form_leaves_no_doubt(
    name: str, routes: tuple[str, ...]
) -> None:
    assert parse_label(name).routes == routes


def test_a_blank_name_says_nothing() -> None:
    assert parse_label("  ") == ("", "", "", ())


PIECES = "10 MG 10-325 % .5 TAB CAP /ML UNIT (50,000 UNIT) ER 5 ML - / , . ( ) SYR X É 1,000"
words = st.sampled_from(PIECES.split())


@given(st.one_of(st.text(), st.lists(words).map(" ".join), st.lists(words).map("".join)))
def test_it_never_fails_and_never_loses_the_name(name: str) -> None:
    label = parse_label(name)

    assert bool(label.ingredient) == bool(name.strip())


@given(
    st.integers(1, 2000),
    st.sampled_from(["MG", "MCG", "UNIT", "MEQ"]),
    st.sampled_from(["TABLET", "TAB", "CAPSULE", "CAP", "VIAL", "CREAM"]),
)
def test_the_parts_of_a_plain_name_come_back(amount: int, unit: str, form: str) -> None:
    label = parse_label(f"EXAMPLINE {amount} {unit} {form}")

    assert label.ingredient == "exampline"
    assert label.strength.startswith(f"{amount} ")
    assert label.form
