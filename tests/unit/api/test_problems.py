"""Problem details: told in RFC 9457's words, without what is inside."""

from __future__ import annotations

import msgspec
import pytest

from rxindex import errors
from rxindex.api.problems import MEDIA_TYPE, explain, refuse
from rxindex.errors import QueryError, RxindexError, Throttled

SECRET = "rediss://user:geheim@cache.internal:6379"
ALL = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_only_errors_of_the_query_are_told_as_they_are(kind: type[RxindexError]) -> None:
    problem, headers = explain(kind(SECRET))
    assert problem.title == kind.__name__
    assert problem.type == f"urn:rxindex:problem:{kind.__name__}"
    assert problem.status == (
        422
        if kind is QueryError
        else 503
        if issubclass(kind, errors.TransientError | errors.CatalogueNotIndexed)
        else 500
    )
    assert ("geheim" in problem.detail) == (kind is QueryError)
    assert "cache" not in str(headers)


def test_who_should_come_again_is_told_when() -> None:
    _, headers = explain(Throttled("slow down", 60.0))
    assert int(headers["Retry-After"]) > 0


def test_a_problem_names_its_request() -> None:
    scope = {"type": "http", "path": "/search", "state": {"request_id": "0b0e"}}
    response = refuse(scope, 404, "there is nothing", {"X-Other": "1"})
    assert response.media_type == MEDIA_TYPE
    assert response.headers["x-other"] == "1"
    assert msgspec.json.decode(response.body) == {
        "title": "Not Found", "status": 404, "detail": "there is nothing",
        "instance": "urn:uuid:0b0e",
    }  # fmt: skip


def test_below_fhir_a_problem_is_an_outcome() -> None:
    response = refuse({"type": "http", "path": "/fhir/metadata"}, 429, "too many")
    assert response.media_type == "application/fhir+json"
    assert msgspec.json.decode(response.body)["resourceType"] == "OperationOutcome"
