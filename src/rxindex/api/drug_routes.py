"""``/drugs``, ``/packages`` and ``/facets``: what the catalogue holds."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from rxindex.api import examples
from rxindex.api.answers import DrugRecord, PackageHolders, drug_record
from rxindex.api.openapi import FACETS, gives, refuses
from rxindex.api.replies import json_reply
from rxindex.search.answer import Alternatives
from rxindex.search.searcher import Searcher

__all__ = ["MOST_ALTERNATIVES", "MOST_VALUES", "drug_router"]

#: Of each class and each use.
MOST_ALTERNATIVES = 50

#: Of each filter; a catalogue has some thousand labelers.
MOST_VALUES = 10_000

_DrugId = Annotated[
    str, Path(description="Of the drug, as hits have it.", examples=[examples.DRUG_ID])
]


def drug_router(searcher: Searcher) -> APIRouter:
    """Make the routes that show what the catalogue holds.

    Args:
        searcher: of the catalogue.
    """
    router = APIRouter(tags=["drugs"])

    @router.get(
        "/drugs/{id}",
        summary="A drug with its packages",
        responses=gives(DrugRecord, "The drug.", examples.DRUG) | refuses(404, 422),
    )
    def drug(request: Request, id: _DrugId) -> Response:  # noqa: A002 - as hits call it
        found = searcher.drug(id)
        if found is None:
            raise _no_such_drug(id)
        return json_reply(request, drug_record(found, searcher.vocabulary))

    @router.get(
        "/drugs/{id}/alternatives",
        summary="What may stand in a drug's place",
        responses=gives(Alternatives, "The alternatives.", examples.ALTERNATIVES)
        | refuses(404, 422),
    )
    def alternatives(
        request: Request,
        id: _DrugId,  # noqa: A002
        limit: Annotated[
            int, Query(ge=1, le=MOST_ALTERNATIVES, description="How many of each kind.")
        ] = 10,
    ) -> Response:
        """For a prescriber to decide; nothing is ever substituted.

        Equivalents have the same formulation by another name, generics first; then come other
        strengths and forms, drugs of the same classes, and drugs for the same uses.
        """
        found = searcher.alternatives(id, limit)
        if found is None:
            raise _no_such_drug(id)
        return json_reply(request, found)

    @router.get(
        "/packages/{ndc}",
        summary="The drugs that hold a package",
        responses=gives(PackageHolders, "The drugs.", examples.HOLDERS) | refuses(404, 422),
    )
    def package(
        request: Request,
        ndc: Annotated[
            str,
            Path(
                description="An NDC in any form (10, 11 or 12 digits, with or without hyphens), "
                "or a GTIN-14.",
                examples=["0071-0155-23"],
            ),
        ],
    ) -> Response:
        """More than one where ten digits without hyphens can be read in several ways."""
        drugs = searcher.package(ndc)
        if not drugs:
            raise HTTPException(404, "no drug of the catalogue has that package")
        records = tuple(drug_record(one, searcher.vocabulary) for one in drugs)
        return json_reply(request, PackageHolders(ndc, records))

    @router.get(
        "/facets",
        summary="The values that filters can take",
        responses=gives(FACETS, "By filter, with how many drugs have it.", examples.FACETS)
        | refuses(422),
    )
    def facets(
        request: Request,
        limit: Annotated[
            int, Query(ge=1, le=MOST_VALUES, description="How many values of each filter.")
        ] = 100,
    ) -> Response:
        """The commonest first, over the whole catalogue."""
        values = searcher.facets()
        return json_reply(request, {name: some[:limit] for name, some in values.items()})

    return router


def _no_such_drug(drug_id: str) -> HTTPException:
    return HTTPException(404, f"there is no drug {drug_id[:60]!r} in the catalogue")
