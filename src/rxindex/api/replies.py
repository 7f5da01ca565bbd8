"""JSON replies, and those that say that nothing has changed."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from fastapi import Request
from fastapi.responses import Response

__all__ = ["is_known", "json_reply"]

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
    if is_known(headers["ETag"], request):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


def is_known(tag: str, request: Request) -> bool:
    """Tell whether who asks has the content with an entity tag already.

    Args:
        tag: compared with those of ``If-None-Match``, weakly as RFC 9110, section 13.1.2 has it.
        request: what is answered.
    """
    fields = request.headers.getlist("if-none-match")
    known = (one.strip().removeprefix("W/") for field in fields for one in field.split(","))
    return any(one in ("*", tag) for one in known)
