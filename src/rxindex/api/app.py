"""The HTTP API over one catalogue, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from rxindex import __version__
from rxindex.api.bounds import Bounds
from rxindex.api.drug_routes import drug_router
from rxindex.api.fhir import fhir_router
from rxindex.api.guard import HostGuard, KeyGuard
from rxindex.api.keys import KeyRing
from rxindex.api.metrics import open_metrics
from rxindex.api.openapi import describe
from rxindex.api.options import ApiOptions
from rxindex.api.problems import answer_problems
from rxindex.api.rates import Rates
from rxindex.api.search_routes import search_router
from rxindex.api.service_routes import service_router
from rxindex.api.watch import Watch
from rxindex.api.web import web_router
from rxindex.search.searcher import Searcher

__all__ = ["create_app"]

#: Seconds between two looks at the file of keys: a key that was revoked is of use for so long.
_KEYS_STAND = 2.0

_ALLOWED_HEADERS = ("Authorization", "Content-Type", "If-None-Match", "X-API-Key")
_EXPOSED_HEADERS = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")


def create_app(
    searcher: Searcher,
    options: ApiOptions | None = None,
    opened: contextlib.AbstractContextManager[object] | None = None,
) -> FastAPI:
    """Make the application.

    A request passes the log, the host's name, CORS, key and rate, the bounds, and then its route,
    which runs in one of a few threads: the event loop itself never waits for the index.

    Args:
        searcher: answers the queries; safe to use from several threads.
        options: what it is open to, and where its limits are.
        opened: what is left when the application ends, if anything.
    """
    options = options or ApiOptions()
    metrics = open_metrics(searcher.catalogue)
    app = FastAPI(
        title="rxindex",
        version=__version__,
        description="Search a drug catalogue: names, classes, uses, strengths, NDCs; "
        "suggestions while typing, alternatives, safety warnings.",
        # The usual pages for the document load scripts from other people's servers.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(options, opened),
    )
    answer_problems(app)
    app.include_router(search_router(searcher, metrics))
    app.include_router(drug_router(searcher))
    app.include_router(service_router(searcher, metrics))
    app.include_router(fhir_router(searcher))
    app.include_router(web_router())
    app.openapi = describe(app, keys=options.keys is not None)  # type: ignore[method-assign]
    # The last one is passed first.
    app.add_middleware(Bounds, timeout=options.timeout, under_way=options.under_way)
    if options.keys is not None:
        app.add_middleware(KeyGuard, keys=options.keys, rates=_rates(options))
    if options.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.origins,
            allow_methods=("GET", "POST"),
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
        )
    if options.hosts:
        app.add_middleware(HostGuard, hosts=options.hosts)
    app.add_middleware(Watch, metrics=metrics)
    return app


def _rates(options: ApiOptions) -> Rates:
    if options.shared is None:
        return Rates(options.requests_per_minute)
    # Imported here: Windows has no such locks.
    from rxindex.api.shared_rates import SharedRates

    return SharedRates(options.requests_per_minute, options.shared)


def _lifespan(
    options: ApiOptions, opened: contextlib.AbstractContextManager[object] | None
) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = options.threads
        refreshing = (
            asyncio.create_task(_refresh(options.keys)) if options.keys is not None else None
        )
        with opened or contextlib.nullcontext():
            yield
        if refreshing is not None:
            refreshing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await refreshing

    return lifespan


async def _refresh(keys: KeyRing) -> None:
    """Look after the file of keys, in a thread: the file may lie on another machine."""
    own = CapacityLimiter(1)
    while True:
        await asyncio.sleep(_KEYS_STAND)
        await to_thread.run_sync(keys.refresh, limiter=own)
