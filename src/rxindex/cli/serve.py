"""``rxindex serve``: the HTTP API."""

from __future__ import annotations

import contextlib
import gc
import signal
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, RedisUrl
from rxindex.cli.session import console, tells_errors
from rxindex.config import load_settings
from rxindex.errors import MissingExtra
from rxindex.observe.logs import configure_logging
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["serve"]

#: Open connections, idle ones included; past them the server answers 503 by itself.
_MOST_CONNECTIONS = 2_000


@tells_errors
def serve(
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on. [default: 127.0.0.1]", show_default=False),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port to listen on. [default: 8000]", show_default=False
        ),
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="File of API keys; without one only this machine may ask.", show_default=False
        ),
    ] = None,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Serve the search page, the HTTP API and FHIR, until Ctrl-C or SIGTERM.

    Requests that are under way then are still answered. One process; for more, start several on
    different ports behind a proxy.

    Examples:
      rxindex serve --catalogue demo --port 8080

      rxindex serve --host 0.0.0.0 --keys /etc/rxindex/keys.json --redis rediss://cache.internal
    """  # fmt: skip
    try:
        import uvicorn

        from rxindex.api.app import create_app
        from rxindex.api.options import ApiOptions, in_address
    except ImportError as error:
        raise MissingExtra("the API needs its own extra: pip install 'rxindex[api]'") from error
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir,
        api_host=host, api_port=port, api_keys=keys,
    )  # fmt: skip
    options = ApiOptions.of(settings)
    configure_logging(settings.log_format, settings.log_level)
    with (
        open_catalogue(settings, timeout=settings.api_timeout) as (index, _),
        closing(settings.make_embedder()) as model,
    ):
        index.require_live()
        searcher = Searcher(index, model, load_words(settings))
        searcher.warm()
        # What is in memory by now stays: the garbage collector need not look through it again.
        gc.collect()
        gc.freeze()
        address = f"http://{in_address(settings.api_host)}:{settings.api_port}"
        console.print(f"{address}/   (Ctrl-C stops)", markup=False)
        # uvicorn stops serving at a signal and then raises it again: left at that, SIGTERM would
        # kill this process before it could leave the embedded Redis.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.run(
                create_app(searcher, options),
                host=settings.api_host,
                port=settings.api_port,
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_graceful_shutdown=round(settings.api_timeout) + 1,
            )
