"""A drug as a MedicationKnowledge resource (R4, 4.0.1).

Names, forms, routes and classes are the catalogue's own words, so they are text: a code of
SNOMED CT or RxNorm that nobody assigned would be a guess. What a drug is used for is left out:
rxindex knows it for finding drugs, not as guidance for prescribing.
"""

from __future__ import annotations

import re
from typing import Any

from rxindex.api.fhir.systems import drug_coding, package_coding
from rxindex.model import ACTIVE, Drug
from rxindex.vocabulary import Vocabulary

__all__ = ["knowledge"]

#: Units of strength with their codes in UCUM; what else there is (units of activity, homeopathic
#: potencies) has none that would be right for every drug.
_UCUM = {
    "mg": "mg", "mcg": "ug", "g": "g", "mEq": "meq", "mL": "mL", "L": "L", "hr": "h",
}  # fmt: skip
_STRENGTH = re.compile(
    r"(?P<amount>\d+(?:\.\d+)?) (?P<unit>[a-zA-Z]+)(?:/(?P<per>\d+(?:\.\d+)?)? ?(?P<of>[a-zA-Z]+))?"
)
#: Forms of which one piece has the strength.
_PIECES = ("tablet", "capsule", "suppository", "lozenge", "film", "troche")


def knowledge(drug: Drug, base: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """Make the resource.

    Args:
        drug: with its packages; each of them is a Coding of ``code``.
        base: of the FHIR service.
        vocabulary: for tall-man lettering.
    """
    coding = drug_coding(drug, base, vocabulary)
    made = {
        "resourceType": "MedicationKnowledge",
        "id": drug.id,
        "code": {
            "coding": [coding, *map(package_coding, drug.packages)],
            "text": coding["display"],
        },
        "status": "active" if drug.status == ACTIVE else "inactive",
        "manufacturer": _manufacturer(drug),
        "doseForm": _concept(drug.form),
        "synonym": list(dict.fromkeys(filter(None, (drug.brand, drug.generic)))),
        "productType": _concepts(drug.kind),
        "ingredient": _ingredients(drug),
        "intendedRoute": _concepts(*drug.routes),
        "medicineClassification": _classification(drug),
        "drugCharacteristic": _strength_text(drug),
        "regulatory": _regulatory(drug),
    }
    # FHIR knows no empty elements.
    return {name: value for name, value in made.items() if value}


def _concept(text: str) -> dict[str, Any]:
    return {"text": text} if text else {}


def _concepts(*texts: str) -> list[dict[str, Any]]:
    return [_concept(text) for text in texts if text]


def _manufacturer(drug: Drug) -> dict[str, Any]:
    """Name who sells the drug, where all packages are of one: there is room for one only."""
    labelers = {package.labeler for package in drug.packages}
    return {"display": min(labelers)} if len(labelers) == 1 and min(labelers) else {}


def _ingredients(drug: Drug) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = [
        {"itemCodeableConcept": _concept(name), "isActive": True} for name in drug.ingredients
    ]
    # With several, nothing says which strength belongs to which ingredient.
    if len(made) == 1 and (strength := _ratio(drug.strength, drug.form)):
        made[0]["strength"] = strength
    return made


def _ratio(strength: str, form: str) -> dict[str, Any]:
    """Read a strength, for example ``20 mg`` of a tablet or ``5 mg/5 mL``.

    Returns:
        A Ratio; nothing where the text does not say for sure how much of what is in what.
    """
    found = _STRENGTH.fullmatch(strength)
    if not found or found["unit"] not in _UCUM:
        return {}
    if found["of"]:
        if found["of"] not in _UCUM:
            return {}
        contents = _quantity(found["per"] or "1", found["of"])
    elif form.startswith(_PIECES):
        contents = {"value": 1, "unit": form}
    else:
        return {}
    return {"numerator": _quantity(found["amount"], found["unit"]), "denominator": contents}


def _quantity(amount: str, unit: str) -> dict[str, Any]:
    value = float(amount)
    return {
        "value": int(value) if value.is_integer() else value,
        "unit": unit,
        "system": "http://unitsofmeasure.org",
        "code": _UCUM[unit],
    }


def _classification(drug: Drug) -> list[dict[str, Any]]:
    if not drug.classes:
        return []
    return [{"type": _concept("drug class"), "classification": _concepts(*drug.classes)}]


def _strength_text(drug: Drug) -> list[dict[str, Any]]:
    if not drug.strength:
        return []
    return [{"type": _concept("strength"), "valueString": drug.strength}]


def _regulatory(drug: Drug) -> list[dict[str, Any]]:
    """Give the DEA schedule (21 CFR 1308), ``CII`` and the like."""
    if not drug.schedule:
        return []
    return [
        {
            "regulatoryAuthority": {"display": "Drug Enforcement Administration"},
            "schedule": [{"schedule": _concept(drug.schedule)}],
        }
    ]
