"""How requests and answers are exchanged: formats, parameters, errors (R4, "RESTful API")."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from rxindex.api.fhir.outcome import error_response, refusal
from rxindex.errors import QueryError, RxindexError

__all__ = ["Asked", "Coding", "ExchangeRoute", "read_asked"]

#: What ``_format`` and ``Accept`` may ask for (R4, "Mime Types": the generic types count too).
_FORMATS = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
_ACCEPTED = _FORMATS | {"*/*", "application/*"}
_FHIR_VERSIONS = frozenset({"4.0", "4.0.1"})

_log = logging.getLogger(__name__)


class Coding(msgspec.Struct, frozen=True):
    """A code and whose it is.

    Attributes:
        system: URI of the code system.
        code: in that system.
        version: of the system.
    """

    system: str = ""
    code: str = ""
    version: str = ""


class Asked(msgspec.Struct, frozen=True):
    """What a request asks for.

    Attributes:
        values: names and values of parameters, in order; those without a value are left out.
        codings: of parameters whose value is a Coding.
        resources: names of parameters that hold a resource.
        strict: whether a parameter that is not known is an error (``Prefer: handling=strict``)
            rather than left out.
    """

    values: tuple[tuple[str, str], ...] = ()
    codings: tuple[tuple[str, Coding], ...] = ()
    resources: tuple[str, ...] = ()
    strict: bool = False

    def names(self) -> frozenset[str]:
        """Give the names of all parameters."""
        pairs = (*self.values, *self.codings)
        return frozenset([name for name, _ in pairs]) | frozenset(self.resources)

    def one(self, name: str) -> str:
        """Give the value of a parameter that may be given once; empty where it is not.

        Raises:
            HTTPException: it is given several times.
        """
        found = [value for one, value in self.values if one == name]
        if len(found) > 1:
            raise refusal(400, "invalid", f"{name} is given {len(found)} times; give it once")
        return found[0] if found else ""

    def number(self, name: str, default: int) -> int:
        """Give the value of a parameter that is a whole number, 0 or more.

        Raises:
            HTTPException: it is none.
        """
        text = self.one(name)
        if not text:
            return default
        # Longer ones than Python reads are no numbers of anything here.
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise refusal(400, "value", f"{name} is {text[:40]!r}; give a whole number from 0 on")
        return int(text)

    def flag(self, name: str) -> bool:
        """Give the value of a parameter that is ``true`` or ``false``, the default.

        Raises:
            HTTPException: it is neither.
        """
        text = self.one(name)
        if text not in {"", "true", "false"}:
            raise refusal(400, "value", f"{name} is {text[:40]!r}; give true or false")
        return text == "true"


class ExchangeRoute(APIRoute):
    """A route that speaks FHIR's JSON only, and answers every error with an OperationOutcome."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route's own handler."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                _check_format(request)
                return await answer(request)
            except HTTPException as error:
                return error_response(error)
            except RxindexError as error:
                if not isinstance(error, QueryError):
                    _log.error("%s: %s", type(error).__name__, error)
                return error_response(error)

        return handle


async def read_asked(request: Request) -> Asked:
    """Read the parameters of a request, from its URL and from its body.

    The body of a search is a form; that of an operation is a Parameters resource.

    Raises:
        HTTPException: the body is not that.
    """
    asked = Asked(
        tuple(pair for pair in request.query_params.multi_items() if pair[1]),
        strict=_is_strict(request),
    )
    if request.method != "POST":
        return asked
    body = await request.body()
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if request.url.path.endswith("/_search"):
        return _with_form(asked, body, media_type)
    return _with_parameters(asked, body, media_type)


def _with_form(asked: Asked, body: bytes, media_type: str) -> Asked:
    if body and media_type != "application/x-www-form-urlencoded":
        raise refusal(415, "not-supported", "send a search as application/x-www-form-urlencoded")
    try:
        form = parse_qsl(body.decode(), max_num_fields=100)
    except ValueError as error:
        raise refusal(400, "structure", "the body is no form in UTF-8, or too long") from error
    return msgspec.structs.replace(asked, values=(*asked.values, *form))


def _with_parameters(asked: Asked, body: bytes, media_type: str) -> Asked:
    if not body:
        return asked
    if media_type not in _FORMATS:
        raise refusal(415, "not-supported", "send a Parameters resource as application/fhir+json")
    try:
        sent = msgspec.json.decode(body)
    # The decoder follows nested values as deep as Python's stack goes.
    except (msgspec.DecodeError, RecursionError) as error:
        raise refusal(400, "structure", "the body is no JSON") from error
    if not isinstance(sent, dict) or sent.get("resourceType") != "Parameters":
        raise refusal(400, "structure", "the body is no Parameters resource")
    values, codings, resources = list(asked.values), [], []
    for name, value in _parameters(sent.get("parameter", [])):
        if isinstance(value, Coding):
            codings.append((name, value))
        elif isinstance(value, str):
            values.append((name, value))
        else:
            resources.append(name)
    return msgspec.structs.replace(
        asked, values=tuple(values), codings=tuple(codings), resources=tuple(resources)
    )


def _parameters(listed: object) -> list[tuple[str, str | Coding | None]]:
    """Give name and value of each parameter; None for a resource, or parts."""
    try:
        found = msgspec.convert(listed, list[dict[str, Any]])
        return [(msgspec.convert(one["name"], str), _value(one)) for one in found]
    except (msgspec.ValidationError, KeyError) as error:
        raise refusal(400, "structure", "a parameter has no name, or a wrong value") from error


def _value(parameter: dict[str, Any]) -> str | Coding | None:
    value = next((one for name, one in parameter.items() if name.startswith("value")), None)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return msgspec.convert(value, Coding) if "valueCoding" in parameter else None
    return None if value is None else str(value)


def _check_format(request: Request) -> None:
    """Refuse to answer in what is no JSON of FHIR R4.

    Raises:
        HTTPException: with status 406.
    """
    wanted = request.query_params.get("_format")
    listed = [wanted] if wanted else request.headers.get("accept", "*/*").split(",")
    if not any(map(_is_spoken, listed)):
        raise refusal(
            406, "not-supported", "only JSON of FHIR R4 is spoken here: application/fhir+json"
        )


def _is_spoken(media_range: str) -> bool:
    # A plus in a query string that was not escaped arrives as a blank.
    name, *parameters = media_range.strip().lower().replace("fhir json", "fhir+json").split(";")
    given = dict(one.strip().partition("=")[::2] for one in parameters)
    return (
        name.strip() in _ACCEPTED
        and given.get("fhirversion", "4.0") in _FHIR_VERSIONS
        and given.get("q", "1").rstrip("0.") != ""
    )


def _is_strict(request: Request) -> bool:
    preferred = ",".join(request.headers.getlist("prefer")).replace(";", ",").lower()
    return "handling=strict" in [one.strip() for one in preferred.split(",")]
