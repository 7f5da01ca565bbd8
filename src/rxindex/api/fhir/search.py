"""The search for MedicationKnowledge, and the Bundle that answers it (R4, "Search")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode

from rxindex.api.fhir.exchange import Asked
from rxindex.api.fhir.knowledge import knowledge
from rxindex.api.fhir.outcome import issue, outcome
from rxindex.api.fhir.remarks import answer_remarks, drugs_counted
from rxindex.api.fhir.search_parameters import Search, read_search
from rxindex.api.fhir.systems import NDC_SYSTEM, drug_system, is_fhir_id
from rxindex.model import ACTIVE, Drug
from rxindex.ndc import ndc_readings
from rxindex.search.answer import Answer, Hit
from rxindex.search.request import SearchRequest
from rxindex.search.searcher import Searcher

__all__ = ["search_bundle"]


def search_bundle(searcher: Searcher, asked: Asked, base: str) -> dict[str, Any]:
    """Answer a search.

    Args:
        searcher: to ask.
        asked: the parameters.
        base: of the FHIR service.

    Returns:
        A Bundle of type ``searchset``. What was corrected, look-alike warnings and the like are
        an OperationOutcome in its last entry.

    Raises:
        HTTPException: the parameters are not right, or say too little.
        RxindexError: as the searcher raises.
    """
    search = read_search(asked)
    if search.ids is None and search.codes is None:
        return _by_words(searcher, search, base)
    return _by_codes(searcher, search, base)


def _by_words(searcher: Searcher, search: Search, base: str) -> dict[str, Any]:
    answer = searcher.search(search.request)
    entries: list[dict[str, Any]] = []
    issues = list(_answer_issues(answer))
    hits = answer.hits if search.count else ()
    for hit, drug in zip(hits, searcher.drugs([hit.id for hit in hits]), strict=True):
        # A drug that a run deletes at this moment is found no more.
        if drug is not None:
            issues += _hit_issues(hit, len(entries))
            entries.append(_entry(drug, searcher, base, score=hit.score))
    if issues:
        entries.append({"resource": outcome(*issues), "search": {"mode": "outcome"}})
    return _bundle(search, base, entries, drugs_counted(answer), answer.next_offset)


def _by_codes(searcher: Searcher, search: Search, base: str) -> dict[str, Any]:
    drugs = [one for one in _coded(searcher, search, base) if _passes(one, search.request)]
    first = search.request.offset
    end = first + search.count
    entries = [_entry(one, searcher, base) for one in drugs[first:end]]
    return _bundle(search, base, entries, len(drugs), end if end < len(drugs) else None)


def _coded(searcher: Searcher, search: Search, base: str) -> list[Drug]:
    """Find the drugs that have one of the ids, and one of the codes."""
    by_code: dict[str, Drug] = {}
    for token in search.codes or ():
        if token.system in {None, drug_system(base)}:
            by_code |= _with_ids(searcher, [token.code])
        if token.system in {None, NDC_SYSTEM} and ndc_readings(token.code):
            by_code |= {drug.id: drug for drug in searcher.package(token.code)}
    if search.ids is None:
        return list(by_code.values())
    by_id = _with_ids(searcher, search.ids)
    return [one for one in by_id.values() if search.codes is None or one.id in by_code]


def _with_ids(searcher: Searcher, ids: Iterable[str]) -> dict[str, Drug]:
    found = searcher.drugs([one for one in ids if is_fhir_id(one)])
    return {drug.id: drug for drug in found if drug is not None}


def _passes(drug: Drug, request: SearchRequest) -> bool:
    """Tell whether a drug that was found by its code passes the filters too."""
    wanted = (
        (request.ingredient, drug.ingredients),
        (request.form, (drug.form,)),
        (request.class_, drug.classes),
    )
    return (drug.status == ACTIVE or not request.active) and all(
        not values or _folded(values) & _folded(own) for values, own in wanted
    )


def _folded(values: Iterable[str]) -> set[str]:
    return {value.casefold() for value in values}


def _answer_issues(answer: Answer) -> Iterator[dict[str, Any]]:
    for kind, text in answer_remarks(answer):
        if kind == "correction":
            yield issue("warning", "informational", text)
        else:
            code = "incomplete" if kind == "note" and answer.degraded else "informational"
            yield issue("information", code, text)


def _hit_issues(hit: Hit, place: int) -> Iterator[dict[str, Any]]:
    for warning in hit.warnings:
        where = f"Bundle.entry[{place}].resource"
        yield issue("warning", "informational", f"{hit.display}: {warning.message}", where)


def _entry(drug: Drug, searcher: Searcher, base: str, score: float = 1.0) -> dict[str, Any]:
    return {
        "fullUrl": f"{base}/MedicationKnowledge/{drug.id}",
        "resource": knowledge(drug, base, searcher.vocabulary),
        "search": {"mode": "match", "score": round(score, 4)},
    }


def _bundle(
    search: Search,
    base: str,
    entries: list[dict[str, Any]],
    total: int | None,
    following: int | None,
) -> dict[str, Any]:
    """Make the Bundle, with links to this page and those beside it."""
    offset = search.request.offset
    places = {"self": offset}
    if search.count and following is not None:
        places["next"] = following
    if search.count and offset:
        places["previous"] = max(0, offset - search.count)
    made: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [
            {"relation": relation, "url": _url(search, base, place)}
            for relation, place in places.items()
        ],
    }
    if total is not None:
        made["total"] = total
    # FHIR knows no empty lists.
    return made | {"entry": entries} if entries else made


def _url(search: Search, base: str, offset: int) -> str:
    asked = [*search.used, ("_count", str(search.count)), ("_offset", str(offset))]
    return f"{base}/MedicationKnowledge?{urlencode(asked, safe=':')}"
