"""``rxindex serve``: the HTTP API."""

from __future__ import annotations

import contextlib
import functools
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, RedisUrl
from rxindex.cli.session import console, tells_errors
from rxindex.config import load_settings
from rxindex.cores import cores
from rxindex.errors import ConfigurationError, MissingExtra
from rxindex.observe.logs import configure_logging
from rxindex.wiring import open_catalogue

__all__ = ["serve"]

#: Open connections, idle ones included; past them the server answers 503 by itself.
_MOST_CONNECTIONS = 2_000
#: More than that is a slip of the finger.
_MOST_WORKERS = 256
#: Seconds in which a worker must give a sign of life, its Python's start included.
_HEALTH_CHECK = 20


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
    workers: Annotated[
        str, typer.Option(help="Processes that answer: a number, or auto for one a core.")
    ] = "1",
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Serve the search page, the HTTP API and FHIR, until Ctrl-C or SIGTERM.

    Requests that are under way then are still answered. One process answers some hundreds of
    different searches a second; each has its own copy of the names and of the model in memory.

    Examples:
      rxindex serve --catalogue demo --port 8080

      rxindex serve --host 0.0.0.0 --keys /etc/rxindex/keys.json --redis rediss://cache.internal

      rxindex serve --workers auto
    """  # fmt: skip
    try:
        import uvicorn

        from rxindex.api.app import create_app
        from rxindex.api.options import ApiOptions, in_address
        from rxindex.api.workers import open_searcher, shared_by_workers
    except ImportError as error:
        raise MissingExtra("the API needs its own extra: pip install 'rxindex[api]'") from error
    count = cores() if workers == "auto" else _number(workers)
    given: dict[str, Any] = {
        "redis": redis, "catalogue": catalogue, "embedder": embedder, "data_dir": data_dir,
        "api_host": host, "api_port": port, "api_keys": keys,
    }  # fmt: skip
    settings = load_settings(config, **given)
    options = ApiOptions.of(settings)
    configure_logging(settings.log_format, settings.log_level)
    address = f"http://{in_address(settings.api_host)}:{settings.api_port}"
    run = functools.partial(
        uvicorn.run,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=round(settings.api_timeout) + 1,
        timeout_worker_healthcheck=_HEALTH_CHECK,
    )
    # uvicorn stops serving at a signal and then raises it again: left at that, SIGTERM would
    # kill this process before it could leave the embedded Redis.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.ExitStack() as opened, contextlib.suppress(KeyboardInterrupt):
        if count == 1:
            searcher = opened.enter_context(open_searcher(settings))
            console.print(f"{address}/   (Ctrl-C stops)", markup=False)
            run(create_app(searcher, options))
            return
        index, _ = opened.enter_context(open_catalogue(settings))
        index.require_live()
        opened.enter_context(shared_by_workers(given | {"config": config}))
        console.print(f"{address}/   (Ctrl-C stops)", markup=False)
        run("rxindex.api.workers:make_app", factory=True, workers=count)


def _number(workers: str) -> int:
    if not workers.isdecimal() or not 1 <= int(workers) <= _MOST_WORKERS:
        raise ConfigurationError(
            f"--workers is a number from 1 to {_MOST_WORKERS}, or auto, not {workers!r}"
        )
    return int(workers)
