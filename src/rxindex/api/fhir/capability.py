"""The CapabilityStatement: what of FHIR there is here."""

from __future__ import annotations

from typing import Any

from rxindex import __version__
from rxindex.api.fhir.outcome import MEDIA_TYPE
from rxindex.api.fhir.search_parameters import SEARCH_PARAMETERS
from rxindex.api.fhir.systems import NDC_SYSTEM, drug_system, drug_value_set

__all__ = ["FHIR_VERSION", "capability_statement"]

#: R4 with its technical correction, the version that US rules name (45 CFR 170.215).
FHIR_VERSION = "4.0.1"

_DEFINITIONS = "http://hl7.org/fhir"


def capability_statement(base: str, since: str) -> dict[str, Any]:
    """Make the statement.

    Args:
        base: of the FHIR service.
        since: when the service began to be as it is, as a FHIR dateTime.
    """
    return {
        "resourceType": "CapabilityStatement",
        "name": "Rxindex",
        "title": "Search of a drug catalogue",
        "status": "active",
        "date": since,
        "kind": "instance",
        "software": {"name": "rxindex", "version": __version__},
        "implementation": {"description": "Search of a drug catalogue", "url": base},
        "fhirVersion": FHIR_VERSION,
        "format": [MEDIA_TYPE, "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "Read only. Where the service has API keys, a request carries "
                "one as Authorization: Bearer.",
                "resource": [_knowledge(), _value_sets(base), _code_systems(base)],
            }
        ],
    }


def _knowledge() -> dict[str, Any]:
    return {
        "type": "MedicationKnowledge",
        "profile": f"{_DEFINITIONS}/StructureDefinition/MedicationKnowledge",
        "documentation": "Drugs. Results are in order of relevance, in pages of _count (at most "
        "100) from _offset on; what was corrected is told in an OperationOutcome.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [
            {
                "name": one.name,
                "definition": one.definition,
                "type": one.type,
                "documentation": one.documentation,
            }
            for one in SEARCH_PARAMETERS
        ],
    }


def _value_sets(base: str) -> dict[str, Any]:
    return {
        "type": "ValueSet",
        "documentation": f"One value set, {drug_value_set(base)}: drugs, and packages by NDC.",
        "operation": [_operation("ValueSet", "expand", "Needs a filter.")],
    }


def _code_systems(base: str) -> dict[str, Any]:
    return {
        "type": "CodeSystem",
        "documentation": f"Two code systems: {drug_system(base)} and {NDC_SYSTEM}.",
        "operation": [_operation("CodeSystem", "lookup", "NDCs are read in any form.")],
    }


def _operation(resource: str, name: str, documentation: str) -> dict[str, str]:
    return {
        "name": name,
        "definition": f"{_DEFINITIONS}/OperationDefinition/{resource}-{name}",
        "documentation": documentation,
    }
