"""Serves the pages and their files, which are read once: what is not there can't be asked for."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from rxindex.api.replies import is_known

__all__ = ["CONTENT_SECURITY_POLICY", "web_router"]

_FOLDER = Path(__file__).parent / "static"

#: By the end of the name. Browsers refuse a module of any other type.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

#: Nothing but the server's own files, nothing inline, no frames around the pages; and no script
#: may turn text into markup (trusted types), so that a name in a catalogue stays a name.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

#: A page's address holds the query, which nobody else has to know.
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class _File(msgspec.Struct, frozen=True):
    """A file as it is sent.

    Attributes:
        content: all of it.
        media_type: of the content.
        etag: strong entity tag (RFC 9110, section 8.8.3).
    """

    content: bytes
    media_type: str
    etag: str


def web_router() -> APIRouter:
    """Make the routes ``/``, ``/operators`` and ``/static/{name}``.

    They need no API key: they hold no data. The pages ask the API for it, by addresses relative
    to their own, so that the application may stand under any path.
    """
    files = {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.is_file()}
    router = APIRouter(include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def search_page(request: Request) -> Response:
        return _send(request, files["search.html"])

    @router.api_route("/operators", methods=["GET", "HEAD"])
    async def operators_page(request: Request) -> Response:
        return _send(request, files["operators.html"])

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def static_file(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return _send(request, files[name])

    return router


def _read(path: Path) -> _File:
    content = path.read_bytes()
    return _File(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def _send(request: Request, file: _File) -> Response:
    headers = _HEADERS | {"ETag": file.etag}
    if is_known(file.etag, request):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
