"""The OpenAPI document: complete, from the types that are sent.

Answers are msgspec structs, which FastAPI does not know. Their schemas are made here, with the
descriptions that stand in their docstrings.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import msgspec.inspect
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from rxindex.api.answers import DrugRecord, Health, PackageHolders, Suggestions
from rxindex.api.guard import is_open
from rxindex.api.problems import MEDIA_TYPE, Problem, title_of
from rxindex.api.status import ServiceStatus
from rxindex.search.answer import Alternatives, Answer, FacetValue

__all__ = ["FACETS", "SENT", "describe", "gives", "query_parameters", "refuses"]

#: What is sent, beside what it is made of.
SENT = (
    Answer, Suggestions, DrugRecord, PackageHolders, Alternatives, FacetValue, ServiceStatus,
    Health, Problem,
)  # fmt: skip
_REFERENCE = "#/components/schemas/{name}"

#: Responses of any operation, for reasons that have nothing to do with what was asked.
_ANYWHERE = (408, 414, 421, 431, 500, 503, 504)
_WITH_KEYS = (401, 429)
_REPLACED = frozenset({"HTTPValidationError", "ValidationError"})

#: In the section "Attributes" of a docstring: a name, and what is said of it.
_ATTRIBUTE = re.compile(r"^    (\w+): (.*\n(?:     +.*\n|\n)*)", re.MULTILINE)

_REASONS = {
    400: "The body is no text in UTF-8.",
    401: "No API key was given, or one that is unknown.",
    404: "There is no such thing in the catalogue.",
    408: "The request did not arrive in time.",
    413: "The body is too large.",
    414: "Path and query are too long.",
    421: "The service does not answer for the host that was asked.",
    422: "What is asked for is no question; `errors` has each fault.",
    429: "The key's requests of this minute are used up; `Retry-After` says when to come back.",
    431: "The header fields are too large.",
    500: "The service can't answer; its log says why.",
    503: "The index does not answer, or too many requests are under way; ask again.",
    504: "It took too long.",
}

_KEYS = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The API key as a bearer token (RFC 6750).",
    },
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key in a header of its own.",
    },
}

_TAGS = [
    {"name": "search", "description": "From words to drugs."},
    {"name": "drugs", "description": "What the catalogue holds."},
    {"name": "service", "description": "How the service is doing."},
]

#: Facets of the whole catalogue, by the name of the filter.
FACETS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {
        "type": "array",
        "items": {"$ref": _REFERENCE.format(name="FacetValue")},
    },
}


def gives(kind: type | dict[str, Any], description: str, example: Any) -> dict[int | str, Any]:
    """Describe the response of an operation that went well.

    Args:
        kind: the struct that is sent, one of those in this module's list; or a JSON schema.
        description: of the response.
        example: of the content.
    """
    schema = kind if isinstance(kind, dict) else {"$ref": _REFERENCE.format(name=kind.__name__)}
    content = {"application/json": {"schema": schema, "example": example}}
    return {200: {"description": description, "content": content}}


def refuses(*statuses: int) -> dict[int | str, Any]:
    """Describe the responses of an operation that tell problems."""
    return {status: _problem(status) for status in statuses}


def query_parameters(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Describe the fields of a model as parameters of a query string."""
    schema = model.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema["required"],
            "description": one.pop("description"),
            "schema": one,
        }
        for name, one in schema["properties"].items()
    ]


def describe(app: FastAPI, *, keys: bool) -> Callable[[], dict[str, Any]]:
    """Give what makes the document of an application; it is made once.

    Args:
        app: with all its routes.
        keys: whether it asks for API keys.
    """

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, keys=keys)
        return app.openapi_schema

    return document


def _document(app: FastAPI, *, keys: bool) -> dict[str, Any]:
    made: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=_TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    components = made["components"]
    # Not FastAPI's own for a request that is not valid: that is told by a problem.
    own = {name: one for name, one in components["schemas"].items() if name not in _REPLACED}
    components["schemas"] = own | _schemas()
    if keys:
        components["securitySchemes"] = _KEYS
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _complete(operation, keys=keys and not is_open(path))
    return made


def _complete(operation: dict[str, Any], *, keys: bool) -> None:
    """Add what is the same for all operations."""
    responses = operation["responses"]
    for status in (*_ANYWHERE, *(_WITH_KEYS if keys else ())):
        responses.setdefault(str(status), _problem(status))
    if keys:
        operation["security"] = [{name: []} for name in _KEYS]


def _problem(status: int) -> dict[str, Any]:
    example = {"title": title_of(status), "status": status, "detail": _REASONS[status]}
    schema = {"$ref": _REFERENCE.format(name="Problem")}
    return {
        "description": _REASONS[status],
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }


def _schemas() -> dict[str, Any]:
    """Make the schemas of everything that is sent."""
    _, schemas = msgspec.json.schema_components(SENT, ref_template=_REFERENCE)
    for struct in _structs(SENT):
        _describe_struct(struct, schemas[struct.__name__])
    return dict(sorted(schemas.items()))


def _structs(kinds: Iterable[type]) -> set[type[msgspec.Struct]]:
    """Give structs and those that their fields hold, however deep."""
    found: set[type[msgspec.Struct]] = set()
    waiting = list(msgspec.inspect.multi_type_info(kinds))
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.inspect.StructType):
            if one.cls in found:
                continue
            found.add(one.cls)
            waiting += [field.type for field in one.fields]
        for name in ("item_type", "value_type"):
            if (held := getattr(one, name, None)) is not None:
                waiting.append(held)
        waiting += [*getattr(one, "item_types", ()), *getattr(one, "types", ())]
    return found


def _describe_struct(struct: type[msgspec.Struct], schema: dict[str, Any]) -> None:
    """Take the descriptions from a struct's docstring; say which properties are always there."""
    described: dict[str, str] = {}
    # From the oldest class on, so that what a newer one says of an attribute is what stands.
    for one in reversed(struct.__mro__[: struct.__mro__.index(msgspec.Struct)]):
        text, _, attributes = inspect.cleandoc(one.__doc__ or "").partition("\n\nAttributes:\n")
        schema["description"] = _plain(text)
        described |= {name: _plain(says) for name, says in _ATTRIBUTE.findall(attributes + "\n")}
    properties = schema["properties"]
    for field in msgspec.structs.fields(struct):
        shown = properties[field.encode_name]
        shown.pop("default", None)
        if says := described.get(field.name):
            shown["description"] = says
    if not struct.__struct_config__.omit_defaults:
        schema["required"] = list(properties)


def _plain(text: str) -> str:
    """Write a docstring's text on one line, code as Markdown has it."""
    return " ".join(text.split()).replace("``", "`")
