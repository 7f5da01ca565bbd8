"""The service does what its OpenAPI document says, whatever Schemathesis makes up to ask it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.schemas import OpenApiSchema
from tests.services.http import HttpService

from rxindex.api.app import create_app
from rxindex.api.keys import KeyRing, add_key
from rxindex.api.options import ApiOptions
from rxindex.search.searcher import Searcher

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.unsupported_method,
    checks.allow_header_conformance,
    checks.negative_data_rejection,
]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A file of keys, and the one that is in it."""
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    yield file, add_key(file, "fuzz", 1_000_000)


@pytest.fixture(scope="module")
def document(searcher: Searcher, key: tuple[Path, str]) -> Iterator[OpenApiSchema]:
    """The document of a service that asks for keys, as the service itself tells it."""
    options = ApiOptions(keys=KeyRing(key[0]))
    with HttpService(create_app(searcher, options)) as service:
        yield schemathesis.openapi.from_url(f"{service.url}/openapi.json")


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Keeps its connection."""
    with requests.Session() as made:
        yield made


schema = schemathesis.pytest.from_fixture("document")


@schema.parametrize()
@settings(
    max_examples=40,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_operation_keeps_its_contract(
    case: schemathesis.Case[Any], session: requests.Session, key: tuple[Path, str]
) -> None:
    response = case.call(session=session, headers={"X-API-Key": key[1]}, timeout=30)
    # What is too large is refused before anybody looks whether it is right.
    kept = CHECKS[:-1] if response.status_code in {413, 414} else CHECKS
    case.validate_response(response, checks=kept)
