"""FHIR resources, held against their definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel

__all__ = ["Resource", "issues", "parameters", "validated"]

Resource = dict[str, Any]


def validated(resource: Resource) -> Resource:
    """Check a resource, and those within it, and give it back.

    R4B (4.3.0) stands for R4 (4.0.1): the resources that are served are the same in both. The
    library checks names, types and cardinalities; required codes and emptiness are checked here.
    """
    model = get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    wrong = [*_wrong_codes(model), *_empty(resource)]
    assert not wrong, wrong
    for entry in resource.get("entry", []):
        validated(entry["resource"])
    return resource


def issues(resource: Resource) -> list[tuple[str, str, str]]:
    """Give severity, code and text of each issue of an OperationOutcome."""
    assert resource["resourceType"] == "OperationOutcome"
    return [
        (one["severity"], one["code"], one["details"]["text"])
        for one in validated(resource)["issue"]
    ]


def parameters(**values: object) -> Resource:
    """Make a Parameters resource of strings, whole numbers, flags and codings."""
    types = {str: "valueString", int: "valueInteger", bool: "valueBoolean", dict: "valueCoding"}
    listed = [{"name": name, types[type(value)]: value} for name, value in values.items()]
    return validated({"resourceType": "Parameters", "parameter": listed})


def _wrong_codes(model: BaseModel) -> Iterator[str]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        extra = field.json_schema_extra
        if value is not None and isinstance(extra, dict) and extra.get("enum_values"):
            codes = value if isinstance(value, list) else [value]
            allowed = extra["enum_values"]
            assert isinstance(allowed, list)
            # Where any media type will do, the library lists the words that say so.
            if "mime" not in allowed:
                yield from (f"{name}: {code}" for code in codes if code not in allowed)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, BaseModel):
                yield from _wrong_codes(one)


def _empty(value: object, path: str = "") -> Iterator[str]:
    """Find empty objects, lists and strings, of which FHIR knows none."""
    if value in ({}, [], "", None):
        yield path
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _empty(one, f"{path}.{name}")
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from _empty(one, f"{path}[{place}]")
