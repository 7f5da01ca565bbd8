"""``/health``, ``/metrics`` and ``/status``: how the service is doing."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from rxindex.api import examples
from rxindex.api.answers import Health
from rxindex.api.latest import Latest
from rxindex.api.metrics import ServiceMetrics
from rxindex.api.openapi import gives, refuses
from rxindex.api.replies import json_reply
from rxindex.api.status import ServiceStatus, read_service_status
from rxindex.errors import IndexUnavailable
from rxindex.search.searcher import Searcher

__all__ = ["service_router"]

#: Seconds for which an answer stands. Whoever watches asks every few seconds.
_READY_STANDS = 1.0
_STATUS_STANDS = 2.0

#: Seconds to wait for the index: a load balancer waits no longer itself.
_READY_WAITS = 2.0

_TEXT = "text/plain; version=0.0.4; charset=utf-8"


def service_router(searcher: Searcher, metrics: ServiceMetrics | None) -> APIRouter:
    """Make the routes that tell how the service is doing.

    Args:
        searcher: whose index is asked.
        metrics: what is told at ``/metrics``; without them there is no such route.
    """
    router = APIRouter(tags=["service"])
    generation = Latest(lambda: searcher.catalogue.require_live().name, _READY_STANDS)
    known = Latest(lambda: read_service_status(searcher.catalogue), _STATUS_STANDS)

    @router.get(
        "/health/live",
        summary="The process runs",
        responses=gives(Health, "It does.", {"status": "ok", "generation": ""}),
    )
    async def live() -> Response:
        """Asks nothing of the index: a restart would not bring that back."""
        return _unkept(Health())

    @router.get(
        "/health/ready",
        summary="An index answers",
        responses=gives(Health, "It does.", {"status": "ok", "generation": "g3"}) | refuses(503),
    )
    async def ready() -> Response:
        """Whether searches should be sent here."""
        try:
            name = await generation.get(_READY_WAITS)
        except TimeoutError:
            raise IndexUnavailable(f"Redis did not answer within {_READY_WAITS:g} s") from None
        return _unkept(Health(generation=name))

    @router.get(
        "/status",
        summary="Index, runs, quarantine: what operators look at",
        responses=gives(ServiceStatus, "What there is to tell.", examples.STATUS),
    )
    async def status(request: Request) -> Response:
        """At most two seconds old. Times are ISO 8601 in UTC, durations and ages are seconds."""
        return json_reply(request, await known.get())

    if metrics is not None:
        exposition = Latest(metrics.exposition, _READY_STANDS)

        @router.get(
            "/metrics",
            summary="Metrics for Prometheus",
            responses={200: {"description": "The text format.", "content": {_TEXT: {}}}},
            response_class=_Exposition,
        )
        async def tell_metrics() -> Response:
            return _Exposition(await exposition.get())

    return router


class _Exposition(Response):
    media_type = _TEXT


def _unkept(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")
