"""What is answered where there is no answer: problem details (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi import HTTPException as FastAPIHTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import Scope

from rxindex.errors import (
    CatalogueNotIndexed,
    QueryError,
    RxindexError,
    TransientError,
)

__all__ = [
    "MEDIA_TYPE",
    "Fault",
    "Problem",
    "answer_problems",
    "explain",
    "problem_response",
    "refuse",
    "request_id",
    "title_of",
]

MEDIA_TYPE = "application/problem+json"

#: Seconds after which to ask again where the index does not answer.
_RETRY_AFTER = 2

#: Names of statuses as RFC 9110 has them, where Python's own depend on its version.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}

_log = logging.getLogger(__name__)


class Fault(msgspec.Struct, frozen=True, rename={"where": "in"}):
    """A part of a request that is not as it has to be.

    Attributes:
        where: ``query``, ``path``, ``header`` or ``body``; ``in`` in JSON.
        name: of the parameter; in a body the path to the value, with dots.
        detail: what is wrong with it.
    """

    where: str
    name: str
    detail: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why there is no answer (RFC 9457).

    Attributes:
        title: the same for every problem of this kind: the error's name, or that of the status.
        status: of the response.
        type: ``urn:rxindex:problem:`` and the error's name, or ``about:blank`` where the status
            says it all.
        detail: what happened this time, and what to do.
        instance: the request, as the log of the service names it too.
        errors: each part of the request that was refused.
    """

    title: str
    status: int
    type: str = "about:blank"
    detail: str = ""
    instance: str = ""
    errors: tuple[Fault, ...] = ()


def explain(error: RxindexError) -> tuple[Problem, Mapping[str, str]]:
    """Say what an error means to whoever asked.

    What went wrong inside (hosts, ports, users) is for the log.

    Returns:
        The problem, and headers for the response.
    """
    title = type(error).__name__
    headers: dict[str, str] = {}
    if isinstance(error, QueryError):
        status, detail = 422, str(error)
    elif isinstance(error, CatalogueNotIndexed):
        status, detail = 503, "nothing was indexed yet"
    elif isinstance(error, TransientError):
        status, detail = 503, "the index does not answer at the moment; ask again later"
        headers["Retry-After"] = str(_RETRY_AFTER)
    else:
        status, detail = 500, "the service can't answer; its log says why"
    return Problem(title, status, f"urn:rxindex:problem:{title}", detail), headers


def problem_response(
    scope: Scope, problem: Problem, headers: Mapping[str, str] | None = None
) -> Response:
    """Make the response that tells a problem; under ``/fhir`` it is told as FHIR has it."""
    if scope.get("path", "").startswith("/fhir/"):
        # Imported here: it stands on this module.
        from rxindex.api.fhir.outcome import error_response

        told = problem.detail or problem.title
        return error_response(FastAPIHTTPException(problem.status, told, dict(headers or {})))
    if known := request_id(scope):
        problem = msgspec.structs.replace(problem, instance=f"urn:uuid:{known}")
    content = msgspec.json.encode(problem)
    return Response(content, problem.status, dict(headers or {}), media_type=MEDIA_TYPE)


def refuse(
    scope: Scope, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Make the response that tells a problem of HTTP's own."""
    return problem_response(scope, Problem(title_of(status), status, detail=detail), headers)


def title_of(status: int) -> str:
    """Give the name of a status (RFC 9110, section 15)."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def request_id(scope: Scope) -> str:
    """Give the id that the request was given, or nothing where it was given none."""
    state: Mapping[str, Any] = scope.get("state") or {}
    return str(state.get("request_id", ""))


def answer_problems(app: FastAPI) -> None:
    """Let an application answer every error of rxindex, FastAPI and Starlette with a problem."""

    @app.exception_handler(RxindexError)
    async def tell(request: Request, error: RxindexError) -> Response:
        problem, headers = explain(error)
        if not isinstance(error, QueryError):
            _log.error("%s: %s", problem.title, error, extra={"request": request_id(request.scope)})
        return problem_response(request.scope, problem, headers)

    @app.exception_handler(HTTPException)
    async def tell_status(request: Request, error: HTTPException) -> Response:
        # Starlette puts the status' own phrase where nobody said more.
        phrase = HTTPStatus(error.status_code).phrase
        detail = "" if error.detail == phrase else str(error.detail)
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = _methods(app, request.scope) or headers["Allow"]
        return refuse(request.scope, error.status_code, detail, headers)

    @app.exception_handler(RequestValidationError)
    async def tell_faults(request: Request, error: RequestValidationError) -> Response:
        faults = tuple(_fault(one["loc"], one["msg"]) for one in error.errors())
        problem = Problem(
            "InvalidRequest",
            422,
            "urn:rxindex:problem:InvalidRequest",
            "; ".join(f"{one.name or one.where}: {one.detail}" for one in faults),
            errors=faults,
        )
        return problem_response(request.scope, problem)


def _methods(app: FastAPI, scope: Scope) -> str:
    """Give the methods that a path has. Starlette knows one route's, and a path may have two."""
    operations = app.openapi()["paths"].get(getattr(scope.get("route"), "path", ""), {})
    return ", ".join(sorted(method.upper() for method in operations))


def _fault(place: Sequence[str | int], message: str) -> Fault:
    where, *names = place
    # Where JSON could not be read, the place is a position in the text.
    return Fault(str(where), ".".join(map(str, names)), message)
