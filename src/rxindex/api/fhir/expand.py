"""``ValueSet/$expand``: drugs and packages as codes, for typeahead (R4 OperationDefinition)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rxindex.api.fhir.exchange import Asked
from rxindex.api.fhir.outcome import refusal
from rxindex.api.fhir.remarks import answer_remarks, drugs_counted
from rxindex.api.fhir.systems import (
    designations,
    drug_coding,
    drug_system,
    drug_value_set,
    package_coding,
)
from rxindex.model import OBSOLETE, Drug
from rxindex.ndc import ndc_readings
from rxindex.search.answer import Hit
from rxindex.search.request import MOST_HITS, SearchRequest
from rxindex.search.searcher import Searcher

__all__ = ["expand"]

_COUNT = 10
#: Parameters of the operation that would change what the answer means.
_NOT_SUPPORTED = (
    "valueSet", "valueSetVersion", "context", "date", "designation", "exclude-system",
    "system-version", "check-system-version", "force-system-version",
)  # fmt: skip
_KNOWN = frozenset(
    {
        "url", "filter", "count", "offset", "includeDesignations", "activeOnly", "_format",
        "_pretty",
        # What these ask for is so anyhow: the expansion is flat, for people, and in English.
        "contextDirection", "includeDefinition", "excludeNested", "excludeNotForUI",
        "excludePostCoordinated", "displayLanguage",
    }
)  # fmt: skip


def expand(searcher: Searcher, asked: Asked, base: str) -> dict[str, Any]:
    """Expand the value set of all drugs and packages, as far as they match the filter.

    Args:
        searcher: to ask.
        asked: the operation's parameters.
        base: of the FHIR service.

    Returns:
        A ValueSet. Corrections, look-alike warnings and the like are parameters of its
        expansion.

    Raises:
        HTTPException: a parameter is wrong, the value set is not known, or there is no filter.
        RxindexError: as the searcher raises.
    """
    _check(asked, base)
    text = asked.one("filter").strip()
    if not text:
        raise refusal(
            422, "too-costly", "that would be the whole catalogue: give a filter, a name or an NDC"
        )
    count, offset = min(asked.number("count", _COUNT), MOST_HITS), asked.number("offset", 0)
    active, designated = asked.flag("activeOnly"), asked.flag("includeDesignations")
    made = _expansion(text, count, offset, active, designated)
    if ndc_readings(text):
        found = list(_packages(searcher, text, base, active, designated))
        _fill(made, found[offset : offset + count], len(found))
    else:
        request = SearchRequest(q=text, limit=count or 1, offset=offset, active=active)
        answer = searcher.search(request)
        hits = answer.hits if count else ()
        _fill(made, [_hit(hit, base, designated) for hit in hits], drugs_counted(answer))
        remarks = [*answer_remarks(answer), *_warnings(hits)]
        made["parameter"] += [{"name": kind, "valueString": words} for kind, words in remarks]
    return {
        "resourceType": "ValueSet",
        "url": drug_value_set(base),
        "name": "Drugs",
        "title": "Drugs and packages of the catalogue",
        "status": "active",
        "expansion": made,
    }


def _check(asked: Asked, base: str) -> None:
    given = asked.names()
    if refused := [name for name in _NOT_SUPPORTED if name in given]:
        raise refusal(400, "not-supported", f"{refused[0]} is not supported")
    if asked.strict and (unknown := given - _KNOWN):
        raise refusal(400, "not-supported", f"the parameter {min(unknown)[:60]!r} is not known")
    url = asked.one("url")
    if not url:
        raise refusal(400, "required", f"give the value set's url: {drug_value_set(base)}")
    if url != drug_value_set(base):
        raise refusal(
            404, "not-found", f"{url[:200]!r} is not known; there is {drug_value_set(base)}"
        )


def _expansion(
    text: str, count: int, offset: int, active: bool, designated: bool
) -> dict[str, Any]:
    """Make an expansion without its codes, with the parameters that it was asked for with."""
    return {
        "identifier": f"urn:uuid:{uuid.uuid4()}",
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "offset": offset,
        "parameter": [
            {"name": "filter", "valueString": text},
            {"name": "count", "valueInteger": count},
            {"name": "offset", "valueInteger": offset},
            {"name": "activeOnly", "valueBoolean": active},
            {"name": "includeDesignations", "valueBoolean": designated},
        ],
    }


def _fill(made: dict[str, Any], found: list[dict[str, Any]], total: int | None) -> None:
    if total is not None:
        made["total"] = total
    # FHIR knows no empty lists.
    if found:
        made["contains"] = found


def _hit(hit: Hit, base: str, designated: bool) -> dict[str, Any]:
    coding = {"system": drug_system(base), "code": hit.id, "display": hit.display}
    return _contained(coding, hit, hit.status == OBSOLETE, designated)


def _packages(
    searcher: Searcher, ndc: str, base: str, active: bool, designated: bool
) -> Iterator[dict[str, Any]]:
    """Give the drugs that hold a package, each with the package after it."""
    codes = {one.canonical for one in ndc_readings(ndc)}
    for drug in searcher.package(ndc):
        coding = drug_coding(drug, base, searcher.vocabulary)
        if not (active and drug.status == OBSOLETE):
            yield _contained(coding, drug, drug.status == OBSOLETE, designated)
        for package in drug.packages:
            obsolete = package.status == OBSOLETE
            if package.ndc in codes and not (active and obsolete):
                named = package_coding(package, coding["display"])
                yield _contained(named, drug, obsolete, designated)


def _contained(
    coding: dict[str, Any], named: Hit | Drug, obsolete: bool, designated: bool
) -> dict[str, Any]:
    made = dict(coding)
    if obsolete:
        made["inactive"] = True
    if designated and (
        others := [
            {"use": {"display": use}, "value": value}
            for use, value in designations(named.brand, named.generic)
        ]
    ):
        made["designation"] = others
    return made


def _warnings(hits: tuple[Hit, ...]) -> list[tuple[str, str]]:
    told = (f"{hit.display}: {one.message}" for hit in hits for one in hit.warnings)
    return [("warning", words) for words in dict.fromkeys(told)]
