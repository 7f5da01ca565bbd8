"""A headless Chromium, and the application over a small index for it to show."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from tests.services.fdb import create_tables, package
from tests.services.http import HttpService

from rxindex.api.app import create_app
from rxindex.embed.fake import FakeEmbedder
from rxindex.index.capability import Capabilities
from rxindex.index.catalogue import Catalogue
from rxindex.index.embedded import EmbeddedRedis
from rxindex.search.searcher import Searcher
from rxindex.source import open_source
from rxindex.sync.history import History, Outcome, RunRecord
from rxindex.sync.options import SyncOptions
from rxindex.sync.run import sync
from rxindex.vocabulary import Vocabulary

#: Debian's Chromium, and nothing that it would fetch from elsewhere.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

#: What a catalogue may hold if whoever fills it means harm.
HOSTILE = "ZEDOX <img src=x onerror=document.title='HIT'> 5 MG TABLET"

BRAND = {"INNOV": "1", "GNI": "2"}
ROWS = [
    package("00071015523", "LIPITOR 20 MG TABLET", 16366, **BRAND),
    package("00071015540", "LIPITOR 20 MG TABLET", 16366, **BRAND),
    package("00054000102", "OXYCODONE 5 MG TABLET", 4225, DEA="2"),
    package("00054000201", "HYDROXYZINE 25 MG TABLET", 3001),
    package("00054000202", "HYDRALAZINE 25 MG TABLET", 3002),
    package("00054000203", "SIMVASTATIN 20 MG TABLET", 3003),
    package("00054000204", "HYDROCORTISONE 1% CREAM", 3004),
    package("00054000205", "METFORMIN 1000 MG TABLET", 3005, OBSDTEC="20150101"),
    package("00054000206", HOSTILE, 3006),
    package("00054000207", "ATORVASTATIN 20 MG TABLET", 16366),
    *(
        package(f"000540003{number:02d}", f"ATORVASTATIN {number} MG CAPSULE", 4000 + number)
        for number in range(1, 25)
    ),
]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def searcher(
    redis_server: EmbeddedRedis,
    capabilities: Capabilities,
    vocabulary: Vocabulary,
    tmp_path_factory: pytest.TempPathFactory,
) -> Searcher:
    """A small catalogue, indexed by a real run, with a history."""
    catalogue = Catalogue(redis_server.start(), f"browser{next(_numbers)}")
    url = f"sqlite:///{tmp_path_factory.mktemp('fdb') / 'fdb.db'}"
    create_tables(url, ROWS)
    embedder = FakeEmbedder(64)
    options = SyncOptions(today="2019-05-01", new_generation=True)
    assert sync(open_source(url), embedder, catalogue, capabilities, vocabulary, options).completed
    outcomes: tuple[Outcome, ...] = ("completed", "failed", "completed")
    for number, outcome in enumerate(outcomes, 1):
        History(catalogue).add(_run(number, outcome))
    return Searcher(catalogue, embedder, vocabulary)


def _run(number: int, outcome: Outcome) -> RunRecord:
    failed = outcome == "failed"
    return RunRecord(
        run=f"run{number}",
        command="sync",
        catalogue="browser",
        outcome=outcome,
        started=1_700_000_000.0 + number * 86_400,
        ended=1_700_000_060.0 + number * 86_400,
        duration=60.0,
        total_processed=1200,
        added=number,
        deleted=2,
        failed=3 if failed else 0,
        drugs_per_second=20.0 * number,
        error="SourceUnavailable" if failed else "",
        reason="the database does not answer" if failed else "",
    )


@pytest.fixture(scope="module")
def address(searcher: Searcher) -> Iterator[str]:
    """Where the pages are served."""
    with HttpService(create_app(searcher)) as server:
        yield server.url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for a module: Playwright keeps an event loop in this thread while it runs."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "there is no Chromium: run scripts/setup-chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=Path(chromium), args=FLAGS)
        yield launched
        launched.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Open an address in a browser of its own; options are those of a Playwright context.

    Whatever the test is about, no script may fail, break the content security policy, or ask
    another server for anything.
    """
    contexts, complaints, asked, bases = [], [], [], set[str]()

    def hear(told: ConsoleMessage) -> None:
        # An answer that is no success is for the page to show, and for the test to look at.
        if told.type == "error" and not told.text.startswith("Failed to load resource"):
            complaints.append(told.text)

    def opened(path: str = "/", *, base: str = address, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda one: asked.append(one.url))
        bases.add(base)
        page.goto(base + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(tuple(bases))] == []
