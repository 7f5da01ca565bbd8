"""OperationOutcome: what FHIR answers where something went wrong, or should be known besides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from fastapi import HTTPException
from fastapi.responses import Response

from rxindex.api.problems import explain
from rxindex.errors import RxindexError

__all__ = [
    "MEDIA_TYPE",
    "Severity",
    "error_response",
    "fhir_response",
    "issue",
    "outcome",
    "refusal",
]

MEDIA_TYPE = "application/fhir+json"

Severity = Literal["error", "warning", "information"]

#: R4's issue type (http://hl7.org/fhir/issue-type) for statuses that are decided elsewhere.
_ISSUE_TYPES = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported",
    406: "not-supported", 413: "too-long", 415: "not-supported", 422: "invalid",
    429: "throttled", 500: "exception", 503: "transient", 504: "timeout",
}  # fmt: skip


def issue(severity: Severity, code: str, text: str, expression: str = "") -> dict[str, Any]:
    """Make an issue.

    Args:
        severity: how bad it is.
        code: of R4's value set ``issue-type``.
        text: for people.
        expression: FHIRPath of the element that it is about; empty for the whole.
    """
    made: dict[str, Any] = {"severity": severity, "code": code, "details": {"text": text}}
    if expression:
        made["expression"] = [expression]
    return made


def outcome(*issues: dict[str, Any]) -> dict[str, Any]:
    """Make an OperationOutcome of at least one issue."""
    return {"resourceType": "OperationOutcome", "issue": list(issues)}


def refusal(
    status: int, code: str, text: str, headers: Mapping[str, str] | None = None
) -> HTTPException:
    """Make the exception that ends a request with an OperationOutcome.

    Args:
        status: of the response.
        code: of R4's value set ``issue-type``.
        text: what is wrong, and what to do.
        headers: of the response.
    """
    return HTTPException(status, outcome(issue("error", code, text)), dict(headers or {}))


def error_response(error: HTTPException | RxindexError) -> Response:
    """Answer with what went wrong.

    What went wrong inside (hosts, ports, users) is not told; see `rxindex.api.problems`.
    """
    if isinstance(error, RxindexError):
        problem, headers = explain(error)
        told = issue("error", _ISSUE_TYPES.get(problem.status, "processing"), problem.detail)
        return fhir_response(outcome(told), problem.status, headers)
    content: Any = error.detail
    if not isinstance(content, dict):
        told = issue("error", _ISSUE_TYPES.get(error.status_code, "processing"), str(content))
        content = outcome(told)
    return fhir_response(content, error.status_code, error.headers)


def fhir_response(
    resource: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with a resource as JSON."""
    content = msgspec.json.encode(resource)
    return Response(content, status, dict(headers or {}), media_type=MEDIA_TYPE)
