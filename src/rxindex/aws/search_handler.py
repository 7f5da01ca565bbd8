"""The Lambda that answers searches: the HTTP API behind an API Gateway HTTP API.

The handler is `lambda_handler`; its event is an HTTP request as API Gateway writes it for an HTTP
API with payload version 2.0. What the API answers is `rxindex.api.app`'s business, Mangum
translates. Connections are made by the first request and kept while the environment is warm; where
that fails the answer is problem details (RFC 9457), as the API's own are, and the next request
tries anew.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Mapping
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from rxindex.aws.connections import Connections, may_be_stale
from rxindex.aws.logs import invocation_logged
from rxindex.embed import Embedder, create_embedder
from rxindex.errors import (
    ConfigurationError,
    MissingExtra,
    QueryError,
    RxindexError,
    TransientError,
)
from rxindex.index.catalogue import Catalogue
from rxindex.index.connect import Client, connect
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words

try:
    from fastapi import FastAPI, Request, Response
    from mangum import Mangum
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

    from rxindex.api.app import create_app
    from rxindex.api.options import ApiOptions
except ModuleNotFoundError as error:
    raise MissingExtra(
        "the search function needs the API and Mangum: pip install 'rxindex[lambda]'"
    ) from error

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from rxindex.config import Settings
    from rxindex.vocabulary import Vocabulary

__all__ = ["SearchFunction", "lambda_handler"]

#: Seconds. API Gateway gives up after 30: better to say after a few that the index is away.
_REDIS_TIMEOUT = 3.0
_REDIS_PATIENCE = 2
#: Seconds for which the model may keep a search waiting; it then goes on by words alone.
_MODEL_TIMEOUT = 3.0
#: Calls of the model under way at once: an environment answers one request at a time.
_MODEL_CALLS = 2

#: API Gateway asks who asks, and how often; it gives up after 30 seconds itself.
_OPTIONS = ApiOptions(timeout=25.0)

#: What is handed to API Gateway as it is; anything else goes through Base64.
_TEXT = [*DEFAULT_TEXT_MIME_TYPES, "application/problem+json", "application/fhir+json"]

_log = logging.getLogger(__name__)


class SearchFunction:
    """Answers requests, and keeps what it takes to do so.

    Args:
        connections: where the settings and credentials come from.
    """

    def __init__(self, connections: Connections | None = None) -> None:
        self._connections = connections or Connections(database=False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._gateway: Mangum | None = None
        self._embedder: Embedder | None = None
        self._vocabulary: Vocabulary | None = None
        self._stale = False

    def answer(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer a request.

        Args:
            event: the request, as API Gateway writes it.
            context: of the invocation.

        Returns:
            The response, as API Gateway reads it. Where a password has changed since the last
            request, that of a second try with the new one.

        Raises:
            QueryError: the event is no HTTP request.
        """
        _check_request(event)
        return self._ask_twice(event, context)

    def close(self) -> None:
        """Let go of connections and threads."""
        self._disconnect()
        if self._embedder is not None:
            self._embedder.close()
            self._embedder = None
        if self._loop is not None:
            asyncio.set_event_loop(None)
            self._loop.close()
            self._loop = None

    def _ask_twice(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Let the API answer; with a new connection once more if the credentials have changed."""
        self._stale = False
        response = self._ask(event, context)
        if not self._stale:
            return response
        try:
            changed = self._connections.refresh()
        except RxindexError as error:
            return _problem(error)
        if not changed:
            return response
        _log.warning("the credentials have changed: connecting to Redis anew")
        self._disconnect()
        return self._ask(event, context)

    def _ask(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Let the API answer; connect first if that has not been done."""
        if self._gateway is None:
            try:
                self._gateway = self._connections.with_fresh(self._open)
            except RxindexError as error:
                return _problem(error)
        # What the annotation leaves out: that it reads any mapping.
        return self._gateway(event, context)  # type: ignore[arg-type]

    def _open(self, settings: Settings) -> Mangum:
        """Connect, and put the API over the connection."""
        if settings.redis is None:
            raise ConfigurationError(
                "RXINDEX_REDIS is not set: set it to the address without user and password, "
                "rediss://host:6379/0"
            )
        client = connect(
            settings.redis.get_secret_value(),
            ca_certs=str(settings.redis_ca) if settings.redis_ca else None,
            timeout=_REDIS_TIMEOUT,
            patience=_REDIS_PATIENCE,
            catalogue=settings.catalogue,
        )
        self._client = client
        if self._embedder is None:
            self._embedder = _query_embedder(settings)
        if self._vocabulary is None:
            self._vocabulary = load_words(settings)
        searcher = Searcher(Catalogue(client, settings.catalogue), self._embedder, self._vocabulary)
        app = create_app(searcher, _OPTIONS)
        self._notice_denials(app)
        if self._loop is None:
            # Mangum runs the API on the thread's loop, and Python makes none by itself any more.
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return Mangum(app, lifespan="off", text_mime_types=_TEXT)

    def _notice_denials(self, app: FastAPI) -> None:
        """Note errors that a changed password may have caused; the API answers them as it does."""
        answer: Any = app.exception_handlers[RxindexError]

        async def notice(request: Request, error: Exception) -> Response:
            if isinstance(error, RxindexError) and may_be_stale(error):
                self._stale = True
            response = answer(request, error)
            answered: Response = await response if isawaitable(response) else response
            return answered

        app.add_exception_handler(RxindexError, notice)

    def _disconnect(self) -> None:
        """Let go of Redis; the next request connects anew."""
        self._gateway = None
        if self._client is not None:
            self._client.close()
            self._client = None


def _check_request(event: Any) -> None:
    """Make sure that an event is a request.

    Raises:
        QueryError: it is none.
    """
    match event:
        case {
            "version": "2.0",
            "headers": dict(),
            "requestContext": {"http": {"method": str(), "path": str(), "sourceIp": str()}},
        }:
            return
    raise QueryError(
        "this function answers HTTP requests from an API Gateway HTTP API (payload version 2.0), "
        "and this event is none"
    )


def _query_embedder(settings: Settings) -> Embedder:
    """Make the embedder for one short text at a time, which somebody waits for."""
    if settings.embedder != "titan":
        return settings.make_embedder()
    options: dict[str, Any] = {
        "model": settings.titan_model,
        "region": settings.titan_region,
        "endpoint_url": settings.titan_endpoint,
        "max_concurrency": _MODEL_CALLS,
        "retry_seconds": _MODEL_TIMEOUT,
        "read_timeout": _MODEL_TIMEOUT,
    }
    if settings.dimensions is not None:
        options["dimensions"] = settings.dimensions
    return create_embedder("titan", **options)


def _problem(error: RxindexError) -> dict[str, Any]:
    """Answer with problem details where there is no API yet to do so."""
    # What went wrong inside (hosts, accounts, secrets' names) is for the log.
    _log.error("%s: %s", type(error).__name__, error)
    away = isinstance(error, TransientError)
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": type(error).__name__,
        "status": 503 if away else 500,
    }
    if away:
        content["detail"] = "the index does not answer at the moment; ask again later"
    return {
        "statusCode": content["status"],
        "headers": {"content-type": "application/problem+json"},
        "body": json.dumps(content),
        "isBase64Encoded": False,
    }


@functools.cache
def _function() -> SearchFunction:
    """Give what is kept while the environment is warm."""
    return SearchFunction()


def lambda_handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request (see `SearchFunction.answer`).

    Args:
        event: the request, as API Gateway writes it.
        context: of the invocation.

    Raises:
        ConfigurationError: a setting of the function has an impossible value.
        QueryError: the event is no HTTP request.
    """
    with invocation_logged(context):
        return _function().answer(event, context)
