"""The OpenAPI document: valid, complete, and true to the types that are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from rxindex.api.app import create_app
from rxindex.api.guard import is_open
from rxindex.api.keys import KeyRing, add_key
from rxindex.api.openapi import SENT
from rxindex.api.options import ApiOptions
from rxindex.index.catalogue import Catalogue
from rxindex.search.answer import Hit
from rxindex.search.searcher import Searcher
from rxindex.vocabulary import Vocabulary

Document = dict[str, Any]


def make(vocabulary: Vocabulary, options: ApiOptions | None = None) -> Document:
    """The document of an application whose Redis nobody asks."""
    with redis.Redis() as client:
        return create_app(Searcher(Catalogue(client, "drugs"), None, vocabulary), options).openapi()


@pytest.fixture(scope="module")
def document(vocabulary: Vocabulary) -> Document:
    return make(vocabulary)


def operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, one in document["paths"].items():
        for method, operation in one.items():
            yield f"{method.upper()} {path}", operation


def contents(operation: Document) -> Iterator[tuple[str, str, Document]]:
    for status, response in operation["responses"].items():
        for media_type, content in response.get("content", {}).items():
            yield status, media_type, content


def test_it_is_valid_and_has_every_operation(document: Document) -> None:
    validate(document)
    assert {name for name, _ in operations(document)} == {
        "GET /search", "POST /search", "GET /suggest", "GET /drugs/{id}",
        "GET /drugs/{id}/alternatives", "GET /packages/{ndc}", "GET /facets",
        "GET /health/live", "GET /health/ready", "GET /metrics", "GET /status",
    }  # fmt: skip


def test_every_operation_says_what_it_is_for(document: Document) -> None:
    tags = {one["name"] for one in document["tags"]}
    for name, operation in operations(document):
        assert operation["summary"], name
        assert set(operation["tags"]) <= tags, name
        assert {"200", "500", "503", "504"} <= set(operation["responses"]), name
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (name, parameter["name"])


def test_every_response_has_a_schema_and_an_example_that_fits_it(document: Document) -> None:
    for name, operation in operations(document):
        for status, media_type, content in contents(operation):
            if media_type.startswith("text/"):
                continue
            assert media_type == (
                "application/json" if status == "200" else "application/problem+json"
            )
            schema = content["schema"] | {"components": document["components"]}
            errors = list(OAS31Validator(schema).iter_errors(content["example"]))
            assert errors == [], (name, status)


def test_every_example_of_a_request_fits_its_schema(document: Document) -> None:
    body = document["paths"]["/search"]["post"]["requestBody"]["content"]["application/json"]
    schema = body["schema"] | {"components": document["components"]}
    assert len(body["examples"]) > 1
    for one in body["examples"].values():
        OAS31Validator(schema).validate(one["value"])


def test_every_property_of_what_is_sent_is_described(document: Document) -> None:
    schemas = document["components"]["schemas"]
    assert {one.__name__ for one in SENT} <= set(schemas)
    for name, schema in schemas.items():
        assert schema["description"], name
        assert "Attributes:" not in schema["description"], name
        for attribute, one in schema["properties"].items():
            assert one.get("description"), (name, attribute)
    hit = schemas["Hit"]
    assert hit["required"] == [one.encode_name for one in msgspec.structs.fields(Hit)]
    assert hit["properties"]["route"]["description"] == "of administration; `route` in JSON."


def test_security_is_described_where_keys_are_asked_for(
    document: Document, vocabulary: Vocabulary, tmp_path: Path
) -> None:
    assert "securitySchemes" not in document["components"]
    file = tmp_path / "keys.json"
    add_key(file, "ward-3")
    guarded = make(vocabulary, ApiOptions(keys=KeyRing(file)))
    validate(guarded)
    assert set(guarded["components"]["securitySchemes"]) == {"bearer", "header"}
    for name, operation in operations(guarded):
        closed = not is_open(name.split()[1])
        assert ("security" in operation) == closed, name
        assert ("401" in operation["responses"]) == closed, name
        assert ("429" in operation["responses"]) == closed, name
