"""FHIR R4 (4.0.1) over the catalogue: drugs, value sets for typeahead, meanings of codes.

Read only, JSON only. What there is, `capability.capability_statement` says to machines, and
docs/fhir.md to people.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from rxindex.api.fhir.capability import capability_statement
from rxindex.api.fhir.exchange import Asked, ExchangeRoute, read_asked
from rxindex.api.fhir.expand import expand
from rxindex.api.fhir.knowledge import knowledge
from rxindex.api.fhir.lookup import lookup
from rxindex.api.fhir.outcome import fhir_response, refusal
from rxindex.api.fhir.search import search_bundle
from rxindex.api.fhir.systems import is_fhir_id
from rxindex.search.searcher import Searcher

__all__ = ["fhir_router"]

_ASKED = Depends(read_asked)
_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def fhir_router(searcher: Searcher, base: str | None = None) -> APIRouter:
    """Make the routes below ``/fhir``.

    They are left out of the OpenAPI document: FHIR's own is ``/fhir/metadata``.

    Args:
        searcher: answers the queries; safe to use from several threads.
        base: URL under which clients know the service, without a slash at the end; canonical
            URLs and links begin with it. None to take it from each request.
    """
    router = APIRouter(prefix="/fhir", route_class=ExchangeRoute, include_in_schema=False)
    since = datetime.now(UTC).isoformat(timespec="seconds")

    def url(request: Request) -> str:
        return base or f"{request.base_url}fhir"

    @router.get("/metadata")
    def metadata(request: Request) -> Response:
        return fhir_response(capability_statement(url(request), since))

    @router.get("/MedicationKnowledge")
    @router.post("/MedicationKnowledge/_search")
    def search(request: Request, asked: Annotated[Asked, _ASKED]) -> Response:
        return fhir_response(search_bundle(searcher, asked, url(request)))

    @router.get("/MedicationKnowledge/{drug_id}")
    def read(request: Request, drug_id: str) -> Response:
        drug = searcher.drug(drug_id) if is_fhir_id(drug_id) else None
        if drug is None:
            raise refusal(404, "not-found", f"no drug has the id {drug_id[:64]!r}")
        return fhir_response(knowledge(drug, url(request), searcher.vocabulary))

    @router.get("/ValueSet/$expand")
    @router.post("/ValueSet/$expand")
    def expand_value_set(request: Request, asked: Annotated[Asked, _ASKED]) -> Response:
        return fhir_response(expand(searcher, asked, url(request)))

    @router.get("/CodeSystem/$lookup")
    @router.post("/CodeSystem/$lookup")
    def lookup_code(request: Request, asked: Annotated[Asked, _ASKED]) -> Response:
        return fhir_response(lookup(searcher, asked, url(request)))

    _refuse_the_rest(router)
    return router


def _refuse_the_rest(router: APIRouter) -> None:
    """Answer in FHIR's way, too, what is not there."""
    served = [route for route in router.routes if isinstance(route, ExchangeRoute)]

    @router.api_route("", methods=_METHODS)
    @router.api_route("/{rest:path}", methods=_METHODS)
    def refuse(rest: str = "") -> Response:
        path = f"{router.prefix}/{rest}"
        allowed = {
            method
            for route in served
            if route.path_regex.match(path)
            for method in route.methods or ()
        }
        if allowed:
            raise refusal(
                405, "not-supported", "that is not done here", {"Allow": ", ".join(sorted(allowed))}
            )
        raise refusal(
            404, "not-found", f"nothing is at {path[:200]!r}; see {router.prefix}/metadata"
        )
