"""``CodeSystem/$lookup``: what a drug's id or an NDC stands for (R4 OperationDefinition)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rxindex.api.fhir.exchange import Asked, Coding
from rxindex.api.fhir.outcome import refusal
from rxindex.api.fhir.systems import (
    NDC_SYSTEM,
    designations,
    drug_coding,
    drug_system,
    is_fhir_id,
    package_coding,
)
from rxindex.model import OBSOLETE, Drug, Package, Status
from rxindex.ndc import ndc_readings
from rxindex.search.searcher import Searcher

__all__ = ["lookup"]

#: Parameters of the operation that would change what the answer means.
_NOT_SUPPORTED = ("version", "date")
_KNOWN = frozenset(
    {"system", "code", "coding", "property", "displayLanguage", "_format", "_pretty"}
)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

#: Name, type and value of a property.
Property = tuple[str, str, Any]


def lookup(searcher: Searcher, asked: Asked, base: str) -> dict[str, Any]:
    """Look a code up.

    Args:
        searcher: to ask.
        asked: the operation's parameters.
        base: of the FHIR service.

    Returns:
        A Parameters resource.

    Raises:
        HTTPException: a parameter is wrong, or nothing has the code, or several drugs have.
        RxindexError: as the searcher raises.
    """
    coding = _coding(asked)
    if coding.system == drug_system(base):
        drug = searcher.drug(coding.code) if is_fhir_id(coding.code) else None
        if drug is None:
            raise refusal(404, "not-found", f"no drug has the id {coding.code[:64]!r}")
        found = drug_coding(drug, base, searcher.vocabulary)
        properties = [*_standing(drug.status), *_drug_properties(drug)]
        return _answer("Drugs", found["display"], drug, properties, asked)
    if coding.system == NDC_SYSTEM:
        drug, package = _holder(searcher, coding.code)
        found = drug_coding(drug, base, searcher.vocabulary)
        display = package_coding(package, found["display"])["display"]
        properties = [*_package_properties(package, found), *_drug_properties(drug)]
        return _answer("National Drug Codes", display, drug, properties, asked)
    raise refusal(
        404, "not-found",
        f"the code system {coding.system[:200]!r} is not known; there are {NDC_SYSTEM} and "
        f"{drug_system(base)}",
    )  # fmt: skip


def _coding(asked: Asked) -> Coding:
    given = asked.names()
    codings = [coding for name, coding in asked.codings if name == "coding"]
    if refused := [name for name in _NOT_SUPPORTED if name in given]:
        raise refusal(400, "not-supported", f"{refused[0]} is not supported")
    if asked.strict and (unknown := given - _KNOWN):
        raise refusal(400, "not-supported", f"the parameter {min(unknown)[:60]!r} is not known")
    coding = codings[0] if codings else Coding(asked.one("system"), asked.one("code"))
    if len(codings) > 1 or not (coding.system and coding.code):
        raise refusal(400, "required", "give system and code, or one coding that has both")
    if coding.version:
        raise refusal(400, "not-supported", "a version of a code system is not supported")
    return coding


def _holder(searcher: Searcher, ndc: str) -> tuple[Drug, Package]:
    """Find the one package that an NDC means, and its drug."""
    codes = {one.canonical for one in ndc_readings(ndc)}
    found = [
        (drug, package)
        for drug in (searcher.package(ndc) if codes else ())
        for package in drug.packages
        if package.ndc in codes
    ]
    if not found:
        raise refusal(404, "not-found", f"no package has the NDC {ndc[:60]!r}")
    if len(found) > 1:
        raise refusal(
            400, "multiple-matches",
            f"{ndc[:60]!r} may be {' or '.join(package.ndc for _, package in found)}; "
            "give the NDC with hyphens, or with 11 digits",
        )  # fmt: skip
    return found[0]


def _standing(status: Status) -> Iterator[Property]:
    yield "status", "Code", status
    # R4's own property for a concept that is not to be chosen any more.
    yield "inactive", "Boolean", status == OBSOLETE


def _drug_properties(drug: Drug) -> list[Property]:
    return [
        *(("ingredient", "String", name) for name in drug.ingredients),
        ("strength", "String", drug.strength),
        ("form", "String", drug.form),
        *(("route", "String", name) for name in drug.routes),
        *(("class", "String", name) for name in drug.classes),
        ("schedule", "Code", drug.schedule),
        ("kind", "Code", drug.kind),
        ("gcn", "String", str(drug.gcn or "")),
    ]


def _package_properties(package: Package, drug: dict[str, Any]) -> Iterator[Property]:
    yield from _standing(package.status)
    yield "drug", "Coding", drug
    # The form of claims and prescriptions (45 CFR 162.1002), where HL7's has 10 digits.
    yield "billing-ndc", "Code", package.ndc
    yield "labeler", "String", package.labeler
    yield "size", "String", package.size
    yield "description", "String", package.description
    for name, date in (("start", package.start), ("end", package.end)):
        # Sources hold dates that are none.
        yield name, "DateTime" if _DATE.fullmatch(date) else "String", date


def _answer(
    name: str, display: str, drug: Drug, properties: list[Property], asked: Asked
) -> dict[str, Any]:
    wished = {value for name, value in asked.values if name == "property"}
    parameters = [_parameter("name", "String", name), _parameter("display", "String", display)]
    for use, value in designations(drug.brand, drug.generic):
        parts = [
            _parameter("use", "Coding", {"display": use}),
            _parameter("value", "String", value),
        ]
        parameters.append({"name": "designation", "part": parts})
    for code, kind, value in properties:
        # FHIR knows no empty values.
        if value != "" and (not wished or code in wished):
            parts = [_parameter("code", "Code", code), _parameter("value", kind, value)]
            parameters.append({"name": "property", "part": parts})
    return {"resourceType": "Parameters", "parameter": parameters}


def _parameter(name: str, kind: str, value: Any) -> dict[str, Any]:
    return {"name": name, f"value{kind}": value}
