"""Drugs as MedicationKnowledge."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.fhir import validated

from rxindex.api.fhir.knowledge import knowledge
from rxindex.model import Drug, Package
from rxindex.vocabulary import Vocabulary

BASE = "https://rx.example.org/fhir"
OXYCODONE = Drug(
    id="ssdelculnpnk577n",
    name="ROXICODONE 5 MG TABLET",
    brand="Roxicodone",
    generic="oxycodone hydrochloride",
    ingredients=("oxycodone",),
    strength="5 mg",
    form="tablet",
    routes=("oral",),
    classes=("Opioid Agonist", "opioid"),
    indications=("pain",),
    synonyms=("Oxaydo",),
    schedule="CII",
    kind="brand",
    gcn=4225,
    packages=(
        Package("23635058010", "Mallinckrodt", "100", "1 BOTTLE", "2000-08-31"),
        Package("23635058101", "Mallinckrodt", status="obsolete"),
    ),
)


def test_a_drug_is_a_medication_knowledge(vocabulary: Vocabulary) -> None:
    made = validated(knowledge(OXYCODONE, BASE, vocabulary))
    assert made == {
        "resourceType": "MedicationKnowledge",
        "id": "ssdelculnpnk577n",
        "code": {
            "coding": [
                {
                    "system": f"{BASE}/CodeSystem/drugs",
                    "code": "ssdelculnpnk577n",
                    "display": vocabulary.tall_man("ROXICODONE 5 MG TABLET"),
                },
                {
                    "system": "http://hl7.org/fhir/sid/ndc",
                    "code": "23635-580-10",
                    "display": "100, 1 BOTTLE, Mallinckrodt",
                },
                {
                    "system": "http://hl7.org/fhir/sid/ndc",
                    "code": "23635-0581-01",
                    "display": "Mallinckrodt",
                },
            ],
            "text": vocabulary.tall_man("ROXICODONE 5 MG TABLET"),
        },
        "status": "active",
        "manufacturer": {"display": "Mallinckrodt"},
        "doseForm": {"text": "tablet"},
        "synonym": ["Roxicodone", "oxycodone hydrochloride"],
        "productType": [{"text": "brand"}],
        "ingredient": [
            {
                "itemCodeableConcept": {"text": "oxycodone"},
                "isActive": True,
                "strength": {
                    "numerator": {
                        "value": 5,
                        "unit": "mg",
                        "system": "http://unitsofmeasure.org",
                        "code": "mg",
                    },
                    "denominator": {"value": 1, "unit": "tablet"},
                },
            }
        ],
        "intendedRoute": [{"text": "oral"}],
        "medicineClassification": [
            {
                "type": {"text": "drug class"},
                "classification": [{"text": "Opioid Agonist"}, {"text": "opioid"}],
            }
        ],
        "drugCharacteristic": [{"type": {"text": "strength"}, "valueString": "5 mg"}],
        "regulatory": [
            {
                "regulatoryAuthority": {"display": "Drug Enforcement Administration"},
                "schedule": [{"schedule": {"text": "CII"}}],
            }
        ],
    }


def test_a_name_that_is_taken_for_another_is_in_tall_man_letters(vocabulary: Vocabulary) -> None:
    made = knowledge(Drug("a", "HYDROXYZINE 25 MG TABLET"), BASE, vocabulary)
    assert made["code"]["text"] == "hydrOXYzine 25 MG TABLET"
    assert made["code"]["coding"][0]["display"] == "hydrOXYzine 25 MG TABLET"


def test_of_a_drug_that_little_is_known_of_no_empty_element_is_made(
    vocabulary: Vocabulary,
) -> None:
    made = validated(knowledge(Drug("a", "X"), BASE, vocabulary))
    assert set(made) == {"resourceType", "id", "code", "status", "productType"}


def test_a_drug_without_a_package_on_the_market_is_inactive(vocabulary: Vocabulary) -> None:
    drug = msgspec.structs.replace(OXYCODONE, status="obsolete")
    assert knowledge(drug, BASE, vocabulary)["status"] == "inactive"


def test_who_sells_it_is_left_out_where_several_do(vocabulary: Vocabulary) -> None:
    packages = (Package("00071015523", "Pfizer"), Package("23635058010", "Mallinckrodt"))
    drug = msgspec.structs.replace(OXYCODONE, packages=packages)
    assert "manufacturer" not in knowledge(drug, BASE, vocabulary)


def quantity(value: float, unit: str, code: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code}


@pytest.mark.parametrize(
    ("strength", "form", "numerator", "denominator"),
    [
        ("20 mg", "tablet, film coated", quantity(20, "mg", "mg"),
         {"value": 1, "unit": "tablet, film coated"}),
        ("0.05 mg", "capsule", quantity(0.05, "mg", "mg"), {"value": 1, "unit": "capsule"}),
        ("100 mg/5 mL", "suspension", quantity(100, "mg", "mg"), quantity(5, "mL", "mL")),
        ("5 mg/mL", "solution", quantity(5, "mg", "mg"), quantity(1, "mL", "mL")),
        ("25 mcg/hr", "patch", quantity(25, "mcg", "ug"), quantity(1, "hr", "h")),
        ("20 mEq/15 mL", "solution", quantity(20, "mEq", "meq"), quantity(15, "mL", "mL")),
    ],
)  # fmt: skip
def test_the_strength_of_a_single_ingredient_is_a_ratio(
    strength: str,
    form: str,
    numerator: dict[str, Any],
    denominator: dict[str, Any],
    vocabulary: Vocabulary,
) -> None:
    drug = msgspec.structs.replace(OXYCODONE, strength=strength, form=form)
    (ingredient,) = validated(knowledge(drug, BASE, vocabulary))["ingredient"]
    assert ingredient["strength"] == {"numerator": numerator, "denominator": denominator}


@pytest.mark.parametrize(
    ("strength", "form"),
    [
        ("", "tablet"),
        ("30X", "pellet"),
        ("100 units/mL", "solution"),  # units of what?
        ("0.5%", "solution/ drops"),
        ("1 g", "injection"),  # in how much?
        ("90 mcg/actuation", "aerosol"),
        ("10 mg; 325 mg", "tablet"),
    ],
)
def test_a_strength_that_does_not_say_how_much_of_what_is_in_what_is_text_only(
    strength: str, form: str, vocabulary: Vocabulary
) -> None:
    drug = msgspec.structs.replace(OXYCODONE, strength=strength, form=form)
    made = validated(knowledge(drug, BASE, vocabulary))
    assert "strength" not in made["ingredient"][0]
    told = [one["valueString"] for one in made.get("drugCharacteristic", [])]
    assert told == ([strength] if strength else [])


def test_no_strength_is_given_to_one_of_several_ingredients(vocabulary: Vocabulary) -> None:
    drug = msgspec.structs.replace(
        OXYCODONE, ingredients=("oxycodone", "acetaminophen"), strength="5 mg"
    )
    made = knowledge(drug, BASE, vocabulary)
    assert [sorted(one) for one in made["ingredient"]] == [["isActive", "itemCodeableConcept"]] * 2


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1).filter(
    lambda text: text == " ".join(text.split())
)
texts = st.one_of(st.just(""), words)
drugs = st.builds(
    Drug,
    id=st.from_regex(r"[a-z2-7]{16}", fullmatch=True),
    name=words,
    brand=texts,
    generic=texts,
    ingredients=st.lists(words, max_size=3).map(tuple),
    strength=st.one_of(
        texts,
        st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,3})? (mg|mcg|g)(/[0-9]{0,2} ?mL)?", fullmatch=True),
    ),
    form=texts,
    routes=st.lists(words, max_size=2).map(tuple),
    classes=st.lists(words, max_size=2).map(tuple),
    schedule=st.sampled_from(["", "CII", "CV"]),
    kind=st.sampled_from(["brand", "generic"]),
    status=st.sampled_from(["active", "obsolete"]),
    packages=st.lists(
        st.builds(
            Package,
            st.from_regex(r"[0-9]{11}|[1-9][0-9]{11}", fullmatch=True),
            texts, texts, texts,
        ),
        max_size=3,
    ).map(tuple),
)  # fmt: skip


@given(drugs)
def test_every_drug_makes_a_valid_resource(vocabulary: Vocabulary, drug: Drug) -> None:
    validated(knowledge(drug, BASE, vocabulary))
