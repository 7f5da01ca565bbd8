"""The HTTP API over one catalogue."""

from __future__ import annotations

import logging
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response

from rxindex import __version__
from rxindex.errors import (
    CatalogueNotIndexed,
    QueryError,
    RxindexError,
    TransientError,
)
from rxindex.search.searcher import MOST_HITS, Searcher
from rxindex.search.understand import LONGEST_QUERY

__all__ = ["create_app"]

_log = logging.getLogger(__name__)


def create_app(searcher: Searcher) -> FastAPI:
    """Make the application.

    Args:
        searcher: answers the queries; safe to use from several threads.
    """
    app = FastAPI(title="rxindex", version=__version__, description="Search a drug catalogue.")

    @app.exception_handler(RxindexError)
    def tell(request: Request, error: RxindexError) -> Response:
        return problem(error)

    @app.get("/search", summary="Search for drugs")
    def search(
        q: Annotated[str, Query(min_length=1, max_length=LONGEST_QUERY, examples=["lipitor"])],
        limit: Annotated[int, Query(ge=1, le=MOST_HITS)] = 10,
    ) -> Response:
        return as_json(searcher.search(q, limit))

    @app.get("/packages/{ndc}", summary="The drugs that hold a package")
    def package(ndc: str) -> Response:
        drugs = searcher.package(ndc)
        return as_json({"ndc": ndc, "drugs": drugs}, 200 if drugs else 404)

    @app.get("/health/live", summary="The process runs")
    def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/health/ready", summary="An index answers")
    def ready() -> dict[str, str]:
        return {"status": "ok", "generation": searcher.catalogue.require_live().name}

    return app


def as_json(value: Any, status: int = 200) -> Response:
    """Answer with a value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(error: RxindexError) -> Response:
    """Answer with problem details (RFC 9457)."""
    if isinstance(error, QueryError):
        status = 422
    elif isinstance(error, CatalogueNotIndexed | TransientError):
        status = 503
    else:
        status = 500
    content = {"type": "about:blank", "title": type(error).__name__, "status": status}
    # What went wrong inside (hosts, ports, users) is for the log, not for whoever asks.
    if isinstance(error, QueryError):
        content["detail"] = str(error)
    else:
        _log.error("%s: %s", type(error).__name__, error)
    if isinstance(error, CatalogueNotIndexed):
        content["detail"] = "nothing was indexed yet"
    elif isinstance(error, TransientError):
        content["detail"] = "the index does not answer at the moment; ask again later"
    return JSONResponse(content, status, media_type="application/problem+json")
