"""``/search`` and ``/suggest``: the words go in, drugs and names come out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from rxindex.api import examples
from rxindex.api.answers import Suggestions
from rxindex.api.metrics import ServiceMetrics
from rxindex.api.openapi import gives, query_parameters, refuses
from rxindex.api.parameters import QueryText, SearchBody, SearchParameters, read_query
from rxindex.api.replies import json_reply
from rxindex.search.answer import Answer
from rxindex.search.request import SearchRequest
from rxindex.search.searcher import Searcher

__all__ = ["MOST_SUGGESTIONS", "search_router"]

#: Nobody looks through more while they type.
MOST_SUGGESTIONS = 50


def search_router(searcher: Searcher, metrics: ServiceMetrics | None) -> APIRouter:
    """Make the routes that search.

    Args:
        searcher: answers; safe to use from several threads.
        metrics: where searches are counted, if anywhere.
    """
    router = APIRouter(tags=["search"])
    found = gives(Answer, "What was found, and what the query was taken for.", examples.ANSWER)

    def reply(request: Request, result: Answer) -> Response:
        if metrics is not None:
            metrics.searched(result)
        return json_reply(request, result)

    async def answer(request: Request, asked: SearchRequest) -> Response:
        # What is kept takes less time than to hand the question to a thread.
        kept = searcher.kept(asked)
        if kept is not None:
            return reply(request, kept)
        return await run_in_threadpool(lambda: reply(request, searcher.search(asked)))

    @router.get(
        "/search",
        summary="Search for drugs",
        responses=found | refuses(422),
        openapi_extra={"parameters": query_parameters(SearchParameters)},
    )
    async def search(request: Request) -> Response:
        """Give the drugs that a query means, best first.

        The answer says what the query was taken for and what was corrected; `exact` insists on
        the words as they are. It says `degraded` where the model was not to be had and the words
        alone were searched.
        """
        return await answer(request, read_query(request.query_params).request())

    @router.post(
        "/search",
        summary="Search for drugs, without leaving the query in an address",
        responses=found | refuses(400, 413, 422),
    )
    async def search_by_body(
        request: Request,
        body: Annotated[SearchBody, Body(openapi_examples=examples.SEARCHES)],
    ) -> Response:
        """As `GET /search`; what is searched for is in no address, and so in nobody's log."""
        return await answer(request, body.request())

    @router.get(
        "/suggest",
        summary="Complete what is being typed",
        responses=gives(Suggestions, "Names, best first.", examples.SUGGESTIONS) | refuses(422),
    )
    async def suggest(
        request: Request,
        q: Annotated[QueryText, Query(description="What was typed so far.", examples=["lipi"])],
        limit: Annotated[
            int, Query(ge=1, le=MOST_SUGGESTIONS, description="How many suggestions.")
        ] = 10,
    ) -> Response:
        """Give brands, generics, classes and uses that begin so.

        From the fourth letter on, also those that are spelled a little differently.
        """
        kept = searcher.kept_suggestions(q, limit)
        if kept is None:
            kept = await run_in_threadpool(searcher.suggest, q, limit)
        return json_reply(request, Suggestions(q, kept))

    return router
