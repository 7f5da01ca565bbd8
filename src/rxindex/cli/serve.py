"""``rxindex serve``: the HTTP API."""

from __future__ import annotations

import ipaddress
import signal
from contextlib import closing
from typing import Annotated

import typer

from rxindex.cli.options import Catalogue, ConfigFile, DataDir, EmbedderName, RedisUrl
from rxindex.cli.session import console, tells_errors
from rxindex.config import load_settings
from rxindex.errors import ConfigurationError, MissingExtra
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["serve"]


@tells_errors
def serve(
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    redis: RedisUrl = None,
    catalogue: Catalogue = None,
    embedder: EmbedderName = None,
    data_dir: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Serve the search API on this machine: /search?q=lipitor, /packages/{ndc}, /docs.

    Example:
      rxindex serve --catalogue demo --port 8080
    """
    try:
        import uvicorn

        from rxindex.api.app import create_app
    except ImportError as error:
        raise MissingExtra("the API needs its own extra: pip install 'rxindex[api]'") from error
    if host != "localhost" and not _loopback(host):
        raise ConfigurationError(
            f"{host} is open to other machines and the API asks for no key yet: listen on "
            "127.0.0.1 and put a proxy that checks who asks in front"
        )
    settings = load_settings(
        config, redis=redis, catalogue=catalogue, embedder=embedder, data_dir=data_dir
    )
    with (
        open_catalogue(settings) as (index, _),
        closing(settings.make_embedder()) as model,
    ):
        index.require_live()
        shown = f"[{host}]" if ":" in host else host
        console.print(f"http://{shown}:{port}/search?q=lipitor   (Ctrl-C stops)", markup=False)
        app = create_app(Searcher(index, model, load_words(settings)))
        # uvicorn stops serving at SIGTERM and then raises it again: left at that, it would kill
        # this process before it could leave the embedded Redis.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        uvicorn.run(app, host=host, port=port, log_level="warning")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
