"""Several processes that answer at one address, each with a searcher of its own.

They share the socket, Redis, what each key has left, and the counts of their metrics; uvicorn
looks after them and replaces one that dies. A worker is a new Python process and not a copy of
its parent: the model's and the connections' threads would not live in a copy.
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from fastapi import FastAPI

from rxindex.api.app import create_app
from rxindex.api.options import ApiOptions
from rxindex.config import Settings, load_settings
from rxindex.errors import RxindexError
from rxindex.observe.logs import configure_logging
from rxindex.search.searcher import Searcher
from rxindex.wiring import load_words, open_catalogue

__all__ = ["make_app", "open_searcher", "shared_by_workers"]

#: Where the workers find the folder that they share.
_FOLDER = "RXINDEX_SERVE_FOLDER"

#: Seconds before a worker that can't begin makes room for the next try.
_PAUSE = 1.0

_log = logging.getLogger(__name__)


@contextmanager
def open_searcher(settings: Settings) -> Iterator[Searcher]:
    """Open a searcher that has done all that the first query would have to wait for.

    Args:
        settings: of the service.

    Raises:
        CatalogueNotIndexed: nothing was loaded yet.
        RxindexError: see `open_catalogue` and `Settings.make_embedder`.
    """
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
        yield searcher


@contextmanager
def shared_by_workers(given: Mapping[str, object]) -> Iterator[None]:
    """Hand over to the processes that are started meanwhile what `make_app` needs.

    By the environment, which is this user's own: on a command line everybody sees it.

    Args:
        given: settings that come from the command line, by name; None where one was not given.
            ``config`` is the settings file.
    """
    with tempfile.TemporaryDirectory(prefix="rxindex-serve-") as name:
        metrics, rates = Path(name, "metrics"), Path(name, "rates")
        metrics.mkdir()
        rates.mkdir()
        told = {"PROMETHEUS_MULTIPROC_DIR": str(metrics), _FOLDER: str(rates)}
        told |= {
            f"RXINDEX_{setting.upper()}": str(value)
            for setting, value in given.items()
            if value is not None
        }
        before = {variable: os.environ.get(variable) for variable in told}
        os.environ |= told
        try:
            yield
        finally:
            for variable, value in before.items():
                if value is None:
                    del os.environ[variable]
                else:
                    os.environ[variable] = value


def make_app() -> FastAPI:
    """Make the application of one worker; uvicorn calls it there.

    A worker that can't begin says why in the log and ends; the next one tries it again. One whose
    parent was killed ends too: it would hold the address against the next service.
    """
    threading.Thread(target=_end_with_parent, name="rxindex-parent", daemon=True).start()
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level)
    opened = ExitStack()
    try:
        options = ApiOptions.of(settings, Path(os.environ[_FOLDER]))
        searcher = opened.enter_context(open_searcher(settings))
    except RxindexError as error:
        _log.error("a worker can't begin: %s: %s", type(error).__name__, error)
        time.sleep(_PAUSE)
        raise SystemExit(1) from None
    _log.info("worker %d answers", os.getpid(), extra={"pid": os.getpid()})
    return create_app(searcher, options, opened)


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
