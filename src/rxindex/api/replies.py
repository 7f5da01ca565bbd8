"""JSON replies, and those that say that nothing has changed."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import Response

__all__ = ["json_reply"]

#: A browser may keep what it was told, but asks each time whether it still holds; no cache
#: between it and the service may: what somebody looks for is nobody else's business.
_KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key"}


def json_reply(request: Request, value: Any) -> Response:
    """Answer with a value as JSON; with 304 if who asks has it already.

    The entity tag is a strong one (RFC 9110, section 8.8.3): the same bytes have the same tag.
    Only GET has one. A POST is answered for this once.

    Args:
        request: what is answered.
        value: anything that msgspec encodes.
    """
    content = msgspec.json.encode(value)
    if request.method != "GET":
        return Response(content, media_type="application/json")
    headers = _KEPT | {"ETag": f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'}
    if _is_known(headers["ETag"], request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def _is_known(tag: str, fields: list[str]) -> bool:
    """Compare a tag with those of ``If-None-Match``, weakly as section 13.1.2 has it."""
    known = (one.strip().removeprefix("W/") for field in fields for one in field.split(","))
    return any(one in ("*", tag) for one in known)
